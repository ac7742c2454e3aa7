"""A keyword model with its settings: what it makes of clips, and what survives being written."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_keywords
import tiny_models

from tinyml_labs import inference
from tinyml_labs.features import SpectrogramSettings, WindowSettings, spectrogram
from tinyml_labs.keyword_classifier import KeywordClassifier, load_keyword_classifier, save_keyword_classifier
from tinyml_labs.smoothing import SmootherSettings


@pytest.fixture(scope="module")
def classifier() -> KeywordClassifier:
    return tiny_keywords.tiny_classifier()


def test_the_settings_of_the_lab(classifier: KeywordClassifier) -> None:
    assert classifier.labels == ("silence", "unknown", "yes", "no")
    assert (classifier.window.length, classifier.window.stride, classifier.window.rate_hz) == (49, 5, 50.0)
    assert classifier.clip_samples == 16000
    assert classifier.spectrogram == SpectrogramSettings()


def test_clips_become_spectrograms_in_real_numbers(classifier: KeywordClassifier) -> None:
    clips = tiny_keywords.room(3).reshape(3, 16000)
    inputs = classifier.inputs(clips)
    assert (inputs.shape, inputs.dtype) == ((3, 49, 40, 1), np.float32)
    for clip, values in zip(clips, inputs, strict=True):
        np.testing.assert_array_equal(values[..., 0], spectrogram(clip) * 10 / 256)
    assert inference.predict(classifier.model, inputs).shape == (3, 4)


@pytest.mark.parametrize(("stride_ms", "length"), [(10, 98), (20, 49), (30, 33)])
def test_a_clip_fills_a_window_of_any_stride(stride_ms: int, length: int) -> None:
    made = KeywordClassifier(
        model=tiny_models.window_classifier(length, 40, more_axes=1),
        spectrogram=SpectrogramSettings(stride_ms=stride_ms),
        window=WindowSettings(rate_hz=1000 / stride_ms, window_ms=length * stride_ms, stride_ms=10 * stride_ms),
    )
    assert made.inputs(np.zeros((2, made.clip_samples), np.int16)).shape == (2, length, 40, 1)
    assert made.clip_samples == length * stride_ms * 16 + 320


@pytest.mark.parametrize("shape", [(16000,), (2, 15000), (2, 16400), (1, 16000, 1)])
def test_other_clips_are_refused(classifier: KeywordClassifier, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 16000\).*Pad or cut"):
        classifier.inputs(np.zeros(shape, np.int16))


def test_the_smoother_is_in_the_models_unit(classifier: KeywordClassifier) -> None:
    assert classifier.smoother == SmootherSettings.from_probabilities(
        average_windows=3,
        threshold=0.5,
        release=0.4,
        hold_off=4,
        background=(0, 1),
        scale=1 / 256,
        zero_point=-128,
    )


def test_settings_survive_json(classifier: KeywordClassifier, tmp_path: Path) -> None:
    path = save_keyword_classifier(tmp_path / "words.json", classifier)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["words.json", "words_int8.tflite"]
    for again in (
        KeywordClassifier.from_json(classifier.model, classifier.to_json()),
        load_keyword_classifier(path),
    ):
        for field in dataclasses.fields(classifier):
            assert getattr(again, field.name) == getattr(classifier, field.name), field.name
        assert again.smoother == classifier.smoother


def test_what_does_not_belong_together_is_refused(classifier: KeywordClassifier, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"takes 4 values and gives 3 scores; .* 1960 values .* 4 labels"):
        KeywordClassifier(model=tiny_models.dense_int8())
    with pytest.raises(ValueError, match="4 labels|3 labels"):
        KeywordClassifier(model=classifier.model, labels=("silence", "unknown", "yes"))
    with pytest.raises(ValueError, match="background names 'noise'; the labels are silence"):
        KeywordClassifier(model=classifier.model, background=("noise",))
    with pytest.raises(ValueError, match="frames at 50 Hz, and the spectrogram has 100"):
        KeywordClassifier(model=classifier.model, spectrogram=SpectrogramSettings(stride_ms=10))
    less = json.loads(classifier.to_json())
    del less["window"]
    with pytest.raises(ValueError, match="expected .*'window'"):
        KeywordClassifier.from_json(classifier.model, json.dumps(less))


def test_files_that_are_missing_or_something_else(classifier: KeywordClassifier, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not end in \.json"):
        save_keyword_classifier(tmp_path / "words.tflite", classifier)
    path = save_keyword_classifier(tmp_path / "words.json", classifier)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"words\.json is no keyword classifier: The settings have \[\]"):
        load_keyword_classifier(path)
    (tmp_path / "words_int8.tflite").unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no .*words_int8\.tflite.* words\.json and words_int8"):
        load_keyword_classifier(path)

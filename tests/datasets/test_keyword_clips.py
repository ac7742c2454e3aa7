"""The bundled spoken words, and the classifier that learned from such: what their card promises."""

import numpy as np
import pytest

from tinyml_labs import inference, models
from tinyml_labs.arena import measure_arena
from tinyml_labs.datasets import bundled_path, load_keywords, load_labelled_speech
from tinyml_labs.datasets.spoken_clips import SpokenClips
from tinyml_labs.features import spectrogram, to_real
from tinyml_labs.keyword_classifier import KeywordClassifier, load_reference_keyword_classifier


@pytest.fixture(scope="module")
def clips() -> SpokenClips:
    return load_keywords()


@pytest.fixture(scope="module")
def classifier() -> KeywordClassifier:
    return load_reference_keyword_classifier()


def test_there_are_enough_words_and_voices(clips):
    assert len(clips) >= 2500
    assert len(set(clips.voices)) >= 80
    others = set(clips.words) - {"yes", "no"}
    assert len(others) >= 100
    assert "know" not in others  # the same sound as "no"
    assert bundled_path("keywords", "keywords.zip").stat().st_size <= 10e6
    for split, least in (("train", 200), ("validation", 30), ("test", 20)):
        part = clips.select(split=split)
        assert min(part.words.count(word) for word in ("yes", "no")) >= least


def test_nobody_is_in_two_splits_and_the_test_is_another_synthesiser(clips):
    def of(split, column):
        return {value for value, where in zip(getattr(clips, column), clips.splits, strict=True) if where == split}

    def parts(split, synthesiser):  # styles of a blend, or the variant
        chosen = clips.select(split=split, synthesiser=synthesiser).voices
        return {part.split(":")[0] for voice in chosen for part in voice.split("+")[synthesiser == "espeak" :]}

    for synthesiser in ("kokoro", "espeak"):
        assert parts("train", synthesiser)
        assert parts("train", synthesiser).isdisjoint(parts("validation", synthesiser))
    assert of("train", "voices").isdisjoint(of("test", "voices"))
    assert of("test", "synthesisers") == {"flite"}
    assert "flite" not in of("train", "synthesisers") | of("validation", "synthesisers")


def test_clips_are_trimmed_words_at_one_level(clips):
    seconds = np.array([len(clip) for clip in clips.samples]) / 16_000
    assert 0.1 < seconds.min() < seconds.max() < 1.4
    peaks = np.array([np.abs(clip.astype(int)).max() for clip in clips.samples]) / 32_768
    assert 0.4 < peaks.min() < peaks.max() < 1  # 0.7 before the codec


@pytest.mark.usefixtures("tflm")
def test_the_reference_is_what_a_board_can_hold(classifier):
    assert classifier.labels == ("silence", "unknown", "yes", "no")
    assert len(classifier.model) <= 40 * 1024
    assert measure_arena(classifier.model).measured_bytes <= 30_000


def test_the_reference_hears_voices_that_it_does_not_know(classifier, clips):
    test = clips.select(split="test")
    sounds = np.zeros((len(test), classifier.clip_samples), np.int16)
    for sound, clip in zip(sounds, test.samples, strict=True):
        whole = clip[: len(sound)]
        start = (len(sound) - len(whole)) // 2
        sound[start : start + len(whole)] = whole // 3
    truth = np.array([classifier.labels.index(word) if word in classifier.labels else 1 for word in test.words])
    found = inference.predict(classifier.model, classifier.inputs(sounds), "litert").argmax(axis=1)
    assert np.mean(found == truth) > 0.75
    for label, least in ((1, 0.75), (2, 0.5), (3, 0.8)):  # Flite's "yes" is the hardest
        assert np.mean(found[truth == label] == label) > least, classifier.labels[label]


def test_the_weights_are_those_of_the_quantized_model(classifier, clips):
    network = models.load_reference_ds_cnn()
    some = clips.select(split="validation").samples[:60]
    x = np.zeros((len(some), 49, 40, 1), np.float32)
    for each, clip in zip(x, some, strict=True):
        each[..., 0] = to_real(spectrogram(np.pad(clip, (0, 16_000))[:16_000]))
    real = network.predict(x, verbose=0)
    quantized = inference.predict(classifier.model, x, "litert")
    assert np.abs(real - quantized).mean() < 0.02
    assert np.mean(real.argmax(axis=1) == quantized.argmax(axis=1)) > 0.95


@pytest.mark.slow
def test_the_reference_hears_real_people(classifier, real_data):
    data = load_labelled_speech(real_data / "speech")
    names = [{"_silence_": "silence", "_unknown_": "unknown"}.get(label, label) for label in data.labels]
    known = [number for number, name in enumerate(names) if name in classifier.labels]
    truth = np.array([classifier.labels.index(names[number]) for number in known])
    sounds = np.array([data.read(number) for number in known])
    found = inference.predict(classifier.model, classifier.inputs(sounds), "litert").argmax(axis=1)
    assert np.mean(found == truth) > 0.9
    assert min(np.mean(found[truth == label] == label) for label in range(4)) > 0.85

"""A person model with its settings: what it makes of pictures, and what survives being written."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_people

from tinyml_labs import inference
from tinyml_labs.features import ImageSettings, image_input
from tinyml_labs.person_classifier import (
    PersonClassifier,
    load_person_classifier,
    load_reference_person_classifier,
    save_person_classifier,
)
from tinyml_labs.smoothing import SmootherSettings


@pytest.fixture(scope="module")
def classifier() -> PersonClassifier:
    return tiny_people.tiny_classifier()


def test_the_settings_of_the_lab(classifier: PersonClassifier) -> None:
    assert (classifier.labels, classifier.detected_class) == (("no_person", "person"), 1)
    assert classifier.image == ImageSettings(width=96, height=96, crop="square")


def test_pictures_become_what_the_board_makes_of_them(classifier: PersonClassifier) -> None:
    pictures = tiny_people.pictures(3)
    inputs = classifier.inputs(pictures)
    assert (inputs.shape, inputs.dtype) == ((3, 96, 96, 1), np.uint8)
    np.testing.assert_array_equal(inputs, image_input(pictures))
    tensor = inference.load(classifier.model).inputs[0]
    raw = inference.quantize(inputs, tensor.scale, tensor.zero_point)
    np.testing.assert_array_equal(raw, inputs.astype(np.int16) - 128)
    scores = inference.predict(classifier.model, inputs)
    np.testing.assert_array_equal(inference.run(classifier.model, raw), scores * 256 - 128)


def test_colours_and_single_pictures(classifier: PersonClassifier) -> None:
    grey = tiny_people.pictures(2, 96, 96)
    colours = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    np.testing.assert_array_equal(classifier.inputs(colours)[..., 0], grey)
    np.testing.assert_array_equal(classifier.inputs(colours[0])[0, ..., 0], grey[0])
    with pytest.raises(TypeError, match="expected uint8"):
        classifier.inputs(grey / 255)


def test_a_model_of_another_size_and_of_whole_pictures() -> None:
    model = tiny_models.window_classifier(48, 64, 3, input_scale=1.0, input_zero_point=-128, more_axes=1)
    made = PersonClassifier(
        model=model,
        labels=("dog", "cat", "none"),
        detected="cat",
        image=ImageSettings(width=64, height=48, crop="whole"),
    )
    assert made.inputs(tiny_people.pictures(2)).shape == (2, 48, 64, 1)
    assert (made.detected_class, made.smoother.background) == (1, (0, 2))


def test_the_smoother_is_in_the_models_unit(classifier: PersonClassifier) -> None:
    assert classifier.smoother == SmootherSettings.from_probabilities(
        average_windows=3,
        threshold=0.6,
        release=0.4,
        hold_off=1,
        background=0,
        scale=1 / 256,
        zero_point=-128,
    )


def test_settings_survive_json(classifier: PersonClassifier, tmp_path: Path) -> None:
    path = save_person_classifier(tmp_path / "me.json", classifier)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["me.json", "me_int8.tflite"]
    for again in (
        PersonClassifier.from_json(classifier.model, classifier.to_json()),
        load_person_classifier(path),
    ):
        for field in dataclasses.fields(classifier):
            assert getattr(again, field.name) == getattr(classifier, field.name), field.name
        assert again.smoother == classifier.smoother


def test_what_does_not_belong_together_is_refused(classifier: PersonClassifier) -> None:
    with pytest.raises(ValueError, match=r"takes \(1, 4\) and gives 3 scores; .* \(1, 96, 96, 1\).* 2 labels"):
        PersonClassifier(model=tiny_models.dense_int8())
    with pytest.raises(ValueError, match="2 scores.* 3 labels"):
        PersonClassifier(model=classifier.model, labels=("nobody", "person", "cat"))
    with pytest.raises(ValueError, match="detected is 'cat'; the labels are no_person, person"):
        PersonClassifier(model=classifier.model, detected="cat")
    with pytest.raises(ValueError, match=r"takes \(1, 96, 96, 1\).* for \(1, 64, 96, 1\)"):
        PersonClassifier(model=classifier.model, image=ImageSettings(height=64))
    from_zero_to_one = tiny_models.window_classifier(
        96, 96, 2, input_scale=1 / 255, input_zero_point=-128, more_axes=1
    )
    with pytest.raises(ValueError, match="input goes up to 1, and pixels to 255.* Rescaling"):
        PersonClassifier(model=from_zero_to_one)
    less = json.loads(classifier.to_json())
    del less["image"]
    with pytest.raises(ValueError, match="expected .*'image'"):
        PersonClassifier.from_json(classifier.model, json.dumps(less))


def test_files_that_are_missing_or_something_else(classifier: PersonClassifier, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not end in \.json"):
        save_person_classifier(tmp_path / "me.tflite", classifier)
    path = save_person_classifier(tmp_path / "me.json", classifier)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"me\.json is no person classifier: The settings have \[\]"):
        load_person_classifier(path)
    (tmp_path / "me_int8.tflite").unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no .*me_int8\.tflite.* me\.json and me_int8"):
        load_person_classifier(path)


def test_the_reference_looks_at_pictures() -> None:
    reference = load_reference_person_classifier()
    assert reference.labels == ("no_person", "person")
    scores = inference.predict(reference.model, reference.inputs(tiny_people.pictures(2)))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=0.01)

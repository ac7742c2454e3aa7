"""The script that measures person detectors on real photographs, run on a small folder of the same layout."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import OperatorSpec, TensorSpec, build_model, window_classifier

from tinyml_labs import inference

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def people(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import people

    return people


def run(*arguments, expect=0):
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "people.py", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == expect, done.stderr[-2000:]
    return json.loads(done.stdout) if not expect else done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sets and a file beside them, in colours and in grey, of several sizes; some are too small to count."""
    place = tmp_path_factory.mktemp("real")
    generator = np.random.default_rng(0)
    rows = []
    for name, width, height, labels in (
        ("crops", 96, 96, ("person", "no_person") * 15),
        ("scenes/day", 160, 120, ("person", "no_person", "no_person", "tiny_person") * 5),
        ("standing", 96, 160, ("person",) * 12),
    ):
        for k, label in enumerate(labels):
            path = f"{name}/{label}/{k}.{'png' if k % 3 else 'jpg'}"
            shape = (height, width) if k % 5 == 0 else (height, width, 3)
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, shape, np.uint8)).save(place / path)
            rows.append((path, label, f"{name}{k // 2}", "made", width, height))
    with (place / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "group", "source", "width", "height"), *rows])
    return place


def sees_red():
    """A network of colours: a person is what has more red in it than blue."""
    weights = np.zeros((2, 96, 96, 3), np.int8)
    weights[1] = (100, 0, -100)
    tensors = [
        TensorSpec(name="picture", shape=(1, 96, 96, 3), scale=1 / 255, zero_point=-128),
        TensorSpec(name="weights", shape=(2, 96 * 96 * 3), scale=1e-5, data=weights.reshape(2, -1)),
        TensorSpec(name="bias", shape=(2,), type_name="INT32", scale=1e-5 / 255, data=np.zeros(2, np.int32)),
        TensorSpec(name="logits", shape=(1, 2), scale=0.1),
        TensorSpec(name="scores", shape=(1, 2), scale=1 / 256, zero_point=-128),
    ]
    operators = [
        OperatorSpec(name="FULLY_CONNECTED", inputs=(0, 1, 2), outputs=(3,), kind="FullyConnectedOptions", version=4),
        OperatorSpec(
            name="SOFTMAX", inputs=(3,), outputs=(4,), kind="SoftmaxOptions", options={"Beta": 1.0}, version=2
        ),
    ]
    return build_model(tensors, operators, inputs=(0,), outputs=(4,))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Networks of grey pictures, with random weights, and of colours."""
    place = tmp_path_factory.mktemp("models")
    grey = window_classifier(96, 96, 2, input_scale=1.0, input_zero_point=-128, more_axes=1, gain=3, seed=9)
    (place / "grey.tflite").write_bytes(grey)
    (place / "colours.tflite").write_bytes(sees_red())
    return place


def test_pairs_are_counted_as_they_are_defined(people):
    generator = np.random.default_rng(1)
    scores = generator.integers(0, 12, 60) / 12  # with ties
    truth = generator.random(60) < 0.4
    times = generator.integers(0, 4, 60)
    every = np.repeat(np.arange(60), times)
    with_person, without = scores[every][truth[every]], scores[every][~truth[every]]
    wins = (with_person[:, np.newaxis] > without).mean() + (with_person[:, np.newaxis] == without).mean() / 2
    assert people.find_auc(scores, truth, times) == pytest.approx(wins)
    assert people.find_auc(truth.astype(float), truth, np.ones(60)) == 1
    assert np.isnan(people.find_auc(scores, np.ones(60, bool), np.ones(60)))
    right = scores > 0.5
    means = [right[every][truth[every]].mean(), right[every][~truth[every]].mean()]
    assert people.find_balanced(right, truth, times) == pytest.approx(np.mean(means))


def test_groups_widen_the_interval(people):
    generator = np.random.default_rng(2)
    answers = generator.random(40) < 0.8
    truth = np.ones(400, bool)
    scores = np.repeat(answers, 10).astype(float)  # ten pictures a group, all right or all wrong
    alone = people.score_set(scores, truth, np.arange(400), 0.5)
    grouped = people.score_set(scores, truth, np.repeat(np.arange(40), 10), 0.5)
    assert alone["accuracy"] == grouped["accuracy"] == grouped["recall"]["person"]["share"]
    low, high = alone["interval_95_by_group"]
    wide_low, wide_high = grouped["interval_95_by_group"]
    assert wide_high - wide_low > 2 * (high - low)
    assert low == pytest.approx(alone["interval_95"][0], abs=0.02)
    assert "balanced_accuracy" not in alone
    assert alone["groups"] == 400


def test_colours_are_cut_and_resized_each_by_itself(people):
    picture = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)
    from tinyml_labs.features import ImageSettings, image_input

    settings = ImageSettings()
    found = people.make_input(picture, settings, 3)
    assert found.shape == (1, 96, 96, 3)
    for k in range(3):
        assert np.array_equal(found[..., k : k + 1], image_input(picture[..., k], settings))
    assert np.array_equal(people.make_input(picture, settings, 1), image_input(picture))
    grey = people.make_input(picture[..., 0], settings, 3)
    assert (grey == grey[..., :1]).all()


def test_red_comes_first(people):
    red, blue = (
        np.broadcast_to(np.array(colour, np.uint8), (120, 160, 3)) for colour in ((200, 60, 40), (40, 60, 200))
    )
    pixels = np.concatenate([people.make_input(picture, people.ImageSettings(), 3) for picture in (red, blue)])
    with inference.load(sees_red()) as model:
        scores = people.score_pictures(model, pixels, people.CLASSES, 1)
    assert scores[0] > 0.99
    assert scores[1] < 0.01


def test_an_int8_model_gets_pixels_less_128(people):
    pixels = np.arange(256, dtype=np.uint8)
    assert people.to_raw(pixels, np.dtype(np.int8), 1).tolist() == list(range(-128, 128))
    assert people.to_raw(pixels, np.dtype(np.uint8), 1).tolist() == list(range(256))
    assert people.to_raw(pixels, np.dtype(np.float32), 1 / 255)[[0, 255]].tolist() == [0, 1]


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_each_set_has_its_figures(people, folder, models):
    found = run("--real", folder, "--model", models / "grey.tflite", "--compare", models / "colours.tflite")
    assert set(found["sets"]) == {"crops", "scenes", "standing"}
    assert found["sets"]["crops"]["recall"].keys() == {"no_person", "person"}
    assert found["sets"]["scenes"]["count"] == 15
    assert found["sets"]["scenes"]["left_out"] == {"tiny_person": 5}
    assert found["sets"]["standing"]["recall"].keys() == {"person"}
    assert "auc" not in found["sets"]["standing"]
    assert found["engine"] == "tflm"
    assert found["bytes"] == (models / "grey.tflite").stat().st_size
    assert found["arena_bytes"] > 9216
    assert found["input"] == [96, 96, 1]
    assert found["compared"][0]["input"] == [96, 96, 3]

    pictures = people.Pictures(folder)
    here = pictures.sets == "crops"
    model = (models / "grey.tflite").read_bytes()
    pixels = pictures.inputs(people.ImageSettings(), 1)[here].astype(np.float32)
    scores = inference.predict(model, pixels)[:, 1]  # pixels are what this model's real numbers are
    right = (scores >= 0.5) == pictures.truth[here]
    block = found["sets"]["crops"]
    assert block["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert block["interval_95"][0] < block["accuracy"] < block["interval_95"][1]
    for label, part in (("person", pictures.truth[here]), ("no_person", ~pictures.truth[here])):
        assert block["recall"][label]["share"] == pytest.approx(right[part].mean(), abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_labels_threshold_and_crop_are_options(folder, models):
    model = ("--real", folder, "--model", models / "grey.tflite")
    plain, swapped = run(*model), run(*model, "--labels", "person,no_person")
    assert swapped["sets"]["crops"]["auc"] == pytest.approx(1 - plain["sets"]["crops"]["auc"], abs=0.02)
    all_persons = run(*model, "--threshold", "0", "--crop", "whole")
    assert all_persons["sets"]["crops"]["recall"]["person"]["share"] == 1
    assert all_persons["sets"]["crops"]["recall"]["no_person"]["share"] == 0
    assert all_persons["crop"] == "whole"
    assert all_persons["sets"]["crops"]["auc"] == plain["sets"]["crops"]["auc"]  # they are square as they are
    assert all_persons["threshold"] == 0
    assert "--labels names 3: a, b, person" in run(*model, "--labels", "a,b,person", expect=1)
    assert "names no output person" in run(*model, "--labels", "a,b", expect=2)


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_the_reference_is_what_is_measured_by_default(folder):
    found = run("--real", folder)
    assert found["model"] == "reference"
    assert found["input"] == [96, 96, 1]


def test_a_table_that_is_wrong(people, tmp_path):
    table = tmp_path / "labels.csv"
    with pytest.raises(FileNotFoundError):
        people.Pictures(tmp_path)
    table.write_text("path,label\n", "utf-8")
    with pytest.raises(ValueError, match="no column group"):
        people.Pictures(tmp_path)
    table.write_text("path,label,group\na.jpg,dog,1\n", "utf-8")
    with pytest.raises(ValueError, match="no picture with a label of no_person or person"):
        people.Pictures(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_a_public_network_on_real_photographs(real_data, people):
    """Trained on thousands of real persons by others, it tells them: the pictures go in the way they should."""
    pictures = people.Pictures(real_data / "person")
    names = real_data / "models" / "tflm" / "person_detect.tflite"
    pixels = pictures.inputs(people.ImageSettings(), 1)
    part = np.random.default_rng(0).permutation(np.flatnonzero(pictures.sets == "coco_crops96"))[:300]
    with inference.load(names) as model:
        scores = people.score_pictures(model, pixels[part], people.CLASSES, 1)
    assert people.find_auc(scores, pictures.truth[part], np.ones(len(part))) > 0.9

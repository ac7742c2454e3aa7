"""The reference classifier of the gesture lab: as good as its card says, and its settings belong to its model."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import inference, link
from tinyml_labs.arena import measure_arena
from tinyml_labs.datasets import load_gestures
from tinyml_labs.evaluation import compare_streams, evaluate_stream, macro_f1, pool_event_reports, wilson_interval
from tinyml_labs.features import WindowSettings, cut_labelled_windows, cut_windows, resample
from tinyml_labs.gesture_classifier import GestureClassifier, load_reference_classifier
from tinyml_labs.streaming import stream_predict


@pytest.fixture(scope="module")
def classifier() -> GestureClassifier:
    return load_reference_classifier()


def test_people_it_was_not_trained_on(classifier: GestureClassifier) -> None:
    data = load_gestures()
    _, testing = data.split()
    stride = WindowSettings(rate_hz=119, window_ms=2000, stride_ms=126)
    test = cut_labelled_windows(testing, stride, data.labels)
    found = inference.predict(classifier.model, classifier.inputs(test.x)).argmax(axis=1)
    assert len(set(test.subjects.tolist())) >= 5
    assert macro_f1(test.y, found) >= 0.95


@pytest.mark.usefixtures("tflm")
def test_it_is_small(classifier: GestureClassifier) -> None:
    assert len(classifier.model) <= 20 * 1024
    assert measure_arena(classifier.model).measured_bytes <= 12 * 1024


@pytest.mark.slow
def test_most_gestures_are_events_and_little_else_is(classifier: GestureClassifier) -> None:
    data = load_gestures()
    reports = []
    for recording in data.split()[1]:
        found = stream_predict(recording.samples, classifier.model, **classifier.stream_settings(), progress=False)
        reports.append(evaluate_stream(found, recording.intervals, tolerance_s=1.5))
    total = pool_event_reports(reports).overall
    assert total.recall is not None
    assert total.recall.value >= 0.75
    assert total.false_alarms_per_minute.value <= 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_five_minutes_on_the_host_and_on_the_virtual_board(classifier: GestureClassifier) -> None:
    """The board measures and runs the model; the host runs it on the same samples: the same bytes and events."""
    seconds, given = (
        300,
        {"window": classifier.window, "features": classifier.inputs, "smoother": classifier.smoother},
    )
    given |= {"labels": classifier.labels, "channels": ["accX", "accY", "accZ"], "progress": False}
    port = "virtual://?gestures=circle,idle,punch,other,wing,updown,flex,wave,ring,idle,flick,slope&speed=40"
    with link.Board(port) as board:
        samples = board.stream("imu", round(seconds * 119), progress=False)
    host = stream_predict(samples, classifier.model, **{**given, "channels": [0, 1, 2]})
    with link.Board(port) as board:
        board.load(classifier.model, progress=False)
        live = stream_predict(board, board, sensor="imu", seconds=seconds, **given)
    assert len(host.starts) == (len(samples) - classifier.window.length) // classifier.window.stride + 1
    compared = compare_streams(host, live)
    assert compared.bytes_differing == 0
    assert compared.events_equal
    assert len({event.label for event in host.events}) >= 6


def test_settings_survive_json(classifier: GestureClassifier) -> None:
    again = GestureClassifier.from_json(classifier.model, classifier.to_json())
    for field in dataclasses.fields(classifier):
        if field.name != "normalisation":
            assert getattr(again, field.name) == getattr(classifier, field.name), field.name
    windows = load_gestures().recordings[0].samples[None, :238]
    np.testing.assert_array_equal(again.inputs(windows), classifier.inputs(windows))
    assert again.smoother == classifier.smoother
    assert again.smoother.background == (0, 10)


def test_settings_of_another_model_are_refused(classifier: GestureClassifier) -> None:
    with pytest.raises(ValueError, match="for 38 features and 11 labels. They belong to another model"):
        GestureClassifier.from_json(tiny_models.dense_int8(), classifier.to_json())
    less = json.loads(classifier.to_json())
    del less["window"]
    with pytest.raises(ValueError, match="expected .*'window'"):
        GestureClassifier.from_json(classifier.model, json.dumps(less))


def test_real_recordings_of_another_board(classifier: GestureClassifier, real_data: Path) -> None:
    """One person, four classes, acceleration at 104 Hz from another sensor: nobody trained on them."""
    y, found = [], []
    for path in sorted((real_data / "imu" / "xiao_continuous").rglob("*.csv")):
        samples = resample(np.loadtxt(path, delimiter=",", skiprows=1), 104, classifier.window.rate_hz)
        windows, _ = cut_windows(samples, WindowSettings(rate_hz=119, window_ms=2000, stride_ms=2000))
        scores = inference.predict(classifier.model, classifier.inputs(windows))
        y += [classifier.labels.index(path.parent.name)] * len(windows)
        found += scores.argmax(axis=1).tolist()
    right = int((np.array(y) == np.array(found)).sum())
    assert wilson_interval(right, len(y))[0] >= 0.80

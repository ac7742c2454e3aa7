"""A recording through the model on a virtual board: the same bytes, and where a changed model goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_gestures
import tiny_keywords
import tiny_people

from tinyml_labs import capture, cli, inference
from tinyml_labs.datasets import load_recorded_sweep, load_reference_model
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier, save_keyword_classifier
from tinyml_labs.layer_outputs import layer_outputs
from tinyml_labs.link import Board, BoardError, BoardRefused, ModelMismatch
from tinyml_labs.model_file import read_model
from tinyml_labs.recorded_inputs import recorded_inputs
from tinyml_labs.replay import replay
from tinyml_labs.streaming import stream_predict

pytestmark = pytest.mark.usefixtures("tflm")


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with Board("virtual://") as opened:
        yield opened


def changed(model: bytes, layer: int) -> bytes:
    """Turn the signs of a layer's weights in the file."""
    parsed = read_model(model)
    weights = parsed.tensors[parsed.operators[layer].inputs[1]]
    assert weights.data is not None and model.count(weights.data) == 1
    turned = (-weights.values().astype(int)).clip(-128, 127).astype(np.int8)
    return model.replace(weights.data, turned.tobytes())


def test_a_recorded_knob_gives_the_same_bytes(board: Board) -> None:
    model = load_reference_model("sine")
    turns = load_recorded_sweep().to_x().reshape(-1, 1)
    board.load(model)
    report = replay(turns, board, model=model, windows=500)
    assert (report.windows, report.bytes_compared, report.bytes_differing) == (500, 500, 0)
    assert report.equal and report.divergence is None and report.layers_note == ""
    assert len(report.microseconds) == 500 and 0 < report.median_us <= report.p95_us
    assert report.headline().startswith("All 500 bytes of 500 windows are the same.")


def test_another_model_is_refused_and_can_be_measured(board: Board) -> None:
    """A board that runs a changed file: by its hash it is another, by its layers one sees where it differs."""
    model = load_reference_model("sine")
    board.load(changed(model, 1))
    inputs = np.arange(-128, 128, dtype=np.int8).reshape(-1, 1)
    with pytest.raises(ModelMismatch):
        replay(inputs, board, model=model)
    report = replay(inputs, board, model=model, same_model=False)
    expected = inference.run(model, inputs, "tflm") != board.infer(inputs).outputs
    assert report.bytes_differing == expected.sum() > 100
    assert sum(report.outputs.histogram.values()) == 256
    found = report.divergence
    assert found is not None and (found.layer, found.op) == (1, "FULLY_CONNECTED")
    assert found.window == int(np.flatnonzero(expected.any(axis=1))[0])
    ours, theirs = (
        layer_outputs(each, inputs[found.window])[1].values.ravel() for each in (model, changed(model, 1))
    )
    assert found.values_differing == (ours != theirs).sum()
    assert (found.host, found.board) == (ours[found.at], theirs[found.at]) and found.at == np.argmax(ours != theirs)
    assert "Layer 1 (FULLY_CONNECTED" in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("layer", [0, 4, 10])
def test_each_layer_of_the_keyword_model_is_found(board: Board, layer: int) -> None:
    model = load_reference_keyword_classifier().model
    board.load(changed(model, layer))
    inputs = np.random.default_rng(layer).integers(-128, 128, (6, 49, 40, 1)).astype(np.int8)
    report = replay(inputs, board, model=model, same_model=False)
    assert report.divergence is not None and report.divergence.layer == layer


def test_layers_of_a_virtual_board_are_those_of_the_model(board: Board) -> None:
    model = load_reference_keyword_classifier().model
    board.load(model)
    sample = np.random.default_rng(1).integers(-128, 128, (49, 40, 1)).astype(np.int8)
    trace = board.infer_layers(sample)
    expected = layer_outputs(model, sample)
    assert list(trace.layers) == [each.index for each in expected]
    assert [trace.layers[each.index] for each in expected] == [each.raw for each in expected]
    assert max(map(len, trace.layers.values())) > 4096  # more than a frame
    assert trace.output == expected[-1].raw
    assert list(board.infer_layers(sample, first=3, count=2).layers) == [3, 4]
    assert len(board.infer(sample[None]).outputs) == 1  # and no layer comes any more
    with pytest.raises(BoardRefused, match="900 is no layer: the model has 12"):
        board.infer_layers(sample, first=900)


def test_a_gesture_recording(board: Board, tmp_path: Path) -> None:
    """The windows are those of stream_predict, a gap and all."""
    port = "virtual://?gestures=circle,idle&gesture_s=2"
    recording = capture.record(port, sensor="imu", seconds=5, folder=tmp_path, progress=False)
    classifier = tiny_gestures.tiny_classifier()
    board.load(classifier.model)
    report = replay(recording, board, classifier=classifier)
    assert report.equal
    streamed = stream_predict(recording, classifier.model, **classifier.stream_settings(), channels=[0, 1, 2])
    inputs = recorded_inputs(recording, classifier=classifier)
    assert report.windows == len(inputs) == len(streamed.outputs) > 10
    np.testing.assert_array_equal(inference.run(classifier.model, inputs), streamed.outputs)


def test_sound_and_pictures(board: Board) -> None:
    keywords, people = tiny_keywords.tiny_classifier(), tiny_people.tiny_classifier()
    sound, pictures = tiny_keywords.room(4), tiny_people.pictures(7)
    for source, classifier in ((sound, keywords), (pictures, people)):
        board.load(classifier.model)
        assert replay(source, board, classifier=classifier).equal
    streamed = stream_predict(sound, keywords.model, **keywords.stream_settings())
    outputs = inference.run(keywords.model, recorded_inputs(sound, classifier=keywords))
    np.testing.assert_array_equal(outputs, streamed.outputs)
    assert recorded_inputs(pictures, classifier=people).shape == (7, 96, 96, 1)


def test_what_does_not_fit_is_said(board: Board) -> None:
    model = load_reference_model("sine")
    for given, message in (
        ({}, "one of the two"),
        ({"model": model, "classifier": tiny_people.tiny_classifier()}, "one of the two"),
        ({"model": tiny_people.tiny_classifier().model}, r"rows of \[3\] values .* takes 1×96×96×1"),
        ({"classifier": tiny_keywords.tiny_classifier()}, "channels|int16"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            replay(np.zeros((9, 3), np.float32), board, **given)
    with pytest.raises(ValueError, match="windows is 0; one at least"):
        replay(np.zeros((9, 1)), board, model=model, windows=0)
    with pytest.raises(ValueError, match="not one whole window"):
        recorded_inputs(tiny_gestures.sitting().samples[:50], classifier=tiny_gestures.tiny_classifier())


def test_a_bad_line_ends_it_with_the_reason(tmp_path: Path) -> None:
    """Bytes that the line has spoiled are no difference of the model: the replay stops."""
    model = load_reference_model("sine")
    (tmp_path / "sine.tflite").write_bytes(model)
    inputs = np.tile(np.arange(-128, 128, dtype=np.int8), 8).reshape(-1, 1)
    port = f"virtual://?model={tmp_path / 'sine.tflite'}&flip_rate=2e-3&seed=3"
    with Board(port, timeout_s=1) as board, pytest.raises(BoardError, match="answer|whole|damaged"):
        replay(inputs, board, model=model)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classifier = tiny_keywords.tiny_classifier()
    settings = save_keyword_classifier(tmp_path / "mine.json", classifier)
    np.save(tmp_path / "sound.npy", tiny_keywords.room(3))
    command = ["replay", str(tmp_path / "sound.npy"), "--port", f"virtual://?spotter={settings}", "--model"]
    assert cli.main([*command, str(settings), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["bytes_differing"] == 0 and record["windows"] > 15 and record["divergence"] is None
    assert cli.main([*command, str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err

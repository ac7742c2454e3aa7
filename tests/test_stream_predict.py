"""A model over a stream: the same bytes from a recording, over the link, and live, whatever happens on the way."""

import _thread
import itertools
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import capture, inference, link, streaming
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.capture.sources import FrameSource
from tinyml_labs.evaluation import compare_streams
from tinyml_labs.features import WindowSettings
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.smoothing import ScoreSmoother, SmootherSettings
from tinyml_labs.streaming import stream_predict
from tinyml_labs.virtual import test_pattern as make_pattern

RATE_HZ = 119.0
IMU = Sensor(
    id=2,
    name="imu",
    unit="g,g,g,deg/s",
    channels=4,
    dtype="float32",
    rate_hz=RATE_HZ,
    channel_names="accX,accY,accZ,gyrX",
)
WINDOW = WindowSettings(rate_hz=RATE_HZ, window_ms=500, stride_ms=100)
ACCELERATION = ["accX", "accY", "accZ"]
LABELS = ["circle", "wave", "flick", "idle"]
MODEL = tiny_models.window_classifier(WINDOW.length, 3)
SMOOTHER = SmootherSettings.from_probabilities(
    average_windows=3, hold_off=3, scale=1 / 256, zero_point=-128, threshold=0.6, release=0.5, background=3
)
GIVEN = {"window": WINDOW, "smoother": SMOOTHER, "labels": LABELS, "channels": ACCELERATION, "progress": False}


def movements(count: int, seed: int = 0) -> np.ndarray:
    """Make slow random movements, so that one window resembles the next, and classes change."""
    chance = np.random.default_rng(seed)
    time_s = np.arange(count)[:, None] / RATE_HZ
    waves = [
        chance.uniform(0.2, 1) * np.sin(math.tau * (chance.uniform(0.1, 2, 4) * time_s + chance.random(4)))
        for _ in "abc"
    ]
    return np.sum(waves, axis=0).astype(np.float32)


def write_recording(folder: Path, holes: tuple[tuple[int, int], ...] = (), count: int = 1500) -> capture.Recording:
    """Write a recording; holes are the first number missing, and how many (0: a reset without loss)."""
    samples = movements(count)
    writer = RecordingWriter(folder, IMU, rate_hz=RATE_HZ, board={"board": "b", "port": "p"})
    at = lost = 0
    for first, missing in (*holes, (count, 0)):
        gap = None if at == 0 else Gap(at=0, first=at - lost, missing=lost, cause="reset")
        writer.append(Block(at, samples[at:first], gap))
        at, lost = first + missing, missing
    writer.update(measured_rate_hz=RATE_HZ)
    return capture.load_recording(writer.finish("complete"))


@pytest.fixture(scope="module")
def interpreter() -> Iterator[inference.Interpreter]:
    """The model, loaded once for all the tests that do not care."""
    with inference.load(MODEL) as loaded:
        yield loaded


@pytest.fixture
def recording(tmp_path: Path) -> capture.Recording:
    return write_recording(tmp_path)


def reference(
    pieces: list[tuple[int, np.ndarray]], window: WindowSettings, model: bytes
) -> tuple[np.ndarray, np.ndarray]:
    """Cut and quantize by hand, one window after the other; give starts and raw outputs."""
    starts, inputs = [], []
    with inference.load(model) as interpreter:
        tensor = interpreter.inputs[0]
        for first, samples in pieces:
            for start in range(0, len(samples) - window.length + 1, window.stride):
                starts.append(first + start)
                cut = samples[start : start + window.length].astype(np.float32)
                inputs.append(inference.quantize(cut, tensor.scale, tensor.zero_point))
        return np.array(starts), interpreter.run(np.stack(inputs), progress=False)


def test_a_recording_on_the_host_is_what_one_gets_by_hand(recording: capture.Recording) -> None:
    seen: list[streaming.WindowResult] = []
    found = stream_predict(recording, MODEL, **GIVEN, on_window=seen.append)
    starts, outputs = reference([(0, recording.samples[:, :3])], WINDOW, MODEL)
    np.testing.assert_array_equal(found.starts, starts)
    np.testing.assert_array_equal(found.outputs, outputs)
    assert found.outputs.dtype == np.int8
    np.testing.assert_array_equal(found.scores, inference.dequantize(outputs, 1 / 256, -128))
    np.testing.assert_allclose(found.times_s, (starts + WINDOW.length) / RATE_HZ)
    smoother = ScoreSmoother(SMOOTHER)
    events = [(LABELS[k], t) for k, t in zip(map(smoother.update, outputs), found.times_s, strict=True) if k >= 0]
    assert found.events == events
    assert len({label for label, _ in events}) >= 2
    assert [result.event for result in seen if result.event] == events
    assert [(result.start, result.time_s) for result in seen] == list(zip(starts, found.times_s, strict=True))
    np.testing.assert_array_equal([result.scores for result in seen], found.scores)
    assert (found.rate_hz, found.seconds, found.ended) == (RATE_HZ, 1500 / RATE_HZ, "complete")


def test_an_array_is_a_stream_too(recording: capture.Recording) -> None:
    found = stream_predict(recording, MODEL, **GIVEN)
    with inference.load(MODEL) as interpreter:
        again = stream_predict(recording.samples, interpreter, **{**GIVEN, "channels": [0, 1, 2]})
        turned = stream_predict(recording.samples, interpreter, **{**GIVEN, "channels": [2, 1, 0]})
        interpreter.run(np.zeros((1, WINDOW.length, 3), np.int8))  # still open
    assert compare_streams(found, again).equal
    assert not compare_streams(found, turned).equal


def test_no_window_and_no_average_goes_across_a_gap(tmp_path: Path, interpreter: inference.Interpreter) -> None:
    holes = ((400, 30), (430 + 59, 1), (900, 0), (1400, 50))  # the second piece is a sample short of a window
    recording = write_recording(tmp_path, holes)
    samples = movements(1500)[:, :3]
    pieces = [
        (first, samples[first:end]) for first, end in ((0, 400), (430, 489), (490, 900), (900, 1400), (1450, 1500))
    ]
    found = stream_predict(recording, interpreter, **GIVEN)
    starts, outputs = reference(pieces, WINDOW, MODEL)
    np.testing.assert_array_equal(found.starts, starts)
    np.testing.assert_array_equal(found.outputs, outputs)
    assert [(gap.first, gap.missing) for gap in found.gaps] == list(holes)
    events = []
    for first, piece in pieces:
        smoother = ScoreSmoother(SMOOTHER)
        for k in np.flatnonzero((starts >= first) & (starts < first + len(piece))):
            event = smoother.update(outputs[k])
            events += [(LABELS[event], (starts[k] + WINDOW.length) / RATE_HZ)] if event >= 0 else []
    assert found.events == events
    assert found.seconds == 1500 / RATE_HZ
    again = found.with_smoother(SMOOTHER)
    assert again.events == events
    assert found.with_smoother(None).events == []


def test_windows_are_made_a_few_at_a_time(
    recording: capture.Recording, monkeypatch: pytest.MonkeyPatch, interpreter: inference.Interpreter
) -> None:
    from tinyml_labs import stream_source

    expected = stream_predict(recording, interpreter, **GIVEN)
    most = []
    cut = stream_source.cut_windows

    def watched(*arguments: object) -> tuple[np.ndarray, np.ndarray]:
        windows, starts = cut(*arguments)
        most.append(len(windows))
        return windows, starts

    monkeypatch.setattr(stream_source, "cut_windows", watched)
    monkeypatch.setattr(stream_source, "_BYTES_A_BATCH", 7 * 4 * 3 * WINDOW.length)
    assert compare_streams(expected, stream_predict(recording, interpreter, **GIVEN)).equal
    assert max(most) == 7
    assert sum(most) == len(expected.starts)


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (3, 1), (4, 3), (4, 4), (3, 10), (1, 7)])
def test_windows_do_not_depend_on_the_pieces(length: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinyml_labs import stream_source

    chance = np.random.default_rng(length + stride)
    window = WindowSettings(rate_hz=1000, window_ms=length, stride_ms=stride)
    samples = chance.normal(size=(200, 2))
    expected, starts = stream_source.cut_windows(samples, window)
    for _ in range(20):
        monkeypatch.setattr(stream_source, "_BYTES_A_BATCH", int(chance.integers(1, 200)))
        edges = [0, *np.sort(chance.integers(0, 201, chance.integers(0, 60))).tolist(), 200]
        cutter = stream_source.WindowStream(window)
        found = [
            batch
            for start, end in itertools.pairwise(edges)
            for batch in cutter.feed(stream_source.Piece(50 + start, samples[start:end], False))
        ]
        np.testing.assert_array_equal(np.concatenate([windows for windows, _ in found]), expected)
        np.testing.assert_array_equal(np.concatenate([numbers for _, numbers in found]), 50 + starts)


def test_features_are_made_window_by_window(recording: capture.Recording) -> None:
    model = tiny_models.dense_int8(inputs=6, units=3)
    shapes = set()

    def spread(windows: np.ndarray) -> np.ndarray:
        shapes.add(windows.shape)
        return np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1)

    found = stream_predict(recording, model, window=WINDOW, features=spread, channels=ACCELERATION, progress=False)
    assert shapes == {(1, WINDOW.length, 3)}
    values = np.concatenate(
        [spread(recording.samples[None, start : start + WINDOW.length, :3]) for start in found.starts]
    )
    np.testing.assert_array_equal(found.outputs, inference.run(model, inference.quantize(values, 0.05, 3)))
    assert found.labels == ("0", "1", "2")
    assert found.events == []


def test_the_beginning_of_a_stream(
    recording: capture.Recording, tmp_path: Path, interpreter: inference.Interpreter
) -> None:
    whole = stream_predict(recording, interpreter, **GIVEN)
    half = stream_predict(recording, interpreter, **GIVEN, seconds=5)
    assert half.starts.tolist() == [start for start in whole.starts if start + WINDOW.length <= 595]
    assert half.seconds == 5.0
    nothing = stream_predict(recording, interpreter, **GIVEN, seconds=0.2)
    assert (nothing.outputs.shape, nothing.scores.shape, nothing.events) == ((0, 4), (0, 4), [])
    assert len(nothing.table) == 0
    holed = write_recording(tmp_path / "holed", ((200, 50), (800, 10)))
    cut = stream_predict(holed, interpreter, **GIVEN, seconds=5)
    assert [gap.first for gap in cut.gaps] == [200]


def test_what_a_result_shows(recording: capture.Recording, interpreter: inference.Interpreter) -> None:
    found = stream_predict(recording, interpreter, **GIVEN)
    assert list(found.table.columns) == ["start", "time_s", *LABELS, "event"]
    assert (found.table["event"] != "").sum() == len(found.events)
    assert f"119 Hz, {len(found.starts)} windows, {len(found.events)} events" in found.headline()
    assert str(found).count("\n") < 30
    assert "<table" in found._repr_html_()
    told = json.loads(json.dumps(found.to_dict()))
    assert told["smoother"] == SMOOTHER.to_dict()
    assert told["events"][0]["label"] == found.events[0].label


def test_streams_that_differ(recording: capture.Recording, interpreter: inference.Interpreter) -> None:
    found = stream_predict(recording, interpreter, **GIVEN)
    short = stream_predict(recording, interpreter, **GIVEN, seconds=5)
    compared = compare_streams(found, short)
    assert (compared.only_host, compared.only_board) == (len(found.starts) - len(short.starts), 0)
    assert compared.outputs.equal and not compared.equal
    assert "windows are on one side alone" in compared.headline()
    changed = recording.samples[:, :3].copy()
    changed[700:] *= 1.5
    other = stream_predict(changed, interpreter, **{**GIVEN, "channels": None})
    compared = compare_streams(found, other)
    assert compared.bytes_differing == int((found.outputs != other.outputs).sum()) > 0
    assert not compared.events_equal
    assert f"{compared.bytes_differing:,} of" in compared.headline()
    assert "first event that differs" in compared.table.index
    assert json.loads(json.dumps(compared.to_dict()))["equal"] is False
    foreign = stream_predict(recording, tiny_models.window_classifier(WINDOW.length, 3, seed=1), **GIVEN)
    with pytest.raises(ValueError, match="different models"):
        compare_streams(found, foreign)
    with pytest.raises(ValueError, match="none begins at the same"):
        compare_streams(found, stream_predict(recording, interpreter, **GIVEN, seconds=0.2))


def test_a_rate_that_is_off_is_refused(
    recording: capture.Recording, tmp_path: Path, interpreter: inference.Interpreter
) -> None:
    def at(rate_hz: float) -> dict:
        return {**GIVEN, "window": WindowSettings(rate_hz=rate_hz, window_ms=500 * 119 / rate_hz, stride_ms=100)}

    stream_predict(recording, interpreter, **at(117))
    for rate_hz in (116, 122, 104):
        with pytest.raises(ValueError, match=r"is said to have 119 samples.*features\.resample"):
            stream_predict(recording, interpreter, **at(rate_hz))
    file = recording.path / "recording.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "measured_rate_hz": 104.0}))
    with pytest.raises(ValueError, match=r"was measured to have 104 samples .* -12\.6%"):
        stream_predict(capture.load_recording(recording.path), interpreter, **GIVEN)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"channels": ["accX"]}, ValueError, "60 samples of 1 channels, 60 values, and the model takes .60, 3., 180"),
        ({"channels": ["magX"]}, ValueError, "no channel 'magX'. There are: 'accX', 'accY', 'accZ', 'gyrX'"),
        ({"channels": [4]}, ValueError, "no channel 4"),
        ({"channels": "accX"}, ValueError, "expected a list of names"),
        ({"sensor": "imu"}, ValueError, "only a board has sensors"),
        ({"seconds": 0}, ValueError, "seconds is 0"),
        ({"labels": ["a", "b"]}, ValueError, "the model has 4 classes"),
        ({"labels": ["a", "b", "b", "c"]}, ValueError, "each its own name"),
        ({"features": lambda x: x.mean(axis=(0, 1))}, ValueError, r"features gave shape \(3,\)"),
        ({"features": lambda x: x.mean(axis=1)}, ValueError, r"features of a window have shape \(3,\), 3 values"),
        (
            {"smoother": SmootherSettings(average_windows=1, threshold=0, release=0, hold_off=0, background=4)},
            ValueError,
            "background is class 4, and there are 4 classes",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    recording: capture.Recording,
    interpreter: inference.Interpreter,
    changed: dict,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        stream_predict(recording, interpreter, **{**GIVEN, **changed})


def test_sources_and_models_that_are_none(
    recording: capture.Recording, tmp_path: Path, interpreter: inference.Interpreter
) -> None:
    with pytest.raises(TypeError, match=r"expected a Recording .capture\.load_recording.folder"):
        stream_predict(str(recording.path), interpreter, **GIVEN)
    with pytest.raises(ValueError, match=r"samples have shape \(2, 3, 4\)"):
        stream_predict(np.zeros((2, 3, 4)), interpreter, **GIVEN)
    with pytest.raises(ValueError, match="smoother works on integers"):
        stream_predict(recording, tiny_models.quantize_dequantize(0.1, 0), **{**GIVEN, "labels": ()})
    camera = Sensor(
        id=3, name="camera", unit="grey", channels=4, dtype="uint8", rate_hz=8.0, kind=SensorKind.IMAGE, rows=2
    )
    writer = RecordingWriter(tmp_path / "images", camera, rate_hz=4.0)
    writer.append(Block(0, np.zeros((3, 2, 4), np.uint8)))
    with pytest.raises(ValueError, match="is of a camera"):
        stream_predict(capture.load_recording(writer.finish("complete")), interpreter, **GIVEN)


# -- with boards


@pytest.mark.slow
def test_a_board_says_the_same_by_request_and_live(tmp_path: Path) -> None:
    """The recording through INFER requests, and played by the board that runs the model while it measures."""
    recording = write_recording(tmp_path)
    host = stream_predict(recording, MODEL, **GIVEN)
    assert host.events
    with link.Board(f"virtual://?play={recording.path}&speed=5") as board:
        board.load(MODEL)
        asked = compare_streams(host, stream_predict(recording, board, **GIVEN))
        assert asked.equal, asked
        for model in (board, MODEL):
            live = stream_predict(board, model, **GIVEN, seconds=recording.seconds)
            assert live.gaps == () and live.ended == "complete"
            compared = compare_streams(host, live)
            assert compared.equal, compared
            assert compared.bytes_compared == 4 * len(host.starts)
            assert "says what the host says" in compared.headline()
        assert board.infer(np.zeros((1, WINDOW.length, 3), np.int8)).outputs.shape == (1, 4)  # it goes on


@pytest.mark.slow
def test_samples_that_come_during_an_inference_wait() -> None:
    """Twenty thousand samples a second, an inference for each: the board falls behind, and nothing is lost."""
    window = WindowSettings(rate_hz=1000, window_ms=20, stride_ms=1)
    model = tiny_models.window_classifier(20, 4, input_scale=500.0)
    samples = make_pattern(0, 3000, 4, "uint16")
    host = stream_predict(samples, model, window=window, progress=False)
    with link.Board("virtual://?speed=20") as board:
        board.load(model)
        found = stream_predict(board, board, window=window, sensor="test_pattern", seconds=3, progress=False)
        assert found.gaps == ()
        assert (board.lost_frames, board.damaged_frames) == (0, 0)
    assert compare_streams(host, found).equal
    assert len(found.starts) == 2981 and len(np.unique(found.outputs, axis=0)) > 20


@pytest.mark.slow
def test_a_slow_host_loses_nothing(tmp_path: Path) -> None:
    """The stream is over in a quarter of a second, and what is done with each window takes 30 ms."""
    recording = write_recording(tmp_path, count=600)
    host = stream_predict(recording, MODEL, **GIVEN)
    with link.Board(f"virtual://?play={recording.path}&speed=20") as board:
        found = stream_predict(board, MODEL, **GIVEN, seconds=recording.seconds, on_window=lambda _: time.sleep(0.03))
        assert compare_streams(host, found).equal


@pytest.mark.slow
def test_overruns_reset_windower_and_smoother() -> None:
    window = WindowSettings(rate_hz=1000, window_ms=50, stride_ms=20)
    model = tiny_models.window_classifier(50, 4, input_scale=500.0)
    smoother = SmootherSettings(average_windows=4, threshold=-80, release=-128, hold_off=2)
    given = {"window": window, "smoother": smoother, "progress": False}
    with link.Board("virtual://?speed=4&overrun_every_s=0.7&overrun_samples=33") as board:
        found = stream_predict(board, model, sensor="test_pattern", seconds=3, **given)
    assert [(gap.first, gap.missing, gap.cause) for gap in found.gaps] == [
        (first, 33, "overrun") for first in (700, 1400, 2100, 2800)
    ]
    edges = [0, 700, 1400, 2100, 2800, 3000]
    pieces = [
        (first, make_pattern(first, end - first, 4, "uint16"))
        for first, end in zip([0, *(edge + 33 for edge in edges[1:-1])], edges[1:], strict=True)
    ]
    starts, outputs = reference(pieces, window, model)
    np.testing.assert_array_equal(found.starts, starts)
    np.testing.assert_array_equal(found.outputs, outputs)
    events = []
    with inference.load(model) as interpreter:
        for first, samples in pieces:
            alone = stream_predict(samples, interpreter, **given)
            events += [int(first + start) for start in alone.starts[alone.decisions >= 0]]
    assert found.starts[found.decisions >= 0].tolist() == events
    assert len(events) >= 5


@pytest.mark.slow
def test_a_board_that_is_reset_is_a_gap(tmp_path: Path) -> None:
    """The stream goes on with a model on the host; with one in the board's RAM it ends, and what was found stays."""
    recording = write_recording(tmp_path)
    with link.Board(f"virtual://?play={recording.path}&speed=2&reset_after_s=1") as board:
        found = stream_predict(board, MODEL, **GIVEN, seconds=6)
    assert [gap.cause for gap in found.gaps] == ["reset"]
    gap = found.gaps[0]
    ends = found.starts + WINDOW.length
    assert not ((found.starts < gap.first + gap.missing) & (ends > gap.first)).any()
    assert (found.starts > gap.first).any() and (ends <= gap.first).any()
    with link.Board(f"virtual://?play={recording.path}&speed=2&reset_after_s=1") as board:
        board.load(MODEL)
        # "no model", or no answer to the inference that it was at
        with pytest.warns(RuntimeWarning, match="What was found before is kept"):
            cut = stream_predict(board, board, **GIVEN, seconds=6)
    assert cut.ended == "broken off" and "broken off" in cut.headline()
    assert 0 < len(cut.starts) == len(cut.outputs) == len(cut.decisions)
    host = stream_predict(recording, MODEL, **GIVEN)
    np.testing.assert_array_equal(cut.outputs, host.outputs[: len(cut.outputs)])


@pytest.mark.slow
def test_a_board_that_vanishes_leaves_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrameSource.__init__, "__kwdefaults__", {"reconnect_s": 0.5})  # not as patient as usual
    recording = write_recording(tmp_path)
    with (
        link.Board(f"virtual://?play={recording.path}&speed=2&vanish_after_s=2&vanish_s=30") as board,
        pytest.warns(RuntimeWarning, match="What was found before is kept"),
    ):
        found = stream_predict(board, MODEL, **GIVEN, seconds=6)
    assert found.ended == "broken off"
    host = stream_predict(recording, MODEL, **GIVEN)
    assert 0 < len(found.outputs) < len(host.outputs)
    np.testing.assert_array_equal(found.outputs, host.outputs[: len(found.outputs)])


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_an_interrupted_stream_gives_what_there_is(tmp_path: Path, interruptible: None) -> None:
    recording = write_recording(tmp_path)
    host = stream_predict(recording, MODEL, **GIVEN)

    def interrupt_after(windows: int) -> Callable[[streaming.WindowResult], None]:
        seen = []

        def stop(result: streaming.WindowResult) -> None:
            seen.append(result)
            if len(seen) == windows:
                threading.Timer(0.05, _thread.interrupt_main).start()  # comes at any place, as from the keyboard

        return stop

    with link.Board(f"virtual://?play={recording.path}&speed=2") as board:
        board.load(MODEL)
        for model in (MODEL, board):
            found = stream_predict(board, model, **GIVEN, seconds=600, on_window=interrupt_after(20))
            assert found.ended == "stopped" and "stopped" in found.headline()
            assert 20 <= len(found.starts) == len(found.outputs) == len(found.decisions)
            compared = compare_streams(host, found)
            assert compared.outputs.equal and compared.only_board == 0
            assert found.events == host.events[: len(found.events)]
        assert board.stream("imu", 5, progress=False).shape == (5, 4)  # the stream was ended
    with pytest.raises(KeyboardInterrupt):
        stream_predict(recording, MODEL, **GIVEN, on_window=lambda _: _thread.interrupt_main())


@pytest.mark.slow
def test_what_a_board_does_not_fit(tmp_path: Path) -> None:
    recording = write_recording(tmp_path)
    with link.Board(f"virtual://?play={recording.path}&speed=10&rate_error_percent=5") as board:
        with pytest.raises(link.BoardError, match="has no model. Load one first"):
            stream_predict(board, board, **GIVEN, seconds=1)
        with pytest.raises(ValueError, match=r"'microphone' says that it has 16000 samples"):
            stream_predict(board, MODEL, **GIVEN, seconds=1, sensor="microphone")
        with pytest.raises(ValueError, match="'camera' is a camera"):
            stream_predict(board, MODEL, **GIVEN, seconds=1, sensor="camera")
        with pytest.raises(link.BoardError, match="has no sensor 'nose'"):
            stream_predict(board, MODEL, **GIVEN, seconds=1, sensor="nose")
        with pytest.raises(ValueError, match="There is no channel 'magX'"):
            stream_predict(board, MODEL, **{**GIVEN, "channels": ["magX"]}, seconds=1)
        with pytest.raises(ValueError, match=r"By the board's clock, the sensor 'imu' has 12\d.*sensor_rate_hz=119"):
            stream_predict(board, MODEL, **GIVEN, seconds=10)
        assert board.stream("imu", 5, progress=False).shape == (5, 4)
    with (
        link.Board("virtual://?sensor_rate_hz=100") as board,
        pytest.raises(ValueError, match="'imu' says that it has 100"),
    ):
        stream_predict(board, MODEL, **GIVEN, seconds=1)


@pytest.mark.slow
def test_figures_have_labelled_axes(tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = stream_predict(write_recording(tmp_path, ((700, 100),)), MODEL, **GIVEN)
    ax = found.plot(truth=[("wave", 1.0, 2.0), ("unknown", 3.0, 4.0)])
    ax.figure.canvas.draw()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "score")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == LABELS
    given = plt.figure().subplots()
    assert stream_predict(np.zeros((10, 3)), MODEL, **{**GIVEN, "channels": None}).plot(given) is given
    assert compare_streams(found, found).plot().get_xlabel()
    plt.close("all")

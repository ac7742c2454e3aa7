"""A keyword model over sound: the same bytes however the sound comes, and as one gets by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_keywords
from pymicro_features import MicroFrontend

from tinyml_labs import capture, inference, link
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.evaluation import compare_streams, evaluate_stream
from tinyml_labs.features import AudioFrontEnd, Interval, WindowSettings
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.stream_front_end import SoundWindowStream
from tinyml_labs.stream_source import Piece
from tinyml_labs.streaming import stream_predict

MICROPHONE = Sensor(
    id=2, name="microphone", unit="counts", channels=1, dtype="int16", rate_hz=16000, kind=SensorKind.AUDIO
)
HASTY = WindowSettings(rate_hz=100, window_ms=490, stride_ms=50)


@pytest.fixture(scope="module")
def classifier() -> KeywordClassifier:
    return tiny_keywords.tiny_classifier()


@pytest.fixture(scope="module")
def interpreter(classifier: KeywordClassifier) -> Iterator[inference.Interpreter]:
    with inference.load(classifier.model) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return tiny_keywords.room(8.3)


def by_hand(sound: np.ndarray, interpreter: inference.Interpreter) -> tuple[list[int], np.ndarray]:
    """First samples and raw outputs of the windows, by the front end's own package and one window after the other."""
    front_end, frames = MicroFrontend(), []
    for at in range(0, len(sound) - 159, 160):
        features = front_end.process_samples(sound[at : at + 160].tobytes()).features
        if features:
            frames.append(features)
    kept = np.array(frames[::2], np.float32)
    starts = range(0, len(kept) - 48, 5)
    raw = [np.clip(np.round(kept[k : k + 49] / np.float32(26.2 / 255)) - 128, -128, 127) for k in starts]
    inputs = np.array(raw).astype(np.int8)[..., np.newaxis]
    return [320 * k for k in starts], interpreter.run(inputs, progress=False)


def write_recording(folder: Path, sound: np.ndarray, holes: tuple[tuple[int, int], ...] = ()) -> capture.Recording:
    writer = RecordingWriter(folder, MICROPHONE, rate_hz=16000.0, board={"board": "b", "port": "p"})
    at = lost = 0
    for first, missing in (*holes, (len(sound), 0)):
        gap = None if at == 0 else Gap(at=0, first=at - lost, missing=lost, cause="overrun")
        writer.append(Block(at, sound[at:first, np.newaxis], gap))
        at, lost = first + missing, missing
    writer.update(measured_rate_hz=16000.0)
    return capture.load_recording(writer.finish("complete"))


def test_a_stream_of_sound_is_what_one_gets_by_hand(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray
) -> None:
    found = stream_predict(sound, interpreter, **classifier.stream_settings())
    starts, outputs = by_hand(sound, interpreter)
    assert found.starts.tolist() == starts
    np.testing.assert_array_equal(found.outputs, outputs)
    assert len(np.unique(outputs, axis=0)) > 20
    assert found.events
    assert (found.rate_hz, found.seconds, found.window_samples, found.stride_samples) == (16000, 8.3, 15840, 1600)
    np.testing.assert_allclose(found.times_s, 0.99 + 0.1 * np.arange(len(starts)))
    told = found.to_dict()
    assert (told["window_samples"], told["stride_samples"]) == (15840, 1600)


def test_sound_in_any_shape(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray, tmp_path: Path
) -> None:
    expected = stream_predict(sound, interpreter, **classifier.stream_settings())
    given = classifier.stream_settings()
    both = np.stack([sound[::-1], sound], axis=1)
    recording = write_recording(tmp_path, sound)
    for other in (
        stream_predict(sound[:, np.newaxis], interpreter, **given),
        stream_predict(sound / np.float32(32768), interpreter, **given),  # the front end is used again
        stream_predict(both, interpreter, **given, channels=[1]),
        stream_predict(recording, interpreter, **given),
        stream_predict(recording, interpreter, **given, features=lambda x: x[..., np.newaxis]),
    ):
        assert compare_streams(expected, other).equal
    half = stream_predict(recording, interpreter, **given, seconds=4)
    assert half.starts.tolist() == [start for start in expected.starts if start + 15840 <= 64000]
    assert stream_predict(sound[:15839], interpreter, **given).outputs.shape == (0, 4)


def test_windows_do_not_depend_on_the_pieces(classifier: KeywordClassifier, sound: np.ndarray) -> None:
    def cut(edges: list[int]) -> tuple[np.ndarray, np.ndarray]:
        stream = SoundWindowStream(AudioFrontEnd(), classifier.window)
        found = [
            batch
            for start, end in zip([0, *edges], [*edges, len(sound)], strict=True)
            for batch in stream.feed(Piece(start + 77, sound[start:end, np.newaxis], False))
        ]
        return np.concatenate([windows for windows, _ in found]), np.concatenate([starts for _, starts in found])

    windows, starts = cut([])
    random = np.random.default_rng(0)
    for pieces in (3, 50, 700):
        again, later = cut(sorted(random.integers(0, len(sound), pieces).tolist()))
        np.testing.assert_array_equal(windows, again)
        np.testing.assert_array_equal(starts, later)
    assert starts[:2].tolist() == [77, 77 + 1600]


def test_a_gap_resets_front_end_windower_and_smoother(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray, tmp_path: Path
) -> None:
    recording = write_recording(tmp_path, sound, ((50_001, 3_000), (60_000, 0)))
    found = stream_predict(recording, interpreter, **classifier.stream_settings())
    expected_starts, expected_outputs, events = [], [], []
    for first, end in ((0, 50_001), (53_001, 60_000), (60_000, len(sound))):
        if end - first >= 15_840:
            starts, outputs = by_hand(sound[first:end], interpreter)
            expected_starts += [first + start for start in starts]
            expected_outputs.append(outputs)
            alone = stream_predict(sound[first:end], interpreter, **classifier.stream_settings())
            events += [(event.label, event.time_s + first / 16000) for event in alone.events]
    assert found.starts.tolist() == expected_starts
    np.testing.assert_array_equal(found.outputs, np.concatenate(expected_outputs))
    assert [event.label for event in found.events] == [label for label, _ in events]
    np.testing.assert_allclose([event.time_s for event in found.events], [time for _, time in events])
    assert [gap.first for gap in found.gaps] == [50_001, 60_000]


def test_truth_is_in_samples_of_the_sound(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray
) -> None:
    found = stream_predict(sound, interpreter, **classifier.stream_settings())
    event = found.events[0]
    end = round(event.time_s * 16000)
    report = evaluate_stream(
        found, [Interval(end - 8000, end, event.label)], tolerance_s=0.01, background=classifier.background
    )
    assert report.overall.hits == 1
    assert report.overall.latencies_s == pytest.approx((0.5,))


def test_another_threshold_without_the_model(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray
) -> None:
    found = stream_predict(sound, interpreter, **classifier.stream_settings())
    stricter = replace(classifier, smoothing={**classifier.smoothing, "threshold": 0.6})
    asked = stream_predict(sound, interpreter, **stricter.stream_settings())
    assert found.with_threshold(0.6).smoother == stricter.smoother
    assert found.with_threshold(0.6).events == asked.events != found.events
    assert found.with_threshold(0.5).events == found.events
    assert found.with_threshold(1.0).events == []
    low = found.with_threshold(0.3).smoother
    assert low.release == low.threshold == round(0.3 * 256) - 128
    with pytest.raises(ValueError, match="from 0 to 1"):
        found.with_threshold(1.1)
    with pytest.raises(ValueError, match="went through a smoother"):
        found.with_smoother(None).with_threshold(0.5)


def test_what_does_not_fit_is_refused(
    classifier: KeywordClassifier, interpreter: inference.Interpreter, sound: np.ndarray
) -> None:
    given = classifier.stream_settings()
    with pytest.raises(ValueError, match=r"has 2 channels, and the front end takes one.*channels=\[0\]"):
        stream_predict(np.stack([sound, sound], axis=1), interpreter, **given)
    with pytest.raises(TypeError, match="int32, expected int16"):
        stream_predict(sound.astype(np.int32), interpreter, **given)
    with pytest.raises(ValueError, match=r"window counts 100 frames a second, and the front end makes 50"):
        stream_predict(sound, interpreter, **{**given, "window": HASTY})
    with pytest.raises(ValueError, match="49 samples of 40 channels, 1960 values, and the model takes"):
        stream_predict(sound, tiny_keywords.tiny_models.dense_int8(), **{**given, "smoother": None, "labels": ()})


@pytest.mark.slow
def test_a_microphone_that_streams(classifier: KeywordClassifier, sound: np.ndarray, tmp_path: Path) -> None:
    """The sensor is found without its name, and a board without one says so."""
    path = tiny_keywords.write_wav(tmp_path / "room.wav", sound)
    host = stream_predict(sound, classifier.model, **classifier.stream_settings())
    with link.Board(f"virtual://?play={path}&speed=5") as board:
        found = stream_predict(board, classifier.model, **classifier.stream_settings(), seconds=8.3, progress=False)
        assert compare_streams(host, found).equal
        with pytest.raises(
            ValueError, match="'imu' says that it has 119 samples a second, and the model is for 16000"
        ):
            stream_predict(board, classifier.model, **classifier.stream_settings(), sensor="imu", seconds=1)

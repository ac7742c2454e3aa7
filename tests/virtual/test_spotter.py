"""The virtual board as keyword spotter: it hears what the host hears, byte for byte, and says so in time."""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_keywords
import tiny_models

from tinyml_labs import inference, link
from tinyml_labs.board_scores import read_board_scores
from tinyml_labs.evaluation import compare_streams
from tinyml_labs.features import SpectrogramSettings, spectrogram
from tinyml_labs.keyword_classifier import KeywordClassifier, save_keyword_classifier
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import Samples, StreamStart, Type
from tinyml_labs.smoothing import ScoreSmoother
from tinyml_labs.stream_prediction import StreamPrediction
from tinyml_labs.streaming import WindowResult, stream_predict
from tinyml_labs.virtual import VirtualBoardSettings, microphone
from tinyml_labs.virtual.firmware import Firmware
from tinyml_labs.virtual.sensors import make_sensors

SECONDS = 8.3
SCORES, MICROPHONE, SPECTROGRAM = 1, 2, 3


@pytest.fixture(scope="module")
def classifier() -> KeywordClassifier:
    return tiny_keywords.tiny_classifier()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, classifier: KeywordClassifier) -> Path:
    """With the classifier, and a sound of 8.3 s."""
    path = tmp_path_factory.mktemp("spotter")
    save_keyword_classifier(path / "words.json", classifier)
    tiny_keywords.write_wav(path / "room.wav", tiny_keywords.room(SECONDS))
    return path


@pytest.fixture(scope="module")
def settings(folder: Path) -> dict[str, str]:
    return {"spotter": str(folder / "words.json"), "play": str(folder / "room.wav")}


@pytest.fixture(scope="module")
def host(classifier: KeywordClassifier) -> StreamPrediction:
    """What the host says of the sound, played over and over for half a minute."""
    sound = np.resize(tiny_keywords.room(SECONDS), 30 * 16000)
    return stream_predict(sound, classifier.model, **classifier.stream_settings(), progress=False)


Bench = Callable[..., "BenchBoard"]


class BenchBoard:
    """A firmware on a bench, whose clock the test moves."""

    def __init__(self, **settings: object) -> None:
        chosen = VirtualBoardSettings(boot_text="", **settings)
        self.firmware = Firmware(chosen, make_sensors(chosen), "0123")
        self.firmware.check_model()
        self.firmware.reset(0.0)
        self.decoder, self._number = FrameDecoder(), 0

    def ask(self, kind: Type, payload: bytes = b"", *, at: float) -> list[Frame]:
        self.firmware.receive(encode_frame(Frame(kind, self._number, 0, payload)), at)
        self._number += 1
        return self.wait(at)

    def start(self, sensor: int, *, at: float, samples: int = 0) -> list[Frame]:
        return self.ask(Type.STREAM_START, StreamStart(sensor=sensor, samples=samples).pack(), at=at)

    def wait(self, until: float) -> list[Frame]:
        """Let the board work until there is nothing to do."""
        frames = self.decoder.feed(self.firmware.transmit(until, room=True))
        while self.firmware.next_event(until) == 0:
            frames += self.decoder.feed(self.firmware.transmit(until, room=True))
        return frames


@pytest.fixture
def bench(settings: dict[str, str]) -> Iterator[Bench]:
    made: list[BenchBoard] = []

    def start(**changed: object) -> BenchBoard:
        made.append(BenchBoard(**{**settings, **changed}))
        return made[-1]

    yield start
    for board in made:
        board.firmware.close()


def said(frames: list[Frame]) -> list[tuple[str, float]]:
    return [(frame.payload.decode(), frame.micros / 1e6) for frame in frames if frame.type == Type.LOG]


def values(frames: list[Frame], dtype: str, channels: int) -> np.ndarray:
    data = b"".join(Samples.unpack(frame.payload).data for frame in frames if frame.type == Type.SAMPLES)
    return np.frombuffer(data, dtype).reshape(-1, channels)


def expected_lines(host: StreamPrediction, until_s: float) -> list[tuple[str, float]]:
    """The events with the average over the smoother's windows, by another way."""
    assert host.smoother is not None
    lines, smoother = [], ScoreSmoother(host.smoother)
    for scores, time_s in zip(host.outputs, host.times_s, strict=True):
        event = smoother.update(scores)
        if event >= 0 and time_s <= until_s:
            lines.append((f"{host.labels[event]} {(smoother.average(event) + 128) / 256 + 1e-9:.2f}", time_s))
    return lines


def test_the_sensors_of_the_sketch(bench: Bench, classifier: KeywordClassifier) -> None:
    (frame,) = bench().ask(Type.HELLO, at=1.0)
    info = link.descriptions.BoardInfo.unpack(frame.payload)
    assert [(s.id, s.name, s.dtype, s.channels, s.rate_hz) for s in info.sensors] == [
        (SCORES, "scores", "float32", 4, 10.0),
        (MICROPHONE, "microphone", "int16", 1, 16000.0),
        (SPECTROGRAM, "spectrogram", "uint16", 40, 50.0),
    ]
    assert info.sensors[0].names == classifier.labels
    assert info.model_sha256.hex() == inference.load(classifier.model).sha256


@pytest.mark.parametrize(("speed", "error"), [(1.0, 0.0), (20.0, 0.0), (1.0, 4.0)])
def test_it_listens_from_the_hello_on_and_says_what_it_hears(
    bench: Bench, host: StreamPrediction, speed: float, error: float
) -> None:
    board = bench(speed=speed, rate_error_percent=error)
    assert said(board.wait(3.0)) == []
    board.ask(Type.HELLO, at=5.0)
    board.ask(Type.HELLO, at=5.0 + 0.1 / speed)  # it does not begin anew
    found = [line for k in range(1, 61) for line in said(board.wait(5.0 + 10 * k / 60 / speed))]
    expected = expected_lines(host, 10.0 * (1 + error / 100))
    assert len(expected) >= 3
    assert [text for text, _ in found] == [text for text, _ in expected]
    times = [5.0 * speed + time_s / (1 + error / 100) for _, time_s in expected]
    np.testing.assert_allclose([time for _, time in found], times, atol=1e-6)


def test_a_stream_begins_with_the_sound_and_scores_come_when_windows_are_complete(
    bench: Bench, host: StreamPrediction
) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.wait(4.0)
    frames = board.start(SCORES, at=4.0)
    assert [frame.type for frame in frames] == [Type.DONE]
    assert board.wait(4.98) == []
    found = [frame for k in range(580) for frame in board.wait(4.985 + k / 20)]
    scores = values(found, "<f4", 4)
    assert len(scores) == 290
    np.testing.assert_array_equal(scores, host.scores[:290])
    times = [frame.micros / 1e6 for frame in found if frame.type == Type.SAMPLES]
    np.testing.assert_allclose(times, 4 + host.times_s[: len(times)], atol=1e-6)
    assert said(found) == [(text, pytest.approx(4 + time_s, abs=1e-6)) for text, time_s in expected_lines(host, 29.9)]


def test_frames_are_those_of_the_sound(bench: Bench) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    frames = board.start(SPECTROGRAM, at=2.0)
    frames += [frame for k in range(100) for frame in board.wait(2 + k / 8)]
    expected = spectrogram(np.resize(tiny_keywords.room(SECONDS), 13 * 16000), SpectrogramSettings())
    found = values(frames, "<u2", 40)
    assert 600 < len(found) < len(expected)
    np.testing.assert_array_equal(found, expected[: len(found)])
    board.ask(Type.STREAM_STOP, at=15.0)
    again = board.start(SPECTROGRAM, at=15.5, samples=7) + board.wait(16.0)
    np.testing.assert_array_equal(values(again, "<u2", 40), expected[:7])


def test_a_board_that_is_late_catches_up_some_windows_at_a_time(bench: Bench, host: StreamPrediction) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.start(SCORES, at=2.0)
    first = board.firmware.transmit(30.0, room=True)
    assert board.firmware.next_event(30.0) == 0
    frames = board.decoder.feed(first)
    assert len(values(frames, "<f4", 4)) <= 34
    frames += board.wait(30.0)
    np.testing.assert_array_equal(values(frames, "<f4", 4), host.scores[:271])


def test_nobody_listens_nobody_is_told(bench: Bench, host: StreamPrediction) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.firmware.host_left()
    assert board.firmware.next_event(2.0) == float("inf")
    board.ask(Type.HELLO, at=20.0)
    until = expected_lines(host, 30)[0][1] + 0.01
    assert said(board.wait(20.0 + until)) == [
        (text, pytest.approx(20 + time_s, abs=1e-6)) for text, time_s in expected_lines(host, until)
    ]
    board.firmware.reset(50.0)
    assert board.firmware.next_event(51.0) == float("inf")


def test_samples_are_the_same_in_whatever_pieces_they_are_taken(settings: dict[str, str]) -> None:
    whole = make_sensors(VirtualBoardSettings(**settings))[2].take(0, 900)
    source, at = make_sensors(VirtualBoardSettings(**settings))[2], 0
    for count in itertools.cycle([1, 49, 7, 500]):
        piece = source.take(at, count)
        np.testing.assert_array_equal(piece[: 900 - at], whole[at : at + len(piece)])
        at += count
        if at > 900:
            break
    np.testing.assert_array_equal(source.take(800, 5), whole[800:805])  # back, and so from the beginning


def test_without_a_file_it_listens_to_the_made_up_room(settings: dict[str, str]) -> None:
    sensors = make_sensors(VirtualBoardSettings(spotter=settings["spotter"], seed=3))
    np.testing.assert_array_equal(sensors[1].take(0, 320_000)[:, 0], microphone.hear(3))
    np.testing.assert_array_equal(sensors[2].take(0, 40), spectrogram(microphone.hear(3))[:40])


def test_settings_that_do_not_go_together(settings: dict[str, str], folder: Path, tmp_path: Path) -> None:
    for changed, message in (
        ({"model": "other.tflite"}, "spotter=.*words.json and model=other.tflite do not go together"),
        ({"gestures": "circle"}, "and gestures=circle do not go together"),
        ({"dialect": "csv"}, "speaks frames, and dialect is 'csv'"),
    ):
        with pytest.raises(ValueError, match=message):
            VirtualBoardSettings(**settings, **changed)
    slow = tiny_keywords.write_wav(tmp_path / "slow.wav", np.ones(800), 8000)
    with pytest.raises(ValueError, match="at 8000 Hz, and spotter=.* listens to int16 in one channel at 16000 Hz"):
        make_sensors(VirtualBoardSettings(spotter=settings["spotter"], play=str(slow)))
    with pytest.raises(FileNotFoundError, match=r"There is no .*nothing\.json"):
        make_sensors(VirtualBoardSettings(spotter=str(folder / "nothing.json")))
    with pytest.raises(ValueError, match="leaves none for its arena|arena"):
        BenchBoard(**settings, ram_kb=2)


# -- with a port


@pytest.mark.slow
def test_a_minute_on_the_board_and_on_the_host(classifier: KeywordClassifier, folder: Path) -> None:
    """Scores from the board, sound from the board, the model by request: always the host's bytes."""
    sound = tiny_keywords.room(60)
    path = tiny_keywords.write_wav(folder / "minute.wav", sound)
    host = stream_predict(sound, classifier.model, **classifier.stream_settings(), progress=False)
    with link.Board(f"virtual://?play={path}&spotter={folder / 'words.json'}&speed=10") as board:
        board.require_model(classifier.model)
        seen: list[WindowResult] = []
        found = read_board_scores(board, classifier, seconds=60, on_window=seen.append, progress=False)
        compared = compare_streams(host, found)
        assert compared.equal and compared.bytes_compared == 4 * 591, compared
        assert (found.seconds, found.rate_hz, found.gaps, found.ended) == (60.0, 16000.0, (), "complete")
        np.testing.assert_array_equal(found.times_s, host.times_s)
        assert [result.event for result in seen if result.event] == host.events
        assert len(host.events) > 10
        assert len(board.logs) > 10 and all(re.fullmatch(r"(yes|no) [01]\.\d\d", line) for line in board.logs)
        live = stream_predict(
            board, board, **classifier.stream_settings(), seconds=60, progress=False
        )  # the microphone's samples come here, and spectrograms go back
        assert compare_streams(host, live).equal
        inputs = classifier.inputs(sound[: 16000 * 3].reshape(3, -1))
        tensor = inference.load(classifier.model).inputs[0]
        raw = inference.quantize(inputs, tensor.scale, tensor.zero_point)
        asked = board.infer(raw, progress=False).outputs
        np.testing.assert_array_equal(asked, inference.run(classifier.model, raw))


@pytest.mark.slow
def test_scores_that_do_not_fit(classifier: KeywordClassifier, folder: Path) -> None:
    with link.Board(f"virtual://?spotter={folder / 'words.json'}&speed=10") as board:
        with pytest.raises(link.ModelMismatch, match="and the host compares with"):
            read_board_scores(board, tiny_keywords.tiny_classifier(1), seconds=2)
        with pytest.raises(ValueError, match="seconds is -1"):
            read_board_scores(board, classifier, seconds=-1)
        with pytest.raises(link.BoardError, match="has no sensor 'points'"):
            read_board_scores(board, classifier, seconds=2, sensor="points")
        with pytest.raises(ValueError, match="'microphone' says that it has 16000"):
            read_board_scores(board, classifier, seconds=2, sensor="microphone")
        assert read_board_scores(board, classifier, seconds=0.5).outputs.shape == (0, 4)
        assert len(read_board_scores(board, classifier, seconds=1.19).outputs) == 3
        board.load(tiny_models.dense_int8(), progress=False)
        with pytest.raises(link.ModelMismatch):
            read_board_scores(board, classifier, seconds=2)


@pytest.mark.slow
def test_scores_that_are_lost_are_a_gap(classifier: KeywordClassifier, folder: Path) -> None:
    sound = tiny_keywords.room(30)
    path = tiny_keywords.write_wav(folder / "half.wav", sound)
    host = stream_predict(sound, classifier.model, **classifier.stream_settings(), progress=False)
    url = f"virtual://?play={path}&spotter={folder / 'words.json'}&speed=10&overrun_every_s=8&overrun_samples=7"
    with link.Board(url) as board:
        found = read_board_scores(board, classifier, seconds=30, progress=False)
    assert [(gap.first, gap.missing) for gap in found.gaps] == [(1600 * 80 * k, 1600 * 7) for k in (1, 2, 3)]
    kept = np.isin(host.starts, found.starts)
    assert (~kept).sum() == 21
    np.testing.assert_array_equal(found.outputs, host.outputs[kept])
    assert found.resets == (80, 153, 226)

"""The virtual board as person detector: it sees what the host sees, byte for byte, and says so in time."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_people
from PIL import Image

from tinyml_labs import capture, inference, link
from tinyml_labs.features import image_input
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import Samples, StreamStart, Type
from tinyml_labs.person_classifier import (
    PersonClassifier,
    load_reference_person_classifier,
    save_person_classifier,
)
from tinyml_labs.presence import Presence
from tinyml_labs.virtual import VirtualBoardSettings, camera
from tinyml_labs.virtual.firmware import Firmware
from tinyml_labs.virtual.sensors import make_sensors

SCORES, CAMERA = 1, 2
PLAYED = 17  # pictures


def host_scores(classifier: PersonClassifier, pictures: np.ndarray) -> np.ndarray:
    tensor = inference.load(classifier.model).inputs[0]
    return inference.run(classifier.model, inference.quantize(pictures, tensor.scale, tensor.zero_point))


def expected_lines(classifier: PersonClassifier, scores: np.ndarray) -> list[tuple[str, int]]:
    """What is said, and after which picture."""
    presence, lines = Presence(classifier.smoother), []
    for number, score in enumerate(scores[:, 1]):
        if presence.update(score):
            average = (presence.average + 128) / 256 + 1e-9
            lines.append((f"person {average:.2f}" if presence.present else "gone", number))
    return lines


@pytest.fixture(scope="module")
def classifier() -> PersonClassifier:
    return tiny_people.tiny_classifier()


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Grey and coloured ones, of several sizes."""
    grey = tiny_people.pictures(PLAYED, 200, 160, seed=5)
    colours = np.stack([grey, np.roll(grey, 5, axis=2), grey[:, ::-1]], axis=-1)
    return [colours[k] if k % 3 == 0 else grey[k][: 160 - k] for k in range(PLAYED)]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, classifier: PersonClassifier, photographs: list[np.ndarray]
) -> Path:
    """With the classifier, and PNG files."""
    path = tmp_path_factory.mktemp("detector")
    save_person_classifier(path / "me.json", classifier)
    (path / "photographs").mkdir()
    for number, photograph in enumerate(photographs):
        Image.fromarray(photograph).save(path / "photographs" / f"{number:03d}.png")
    return path


@pytest.fixture(scope="module")
def settings(folder: Path) -> dict[str, str]:
    return {"detector": str(folder / "me.json"), "play": str(folder / "photographs")}


@pytest.fixture(scope="module")
def pictures(photographs: list[np.ndarray]) -> np.ndarray:
    """What the model gets of the photographs, over and over for a hundred pictures."""
    small = np.concatenate([image_input(photograph) for photograph in photographs])
    return small[np.arange(100) % PLAYED]


@pytest.fixture(scope="module")
def scores(classifier: PersonClassifier, pictures: np.ndarray) -> np.ndarray:
    return host_scores(classifier, pictures)


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


def test_the_sensors_of_the_sketch(bench: Bench, classifier: PersonClassifier) -> None:
    (frame,) = bench().ask(Type.HELLO, at=1.0)
    info = link.descriptions.BoardInfo.unpack(frame.payload)
    assert [(s.id, s.name, s.dtype, s.channels, s.rows, s.rate_hz) for s in info.sensors] == [
        (SCORES, "scores", "float32", 2, 0, 1.0),
        (CAMERA, "camera", "uint8", 96, 96, 96.0),
    ]
    assert info.sensors[0].names == classifier.labels
    assert info.model_sha256.hex() == inference.load(classifier.model).sha256


@pytest.mark.parametrize(
    ("speed", "error", "rate"), [(1.0, 0.0, 1.0), (20.0, 0.0, 1.0), (1.0, 4.0, 1.0), (1.0, 0.0, 5.0)]
)
def test_it_looks_from_the_hello_on_and_says_what_it_sees(
    bench: Bench, classifier: PersonClassifier, scores: np.ndarray, speed: float, error: float, rate: float
) -> None:
    board = bench(speed=speed, rate_error_percent=error, sensor_rate_hz=0.0 if rate == 1 else rate)
    assert said(board.wait(3.0)) == []
    board.ask(Type.HELLO, at=5.0)
    board.ask(Type.HELLO, at=5.0 + 0.1 / speed)  # it does not begin anew
    found = [line for k in range(1, 61) for line in said(board.wait(5.0 + 60 * k / 60 / speed / rate))]
    pace = rate * (1 + error / 100)
    expected = [line for line in expected_lines(classifier, scores) if (line[1] + 1) / pace <= 60 / rate]
    assert len(expected) >= 4
    assert [text for text, _ in found] == [text for text, _ in expected]
    times = [5.0 * speed + (number + 1) / pace for _, number in expected]
    np.testing.assert_allclose([time for _, time in found], times, atol=1e-6)


def test_a_stream_begins_with_the_first_picture(bench: Bench, pictures: np.ndarray, scores: np.ndarray) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.wait(4.3)
    frames = board.start(SCORES, at=4.3)
    assert [frame.type for frame in frames] == [Type.DONE]
    assert board.wait(5.29) == []
    found = values(board.wait(34.31), "<f4", 2)
    np.testing.assert_array_equal(found, inference.dequantize(scores[:30], 1 / 256, -128))
    board.ask(Type.STREAM_STOP, at=40.0)
    rows = values(board.start(CAMERA, at=41.0) + board.wait(63.5), "u1", 96)
    assert 22 * 96 <= len(rows) < 23 * 96
    np.testing.assert_array_equal(rows[: 22 * 96].reshape(-1, 96, 96, 1), pictures[:22])


def test_a_board_that_is_late_catches_up_some_pictures_at_a_time(bench: Bench, scores: np.ndarray) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.start(SCORES, at=2.0)
    first = board.firmware.transmit(60.0, room=True)
    assert board.firmware.next_event(60.0) == 0
    frames = board.decoder.feed(first)
    assert len(values(frames, "<f4", 2)) <= 6
    frames += board.wait(60.0)
    np.testing.assert_array_equal(values(frames, "<f4", 2), inference.dequantize(scores[:58], 1 / 256, -128))


def test_nobody_listens_nobody_is_told(bench: Bench) -> None:
    board = bench()
    board.ask(Type.HELLO, at=1.0)
    board.firmware.host_left()
    assert board.firmware.next_event(2.0) == float("inf")


def test_without_pictures_it_looks_at_the_made_up_scene(settings: dict[str, str]) -> None:
    sensors = make_sensors(VirtualBoardSettings(detector=settings["detector"], seed=3))
    np.testing.assert_array_equal(sensors[1].take(0, 60 * 96), camera.watch(3))


def write_zip(path: Path, pictures: np.ndarray) -> Path:
    """JPEG files in folders, as the bundled pictures are."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, picture in enumerate(pictures):
            data = io.BytesIO()
            Image.fromarray(picture[..., 0]).save(data, "JPEG", quality=90)
            archive.writestr(f"{'train' if number < 4 else 'test'}/{number:06d}.jpg", data.getvalue())
        archive.writestr("people.csv", "file,label\n")
    return path


def test_it_plays_jpegs_of_folders_and_archives(
    settings: dict[str, str], pictures: np.ndarray, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "people.zip", pictures[:9])
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "pictures")
        names = sorted(name for name in opened.namelist() if name.endswith(".jpg"))
        decoded = np.stack([np.asarray(Image.open(io.BytesIO(opened.read(name)))) for name in names])
    for path, begin in ((archive, 0), (tmp_path / "pictures", 0), (archive / "train", 5), (archive / "test", -1)):
        played = make_sensors(VirtualBoardSettings(detector=settings["detector"], play=str(path)))[1]
        expected = {0: decoded, 5: decoded[5:], -1: decoded[:5]}[begin]
        found = played.take(0, 96 * len(expected)).reshape(-1, 96, 96)
        np.testing.assert_array_equal(found, expected)
        plain = {s.description.name: s for s in make_sensors(VirtualBoardSettings(play=str(path)))}["camera"]
        np.testing.assert_array_equal(plain.take(0, 96 * len(expected)).reshape(-1, 96, 96), expected)


def test_what_cannot_be_played_or_does_not_go_together(
    settings: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    for changed, message in (
        (
            {"model": "other.tflite"},
            "detector=.*me.json and model=other.tflite do not go together: a person detector",
        ),
        ({"gestures": "circle"}, "and gestures=circle do not go together"),
        ({"spotter": "words.json"}, "spotter=words.json and detector=.* do not go together: a keyword spotter"),
        ({"dialect": "csv"}, "speaks frames, and dialect is 'csv'"),
    ):
        with pytest.raises(ValueError, match=message):
            VirtualBoardSettings(**settings, **changed)
    detector = settings["detector"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.zip").write_bytes(b"PK")
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "a.png").write_bytes((folder / "photographs" / "000.png").read_bytes()[:2000])
    for play, message in (
        ("empty", "empty holds no picture"),
        ("nothing", "There is no folder and no zip archive .*nothing to play"),
        ("none.zip", "none.zip is no zip archive, or damaged"),
        ("short", "a.png is damaged or cut short"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            make_sensors(VirtualBoardSettings(detector=detector, play=str(tmp_path / play)))
    with pytest.raises(FileNotFoundError, match=r"There is no .*nothing\.json"):
        make_sensors(VirtualBoardSettings(detector=str(folder / "nothing.json")))
    with pytest.raises(ValueError, match="leaves none for its arena|arena"):
        BenchBoard(**settings, ram_kb=20)


# -- with a port


@pytest.mark.slow
def test_the_whole_circle(
    classifier: PersonClassifier, settings: dict[str, str], pictures: np.ndarray, scores: np.ndarray, tmp_path: Path
) -> None:
    """Pictures recorded from the board, scores from the board, the model by request: always the host's bytes."""
    port = f"virtual://?play={settings['play']}&detector={settings['detector']}&speed=40"
    recording = capture.record(
        port, sensor="camera", seconds=30, label="room", folder=tmp_path / "recordings", progress=False
    )
    assert (recording.problems, recording.gaps) == ([], [])
    assert len(recording.samples) >= 25
    np.testing.assert_array_equal(recording.samples.reshape(-1, 96, 96, 1), pictures[: len(recording.samples)])
    with link.Board(port) as board:
        board.require_model(classifier.model)
        found = board.stream("scores", 60, progress=False)
        np.testing.assert_array_equal(found, inference.dequantize(scores[:60], 1 / 256, -128))
        assert len(board.logs) >= 4
        assert all(re.fullmatch(r"person [01]\.\d\d|gone", line) for line in board.logs)
        tensor = inference.load(classifier.model).inputs[0]
        raw = inference.quantize(classifier.inputs(recording.samples), tensor.scale, tensor.zero_point)
        asked = board.infer(raw, progress=False).outputs
    np.testing.assert_array_equal(asked, scores[: len(raw)])
    with link.Board(f"virtual://?play={recording.path}&detector={settings['detector']}&speed=40") as board:
        again = board.stream("scores", len(raw), progress=False)
    np.testing.assert_array_equal(again, inference.dequantize(scores[: len(raw)], 1 / 256, -128))


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_the_reference_answers_fifty_pictures(tmp_path: Path) -> None:
    """Each of 9,216 bytes, in three frames; the bytes are those of TensorFlow Lite Micro on this computer."""
    reference = load_reference_person_classifier()
    path = save_person_classifier(tmp_path / "person.json", reference)
    tensor = inference.load(reference.model).inputs[0]
    raw = inference.quantize(reference.inputs(tiny_people.pictures(50)), tensor.scale, tensor.zero_point)
    with link.Board(f"virtual://?detector={path}") as board:
        board.require_model(reference.model)
        found = board.infer(raw, progress=False)
    np.testing.assert_array_equal(found.outputs, inference.run(reference.model, raw, "tflm"))

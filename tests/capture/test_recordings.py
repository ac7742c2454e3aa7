"""Recordings on disk: what was written is what is read, in our reader and in everybody else's."""

import csv
import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinyml_labs import capture
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.link.descriptions import Sensor, SensorKind

IMU = Sensor(
    id=1,
    name="imu",
    unit="g,g,deg/s",
    channels=3,
    dtype="float32",
    rate_hz=119.0,
    low=-4,
    high=4,
    channel_names="accX,accY,gyrX",
)
MICROPHONE = Sensor(id=2, name="mic", unit="counts", channels=1, dtype="int16", rate_hz=16e3, kind=SensorKind.AUDIO)
CAMERA = Sensor(
    id=3, name="camera", unit="grey", channels=12, dtype="uint8", rate_hz=40.0, kind=SensorKind.IMAGE, rows=8
)


def write(
    folder: Path,
    sensor: Sensor = IMU,
    count: int = 300,
    *,
    holes: tuple[tuple[int, int], ...] = (),
    finish: bool = True,
    seed: int = 0,
    **about: str,
) -> tuple[Path, np.ndarray, np.ndarray]:
    """Write a recording with holes (first missing number, how many); give its path, numbers and samples."""
    chance = np.random.default_rng(seed)
    if sensor.kind == SensorKind.IMAGE:
        dtype = np.dtype(sensor.dtype)
        values = chance.integers(0, np.iinfo(dtype).max, (count, sensor.rows, sensor.channels)).astype(dtype)
    elif np.dtype(sensor.dtype).kind == "f":
        values = (chance.normal(0, 30, (count, sensor.channels)) * chance.choice([1e-3, 1, 1e4])).astype(sensor.dtype)
    else:
        info = np.iinfo(sensor.dtype)
        values = chance.integers(info.min, info.max, (count, sensor.channels), endpoint=True).astype(sensor.dtype)
    missing = {n for first, size in holes for n in range(first, first + size)}
    rate = sensor.rate_hz / (sensor.rows or 1)
    writer = RecordingWriter(folder, sensor, rate_hz=rate, board={"board": "b", "port": "p"}, **about)
    numbers = np.array([n for n in range(count) if n not in missing])
    at = 0
    for piece in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1):
        for start in range(0, len(piece), 50):
            first = int(piece[start])
            gap = None
            if first > at:
                gap = Gap(at=0, first=at + 1000, missing=first - at, cause="damaged")
            writer.append(Block(first + 1000, values[piece[start : start + 50]], gap))  # the stream began before
            at = int(piece[start : start + 50][-1]) + 1
    writer.update(measured_rate_hz=rate)
    if finish:
        return writer.finish("complete"), numbers, values[numbers]
    writer.flush()
    return writer.path, numbers, values[numbers]


SENSORS = {
    "imu": IMU,
    "int16": replace(IMU, dtype="int16"),
    "float64": replace(IMU, dtype="float64"),
    "microphone": MICROPHONE,
    "stereo": replace(MICROPHONE, channels=2),
    "camera": CAMERA,
    "colour camera": replace(CAMERA, dtype="uint16"),
}


@pytest.mark.parametrize("name", SENSORS)
@pytest.mark.parametrize("finish", [True, False])
def test_what_is_read_is_what_was_written(tmp_path: Path, name: str, finish: bool) -> None:
    sensor = SENSORS[name]
    path, numbers, values = write(
        tmp_path, sensor, 300, holes=((100, 7), (220, 50)), finish=finish, label="cir/cle ä", subject="ana"
    )
    recording = capture.load_recording(path)
    np.testing.assert_array_equal(recording.samples, values)
    assert recording.samples.dtype == np.dtype(sensor.dtype)
    np.testing.assert_array_equal(recording.sample_numbers, numbers)
    assert [len(piece) for piece in recording.segments()] == [100, 113, 30]
    assert [(gap.at, gap.first, gap.missing, gap.cause) for gap in recording.gaps] == [
        (100, 100, 7, "damaged"),
        (213, 220, 50, "damaged"),
    ]
    assert (recording.label, recording.subject, recording.missing) == ("cir/cle ä", "ana", 57)
    assert recording.finished is finish
    assert path.name.startswith("cir_cle_ä.") and path.name.endswith(".part") is not finish
    assert recording.seconds == pytest.approx(300 / recording.rate_hz)
    assert "57 samples are missing in 2 gaps (damaged)" in " ".join(recording.problems)
    assert ("unfinished" in " ".join(recording.problems)) is not finish


def test_the_csv_is_everybodys_csv(tmp_path: Path) -> None:
    path, numbers, values = write(tmp_path, holes=((10, 5),))
    with (path / "samples.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["sample", "time_s", "accX", "accY", "gyrX"]
    assert [int(row[0]) for row in table[1:]] == numbers.tolist()
    np.testing.assert_array_equal(np.array([row[2:] for row in table[1:]], np.float32), values)
    np.testing.assert_allclose([float(row[1]) for row in table[1:]], numbers / 119, atol=1e-6)
    assert max(len(cell) for row in table[1:] for cell in row) < 16  # the shortest text, and not 0.12300000339746475
    about = json.loads((path / "recording.json").read_text())
    assert about["sensor"]["units"] == ["g", "g", "deg/s"]


def test_values_that_are_no_numbers_are_kept_as_such(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, IMU, rate_hz=119.0)
    values = np.array([[1, np.nan, 3], [np.inf, 5, -0.0], [-np.inf, np.nan, np.inf], [1, 2, 3]], np.float32)
    writer.append(Block(0, values, None))
    np.testing.assert_array_equal(capture.load_recording(writer.finish("complete")).samples, values)


def test_a_number_that_is_whole_is_written_as_one(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, replace(IMU, dtype="float64"), rate_hz=None)
    writer.append(Block(0, np.array([[512.0, -3.0, 1e6]]), None))
    writer.append(Block(1, np.array([[0.5, 1.0, 2.0]]), None))
    lines = (writer.finish("complete") / "samples.csv").read_text().splitlines()
    assert lines == ["sample,accX,accY,gyrX", "0,512,-3,1000000", "1,0.5,1.0,2.0"]


def test_the_wav_plays_at_every_moment(tmp_path: Path) -> None:
    path, _, values = write(tmp_path, MICROPHONE, 5000, finish=False)
    with wave.open(str(path / "audio.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        np.testing.assert_array_equal(np.frombuffer(file.readframes(9999), "<i2"), values[:, 0])


def test_images_are_pngs_numbered_with_the_missing_ones(tmp_path: Path) -> None:
    path, _, values = write(tmp_path, CAMERA, 6, holes=((2, 3),))
    assert [p.name for p in sorted(path.glob("*.png"))] == [f"image_{n:06d}.png" for n in (0, 1, 5)]
    np.testing.assert_array_equal(np.asarray(Image.open(path / "image_000005.png")), values[-1])


def test_sound_that_no_wav_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'mic' sends 1 channels of float32.*16 bits"):
        RecordingWriter(tmp_path, replace(MICROPHONE, dtype="float32"), rate_hz=16000)


def test_a_cut_last_line_is_left_out_of_an_unfinished_recording(tmp_path: Path) -> None:
    path, numbers, values = write(tmp_path, finish=False)
    with (path / "samples.csv").open("ab") as file:
        file.write(b"300,2.521008,1.5,2")
    recording = capture.load_recording(path)
    np.testing.assert_array_equal(recording.samples, values)
    assert recording.metadata["samples"] == len(numbers)


def test_lines_after_the_last_description_count_with_their_gaps(tmp_path: Path) -> None:
    path, _, values = write(tmp_path, finish=False)
    with (path / "samples.csv").open("ab") as file:
        file.write(b"310,2.605042,1.5,2,3\n")
    recording = capture.load_recording(path)
    assert len(recording.samples) == len(values) + 1
    assert [(g.at, g.first, g.missing, g.cause) for g in recording.gaps] == [(300, 300, 10, "not noted")]


def test_sound_after_the_last_description_is_left_out(tmp_path: Path) -> None:
    """Nobody knows whether there was a gap in it."""
    path, _, values = write(tmp_path, MICROPHONE, 1000, finish=False)
    with (path / "audio.wav").open("ab") as file:
        file.write(b"\1\2" * 500 + b"\3")
    np.testing.assert_array_equal(capture.load_recording(path).samples, values)


def test_two_recordings_of_a_second_have_two_folders(tmp_path: Path) -> None:
    paths = {write(tmp_path, label="a")[0] for _ in range(4)} | {write(tmp_path, label="a", finish=False)[0]}
    assert len(paths) == 5
    assert len(capture.load_recordings(tmp_path)) == 5


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no recording\.json"):
        capture.load_recording(tmp_path)
    with pytest.raises(FileNotFoundError, match="no recording in"):
        capture.load_recordings(tmp_path)
    file = tmp_path / "recording.json"
    file.write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        capture.load_recording(tmp_path)
    file.write_text('{"format": "other"}')
    with pytest.raises(ValueError, match="not a recording of this kit"):
        capture.load_recording(tmp_path)
    file.write_text('{"format": "tinyml-labs-recording", "version": 9}')
    with pytest.raises(ValueError, match="version 9.*Update"):
        capture.load_recording(tmp_path)


def test_an_unfinished_one_is_found_by_its_name_without_part(tmp_path: Path) -> None:
    path, _, _ = write(tmp_path, finish=False)
    assert capture.load_recording(str(path).removesuffix(".part")).path == path


@pytest.mark.parametrize("rate", [100.0, None])
@pytest.mark.parametrize("names", ["sample,time_s", "time_s,sample", "x,sample"])
def test_a_channel_may_be_named_as_our_own_columns(tmp_path: Path, names: str, rate: float | None) -> None:
    values = np.array([[7, 70], [8, 80]], np.int16)
    writer = RecordingWriter(
        tmp_path, replace(IMU, channels=2, unit="", channel_names=names, dtype="int16"), rate_hz=rate
    )
    writer.append(Block(0, values))
    recording = capture.load_recording(writer.finish("complete"))
    np.testing.assert_array_equal(recording.samples, values)
    assert recording.sample_numbers.tolist() == [0, 1]
    assert recording.problems == []


EXTREMES = {
    "float64": [1e300, -(2.0**63), 2.0**53, 2.0**53 + 2, 123456789012345678.0, 3.0, np.inf, -np.inf, np.nan],
    "float32": [3e38, -1.0, 2.0**24, 1e-45, np.inf, -np.inf, np.nan],
    "int64": [-(2**63), 2**63 - 1, 2**53 + 1, 0],
    "int32": [-(2**31), 2**31 - 1],
    "bool": [True, False, True],
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("dtype", EXTREMES)
def test_every_number_of_a_type_is_read_as_it_was_written(tmp_path: Path, dtype: str, together: bool) -> None:
    values = np.array(EXTREMES[dtype], dtype)[:, None]
    writer = RecordingWriter(tmp_path, replace(IMU, channels=1, unit="", channel_names="", dtype=dtype), rate_hz=None)
    for at, piece in enumerate([values] if together else values[:, None]):
        writer.append(Block(at, piece))
    recording = capture.load_recording(writer.finish("complete"))
    np.testing.assert_array_equal(recording.samples, values)
    assert recording.samples.dtype == np.dtype(dtype)
    if dtype == "bool":
        assert (recording.path / "samples.csv").read_text().split() == ["sample,imu", "0,1", "1,0", "2,1"]


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", 'say "a"', "tab\tx", "nul\0x", "line\u2028x", "ä ö"])
def test_a_channels_name_breaks_no_header(tmp_path: Path, name: str) -> None:
    path, _, values = write(tmp_path, replace(IMU, channels=2, unit="g", channel_names=f"{name},y"), 3)
    np.testing.assert_array_equal(capture.load_recording(path).samples, values)
    with (path / "samples.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 4
    assert (path / "samples.csv").read_bytes().count(b"\n") == 4


def test_a_header_of_two_lines_is_read_too(tmp_path: Path) -> None:
    """Earlier versions wrote such a name as it is, in quotes."""
    path, _, values = write(tmp_path, replace(IMU, channels=1, unit="g", channel_names="a\nb"), 3)
    file = path / "samples.csv"
    file.write_bytes(file.read_bytes().replace(b"a b", b'"a\nb"', 1))
    np.testing.assert_array_equal(capture.load_recording(path).samples, values)


@pytest.mark.parametrize("finish", [True, False])
def test_a_csv_that_a_spreadsheet_has_saved_is_read(tmp_path: Path, finish: bool) -> None:
    path, _, values = write(tmp_path, finish=finish)
    file = path / "samples.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(capture.load_recording(path).samples, values)


def test_missing_ones_at_the_end_count_in_the_seconds(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, IMU, rate_hz=119.0)
    writer.append(Block(0, np.zeros((100, 3), np.float32)))
    writer.end_with(Gap(at=0, first=0, missing=19, cause="vanished"), missing=19)
    recording = capture.load_recording(writer.finish("vanished"))
    assert recording.seconds == recording.metadata["seconds"] == 1.0
    assert recording.problems == ["It ended early: vanished.", "19 samples are missing in 1 gap (vanished)."]


def test_segments_are_cut_where_a_reset_cost_nothing(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, IMU, rate_hz=119.0)
    writer.append(Block(0, np.zeros((10, 3), np.float32)))
    writer.append(Block(10, np.zeros((5, 3), np.float32), Gap(at=0, first=10, missing=0, cause="reset")))
    assert [len(p) for p in capture.load_recording(writer.finish("complete")).segments()] == [10, 5]


@pytest.mark.parametrize("label", ["円" * 90, "😀ä" * 80, "a" * 300, "\U00020000" * 80, "x" + "\U00020000" * 80])
def test_a_long_label_makes_a_name_that_every_disk_takes(tmp_path: Path, label: str) -> None:
    path, _, _ = write(tmp_path, count=3, label=label)
    assert len(path.name.encode()) <= 210
    assert capture.load_recording(path).label == label


@pytest.mark.parametrize(
    ("label", "name"),
    [("CON", "_CON"), ("nul", "_nul"), ("Com1", "_Com1"), ("lpt9", "_lpt9"), ("-rf", "_-rf"), ("console", "console")],
)
def test_names_that_systems_keep_for_themselves_are_changed(tmp_path: Path, label: str, name: str) -> None:
    assert write(tmp_path, count=3, label=label)[0].name.startswith(name + ".")

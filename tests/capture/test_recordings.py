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
    values = np.array([[1, np.nan, 3], [np.inf, 5, -0.0]], np.float32)
    values[1, 0] = np.nan
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


def test_trim(tmp_path: Path) -> None:
    path, numbers, values = write(tmp_path, holes=((100, 7),), label="a")
    whole = capture.load_recording(path)
    piece = capture.trim(whole, 0.5, 1.5)
    chosen = (numbers / 119 >= 0.5) & (numbers / 119 < 1.5)
    np.testing.assert_array_equal(piece.samples, values[chosen])
    np.testing.assert_array_equal(piece.sample_numbers, numbers[chosen] - 60)
    assert [(g.at, g.first, g.missing, g.cause) for g in piece.gaps] == [(40, 40, 7, "damaged")]
    assert (piece.label, piece.finished) == ("a", True)
    assert "0.5 s to 1.5 s of a." in piece.metadata["notes"][0]
    assert path.exists()
    with pytest.raises(ValueError, match="no sample between 9 s and 10 s.*from 0 to 2.521 s"):
        capture.trim(whole, 9, 10)


def test_merge(tmp_path: Path) -> None:
    recordings = [
        capture.load_recording(write(tmp_path, label="a", holes=((50, 3),), seed=seed)[0]) for seed in range(3)
    ]
    merged = capture.merge(recordings)
    np.testing.assert_array_equal(merged.samples, np.concatenate([r.samples for r in recordings]))
    assert [gap.cause for gap in merged.gaps] == ["damaged", "merged"] * 2 + ["damaged"]
    assert [gap.missing for gap in merged.gaps] == [3, 119] * 2 + [3]
    assert [len(piece) for piece in merged.segments()] == [50, 247] * 3
    with pytest.raises(ValueError, match="has the label 'b', and .* 'a'"):
        capture.merge([recordings[0], capture.load_recording(write(tmp_path, label="b")[0])])
    with pytest.raises(ValueError, match="two sensors: name is 'mic'"):
        capture.merge([recordings[0], capture.load_recording(write(tmp_path, MICROPHONE, label="a")[0])])


def test_relabel_moves_the_folder_and_keeps_the_rest(tmp_path: Path) -> None:
    path, _, values = write(tmp_path, label="a", subject="ana")
    changed = capture.relabel(capture.load_recording(path), "punch", subject="ben")
    assert (changed.label, changed.subject) == ("punch", "ben")
    assert changed.path.name == path.name.replace("a.", "punch.", 1) and not path.exists()
    np.testing.assert_array_equal(changed.samples, values)
    unfinished = capture.relabel(capture.load_recording(write(tmp_path, label="a", finish=False)[0]), "b")
    assert unfinished.path.name.endswith(".part") and not unfinished.finished


def test_discard_deletes_a_recording_and_nothing_else(tmp_path: Path) -> None:
    recording = capture.load_recording(write(tmp_path)[0])
    capture.discard(recording)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="is no recording"):
        capture.discard(recording)


def make_class(folder: Path) -> list[capture.Recording]:
    made = []
    for seed, (label, subject) in enumerate((label, who) for label in ("a", "b") for who in ("x", "y", "z", "u")):
        holes = ((150, 10),) if seed == 3 else ()
        path, _, _ = write(folder, label=label, subject=subject, session=f"{subject}1", holes=holes, seed=seed)
        made.append(capture.load_recording(path))
    return made


@pytest.mark.parametrize("split_by", ["subject", "session"])
def test_a_dataset_is_split_by_group(tmp_path: Path, split_by: str) -> None:
    recordings = make_class(tmp_path)
    data = capture.recordings_to_dataset(recordings, window_s=0.5, split_by=split_by)
    assert not set(data.groups_train) & set(data.groups_test)
    assert len(set(data.groups_test)) == 1
    assert data.x_train.shape[1:] == (60, 3) and data.x_train.dtype == np.float32
    assert (data.labels, data.rate_hz) == (["a", "b"], 119.0)
    assert len(data.x_train) + len(data.x_test) == sum(
        (len(piece) - 60) // 30 + 1 for recording in recordings for piece in recording.segments()
    )
    everything = {recording.samples[:60].tobytes() for recording in recordings}
    assert {window.tobytes() for window in (*data.x_train, *data.x_test)} >= everything
    assert "test: " in str(data) and "train: " in str(data)


def test_windows_do_not_cross_gaps(tmp_path: Path) -> None:
    recordings = make_class(tmp_path)
    data = capture.recordings_to_dataset(recordings, window_s=2, stride_s=1 / 119, test=["u"])
    assert list(data.left_out) == [str(recordings[3].path)]  # its pieces are 150 and 140 samples long
    assert "150 of 238 samples" in data.left_out[str(recordings[3].path)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split_by": "window"}, "never split by window"),
        ({"test": 1.5}, "test is 1.5"),
        ({"test": ["nobody"]}, "no subject 'nobody'; there are u, x, y, z"),
        ({"test": ["x", "y", "z", "u"]}, "none is left"),
        ({"window_s": 0}, "0 samples"),
    ],
)
def test_a_split_that_cannot_be_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        capture.recordings_to_dataset(make_class(tmp_path), **{"window_s": 0.5, **change})


def test_a_dataset_needs_labels_subjects_and_two_of_them(tmp_path: Path) -> None:
    one = capture.load_recording(write(tmp_path, label="a", subject="x")[0])
    with pytest.raises(ValueError, match="all recordings are of one subject, 'x'.*Record another|All recordings"):
        capture.recordings_to_dataset([one], window_s=0.5)
    with pytest.raises(ValueError, match="has no label"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path)[0])], window_s=0.5)
    with pytest.raises(ValueError, match="has no subject.*relabel"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path, label="a")[0])], window_s=0.5)
    with pytest.raises(ValueError, match="of a camera"):
        capture.recordings_to_dataset([capture.load_recording(write(tmp_path, CAMERA, 3, label="a")[0])], window_s=1)

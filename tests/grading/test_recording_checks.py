"""Recordings of the virtual board, and what students may do to them: each check finds its own, and nothing else."""

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from tinyml_labs import capture, datasets
from tinyml_labs.capture.assembler import Block
from tinyml_labs.capture.recording_writer import RecordingWriter
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.hand_ins.recording_checks import (
    KnownRecordings,
    WantedRecording,
    grade_recording,
    known_recordings,
)
from tinyml_labs.grading.verdicts import ExerciseResult
from tinyml_labs.link.descriptions import Sensor, SensorKind

KINDS = ("whole", "asked", "clock", "values", "own")
WANTED = WantedRecording(grade_id="own_recording", points=8, sensor="imu", least_seconds=10)
IMU = Sensor(
    id=2, name="imu", unit="g,g,g,deg/s,deg/s,deg/s", channels=6, dtype="float32", rate_hz=119.0,
    channel_names="accX,accY,accZ,gyrX,gyrY,gyrZ",
)  # fmt: skip


def record(folder: Path, *, seed: int = 0, seconds: float = 12, sensor: str = "imu", **settings) -> Path:
    """Record from the virtual board, ten times as fast; give the recording's folder."""
    url = "virtual://?" + urlencode({"speed": 20, "seed": seed, "boot_text": "", **settings})
    return capture.record(url, sensor=sensor, seconds=seconds, label="idle", folder=folder, progress=False).path


def on_a_board(path: Path) -> Path:
    """Say that a board of one's own made it, as a board's recording does."""
    return edit(path, board={"board": "Nano 33 BLE", "firmware": "imu_streamer", "port": "/dev/ttyACM0"})


def edit(path: Path, **changed) -> Path:
    file = path / "recording.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    return path


def write(folder: Path, samples: np.ndarray, sensor: Sensor = IMU, *, label: str = "circle") -> Path:
    """Write samples with the kit's own recorder, as if a board had sent them."""
    rate = sensor.rate_hz / (sensor.rows or 1)
    board = {"board": "Nano 33 BLE", "firmware": "imu_streamer", "port": "/dev/ttyACM0"}
    writer = RecordingWriter(folder, sensor, rate_hz=rate, label=label, board=board)
    writer.append(Block(0, samples.astype(sensor.dtype)))
    writer.update(measured_rate_hz=rate)
    return writer.finish("complete")


def read(path: Path) -> np.ndarray:
    return capture.load_recording(path).samples


def found(result: ExerciseResult) -> dict[str, str]:
    """Give the checks that are not right, each with its message."""
    assert len(result.checks) == len(KINDS)
    assert all((check.points > 0) == (check.verdict == "ok") for check in result.checks)
    named = zip(KINDS, result.checks, strict=True)
    return {kind: check.message for kind, check in named if check.verdict != "ok"}


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> list[Path]:
    """Recordings of four students, each of a hand of their own, on boards."""
    folder = tmp_path_factory.mktemp("originals")
    return [on_a_board(record(folder / str(seed), seed=seed)) for seed in range(1, 5)]


@pytest.fixture
def hand_in(tmp_path, originals) -> Path:
    """A hand-in with a recording in it; tests change it."""
    shutil.copytree(originals[0], tmp_path / "ana" / "recording")
    return tmp_path / "ana"


def test_a_recording_of_the_virtual_board_is_right(tmp_path):
    record(tmp_path / "recording")
    result = grade_recording(tmp_path, WANTED)  # in a folder of its own below, as the recorder makes it
    assert found(result) == {}
    assert (result.points, result.verdict, result.notes) == (8, "ok", ())
    assert [check.max_points for check in result.checks] == [1, 1, 1, 1, 4]


@pytest.mark.filterwarnings("ignore::tinyml_labs.capture.RecordingWarning")
def test_a_recording_with_honest_gaps_is_right_and_says_so(tmp_path):
    path = record(tmp_path / "recording", seconds=40, drop_rate=5e-5)
    assert 0 < capture.load_recording(path).missing < 400
    result = grade_recording(tmp_path, WANTED)
    assert found(result) == {}
    assert any("samples are missing" in note for note in result.notes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::tinyml_labs.capture.RecordingWarning")
def test_too_many_gaps_are_a_fault(tmp_path):
    path = record(tmp_path / "recording", seconds=40, drop_rate=2e-3)
    recording = capture.load_recording(path)
    assert recording.missing > 0.1 * recording.span
    assert "are missing; at most 10%" in found(grade_recording(tmp_path, WANTED))["clock"]


@pytest.mark.parametrize("sensor", ["microphone", "analog"])
def test_other_sensors_are_right_too(tmp_path, sensor):
    record(tmp_path / "recording", sensor=sensor, seconds=12)
    wanted = WantedRecording(grade_id="r", points=8, sensor=sensor, least_seconds=10)
    empty = KnownRecordings(fingerprints=())  # the course's words take long to decode
    assert found(grade_recording(tmp_path, wanted, known=empty)) == {}


def test_pictures_are_right_too_and_copies_of_them_are_found(tmp_path):
    camera = Sensor(
        id=3, name="camera", unit="grey", channels=24, dtype="uint8", rate_hz=80.0, kind=SensorKind.IMAGE, rows=16
    )
    pictures = np.random.default_rng(0).integers(0, 256, (20, 16, 24)).astype(np.uint8)
    write(tmp_path / "ana" / "recording", pictures, camera)
    write(tmp_path / "ben" / "recording", pictures[5:15], camera)
    write(tmp_path / "eva" / "recording", np.repeat(pictures[:1], 9, axis=0), camera)
    wanted = WantedRecording(grade_id="r", points=8, sensor="camera")
    hand_ins = [HandIn(student=name, notebook=None, folder=tmp_path / name) for name in ("ana", "ben", "eva")]
    known = known_recordings(hand_ins, [wanted])
    results = {one.student: found(grade_recording(one.folder, wanted, known=known)) for one in hand_ins}
    assert sorted(results["ben"]) == ["own"]
    assert sorted(results["eva"]) == ["own", "values"]
    assert "the same to the last pixel" in results["eva"]["values"]


def test_what_was_asked_for_is_looked_at(hand_in):
    for changed, text in (
        ({"sensor": "microphone"}, "sensor imu; the task asks for microphone"),
        ({"least_seconds": 30}, "It has 12 s; the task asks for 30 s"),
        ({"labels": ("circle", "wave")}, "label is idle; the task asks for circle or wave"),
        ({"rate_hz": 50}, "Its rate is 119 Hz; the task asks for 50 Hz"),
    ):
        wanted = WantedRecording(**{"grade_id": "r", "points": 8, "folder": "recording", **changed})
        faults = found(grade_recording(hand_in, wanted))
        assert sorted(faults) == ["asked"]
        assert text in faults["asked"]


def test_a_virtual_board_is_refused_where_a_board_is_asked_for(tmp_path):
    record(tmp_path / "recording")
    wanted = WantedRecording(grade_id="r", points=8, virtual_board=False)
    assert "A virtual board made it" in found(grade_recording(tmp_path, wanted))["asked"]


def change_rows(path: Path, change) -> None:
    lines = (path / "samples.csv").read_text().splitlines()
    (path / "samples.csv").write_text("\n".join([lines[0], *change(lines[1:])]) + "\n")


def change_values(path: Path, change) -> None:
    """Change the samples in the CSV file, and leave numbers and times as they are."""
    values = change(read(path).astype(np.float64))

    def rows(lines):
        return [
            ",".join([*line.split(",")[:2], *map(repr, row.tolist())])
            for line, row in zip(lines, values, strict=True)
        ]

    change_rows(path, rows)


def test_rows_taken_out_are_found(hand_in):
    change_rows(hand_in / "recording", lambda rows: rows[:300] + rows[400:])
    faults = found(grade_recording(hand_in, WANTED))
    assert "There are 1328 samples, and recording.json says 1428" in faults["whole"]
    assert "do not fit together" in faults["whole"]


def test_numbers_that_go_back_are_found(hand_in):
    change_rows(hand_in / "recording", lambda rows: [*rows[:300], rows[301], rows[300], *rows[302:]])
    faults = found(grade_recording(hand_in, WANTED))
    assert "do not rise" in faults["whole"]
    assert "times in samples.csv do not rise" in faults["clock"]


def test_times_of_another_rate_are_found(hand_in):
    def faster(rows):
        parts = [row.split(",") for row in rows]
        return [",".join([p[0], str(float(p[1]) / 2), *p[2:]]) for p in parts]

    change_rows(hand_in / "recording", faster)
    faults = found(grade_recording(hand_in, WANTED))
    assert sorted(faults) == ["clock"]
    assert "samples.csv says" in faults["clock"]


def test_a_length_that_was_written_in_is_found(hand_in):
    edit(hand_in / "recording", seconds=60.0)
    faults = found(grade_recording(hand_in, WANTED))
    assert sorted(faults) == ["clock"]
    assert "recording.json says 60 s; its samples and rate give 12 s" in faults["clock"]


def test_a_rate_that_the_board_does_not_have_is_found(hand_in):
    edit(hand_in / "recording", measured_rate_hz=50.0)
    assert "was measured at 50 Hz" in found(grade_recording(hand_in, WANTED))["clock"]


def test_a_rate_a_little_off_is_a_note(hand_in):
    edit(hand_in / "recording", measured_rate_hz=121.5, crc_errors=3)
    result = grade_recording(hand_in, WANTED)
    assert found(result) == {}
    assert any("121.5 Hz" in note for note in result.notes)
    assert any("CRC" in note for note in result.notes)


def test_an_unfinished_recording_is_no_whole_one(hand_in):
    edit(hand_in / "recording", finished=False)
    assert "not finished" in found(grade_recording(hand_in, WANTED))["whole"]


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("one channel", lambda v: v * [1, 1, 1, 0, 1, 1], "in all 1,428 samples: gyrX"),
        ("all channels", lambda v: np.ones_like(v) * [0, 0, 1, 0, 0, 0], "accX, accY, accZ, gyrX"),
        ("each value four times", lambda v: np.repeat(v[::4], 4, axis=0), "nothing differs from the sample before"),
        ("not a number", lambda v: np.where(np.arange(len(v))[:, None] == 7, np.nan, v), "no numbers"),
        ("another unit", lambda v: v * [9.81, 9.81, 9.81, 1, 1, 1], "on the earth it is about 1 g"),
        ("no gravity", lambda v: v * [0.1, 0.1, 0.1, 1, 1, 1], "on the earth it is about 1 g"),
        ("beyond the sensor", lambda v: v * [1, 1, 1, 1, 1, 100], "no such sensor goes beyond"),
    ],
)
def test_values_that_no_sensor_gives_are_found(hand_in, name, change, text):
    change_values(hand_in / "recording", change)
    faults = found(grade_recording(hand_in, WANTED))
    assert sorted(faults) == ["values"]
    assert text in faults["values"]


def make_class(folder: Path, recordings: dict[str, Path | np.ndarray]) -> list[HandIn]:
    hand_ins = []
    for student, one in recordings.items():
        target = folder / student / "recording"
        if isinstance(one, Path):
            shutil.copytree(one, target)
        else:
            write(target, one)
        hand_ins.append(HandIn(student=student, notebook=None, folder=folder / student))
    return hand_ins


def grade_class(folder: Path, recordings: dict[str, Path | np.ndarray]) -> dict[str, ExerciseResult]:
    hand_ins = make_class(folder, recordings)
    known_recordings(hand_ins, [WANTED]).save(folder / "known.json")
    return {one.student: grade_recording(one.folder, WANTED, known=folder / "known.json") for one in hand_ins}


def test_recordings_of_their_own_are_nobody_s_copies(tmp_path, originals):
    results = grade_class(tmp_path, dict(zip(("ana", "ben", "eva", "max"), originals, strict=True)))
    assert all(found(result) == {} and result.notes == () for result in results.values())


def test_a_copy_to_the_byte_is_found_on_both_sides_and_names_nobody(tmp_path, originals):
    results = grade_class(tmp_path, {"ana": originals[0], "ben": originals[1], "thief": originals[0]})
    assert found(results["ben"]) == {}
    for student in ("ana", "thief"):
        faults = found(results[student])
        assert sorted(faults) == ["own"]
        assert "same, to the byte, as those of the recording of another hand-in" in faults["own"]
        assert results[student].points == 4
        assert not {"ana", "thief", str(tmp_path)} & set(faults["own"].split())


def test_other_attempts_of_the_same_student_are_no_copies(tmp_path, originals):
    hand_ins = make_class(tmp_path, {"first": originals[0], "second": originals[0]})
    hand_ins = [HandIn(student="ana", attempt=one.student, notebook=None, folder=one.folder) for one in hand_ins]
    known = known_recordings(hand_ins, [WANTED])
    assert all(found(grade_recording(one.folder, WANTED, known=known)) == {} for one in hand_ins)


def cut(samples: np.ndarray) -> np.ndarray:
    return samples[111 : 111 + 800]


def padded(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(5).normal([0, 0, 1, 0, 0, 0], 0.2, (400, 6))
    return np.concatenate([noise, samples[:900]])


@pytest.mark.parametrize("change", [cut, padded])
def test_a_piece_of_another_s_recording_is_a_copy(tmp_path, originals, change):
    wanted = WantedRecording(grade_id="r", points=8, sensor="imu")
    hand_ins = make_class(tmp_path, {"ana": originals[0], "ben": originals[1], "thief": change(read(originals[0]))})
    known = known_recordings(hand_ins, [wanted])
    results = {one.student: grade_recording(one.folder, wanted, known=known) for one in hand_ins}
    assert sorted(found(results["thief"])) == ["own"]
    assert found(results["ben"]) == {}


def test_relabelling_does_not_hide_a_copy(tmp_path, originals):
    hand_ins = make_class(tmp_path, {"ana": originals[0], "thief": originals[0]})
    folder = tmp_path / "thief" / "recording"
    edit(folder, label="wave", subject="me", session="mine", start_utc="2026-11-01T10:00:00Z", first_sample=99)
    known = known_recordings(hand_ins, [WANTED])
    assert sorted(found(grade_recording(tmp_path / "thief", WANTED, known=known))) == ["own"]


def with_noise(samples: np.ndarray) -> np.ndarray:
    return samples + np.random.default_rng(3).normal(0, 0.05, samples.shape) * samples.std(axis=0)


NEAR = {
    "scaled": lambda x: x * 1.1,
    "turned round": lambda x: x * [1, -1, 1, 1, -1, 1],
    "moved in value": lambda x: x + np.array([0.1, 0, 0.05, 3, 0, 0]),
    "noise": with_noise,
    "cut, scaled and with noise": lambda x: with_noise(x[133:] * 0.9),
}


@pytest.mark.parametrize("name", NEAR)
def test_what_is_nearly_a_copy_is_a_note_and_costs_nothing(tmp_path, originals, name):
    students = dict(zip(("ana", "ben", "eva", "max"), originals, strict=True))
    results = grade_class(tmp_path, {**students, "near": NEAR[name](read(originals[0]))})
    for student in ("ana", "near"):
        assert found(results[student]) == {}
        assert len(results[student].notes) == 1
        assert "A person should look: it moves like the recording of another" in results[student].notes[0]
    assert all(results[student].notes == () for student in ("ben", "eva", "max"))


def test_half_a_copy_is_a_note(tmp_path, originals):
    mixed = np.concatenate([read(originals[0])[:500], read(originals[1])[:900]])
    results = grade_class(tmp_path, {"ana": originals[0], "mixer": mixed})
    assert found(results["mixer"]) == {}
    assert "to the byte" in " ".join(results["mixer"].notes)
    assert found(results["ana"]) == {}


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x[500:2000]])
def test_the_course_s_own_data_earn_nothing(tmp_path, change):
    samples = datasets.load_gestures().recordings[3].samples
    write(tmp_path / "recording", change(samples))
    result = grade_recording(tmp_path, WANTED)
    assert sorted(found(result)) == sorted(KINDS)
    assert result.points == 0
    assert "the course's own data" in result.checks[0].message


def test_the_course_s_own_data_with_noise_are_a_note(tmp_path):
    samples = datasets.load_gestures().recordings[3].samples[500:2500]
    results = grade_class(tmp_path, {"ana": with_noise(samples)})
    assert found(results["ana"]) == {}
    assert "it moves like the course's own data" in results["ana"].notes[0]


def test_virtual_boards_give_everybody_the_same_and_that_is_no_copy(tmp_path):
    for student in ("ana", "ben"):
        record(tmp_path / student / "recording", seed=0)
    hand_ins = [HandIn(student=name, notebook=None, folder=tmp_path / name) for name in ("ana", "ben")]
    known = known_recordings(hand_ins, [WANTED])
    for one in hand_ins:
        result = grade_recording(one.folder, WANTED, known=known)
        assert (found(result), result.notes) == ({}, ())


def test_people_who_make_the_same_gesture_do_not_look_like_copies():
    """38 simulated people draw circles for ten seconds: of 703 pairs none is alike."""
    from tinyml_labs.grading.hand_ins.recording_copies import find_similar
    from tinyml_labs.grading.hand_ins.recording_fingerprints import fingerprint_samples

    prints = []
    for one in datasets.load_gestures().recordings:
        start = next(part.start for part in one.intervals if part.label == "circle")
        piece = one.samples[start : start + 1190]
        prints.append(fingerprint_samples(piece, 119.0, kind="signal", owner=one.subject, place=one.name))
    assert len(prints) == 38
    assert find_similar(prints) == []


HOSTILE = {
    "no description": (lambda path: (path / "recording.json").unlink(), "is to hold a recording.json"),
    "broken JSON": (lambda path: (path / "recording.json").write_text("{'label':"), "no JSON"),
    "deep JSON": (lambda path: (path / "recording.json").write_text("[" * 500_000), "no JSON|more than 1 MB"),
    "a list": (lambda path: (path / "recording.json").write_text("[1, 2]"), "describes no sensor"),
    "large JSON": (lambda path: (path / "recording.json").write_text(" " * 2_000_000), "more than 1 MB"),
    "another file": (lambda path: edit(path, samples_file="../../ben/recording/samples.csv"), "samples_file is"),
    "an absolute file": (lambda path: edit(path, samples_file="/etc/passwd"), "samples_file is '…/passwd'"),
    "no samples": (lambda path: (path / "samples.csv").unlink(), "is not there"),
    "empty samples": (lambda path: (path / "samples.csv").write_bytes(b""), "cannot be read"),
    "bytes": (lambda path: (path / "samples.csv").write_bytes(bytes(range(256)) * 99), "cannot be read"),
    "huge samples": (lambda path: os.truncate(path / "samples.csv", 10**11), "100,000.0 MB; 32 MB are read"),
    "no gap": (lambda path: edit(path, gaps=[{"at": 1}]), "no list of gaps"),
    "a huge gap": (
        lambda path: edit(path, gaps=[{"at": 1, "first": 1, "missing": 2**62, "cause": "", "overruns": 0}]),
        "no list of gaps",
    ),
    "no rate": (lambda path: edit(path, measured_rate_hz=-5), "measured_rate_hz is -5"),
    "text for a number": (lambda path: edit(path, samples="many"), "cannot be read"),
    "a version to come": (lambda path: edit(path, version=99), "cannot be read"),
    "escape codes": (lambda path: edit(path, samples_file="\x1b[31m<script>"), "samples_file is"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_a_sentence(hand_in, name):
    do, text = HOSTILE[name]
    do(hand_in / "recording")
    result = grade_recording(hand_in, WANTED)
    assert (result.points, result.verdict) == (0, "wrong")
    assert re.search(text, result.checks[0].message), result.checks[0].message
    assert str(hand_in) not in result.checks[0].message
    assert "\x1b" not in result.checks[0].message


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"dtype": "V1000000000"}, "of the type 'V1000000000'"),
        ({"dtype": "O"}, "of the type 'O'"),
        ({"kind": "image", "width": 10**9, "rows": 10**9}, "samples_file is|no sizes"),
        ({"kind": ["signal"]}, "the sensor's kind is"),
        ({"channel_names": ["x"] * 5000}, "no list of up to 64"),
        ({"nominal_rate_hz": 1e300}, "nominal_rate_hz"),
    ],
)
def test_a_hostile_sensor_is_a_sentence(hand_in, changed, text):
    meta = json.loads((hand_in / "recording" / "recording.json").read_text())
    edit(hand_in / "recording", sensor={**meta["sensor"], **changed})
    result = grade_recording(hand_in, WANTED)
    assert (result.points, result.verdict) == (0, "wrong")
    assert re.search(text, result.checks[0].message), result.checks[0].message


def test_a_picture_that_is_larger_than_it_says_is_not_opened(tmp_path):
    from PIL import Image

    camera = Sensor(
        id=3, name="camera", unit="grey", channels=24, dtype="uint8", rate_hz=80.0, kind=SensorKind.IMAGE, rows=16
    )
    path = write(tmp_path / "recording", np.zeros((3, 16, 24), np.uint8), camera)
    Image.new("L", (20_000, 20_000)).save(path / "image_000001.png")
    result = grade_recording(tmp_path, WANTED)
    assert "image_000001.png is no PNG of 24×16" in result.checks[0].message


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
@pytest.mark.parametrize("what", ["folder", "file", "description", "extra"])
def test_links_are_refused(hand_in, originals, what):
    folder = hand_in / "recording"
    if what == "folder":
        shutil.rmtree(folder)
        folder.symlink_to(originals[1])
    else:
        name = {"file": "samples.csv", "description": "recording.json", "extra": "notes.txt"}[what]
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(originals[1] / name)
    result = grade_recording(hand_in, WANTED)
    assert (result.points, result.verdict) == (0, "wrong")
    assert "link" in result.checks[0].message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_does_not_stop_the_grader(hand_in):
    (hand_in / "recording" / "samples.csv").unlink()
    os.mkfifo(hand_in / "recording" / "samples.csv")
    assert "no plain file" in grade_recording(hand_in, WANTED).checks[0].message


def test_a_recording_that_is_not_there_is_an_open_task(tmp_path):
    result = grade_recording(tmp_path, WANTED)
    assert (result.verdict, result.points, result.max_points) == ("open", 0, 8)
    assert result.checks[0].message == "There is no folder recording in the hand-in."


def test_hostile_hand_ins_do_not_stop_the_list_of_the_class(tmp_path, originals):
    hand_ins = make_class(tmp_path, {"ana": originals[0], "ben": originals[1]})
    (tmp_path / "ben" / "recording" / "recording.json").write_text("[" * 100_000)
    hand_ins.append(HandIn(student="nobody", notebook=None, folder=tmp_path / "absent"))
    known = known_recordings(hand_ins, [WANTED])
    assert [one.owner for one in known.fingerprints if one.owner] == ["ana"]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"grade_id": "r"}, "no 'points'"),
        ({"grade_id": "r", "points": 1, "seconds": 5}, "the key 'seconds'"),
        ({"grade_id": "r", "points": 1, "folder": "../ben"}, "no name of a folder"),
        ({"grade_id": "r", "points": 1, "most_missing": 20}, "from 0 to 1"),
    ],
)
def test_what_an_instructor_writes_is_checked(entry, text):
    with pytest.raises(ValueError, match=text):
        WantedRecording.from_dict(entry)


def test_another_file_is_no_list_of_recordings(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no known recordings"):
        KnownRecordings.load(tmp_path / "other.json")

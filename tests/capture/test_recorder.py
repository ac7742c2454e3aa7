"""The recorder's process on real ports: nothing lost, however busy or dead the program is that started it."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tinyml_labs import capture, link
from tinyml_labs.capture.recorder import RecordingWarning
from tinyml_labs.cli import main
from tinyml_labs.virtual import test_pattern as pattern

IMU_RATE = "sensor_rate_hz=1000&test_channels=6&test_dtype=float32"
USB_LIMIT = "sensor_rate_hz=100000&test_channels=6&test_dtype=int16"  # 1.2 MB/s


@pytest.fixture(params=["auto", "--socket"])
def board_port(request: pytest.FixtureRequest) -> Iterator[str]:
    """A virtual board of its own process, on a pty and on a socket."""
    arguments = [] if request.param == "auto" else [request.param]
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyml_labs.cli", "virtual-board", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


def is_the_pattern(recording: capture.Recording) -> None:
    first = recording.metadata["first_sample"]
    count, channels = recording.samples.shape
    expected = pattern(first, int(recording.sample_numbers[-1]) + 1, channels, dtype=recording.sensor["dtype"])
    np.testing.assert_array_equal(recording.samples, expected[recording.sample_numbers])
    assert count > 0


@pytest.mark.slow
def test_a_take_is_on_disk_whole(board_port: str, tmp_path: Path) -> None:
    recording = capture.record(
        board_port, sensor="test_pattern", seconds=1, label="a", subject="ana", folder=tmp_path, progress=False
    )
    is_the_pattern(recording)
    assert (len(recording.samples), recording.problems) == (1000, [])
    assert recording.measured_rate_hz == pytest.approx(1000, rel=0.01)
    assert recording.metadata["board"]["port"] == board_port
    assert [p.name for p in tmp_path.iterdir()] == [recording.path.name]


@pytest.mark.slow
def test_every_sensor_of_the_board_is_recorded(tmp_path: Path) -> None:
    shapes = {"analog": (50, 1), "imu": (119, 6), "microphone": (16_000, 1), "camera": (5, 96, 96)}
    with capture.Recorder("virtual://", sensor="analog", folder=tmp_path) as recorder:
        for name, shape in shapes.items():
            recorder.select(name)
            recorder.start(label=name, seconds=1)
            recording = recorder.wait(timeout_s=20)
            assert recording.samples.shape == shape
            assert (recording.problems, recording.missing) == ([], 0)
            assert len(np.unique(recording.samples)) > 3
        with pytest.raises(link.BoardError, match="no sensor 'thermometer'"):
            recorder.select("thermometer")
        assert recorder.info["sensor"]["name"] == "camera"
    assert len(capture.load_recordings(tmp_path)) == 4


def stay_busy(recorder: capture.Recorder) -> None:
    """Hold this program's only interpreter: long calls in C that let nobody in, and Python loops."""
    big = list(range(3_000_000))
    random.Random(0).shuffle(big)
    while recorder.recording:
        sorted(big)
        sum(range(1_000_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "sensor", "rate", "kind"),
    [(IMU_RATE, "test_pattern", 1000, "signal"), (USB_LIMIT, "test_pattern", 100_000, "signal")],
)
def test_a_busy_program_loses_nothing(tmp_path: Path, settings: str, sensor: str, rate: int, kind: str) -> None:
    with capture.Recorder(f"virtual://?{settings}", sensor=sensor, folder=tmp_path) as recorder:
        recorder.start(seconds=5)
        stay_busy(recorder)
        recording = recorder.wait()
    assert (len(recording.samples), recording.problems, recording.kind) == (5 * rate, [], kind)
    is_the_pattern(recording)


@pytest.mark.slow
def test_sound_is_recorded_while_the_program_is_busy(tmp_path: Path) -> None:
    """The same sound twice: once by a program that waits, once by one that is busy."""
    takes = []
    for busy in (False, True):
        with capture.Recorder("virtual://?seed=5", sensor="microphone", folder=tmp_path) as recorder:
            recorder.start(seconds=4)
            if busy:
                stay_busy(recorder)
            takes.append(recorder.wait())
    calm, strained = takes
    assert (len(strained.samples), strained.problems, strained.gaps) == (64_000, [], [])
    offset = calm.metadata["first_sample"] - strained.metadata["first_sample"]
    count = 64_000 - abs(offset)
    np.testing.assert_array_equal(calm.samples[max(0, -offset) :][:count], strained.samples[max(0, offset) :][:count])
    assert calm.samples.std() > 10


@pytest.mark.slow
@pytest.mark.parametrize("sensor", ["test_pattern", "microphone", "camera"])
def test_a_recorder_that_is_killed_leaves_a_recording_that_opens(tmp_path: Path, sensor: str) -> None:
    """kill -9 at 20 random moments: what opens is right, and holds all but the last second."""
    chance = random.Random(sensor)
    for moment in range({"test_pattern": 10}.get(sensor, 5)):
        folder = tmp_path / str(moment)
        recorder = capture.Recorder(f"virtual://?{IMU_RATE}", sensor=sensor, folder=folder)
        rate = recorder.info["sensor"]["nominal_rate_hz"]
        recorder.start(label="killed")
        deadline = time.monotonic() + chance.uniform(0.3, 3.0)
        while time.monotonic() < deadline or not recorder.status.stored:
            time.sleep(0.01)
        had = recorder.status.span
        os.kill(recorder._process.pid, 9)
        with pytest.raises(link.BoardError, match="process ended"):
            recorder.wait(timeout_s=10)
        recorder.close()
        (recording,) = capture.load_recordings(folder)
        assert not recording.finished and recording.path.name.endswith(".part")
        assert len(recording.samples) == recording.metadata["samples"] >= had - rate
        assert recording.missing == 0
        assert "killed" in recording.problems[0]
        if sensor == "test_pattern" and len(recording.samples):
            is_the_pattern(recording)
        assert len(list(folder.iterdir())) == 1


@pytest.mark.slow
def test_a_program_that_dies_leaves_a_finished_recording(tmp_path: Path) -> None:
    program = (
        "import time\nfrom tinyml_labs import capture\n"
        f"recorder = capture.Recorder('virtual://', sensor='test_pattern', folder={str(tmp_path)!r})\n"
        "recorder.start(label='orphan')\n"
        "while not recorder.status.stored: time.sleep(0.01)\n"
        "print(recorder._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(1)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(timeout=20)
    (recording,) = capture.load_recordings(tmp_path)
    assert recording.finished
    assert recording.metadata["ended"] == "the program that recorded has ended"
    is_the_pattern(recording)


@pytest.mark.slow
def test_a_full_disk_keeps_what_it_holds(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk]).returncode:
        pytest.skip("only root may mount a small disk to fill it")
    try:
        with capture.Recorder(f"virtual://?{USB_LIMIT}", sensor="test_pattern", folder=disk) as recorder:
            recorder.start(label="full", seconds=5)
            recording = recorder.wait(timeout_s=30)
            assert any("No space left" in trouble for trouble in recorder.troubles)
            assert recording.problems
            assert len(recording.samples) > 100
            is_the_pattern(recording)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with capture.Recorder("virtual://", sensor="imu", folder=tmp_path / "file") as recorder:
        recorder.start(label="a", seconds=1)
        with pytest.raises(link.BoardError, match="could not be written.*file"):
            recorder.wait(timeout_s=20)


@pytest.mark.slow
def test_stop_gives_what_came_and_orders_are_checked(tmp_path: Path) -> None:
    with capture.Recorder("virtual://", sensor="test_pattern", folder=tmp_path) as recorder:
        with pytest.raises(ValueError, match="seconds is 0"):
            recorder.start(seconds=0)
        recorder.start(label="a")
        with pytest.raises(ValueError, match="under way"):
            recorder.start(label="b")
        while not recorder.status.stored:
            time.sleep(0.01)
        recording = recorder.stop()
        assert recording.metadata["ended"] == "stopped"
        is_the_pattern(recording)
        recorder.start(label="b", seconds=0.1)
        assert len(recorder.wait().samples) == 100
    assert {recording.label for recording in capture.load_recordings(tmp_path)} == {"a", "b"}


@pytest.mark.slow
def test_orders_that_cross_each_other_end(tmp_path: Path) -> None:
    """Another sensor before the first sample came; a stop when it is over; arguments that cannot be."""
    with capture.Recorder("virtual://?sensor_rate_hz=1", sensor="test_pattern", folder=tmp_path) as recorder:
        recorder.start(label="a")
        recorder.select("analog")
        with pytest.raises(link.BoardError, match="No sample came before the end"):
            recorder.wait(timeout_s=10)
        for wrong in (float("inf"), float("nan"), -1):
            with pytest.raises(ValueError, match="takes some time, and ends"):
                recorder.start(seconds=wrong)
        with pytest.raises(TypeError, match="label is None"):
            recorder.start(label=None)
        with pytest.raises(ValueError, match="no text that can be written"):
            recorder.start(label="a\udcff")
        recorder.start(label=3, seconds=np.float32(0.1))
        assert recorder.wait(timeout_s=10).label == "3"
        assert recorder.stop().label == "3"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_keep_the_recorder_from_ending(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\nfrom tinyml_labs import capture\n"
        f"recorder = capture.Recorder('virtual://', sensor='test_pattern', folder={str(tmp_path)!r})\n"
        "recorder.start(label='a')\nwhile not recorder.status.stored: time.sleep(0.01)\n"
        "child = os.fork()\nif not child: time.sleep(30); os._exit(0)\n"
        "recorder.close()\nos.kill(child, 9)\nprint(recorder._process.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "0"
    (recording,) = capture.load_recordings(tmp_path)
    assert recording.finished


@pytest.mark.slow
def test_modules_in_the_current_folder_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queue.py").write_text("raise RuntimeError('the student has a queue.py')")
    monkeypatch.chdir(tmp_path)
    with capture.Recorder("virtual://", sensor="imu") as recorder:
        recorder.start(seconds=0.1)
        assert len(recorder.wait(timeout_s=10).samples) == 12


@pytest.mark.slow
def test_a_port_that_is_not_there_and_a_sensor_that_is_not(tmp_path: Path) -> None:
    with pytest.raises(link.PortError, match="no such port"):
        capture.Recorder("/dev/ttyNOT0", folder=tmp_path)
    with pytest.raises(link.BoardError, match="has 5 sensors: 'analog'.*Choose with sensor="):
        capture.Recorder("virtual://", folder=tmp_path)
    with pytest.raises(link.BoardError, match="no decoder 'xml'"):
        capture.Recorder("virtual://", sensor="imu", decoder="xml", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_rate_that_is_off_is_a_warning(tmp_path: Path) -> None:
    with pytest.warns(RecordingWarning, match=r"samples at 1030 Hz, and says 1000 Hz: \+3\.0%"):
        recording = capture.record(
            "virtual://?rate_error_percent=3", sensor="test_pattern", seconds=2, folder=tmp_path, progress=False
        )
    assert recording.measured_rate_hz == pytest.approx(1030, rel=1e-3)
    assert recording.rate_hz == 1000


@pytest.mark.slow
def test_the_boards_clock_may_wrap_in_the_middle(tmp_path: Path) -> None:
    recording = capture.record(
        f"virtual://?start_micros={2**32 - 1_000_000}",
        sensor="test_pattern",
        seconds=2,
        folder=tmp_path,
        progress=False,
    )
    assert (recording.problems, recording.measured_rate_hz) == ([], pytest.approx(1000, rel=1e-3))


@pytest.mark.slow
def test_the_command_records_and_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--sensor",
        "imu",
        "--seconds",
        "0.5",
        "--label",
        "idle",
        "--subject",
        "ana",
        "--folder",
        str(tmp_path),
    ]
    assert main(["record", "virtual://", *arguments, "--takes", "2", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    takes = [json.loads(line) for line in lines]
    assert [(take["label"], take["subject"], take["ended"]) for take in takes] == [("idle", "ana", "complete")] * 2
    assert main(["recordings", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "2 recordings, 1.0 s" in out and "idle of ana: 60 samples of imu" in out
    assert main(["recordings", str(tmp_path / "none")]) == 1
    assert main(["record", "virtual://", "--sensor", "imu", "--takes", "2"]) == 1
    assert "Several takes need --seconds" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("style", ["plain", "imu_capture", "edge_impulse"])
def test_other_peoples_sketches_are_recorded_as_they_are(tmp_path: Path, style: str) -> None:
    url = f"virtual://?dialect=csv&csv_style={style}&sensor=imu&csv_threshold_g=0&speed=2"
    with capture.Recorder(url, folder=tmp_path, decoder="csv") as recorder:
        recorder.start(label="a", seconds=4)
        recording = recorder.wait(timeout_s=60)
    assert recording.samples.shape[1] == 6 and len(recording.samples) > 300
    assert recording.metadata["bad_lines"]["count"] == 0
    assert recording.measured_rate_hz == pytest.approx(238, rel=0.05)
    if style == "imu_capture":
        assert recording.channel_names == ["aX", "aY", "aZ", "gX", "gY", "gZ"]
        assert {gap.cause for gap in recording.gaps} <= {"pause"} and recording.gaps
        assert all(len(piece) == 119 for piece in recording.segments()[1:-1])


@pytest.mark.slow
def test_a_board_that_prints_numbers_is_found_out_without_being_told(tmp_path: Path) -> None:
    with capture.Recorder("virtual://?dialect=csv&sensor=imu", folder=tmp_path) as recorder:
        assert recorder.info["board"]["board"] == "a board that prints numbers"
        recorder.start(seconds=1)
        assert recorder.wait(timeout_s=30).samples.shape[1] == 6


@pytest.mark.slow
def test_damaged_lines_are_gaps_of_one_sample_and_the_first_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "faults.jsonl"
    url = f"virtual://?dialect=csv&sensor=test_pattern&flip_rate=1e-3&speed=2&seed=2&fault_log={log}"
    with capture.Recorder(url, folder=tmp_path / "r", decoder="csv", rate_hz=2000) as recorder:
        recorder.start(seconds=2)
        recording = recorder.wait(timeout_s=60)
    bad = recording.metadata["bad_lines"]
    assert bad["count"] > 3
    assert bad["first"].startswith("line ")
    assert recording.missing > 0 and {gap.cause for gap in recording.gaps} == {"bad line"}
    assert f"{bad['count']} lines were no numbers" in " ".join(recording.problems)

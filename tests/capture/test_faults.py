"""Everything that goes wrong between a board and a disk, on purpose: nothing wrong is stored, nothing is unsaid.

The virtual board sends a test pattern, of which each value can be computed, damages it as told, and logs what it did.
"""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from tinyml_labs import capture, link
from tinyml_labs.capture.recorder import RecordingWarning
from tinyml_labs.virtual import test_pattern as pattern

pytestmark = pytest.mark.slow


def record(tmp_path: Path, *, seconds: float = 2.0, **settings: object) -> tuple[capture.Recording, list[dict]]:
    """Record the test pattern at 1 kHz, ten times as fast, from a board with faults; give what it logged too."""
    log = tmp_path / "faults.jsonl"
    plan = {"speed": 10, "frame_payload": 409, "fault_log": log, "boot_text": "", **settings}
    url = "virtual://?" + urlencode(plan)
    with capture.Recorder(url, sensor="test_pattern", folder=tmp_path, reconnect_s=8) as recorder:
        recorder.start(label="faulty", seconds=seconds * 10)
        recording = recorder.wait(timeout_s=60)
    return recording, [json.loads(line) for line in log.read_text().splitlines()]


def check_samples(recording: capture.Recording, piece: slice = slice(None), *, first: int | None = None) -> None:
    """Every sample is the one that the board sent under this number."""
    numbers = recording.sample_numbers[piece]
    first = recording.metadata["first_sample"] if first is None else first
    expected = pattern(first, int(numbers[-1]) + 1, 4)
    np.testing.assert_array_equal(recording.samples[piece], expected[numbers])


def missing_numbers(recording: capture.Recording) -> set[int]:
    gaps = recording.gaps
    span = max(int(recording.sample_numbers[-1]) + 1, gaps[-1].first + gaps[-1].missing if gaps else 0)
    return set(range(span)) - set(recording.sample_numbers.tolist())


def gap_numbers(recording: capture.Recording) -> set[int]:
    return {number for gap in recording.gaps for number in range(gap.first, gap.first + gap.missing)}


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("fault", ["flip", "drop", "insert", "repeat"])
def test_damaged_bytes_cost_their_frames_and_nothing_else(tmp_path: Path, fault: str, rate: float) -> None:
    recording, log = record(tmp_path, **{f"{fault}_rate": rate, "seed": 3})
    check_samples(recording)
    first, span = recording.metadata["first_sample"], 20_000
    damaged = {
        number - first
        for entry in log
        if entry["altered"] and entry.get("frame") == "SAMPLES"
        for number in range(entry["first"], entry["first"] + entry["samples"])
        if first <= number < first + span
    }
    assert gap_numbers(recording) == missing_numbers(recording) == damaged
    assert recording.missing == recording.metadata["missing"] == len(damaged)
    assert len(recording.samples) + len(damaged) == span
    assert {gap.cause for gap in recording.gaps} <= {"damaged"}
    assert len(damaged) > 0 or rate == 1e-5
    assert recording.metadata["damaged_frames"] >= (len(damaged) > 0)
    assert ("samples are missing" in " ".join(recording.problems)) == (len(damaged) > 0)
    assert recording.metadata["ended"] == "complete"


@pytest.mark.parametrize("every_s", [0.3, 0.7, 1.9])
def test_samples_that_the_board_drops_are_its_overruns(tmp_path: Path, every_s: float) -> None:
    recording, log = record(tmp_path, overrun_every_s=every_s, overrun_samples=77)
    check_samples(recording)
    first = recording.metadata["first_sample"]
    injected = [(e["first"] - first, e["samples"]) for e in log if e["fault"] == "overrun on purpose"]
    inside = [(at, count) for at, count in injected if at > 0 and at + count <= 20_000]
    assert [(gap.first, gap.missing) for gap in recording.gaps if gap.first + gap.missing < 20_000] == [
        (at, count) for at, count in inside if at + count < 20_000
    ]
    assert {(gap.cause, gap.overruns == gap.missing) for gap in recording.gaps} == {("overrun", True)}
    assert recording.metadata["overruns"] == recording.missing > 0


@pytest.mark.parametrize("every_s", [0.2, 0.6, 1.5])
def test_a_board_that_stalls_loses_nothing_that_it_kept(tmp_path: Path, every_s: float) -> None:
    recording, log = record(tmp_path, stall_every_s=every_s, stall_s=every_s / 2)
    check_samples(recording)
    assert [entry["fault"] for entry in log].count("stall") >= 1
    assert (len(recording.samples), recording.gaps, recording.problems) == (20_000, [], [])


def test_a_long_stall_fills_the_boards_buffer_and_that_is_said(tmp_path: Path) -> None:
    recording, log = record(tmp_path, stall_every_s=0.5, stall_s=2.5, buffer_kb=4, fault_count=1)
    check_samples(recording)
    overruns = [entry for entry in log if entry["fault"] == "overrun"]
    assert overruns
    assert {gap.cause for gap in recording.gaps} == {"overrun"}
    assert gap_numbers(recording) == missing_numbers(recording)
    assert recording.metadata["overruns"] == recording.missing > 1000


@pytest.mark.parametrize("after_s", [0.3, 0.7, 1.1])
def test_a_reset_is_a_gap_by_the_hosts_clock(tmp_path: Path, after_s: float) -> None:
    recording, log = record(tmp_path, seconds=4, reset_after_s=after_s, boot_ms=200)
    assert [entry["fault"] for entry in log] == ["reset"]
    (gap,) = recording.gaps
    assert (gap.cause, gap.estimated) == ("reset", True)
    check_samples(recording, slice(0, gap.at))
    after = recording.samples[gap.at :]
    np.testing.assert_array_equal(after, pattern(0, len(after), 4))  # from the first sample of the new stream on
    assert "reset while it was streaming" in " ".join(recording.metadata["notes"])
    assert recording.metadata["ended"] == "complete"
    assert gap.first + gap.missing + len(after) == 40_000


@pytest.mark.parametrize("away_s", [0.1, 0.5, 2.0])
def test_a_port_that_comes_back_under_another_name_is_followed(tmp_path: Path, away_s: float) -> None:
    recording, log = record(tmp_path, seconds=5, vanish_after_s=0.6, vanish_s=away_s)
    assert [entry["fault"] for entry in log] == ["vanish", "back"]
    (gap,) = recording.gaps
    assert gap.estimated
    check_samples(recording, slice(0, gap.at))
    after = recording.samples[gap.at :]
    np.testing.assert_array_equal(after, pattern(0, len(after), 4))
    notes = " ".join(recording.metadata["notes"])
    assert "went away" in notes and "came back on" in notes
    assert gap.missing >= away_s * 1000  # by the nominal rate; the true one is ten times that here


def test_a_board_that_stays_away_leaves_what_came_before(tmp_path: Path) -> None:
    log = tmp_path / "faults.jsonl"
    url = f"virtual://?speed=10&vanish_after_s=1&vanish_s=600&fault_log={log}"
    with pytest.warns(RecordingWarning, match="ended early: .* went away"):
        recording = capture.record(
            url, sensor="test_pattern", seconds=60, folder=tmp_path, reconnect_s=1, progress=False
        )
    check_samples(recording)
    assert recording.finished and not recording.path.name.endswith(".part")
    assert "has not come back within 1 s" in recording.metadata["ended"]
    assert len(recording.samples) > 5000
    assert recording.gaps == []


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3])
def test_everything_at_once(tmp_path: Path, rate: float) -> None:
    settings = {f"{fault}_rate": rate / 4 for fault in ("flip", "drop", "insert", "repeat")}
    recording, _ = record(
        tmp_path,
        seconds=3,
        stall_every_s=0.9,
        stall_s=0.2,
        overrun_every_s=0.4,
        boot_text="hello\r\n" * 9,
        **settings,
    )
    check_samples(recording)
    assert gap_numbers(recording) == missing_numbers(recording)
    assert {gap.cause for gap in recording.gaps} <= {"damaged", "overrun", "overrun and damaged"}
    assert len(recording.samples) + recording.missing == 30_000


@pytest.mark.parametrize("baud", [9600, 57600, 230400])
def test_a_wrong_baud_rate_is_recognised(tmp_path: Path, baud: int) -> None:
    with pytest.raises(link.BoardTimeout, match="baud"):
        capture.Recorder("virtual://?uart_baud=115200", sensor="test_pattern", baud=baud, decoder="frames")


def test_boot_text_is_no_sample(tmp_path: Path) -> None:
    text = "ESP-ROM:esp32s3-20210327\r\nrst:0x1 (POWERON)\r\n1,2,3\r\n"
    recording, _ = record(tmp_path, seconds=1, boot_text=text, boot_ms=700, reset_on_open="on")
    check_samples(recording)
    assert recording.problems == []


@pytest.mark.parametrize("after_s", [1.03, 1.37])
def test_a_camera_whose_board_was_reset_gives_whole_images(tmp_path: Path, after_s: float) -> None:
    """Each image after the reset is one that the same camera gives when nothing goes wrong."""
    url = "virtual://?speed=2&seed=4"
    calm = capture.record(url, sensor="camera", seconds=6, folder=tmp_path, progress=False)
    with capture.Recorder(f"{url}&reset_after_s={after_s}", sensor="camera", folder=tmp_path) as recorder:
        recorder.start(seconds=8)
        recording = recorder.wait(timeout_s=60)
    (gap,) = recording.gaps
    after = recording.samples[gap.at :]
    assert (gap.cause, gap.estimated) == ("reset", True) and len(after) > 5
    start = calm.metadata["first_sample"]  # of the stream's images, this is the first in the calm recording
    count = min(len(after) - start, len(calm.samples))
    assert count > 3
    np.testing.assert_array_equal(after[start : start + count], calm.samples[:count])


def test_what_is_missing_at_the_end_is_said(tmp_path: Path) -> None:
    with capture.Recorder(
        "virtual://?vanish_after_s=1&vanish_s=60", sensor="test_pattern", folder=tmp_path, reconnect_s=30
    ) as recorder:
        recorder.start(label="a")
        while not any("went away" in text for text in recorder.troubles):
            time.sleep(0.05)
        time.sleep(1)
        recording = recorder.stop()
    check_samples(recording)
    (gap,) = recording.gaps
    assert (gap.at, gap.cause, gap.estimated) == (len(recording.samples), "vanished", True)
    assert 900 < gap.missing < 60_000
    assert "samples are missing in 1 gap (vanished)" in " ".join(recording.problems)


def test_a_board_that_prints_and_vanishes_is_not_complete(tmp_path: Path) -> None:
    url = "virtual://?dialect=csv&sensor=imu&vanish_after_s=2&vanish_s=60"
    with capture.Recorder(url, folder=tmp_path, decoder="csv", reconnect_s=30) as recorder:
        recorder.start(label="a", seconds=4)
        recording = recorder.wait(timeout_s=60)
    assert {gap.cause for gap in recording.gaps} == {"vanished"}
    assert "vanished" in " ".join(recording.problems)


class Middleman:
    """Between a board and its host: after a while, answers in its own way. A real socket in front of a real pty."""

    def __init__(self, board: str, *, honest_s: float, instead: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._arguments = (board, honest_s, instead)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        board, honest_s, instead = self._arguments
        host, _ = self._listener.accept()
        host.settimeout(0.01)
        until = time.monotonic() + honest_s
        with host, link.open_port(board, timeout=0.01) as port, contextlib.suppress(OSError):
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    port.write(host.recv(4096))
                data = port.read(4096)
                host.sendall(data if time.monotonic() < until else instead)

    def end(self) -> None:
        self._over.set()
        self._thread.join(timeout=5)
        self._listener.close()


def test_bytes_without_samples_for_ever_are_said_and_end(tmp_path: Path) -> None:
    between = Middleman("virtual://", honest_s=3, instead=b"I am another sketch\r\n")
    try:
        with capture.Recorder(between.url, sensor="test_pattern", folder=tmp_path, reconnect_s=3) as recorder:
            recorder.start(label="a", seconds=60)
            recording = recorder.wait(timeout_s=60)
        assert any("No samples for" in text for text in recorder.troubles)
        assert recording.metadata["ended"].startswith("The board fell silent")
        check_samples(recording)
    finally:
        between.end()


def test_another_sketch_on_the_same_port_is_not_taken_for_the_first(tmp_path: Path) -> None:
    """The port comes back, and behind it a board whose sensor of that name has other channels."""
    port = tmp_path / "board"

    def start(channels: int) -> subprocess.Popen:
        arguments = ["--link", str(port), "--set", f"test_channels={channels}", "--set", "board_id=cafe"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tinyml_labs.cli", "virtual-board", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdout.readline()
        return process

    first, second = start(4), None
    try:
        with capture.Recorder(str(port), sensor="test_pattern", folder=tmp_path / "r", reconnect_s=20) as recorder:
            recorder.start(label="a", seconds=60)
            while recorder.status.stored < 500:
                time.sleep(0.05)
            first.kill()
            first.wait()
            port.unlink(missing_ok=True)
            second = start(2)
            recording = recorder.wait(timeout_s=60)
        check_samples(recording)
        assert "offers another 'test_pattern' now" in recording.metadata["ended"]
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
                process.stdout.close()

"""The capture sketches run on simulated processors, and the host gets what their sensors play: sample by sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import recordings_to_play
import simulated_boards
from recordings_to_play import ALL, Played, count_wrong, find_start

from tinyml_labs import capture
from tinyml_labs.link import Board

pytestmark = pytest.mark.slow

ON_QEMU = [f"qemu-pty-{name}" for name in ALL]
ON_QEMU += [f"qemu-socket-{name}" for name in ("analog", "lsm9ds1", "microphone", "camera")]
ON_UNO = [f"simavr-pty-{name}" for name in ("analog", "adxl335", "mpu6050")]
VIRTUAL = [f"virtual-{line}-sweep" for line in ("pty", "socket")]


@pytest.fixture
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Played]]:
    """Run the board that the parameter names; give its port, and what it plays."""
    simulator, line, name = request.param.split("-")
    played: Played = getattr(recordings_to_play, name)()
    if simulator == "virtual":
        running = simulated_boards.virtual_board(line, settings='{"speed": 20}')
    elif simulator == "qemu":
        running = simulated_boards.qemu(request.getfixturevalue("cortex_m4_program")(played), line)
    else:
        program = request.getfixturevalue("uno_program")(played.sketch, *played.defines).program
        chip = name == "mpu6050"
        counts = np.zeros((1, 1)) if chip else np.frombuffer(played.raw, "<u2").reshape(-1, played.samples.shape[1])
        running = simulated_boards.simavr(
            request.getfixturevalue("avr_board"), program, tmp_path, counts=counts, motion=played.raw if chip else b""
        )
    with running as port:
        yield port, played


@pytest.mark.parametrize("board", [*ON_QEMU, *ON_UNO, *VIRTUAL], indirect=True)
def test_a_stream_is_what_was_played(board: tuple[str, Played]) -> None:
    port, played = board
    with Board(port, timeout_s=60) as client:
        samples = client.stream(played.sensor, played.count, progress=False)
        assert (client.lost_frames, client.damaged_frames) == (0, 0)
    assert samples.shape == (played.count, played.samples.shape[1])
    assert samples.dtype == played.samples.dtype.newbyteorder("=")
    start = find_start(samples, played.samples)
    assert start == 0 if played.from_start else start >= 0
    assert count_wrong(samples, played.samples, start) == 0


@pytest.mark.parametrize(
    "board",
    [f"qemu-pty-{name}" for name in ("analog", "lsm9ds1", "microphone", "camera")] + ["simavr-pty-analog"],
    indirect=True,
)
def test_a_recording_is_what_was_played(board: tuple[str, Played], tmp_path: Path) -> None:
    port, played = board
    recording = capture.record(
        port, sensor=played.sensor, seconds=1, label="played", folder=tmp_path / "recordings", progress=False
    )
    assert (recording.problems, recording.gaps) == ([], [])
    samples = recording.samples
    if recording.kind == "image":
        samples = samples.reshape(-1, samples.shape[-1])
    assert len(samples) > 90
    start = find_start(samples, played.samples)
    assert start >= 0
    assert count_wrong(samples, played.samples, start) == 0

"""With CSV_MODE a sketch prints lines for the Arduino Serial Plotter: the numbers that its sensor plays."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import recordings_to_play
from recordings_to_play import Played, count_wrong, find_start
from simulated_boards import qemu

from tinyml_labs.link import Board
from tinyml_labs.link.ports import open_port, read_what_is_there

pytestmark = pytest.mark.slow


def read_lines(port: str, count: int) -> list[str]:
    """Give so many whole lines; the first may have begun before we listened."""
    text, deadline = b"", time.monotonic() + 60
    with open_port(port) as line:
        while text.count(b"\n") <= count and time.monotonic() < deadline:
            text += read_what_is_there(line)
    return text.decode("ascii").split("\r\n")[1 : count + 1]


@pytest.mark.parametrize(
    ("name", "count"), [("analog", 300), ("lsm9ds1", 200), ("adxl335", 200), ("microphone", 5000), ("camera", 200)]
)
def test_lines_are_what_was_played(name: str, count: int, cortex_m4_program: Callable[..., Path]) -> None:
    played: Played = getattr(recordings_to_play, name)()
    # No pty: in its first second QEMU 7.2 does not see that one is open, and drops what does not fit the buffer.
    with qemu(cortex_m4_program(played, "CSV_MODE"), "socket") as port:
        lines = read_lines(port, count)
        with Board(port, timeout_s=60) as board:  # a host that asks for frames gets frames
            samples = board.stream(played.sensor, 50, progress=False)
    numbers = np.array([[float(value) for value in line.split(",")] for line in lines])
    assert numbers.shape == (count, played.samples.shape[1])
    expected = played.samples.astype(float)
    if played.samples.dtype == np.float32:
        expected = np.array([[float(f"{value:.4f}") for value in sample] for sample in expected])
    start = find_start(numbers, expected)
    assert start >= 0
    assert count_wrong(numbers, expected, start) == 0
    assert count_wrong(samples, played.samples, find_start(samples, played.samples)) == 0

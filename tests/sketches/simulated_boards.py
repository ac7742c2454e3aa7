"""Boards that are not there, each on a port that is: QEMU, simavr, and the kit's own virtual board."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpy.typing import NDArray

_LIFE_S = "300"  # a test run that was killed leaves nothing behind for longer
_CHARDEV = re.compile(r"serial0: filename=\S*?(?:pty:(?P<pty>\S+)|tcp:(?P<tcp>[\d.]+:\d+))")


@contextlib.contextmanager
def _process(command: list[str | Path]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["timeout", _LIFE_S, *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()  # `timeout` passes it on
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip()
    if not line:
        pytest.fail(f"{process.args} ended with {process.wait(timeout=10)} before it had a port")
    return line


@contextlib.contextmanager
def qemu(program: Path, line: str = "pty", *, shift: int = 6) -> Iterator[str]:
    """Run a Cortex-M4 program; give its serial port: a pty's name, or a socket's URL.

    An instruction takes ``2**shift`` nanoseconds: 6 is 16 million a second, 5 is 31 million.
    """
    serial = {"pty": "pty", "socket": "tcp:127.0.0.1:0,server=on,wait=off,nodelay=on"}[line]
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-kernel", program, "-icount", f"shift={shift},sleep=off"]
    with _process([*machine, "-display", "none", "-monitor", "stdio", "-serial", serial]) as process:
        process.stdin.write("info chardev\n")
        process.stdin.flush()
        said = ""
        while (found := _CHARDEV.search(said)) is None:
            text = process.stdout.readline()
            if not text:
                pytest.fail(f"QEMU ended with {process.wait(timeout=10)}: {said}")
            said += text
        if found["tcp"]:
            yield f"socket://{found['tcp']}"
            return
        held = os.open(found["pty"], os.O_RDWR | os.O_NOCTTY)  # QEMU looks once a second whether it is open
        try:
            yield found["pty"]
        finally:
            os.close(held)


@contextlib.contextmanager
def simavr(avr_board: Path, program: Path, folder: Path, *, counts: NDArray, motion: bytes = b"") -> Iterator[str]:
    """Run an Uno's program; give its pty. ``counts`` are what its converter reads, (samples, channels)."""
    analog, chip = folder / "counts.bin", folder / "motion.bin"
    analog.write_bytes(counts.astype("<u2").tobytes())
    chip.write_bytes(motion)
    files = [str(counts.shape[1]), analog, *([chip] if motion else [])]
    with _process([avr_board, program, *files]) as process:
        yield _first_line(process)


@contextlib.contextmanager
def virtual_board(line: str, settings: str = "{}") -> Iterator[str]:
    """Run the kit's virtual board; give its pty or the URL of its socket."""
    command = [sys.executable, "-m", "tinyml_labs.virtual", "--line", line, "--settings", settings]
    with _process(command) as process:
        yield _first_line(process)

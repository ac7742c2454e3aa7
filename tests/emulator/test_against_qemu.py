"""The same program in QEMU's Cortex-M4 and in ours: the same bytes, whoever has compiled it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import serial
import toolchains
from programs import INTERRUPTED, LIBRARY, MATHEMATICS
from simulated_boards import qemu

from tinyml_labs.emulator import CortexM4, build_firmware
from tinyml_labs.emulator.build_job import LIBRARIES
from tinyml_labs.link import Board

PROGRAMS = {"library": LIBRARY, "mathematics": MATHEMATICS, "interrupted": INTERRUPTED}
PRINT_FORMATTED = """
#include <stdarg.h>
static void print_formatted(const char* format, ...) {
  char text[99];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  Serial.print(text);
}
"""


def say_in_qemu(program: Path) -> bytes:
    with qemu(program, "socket") as port, serial.serial_for_url(port, timeout=0.2) as opened:
        said, until = b"", time.monotonic() + 60
        while b"done\n" not in said and time.monotonic() < until:
            said += opened.read(4096)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_the_same(make_sketch: Callable[..., Path], name: str, toolchain: str) -> None:
    toolchains.need_cortex_m4()
    if (name, toolchain) == ("library", "gcc"):
        pytest.skip("newlib-nano's printf has no long long, and its printf is not connected to the serial port")
    text = PROGRAMS[name]
    if toolchain == "gcc":
        text = text.replace("printf(", "print_formatted(").replace(
            "static void say()", f"{PRINT_FORMATTED}static void say()"
        )
    firmware = build_firmware(make_sketch(text, name), toolchain=toolchain)
    machine = CortexM4(firmware)
    assert machine.run(seconds=20, until=b"done\n") == "until"
    expected = machine.read()
    said = [say_in_qemu(firmware.elf)]
    while said[-1] != expected and expected.endswith(said[-1]) and len(said) < 4:
        said.append(say_in_qemu(firmware.elf))  # on a busy machine it begins to talk before anybody listens
    assert said[-1] == expected


@pytest.mark.slow
def test_a_model_answers_the_same() -> None:
    toolchains.need_cortex_m4()
    every = np.arange(-128, 128, 5, dtype=np.int8)[:, None]
    firmware = build_firmware(LIBRARIES.parent / "model_runner", board="nano33ble")
    with qemu(firmware.elf) as port, Board(port, timeout_s=60) as board:
        expected = board.infer(every, progress=False).outputs
    with Board("virtual://cortex-m4?speed=0", timeout_s=60) as board:
        np.testing.assert_array_equal(board.infer(every, progress=False).outputs, expected)

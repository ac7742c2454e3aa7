"""The emulated processor: time, interrupts, sleep, the port, and what happens to a program that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from programs import ENDS_WITH_DONE, INTERRUPTED, LIBRARY

from tinyml_labs.emulator import BuildError, CortexM4, DoesNotFitError, Firmware, MachineFaultError, build_firmware

Make = Callable[..., Path]


def run_to_end(firmware: Firmware, **settings: int) -> tuple[str, CortexM4]:
    machine = CortexM4(firmware, **settings)
    assert machine.run(seconds=20, until=b"done\n") == "until"
    return machine.read().decode(), machine


def test_text_numbers_and_memory_as_a_c_library_has_them(make_sketch: Make) -> None:
    said, _ = run_to_end(build_firmware(make_sketch(LIBRARY)))
    lines = said.splitlines()
    assert lines[0].startswith("0.333333 3.33333e-08 3.333333e-01   0.5|left    |0000beef -1234567890123 a text")
    assert lines[0].endswith("from the heap")
    assert lines[1] == "12 -350.00 word"
    assert lines[2] == "0.7071 -1.0000 0.5000 3.0000"
    large, small = 0xFFFFFFFFFFFF, 12345
    assert lines[3] == f"{large // small} {large % small} {large / 1e9:.3f}"
    total = 0
    for turn in range(3):
        for k in range(40):
            for _ in range(10 + 7 * k):
                total = (total * 31 + k + turn) % 2**32
    for number in range(50):
        total = (total * 31 + number) % 2**32
    assert lines[4] == f"{total} -77 31 2500.000"
    assert lines[5:7] == ["3.1416", "-17"]


def test_interrupts_come_in_time_and_harm_nothing(make_sketch: Make) -> None:
    firmware = build_firmware(make_sketch(INTERRUPTED))
    said, machine = run_to_end(firmware)
    assert said.split()[:3] == ["500", "0", "1"]
    assert machine.seconds == pytest.approx(0.0520, abs=0.0004)  # 500 alarms, 1 ms without, 1 ms of delay
    again, other = run_to_end(firmware)
    assert (said, machine.instructions, machine.cycles) == (again, other.instructions, other.cycles)


def test_time_passes_as_the_clock_says_and_sleep_costs_nothing(make_sketch: Make) -> None:
    sketch = make_sketch(
        '#include <stdio.h>\nstatic void say() { delayMicroseconds(2000000); printf("%lu ", millis()); }'
        + ENDS_WITH_DONE
    )
    firmware = build_firmware(sketch)
    slow, fast = (run_to_end(firmware, clock_mhz=clock) for clock in (16, 128))
    assert slow[0].startswith("2000") and fast[0].startswith("2000")
    assert slow[1].instructions == pytest.approx(fast[1].instructions, rel=0.01)
    assert slow[1].seconds == pytest.approx(2, abs=0.002)
    assert fast[1].cycles / (128e6 * fast[1].seconds) < 0.02  # it has slept for the most part


def test_it_stops_where_it_is_told(make_sketch: Make) -> None:
    sketch = make_sketch(
        'extern "C" { int turns; __attribute__((noinline)) void turn() { turns = turns + 1; } }\n'
        "void setup() {}\nvoid loop() { turn(); }"
    )
    machine = CortexM4(build_firmware(sketch))
    for expected in (0, 1, 2):
        assert machine.run(until="turn") == "until"
        assert int.from_bytes(machine.read_memory("turns"), "little") == expected
    before = machine.instructions
    assert machine.run(instructions=1000) == "limit"
    assert 1000 <= machine.instructions - before < 1100
    before_s = machine.seconds
    assert machine.run(seconds=0.01) == "limit"
    assert machine.seconds - before_s == pytest.approx(0.01, abs=1e-5)
    machine.reset()
    assert machine.instructions == 0 and machine.seconds == 0
    machine.run(until="turn")
    assert machine.read_memory("turns") == bytes(4)
    with pytest.raises(ValueError, match="how long"):
        machine.run()
    with pytest.raises(KeyError, match="Near: turn"):
        machine.run(until="turm")


def test_bytes_come_in_and_a_port_that_nobody_reads_holds_the_program(make_sketch: Make) -> None:
    sketch = make_sketch(
        "void setup() { Serial.begin(9600); }\n"
        "void loop() { while (Serial.available()) { int c = Serial.read(); Serial.write(c + 1); } }"
    )
    machine = CortexM4(build_firmware(sketch), port_bytes=100)
    sent = bytes(range(200)) * 5
    machine.write(sent)
    got = b""
    assert machine.run(seconds=1) == "blocked" and machine.blocked
    assert machine.run(seconds=1) == "blocked"
    held_at = machine.seconds
    for _ in range(20):
        got += machine.read()
        machine.run(seconds=0.05)
    assert got == bytes((byte + 1) % 256 for byte in sent)
    assert held_at < 0.01


FAULTS = {
    "write to null": ("*(volatile int*)0 = 1;", "wrote to address 0x0 in go_wrong .*null"),
    "read nowhere": (
        "Serial.print(*(volatile int*)0x30000000);",
        "read 4 bytes at 0x30000000, where there is nothing, in",
    ),
    "write to a constant": (
        "static const volatile int kept[9] = {7}; const_cast<volatile int&>(kept[4]) = 2;",
        "wrote 4 bytes to flash, .*Constants",
    ),
    "jump nowhere": ("((void (*)())0x08000001)();", "jumped to 0x8000000, where no code is"),
    "jump into variables": (
        "static int words[9]; ((void (*)())((uintptr_t)words | 1))();",
        "jumped to 0x2000.*no code is",
    ),
    "abort": ("abort();", "instruction that it does not have, in abort"),
    "breakpoint": ('__asm volatile("bkpt #0");', "breakpoint"),
    "supervisor call": ('__asm volatile("svc #0");', "operating system"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_goes_wrong_is_said_with_its_function(make_sketch: Make, kind: str) -> None:
    line, message = FAULTS[kind]
    text = f'extern "C" __attribute__((noinline)) void go_wrong() {{ {line} Serial.print("still here"); }}\n'
    sketch = make_sketch(f"#include <stdlib.h>\n{text}static void say() {{ go_wrong(); }}{ENDS_WITH_DONE}")
    machine = CortexM4(build_firmware(sketch))
    with pytest.raises(MachineFaultError, match=message) as failure:
        machine.run(seconds=1, until=b"done")
    assert machine.read() == b""
    if kind != "jump nowhere" and "variables" not in kind:
        assert failure.value.function in ("go_wrong", "abort")


def test_a_stack_that_runs_into_the_variables_is_named(make_sketch: Make) -> None:
    sketch = make_sketch(
        "static int deeper(int n) { volatile char room[4000]; room[n % 4000] = 1; return deeper(n + 1) + room[0]; }\n"
        '#pragma GCC diagnostic ignored "-Winfinite-recursion"\n'
        "static void say() { Serial.print(deeper(0)); }" + ENDS_WITH_DONE
    )
    machine = CortexM4(build_firmware(sketch, board="nano33ble"))
    with pytest.raises(MachineFaultError, match="stack .* has run into the variables"):
        machine.run(seconds=5)


def test_what_does_not_fit_fails_with_numbers(make_sketch: Make) -> None:
    sketch = make_sketch(
        "static char room[300000];\nvoid setup() { room[analogRead(A0)] = 1; Serial.print(room[5]); }\nvoid loop() {}"
    )
    with pytest.raises(
        DoesNotFitError, match=r"bytes more than the 262,144 of RAM that Arduino Nano 33 BLE Sense has"
    ):
        build_firmware(sketch, board="nano33ble")
    assert build_firmware(sketch).ram_bytes > 300_000
    with pytest.raises(ValueError, match="core Cortex-M0"):
        build_firmware(sketch, board="pico")


def test_a_sketch_that_does_not_compile_says_where(make_sketch: Make, tmp_path: Path) -> None:
    sketch = make_sketch("void setup() {}\nvoid loop() {\n  Serial.print(temperature);\n}")
    with pytest.raises(BuildError, match=r"program.ino:3:16: error: .*temperature"):
        build_firmware(sketch)
    with pytest.raises(BuildError, match=r"no sketch: it has the .ino files none"):
        build_firmware(tmp_path)
    with pytest.raises(BuildError, match="no Arduino library Servo .*TinyMLLabs"):
        build_firmware(sketch, libraries=["Servo"])
    warned = build_firmware(make_sketch("void setup() { int unused; }\nvoid loop() {}", "warned"))
    assert "unused variable 'unused'" in warned.warnings

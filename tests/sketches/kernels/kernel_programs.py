"""Compile the kernels with cases of layers for QEMU's Cortex-M4 or this computer, and run them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = FOLDER.parents[2] / "arduino_sketches" / "libraries" / "TinyMLLabs" / "src"
KERNELS = tuple(
    SOURCES / "kernels" / f"{name}.c"
    for name in (
        "convolution", "fast_convolution", "depthwise_convolution", "fast_depthwise_convolution", "fully_connected",
    )
)  # fmt: skip
CORTEX_M4 = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
_FUNCTIONS = ("convolution", "depthwise_convolution", "fully_connected")
PORTABLE = ("-DTINYML_PORTABLE_KERNELS", *(f"-Dtinyml_{name}_s8=portable_{name}_s8" for name in _FUNCTIONS))
_WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
_TICKS_PER_INSTRUCTION = 1.6  # of the board's 40 ns, with -icount shift=6


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What running one case gave; the instructions are 0 on this computer."""

    name: str
    wrong: int
    wrong_portable: int
    overrun: int
    instructions: int
    instructions_portable: int


def compile_objects(compiler: Sequence[str], sources: Iterable[Path], folder: Path, *flags: str) -> list[Path]:
    """Compile each source by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    objects = []
    for source in sources:
        objects.append(folder / f"{source.stem}.o")
        include = [f"-I{SOURCES}", f"-I{FOLDER}"]
        _run([*compiler, *_WARNINGS, *flags, *include, "-c", str(source), "-o", str(objects[-1])])
    return objects


def build_program(
    cases: str,
    folder: Path,
    *,
    compiler: Sequence[str] = CORTEX_M4,
    kernel_compiler: Sequence[str] | None = None,
    flags: Sequence[str] = ("-O2",),
    other: Sequence[Path] | None = None,
) -> Path:
    """Compile and link the cases with the kernels, and the portable kernels or objects of others in their place."""
    on_board = compiler[0] == CORTEX_M4[0]
    flags = (*flags, "-ffunction-sections")
    fast = compile_objects(kernel_compiler or compiler, KERNELS, folder / "fast", *flags)
    if other is None:
        other = compile_objects(compiler, KERNELS, folder / "portable", *flags, *PORTABLE)
    written = folder / "cases.c"
    written.write_text(cases)
    sources = [written, FOLDER / "run_cases.c", FOLDER / ("board.c" if on_board else "host.c")]
    main = compile_objects(compiler, sources, folder / "main", *flags)
    link = ["-Wl,--gc-sections", "-o", str(folder / "program")]
    if on_board:
        link += ["-T", str(FOLDER / "board.ld"), "-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs"]
    _run([*compiler, *flags, *map(str, [*fast, *other, *main]), *link])
    return folder / "program"


def semihosting_command(program: Path) -> list[str]:
    """Give the command that runs a program on QEMU's mps2-an386, where time is counted in instructions."""
    command = ["qemu-system-arm", "-machine", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-icount", "shift=6,sleep=off"]
    return [*command, "-kernel", str(program)]


def run_on_board(program: Path, *, timeout_s: float = 120) -> list[Outcome]:
    """Run it on QEMU; the same instructions at each run."""
    command = semihosting_command(program)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    return _read(done.stderr)


def run_here(program: Path) -> list[Outcome]:
    """Run it on this computer."""
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _read(done.stdout)


def _read(text: str) -> list[Outcome]:
    outcomes = []
    for line in text.splitlines():
        name, *numbers = line.rsplit(" ", 5)
        assert len(numbers) == 5, text
        wrong, wrong_portable, overrun, ticks, ticks_portable = map(int, numbers)
        outcomes.append(
            Outcome(
                name=name,
                wrong=wrong,
                wrong_portable=wrong_portable,
                overrun=overrun,
                instructions=round(ticks / _TICKS_PER_INSTRUCTION),
                instructions_portable=round(ticks_portable / _TICKS_PER_INSTRUCTION),
            )
        )
    return outcomes


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"

"""Compile a sketch's folder for a Cortex-M4, as Arduino does: C as C, C++ as C++, and what lies in ``src/`` too."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SKETCHES = REPOSITORY / "arduino_sketches"
BOARD = REPOSITORY / "tinyml_labs" / "emulator" / "board"
STAND_INS = REPOSITORY / "tinyml_labs" / "emulator" / "stand_ins"
TFLM_STAND_IN = REPOSITORY / "tests" / "sketches" / "stand_ins" / "tflm"
OBJECTS = REPOSITORY / ".pytest_cache" / "deployed_objects"
NANO = ("ARDUINO_ARDUINO_NANO33BLE=1", 'BOARD_ID="0123456789abcdef"')

_CORTEX_M4 = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
_COMMON = ["-Os", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections", *_CORTEX_M4]
_CPP = ["-std=gnu++14", "-fno-exceptions", "-fno-rtti", "-include", "Arduino.h"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What came of it: the program, and its bytes of flash (code and constants) and RAM (without the stack)."""

    elf: Path
    flash_bytes: int
    ram_bytes: int


def compile_folder(
    sketch: Path,
    work: Path,
    *,
    libraries: Iterable[Path] = (),
    recording: bytes = b"",
    stand_ins: Iterable[str] = (),
    defines: Iterable[str] = NANO,
) -> Program:
    """Compile ``sketch/NAME.ino`` and all beside it; ``libraries`` are folders of libraries, each with a ``src``.

    Raises
    ------
    RuntimeError
        With what the compiler said.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "recording.bin").write_bytes(recording)
    (work / "recording.s").write_text(
        ".section .rodata\n.balign 4\n.global recording_start, recording_end\n"
        f'recording_start: .incbin "{work / "recording.bin"}"\nrecording_end:\n'
    )
    places = [BOARD, STAND_INS, TFLM_STAND_IN, *(library / "src" for library in libraries)]
    flags = [*_COMMON, *(f"-D{define}" for define in defines), *(f"-I{place}" for place in places)]
    sources = [sketch / f"{sketch.name}.ino", *sorted(sketch.glob("*.c")), *sorted(sketch.glob("*.cpp"))]
    sources += _below(sketch / "src") + [file for library in libraries for file in _below(library / "src")]
    sources += [STAND_INS / name for name in stand_ins] + [BOARD / "mps2.cpp", BOARD / "Print.cpp"]
    headers = _digest([file for place in (sketch, *places) for file in sorted(place.rglob("*.h"))])
    objects = [_compile(source, flags, headers) for source in sources]
    _run(["arm-none-eabi-gcc", *_CORTEX_M4, "-c", work / "recording.s", "-o", work / "recording.o"])
    elf = work / f"{sketch.name}.elf"
    link = [
        "-T",
        BOARD / "mps2.ld",
        "-nostartfiles",
        "--specs=nano.specs",
        "--specs=nosys.specs",
        "-Wl,--gc-sections",
    ]
    _run(["arm-none-eabi-g++", *_CORTEX_M4, *objects, work / "recording.o", *link, "-o", elf])
    text, data, bss = map(int, _run(["arm-none-eabi-size", elf]).splitlines()[1].split()[:3])
    return Program(elf=elf, flash_bytes=text + data - len(recording), ram_bytes=data + bss)


def _compile(source: Path, flags: list[str | Path], headers: str) -> Path:
    """Compile a source, or take what came of the same text with the same headers and flags before."""
    plain = source.suffix == ".c"
    tool = ["arm-none-eabi-gcc", "-std=gnu11"] if plain else ["arm-none-eabi-g++", *_CPP, "-x", "c++"]
    named = [flag for flag in flags if not str(flag).startswith("-I")]
    kept = OBJECTS / f"{_digest([source], headers, repr((tool, named)))}.o"
    if not kept.exists():
        OBJECTS.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        _run([*tool, *flags, "-c", source, "-o", part])
        part.replace(kept)
    return kept


def _digest(files: list[Path], *more: str) -> str:
    digest = hashlib.sha256("\0".join(more).encode())
    for file in files:
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def _below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".c", ".cpp"))


def _run(command: list[str | Path]) -> str:
    done = subprocess.run([os.fspath(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout

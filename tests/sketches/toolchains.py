"""Compile sketches: for a Cortex-M4 with the shim, for an Uno with Arduino's own builder and core."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
SKETCHES = HERE.parents[1] / "arduino_sketches"
LIBRARIES = SKETCHES / "libraries"
SHIM = HERE.parents[1] / "tinyml_labs" / "emulator" / "board"
STAND_INS = HERE.parents[1] / "tinyml_labs" / "emulator" / "stand_ins"
TFLM_STAND_IN = HERE / "stand_ins" / "tflm"

_ARM_PACKAGES = "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm"
_AVR_PACKAGES = "arduino-builder arduino-core-avr gcc-avr gcc libsimavr-dev"
_CORTEX_M4 = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
_OUR_WARNINGS = ["-Wall", "-Wextra", "-Werror"]
_ARDUINO = Path("/usr/share/arduino/hardware")
_BUILDER = Path("/usr/share/arduino-builder")


def need_tools(*names: str, packages: str, headers: Iterable[str] = ()) -> None:
    """Skip the test if a tool is missing, and say what installs it; in CI (``CI=true``) fail: there it has to be."""
    missing = [name for name in names if shutil.which(name) is None] + [h for h in headers if not Path(h).exists()]
    if missing:
        skip_or_fail(f"{' and '.join(missing)} missing: sudo apt-get install {packages}")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test; in CI fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need_cortex_m4() -> None:
    """Skip without the compiler for Cortex-M4, its C++ library and QEMU."""
    need_tools("arm-none-eabi-g++", "qemu-system-arm", packages=_ARM_PACKAGES)
    program = "#include <cstring>\n"  # the compiler alone has no C++ library
    command = ["arm-none-eabi-g++", "-x", "c++", "-fsyntax-only", "-"]
    if subprocess.run(command, input=program, text=True, capture_output=True, check=False).returncode:
        skip_or_fail(f"the C++ library for Cortex-M4 is missing: sudo apt-get install {_ARM_PACKAGES}")


def need_avr() -> None:
    """Skip without Arduino's builder, its core for AVR, and simavr."""
    headers = ["/usr/share/arduino/hardware/arduino/avr/boards.txt", "/usr/include/simavr/sim_avr.h"]
    need_tools("arduino-builder", "avr-g++", "avr-size", "gcc", packages=_AVR_PACKAGES, headers=headers)


def run_compiler(command: list[str | Path]) -> str:
    """Run it; give what it has said. If it fails, so does the test, with all of that."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(str(part) for part in command)}\n{done.stdout}", pytrace=False)
    return done.stdout


def compile_for_cortex_m4(
    sketch: str,
    folder: Path,
    *,
    recording: bytes = b"",
    stand_ins: Iterable[str] = (),
    defines: Iterable[str] = (),
    source: Path = SKETCHES,
    libraries: Iterable[Path] = (),
) -> Path:
    """Compile a sketch for QEMU's mps2-an386.

    Parameters
    ----------
    sketch : str
        Its name.
    folder : Path
        Where to put what is made.
    recording : bytes
        What the stand-ins play.
    stand_ins : iterable of str
        The sensors' sources, in ``stand_ins/``.
    defines : iterable of str
        Without the ``-D``.
    source : Path
        The folder that the sketch's own folder is in.
    libraries : iterable of Path
        Folders of libraries that it needs beside TinyMLLabs.

    Returns
    -------
    Path
        The program, for ``qemu-system-arm -kernel``.
    """
    brought = source / sketch / "src"
    used = [library for library in (LIBRARIES / "TinyMLLabs", *libraries) if not (brought / library.name).is_dir()]
    places = [SHIM, STAND_INS, *(library / "src" for library in used)]
    played = folder / "recording.bin"
    played.write_bytes(recording)
    linked = folder / "recording.s"
    linked.write_text(
        ".section .rodata\n.balign 4\n.global recording_start, recording_end\n"
        f'recording_start: .incbin "{played}"\nrecording_end:\n'
    )
    flags = [
        *[*_CORTEX_M4, "-Os", *_OUR_WARNINGS, "-ffunction-sections", "-fdata-sections"],
        *(f"-D{define}" for define in defines),
        *(f"-I{place}" for place in places),
    ]
    plain = _sources(source / sketch, (), ".c")
    objects = [folder / f"{number}_{file.stem}.o" for number, file in enumerate(plain)]
    for file, target in zip(plain, objects, strict=True):  # g++ would take a .c file for C++
        run_compiler(["arm-none-eabi-gcc", *flags, "-std=gnu99", "-c", file, "-o", target])
    objects += [archive for library in used for archive in _archive(library / "src", defines)]
    program = folder / f"{sketch}.elf"
    run_compiler(
        [
            *["arm-none-eabi-g++", *flags, "-std=gnu++14", "-fno-exceptions", "-fno-rtti"],
            *["-include", "Arduino.h", "-x", "c++", source / sketch / f"{sketch}.ino"],
            *[*_sources(source / sketch, used, ".cpp"), "-x", "none", *objects],
            *[STAND_INS / name for name in stand_ins],
            *[SHIM / "mps2.cpp", SHIM / "Print.cpp", linked, "-T", SHIM / "mps2.ld", "-nostartfiles"],
            *["--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections", "-o", program],
        ]
    )
    return program


def _archive(source: Path, defines: Iterable[str]) -> list[Path]:
    """Compile a library's C, unless an earlier test has: it sees no define of the sketch but the kernels' own."""
    files = sorted(source.rglob("*.c"))
    if not files:
        return []
    flags = [*_CORTEX_M4, "-Os", *_OUR_WARNINGS, "-ffunction-sections", "-fdata-sections", "-std=gnu99"]
    flags += [f"-D{define}" for define in sorted(defines) if define.startswith("TINYML_")]
    contents = [file.read_bytes() for file in [*sorted(source.rglob("*.h")), *files]]
    key = hashlib.sha256(repr((str(source), flags, contents)).encode()).hexdigest()[:16]
    archive = HERE.parents[1] / ".pytest_cache" / "cortex_m4" / f"{source.parent.name}-{key}.a"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent) as place:
            objects = [Path(place) / f"{number}_{file.stem}.o" for number, file in enumerate(files)]
            for file, target in zip(files, objects, strict=True):
                run_compiler(["arm-none-eabi-gcc", *flags, f"-I{source}", "-c", file, "-o", target])
            run_compiler(["arm-none-eabi-ar", "rcs", Path(place) / "made.a", *objects])
            (Path(place) / "made.a").replace(archive)
    return [archive]


def _sources(sketch: Path, libraries: Iterable[Path], ending: str) -> list[Path]:
    """Give a sketch's sources of one language and those of its libraries, as Arduino's builder collects them."""
    own = [*sketch.glob(f"*{ending}"), *(sketch / "src").rglob(f"*{ending}")]
    return sorted(own) + [file for library in libraries for file in sorted((library / "src").rglob(f"*{ending}"))]


@dataclass(frozen=True, kw_only=True)
class UnoProgram:
    """A sketch for an Uno: the program, its bytes of flash and RAM (without the stack), warnings about our code."""

    program: Path
    flash_bytes: int
    ram_bytes: int
    warnings: list[str]


def compile_for_uno(sketch: str, folder: Path, *, defines: Iterable[str] = ()) -> UnoProgram:
    """Compile a sketch with ``arduino-builder`` and Arduino's core, as its IDE does."""
    build = folder / "build"
    build.mkdir(parents=True, exist_ok=True)
    flags = [
        "-DDECIMAL_DIG=__DECIMAL_DIG__",
        *(f"-D{define}" for define in defines),
    ]  # the first: a bug of Debian's core
    said = run_compiler(
        [
            *["arduino-builder", "-compile", "-hardware", _ARDUINO, "-hardware", _BUILDER, "-tools", _BUILDER],
            *["-tools", _ARDUINO, "-built-in-libraries", _ARDUINO / "arduino" / "avr" / "libraries"],
            *["-libraries", LIBRARIES, "-fqbn", "arduino:avr:uno", "-build-path", build],
            *["-prefs", f"compiler.cpp.extra_flags={' '.join(flags)}", "-warnings", "all"],
            SKETCHES / sketch / f"{sketch}.ino",
        ]
    )
    program = build / f"{sketch}.ino.elf"
    sizes = dict(re.findall(r"^\.(\w+)\s+(\d+)", run_compiler(["avr-size", "-A", program]), re.MULTILINE))
    flash = sum(int(sizes.get(name, 0)) for name in ("text", "data"))
    ram = sum(int(sizes.get(name, 0)) for name in ("data", "bss", "noinit"))
    warnings = [line for line in said.splitlines() if "warning:" in line and not line.startswith(str(_ARDUINO))]
    return UnoProgram(program=program, flash_bytes=flash, ram_bytes=ram, warnings=warnings)


def compile_avr_board(folder: Path) -> Path:
    """Compile the Uno in simavr that puts a sketch's serial port on a pty."""
    program = folder / "avr_board"
    sources = sorted((HERE / "avr").glob("*.c"))
    flags = ["-O2", "-std=gnu11", *_OUR_WARNINGS, "-I/usr/include/simavr"]
    run_compiler(["gcc", *flags, *sources, "-lsimavr", "-lutil", "-o", program])
    return program

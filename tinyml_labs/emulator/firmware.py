"""Compile a sketch for the emulated board.

>>> from tinyml_labs.emulator import build_firmware
>>> firmware = build_firmware("arduino_sketches/capture_analog", recording=bytes(400))  # doctest: +SKIP
>>> firmware.flash_bytes, firmware.ram_bytes  # doctest: +SKIP
(15812, 3328)

The sketch is compiled as the Arduino IDE would: the ``.ino``, the folder's C and C++, TinyMLLabs and the libraries
that are named. ``board/`` is the Arduino core, ``stand_ins/`` are the sensors' libraries, which play the recording.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tinyml_labs.boards import find_board
from tinyml_labs.emulator.build_job import LEVELS, LIBRARIES, STAND_INS, Job, Limits, build_with_gcc, build_with_zig
from tinyml_labs.emulator.elf import Firmware, read_firmware
from tinyml_labs.emulator.errors import BuildError, DoesNotFitError

_DEFINES = {
    "nano33ble": ("ARDUINO_ARDUINO_NANO33BLE=1", "FITTED_LSM9DS1=1"),
    "nano33ble_rev2": ("ARDUINO_ARDUINO_NANO33BLE=1", "FITTED_BMI270=1"),
}
_OVERFLOW = re.compile(r"section '\S+' will not fit in region '(code|ram)': overflowed by (\d+) bytes")
_GCC_OVERFLOW = re.compile(r"region `(code|ram)' overflowed by (\d+) bytes")


def build_firmware(
    sketch_folder: str | os.PathLike[str],
    *,
    libraries: Iterable[str | os.PathLike[str]] = (),
    defines: Iterable[str] = (),
    recording: bytes = b"",
    stand_ins: Iterable[str] = (),
    sources: Mapping[str, str] | None = None,
    board: str = "",
    toolchain: str = "zig",
    optimisation: str = "-Os",
) -> Firmware:
    """Compile a sketch for the emulated Cortex-M4; what has not changed is not compiled again.

    Parameters
    ----------
    sketch_folder : str or PathLike
        It holds ``NAME.ino`` with the folder's own name, or a single ``.ino``.
    libraries : iterable of str or PathLike
        Folders of Arduino libraries beside TinyMLLabs, or names of those in ``arduino_sketches/libraries``.
    defines : iterable of str
        ``"NAME=VALUE"``.
    recording : bytes
        What the stand-ins for sensors play; :func:`tinyml_labs.emulator.recordings.recording_bytes` reads a file.
    stand_ins : iterable of str
        Their sources in ``stand_ins/``; by default those that the sketch uses.
    sources : mapping of str to str, optional
        Further files of the sketch by name, or ones in the place of those in its folder: a model, for example.
    board : str
        A name of ``tinyml_labs.boards``, whose flash, RAM and clock it then has; by default 4 MB of each, and 64 MHz.
    toolchain : str
        ``"zig"`` (the package ``ziglang``) or ``"gcc"`` (``arm-none-eabi-gcc``, if it is installed).
    optimisation : str
        ``"-Os"``, as Arduino's cores use, ``"-O2"`` or ``"-O3"``.

    Returns
    -------
    Firmware

    Raises
    ------
    BuildError
        If it does not compile, with the compiler's first errors.
    DoesNotFitError
        If the board's flash or RAM is too small, with the bytes that are missing.
    EmulatorMissingError
        If a package is not installed.
    """
    if toolchain not in ("zig", "gcc") or optimisation not in LEVELS:
        raise ValueError(
            f"toolchain={toolchain!r}, optimisation={optimisation!r}: the toolchain is 'zig' or 'gcc', the "
            f"optimisation {', '.join(LEVELS)}."
        )
    sketch = Path(sketch_folder).absolute()
    limits = _limits(board)
    places = [_library(library) for library in libraries]
    job = Job(
        sketch=sketch,
        ino=_find_ino(sketch),
        # But not one that the sketch brings along, as `deploy` writes it.
        libraries=tuple(p for p in (LIBRARIES / "TinyMLLabs", *places) if not (sketch / "src" / p.name).is_dir()),
        defines=(*_board_defines(board), *defines),
        recording=recording,
        stand_ins=tuple(stand_ins) or tuple(sorted(file.name for file in STAND_INS.glob("*.cpp"))),
        sources=tuple(sorted((sources or {}).items())),
        limits=limits,
        optimisation=optimisation,
    )
    folder = job.prepare_folder(toolchain)
    try:
        warnings = (build_with_zig if toolchain == "zig" else build_with_gcc)(job, folder)
    except BuildError as error:
        raise _explain(error, job, board) from None
    return read_firmware(
        folder / "firmware.elf",
        warnings=warnings,
        flash_limit_bytes=limits.flash_bytes,
        ram_limit_bytes=limits.ram_bytes,
        clock_mhz=limits.clock_mhz,
        board=find_board(board).name if board else "",
    )


def _find_ino(sketch: Path) -> Path:
    named = sketch / f"{sketch.name}.ino"
    if named.exists():
        return named
    found = sorted(sketch.glob("*.ino")) if sketch.is_dir() else []
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise BuildError(
            f"{sketch} is no sketch: it has the .ino files {names}, expected {sketch.name}.ino. Name the folder of "
            "a sketch, such as arduino_sketches/capture_analog."
        )
    return found[0]


def _library(library: str | os.PathLike[str]) -> Path:
    place = Path(library)
    if not place.is_dir() and (LIBRARIES / place).is_dir():
        place = LIBRARIES / place
    if not (place / "src").is_dir():
        known = ", ".join(sorted(found.name for found in LIBRARIES.iterdir() if (found / "src").is_dir()))
        raise BuildError(f"There is no Arduino library {library} (a folder with src/ in it). The kit has {known}.")
    return place.absolute()


def _limits(board: str) -> Limits:
    if not board:
        return Limits()
    found = find_board(board)
    if not found.core.startswith("Cortex-M4"):
        raise ValueError(f"{found.title} has the core {found.core or 'unknown'}; the emulated one is a Cortex-M4F.")
    flash = found.sketch_flash_bytes or found.flash_bytes
    ram = found.sketch_ram_bytes or found.ram_bytes
    if flash is None or ram is None:
        raise ValueError(f"How much flash and RAM {found.title} has is not known; leave the board out.")
    return Limits(flash_bytes=min(flash, 4 << 20), ram_bytes=min(ram, 4 << 20), clock_mhz=found.clock_mhz or 64)


def _board_defines(board: str) -> tuple[str, ...]:
    title = f"{find_board(board).title} (emulated)" if board else "emulated Cortex-M4F"
    more = _DEFINES.get(find_board(board).name, ()) if board else ()
    return ("TINYML_EMULATED=1", f'BOARD_NAME="{title}"', 'BOARD_ID="emulated"', *more)


def _explain(error: BuildError, job: Job, board: str) -> BuildError:
    text = str(error)
    found = _OVERFLOW.findall(text) or _GCC_OVERFLOW.findall(text)
    if not found:
        return error
    missing: dict[str, int] = {}
    for region, size in found:
        missing[region] = max(missing.get(region, 0), int(size))
    has = {"code": ("flash", job.limits.flash_bytes), "ram": ("RAM", job.limits.ram_bytes)}
    parts = [f"{size:,} bytes more than the {has[name][1]:,} of {has[name][0]}" for name, size in missing.items()]
    title = find_board(board).title if board else "the emulated board"
    return DoesNotFitError(
        f"{job.sketch.name} needs {' and '.join(parts)} that {title} has. A smaller model, a smaller arena or "
        "smaller buffers may help; tinyml_labs.boards lists boards with more."
    )

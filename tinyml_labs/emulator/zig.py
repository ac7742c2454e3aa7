"""The compiler: clang and lld in pip's ``ziglang``, which is the same on Linux, macOS and Windows.

Zig keeps what it has compiled by the contents of all files that went into it, headers too: what has not changed is
not compiled again. It keeps that in the kit's cache folder (:func:`cache_folder`), which may be deleted at any time.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tinyml_labs.datasets.downloads import download_folder
from tinyml_labs.emulator.errors import BuildError, need_package

CACHE_VARIABLE = "TINYML_LABS_EMULATOR_CACHE"
_LINES = 20


def cache_folder() -> Path:
    """Say where compiled code lies: where ``TINYML_LABS_EMULATOR_CACHE`` says, or beside what the kit downloads."""
    told = os.environ.get(CACHE_VARIABLE)
    return Path(told).expanduser().absolute() if told else (download_folder() / "emulator").absolute()


@cache
def zig_folder() -> Path:
    """Give the folder of pip's ``ziglang``.

    Raises
    ------
    EmulatorMissingError
    """
    found = importlib.util.find_spec("ziglang")
    if found is None or not found.submodule_search_locations:
        raise need_package("ziglang")
    return Path(found.submodule_search_locations[0])


@cache
def zig_version() -> str:
    """Give the version of ``ziglang``."""
    zig_folder()
    return importlib.metadata.version("ziglang")


def run_zig(arguments: Sequence[str | Path], *, folder: Path, what: str) -> str:
    """Run the compiler in a folder.

    Parameters
    ----------
    arguments : sequence of str or Path
    folder : Path
        Where it runs. Paths in its messages are relative to it.
    what : str
        What is being made, for the message: ``"blink.ino"``.

    Returns
    -------
    str
        What it has said: its warnings.

    Raises
    ------
    BuildError
        If it fails, with the first of what it has said.
    """
    return run_compiler([start_zig(), *arguments], folder=folder, what=what, environment=zig_environment())


def start_zig() -> Path:
    """Give the program."""
    return zig_folder() / ("zig.exe" if sys.platform == "win32" else "zig")


def zig_environment() -> dict[str, str]:
    """Give the environment in which Zig keeps what it makes in the kit's cache folder."""
    place = str(cache_folder() / "zig")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": place, "ZIG_LOCAL_CACHE_DIR": place, "NO_COLOR": "1"}


def run_compiler(
    command: Sequence[str | Path], *, folder: Path, what: str, environment: dict[str, str] | None = None
) -> str:
    """Run a compiler; see :func:`run_zig`."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise BuildError(f"There is no compiler {command[0]}. Install it, or use the toolchain 'zig'.") from None
    if done.returncode:
        raise BuildError(f"{what} does not compile:\n{_first_errors(done.stdout)}")
    return done.stdout


def _first_errors(said: str) -> str:
    lines = said.strip().splitlines()
    first = next((k for k, line in enumerate(lines) if "error" in line), 0)
    first -= 1 if first and "In file included" in lines[first - 1] else 0
    shown = lines[first : first + _LINES]
    left = len(lines) - first - len(shown)
    return "\n".join([*shown, *([f"(and {left} lines more)"] if left > 0 else [])])

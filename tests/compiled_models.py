"""Compile the C of exported models for this computer: C as C, the library's kernels once in a test run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "arduino_sketches" / "libraries" / "TinyMLLabs" / "src"
TFLM_STAND_IN = Path(__file__).parent / "sketches" / "stand_ins" / "tflm"

_STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")


def compile_and_run(folder: Path, source: str) -> str:
    """Compile a program with all sources of a folder, as a sketch does; give what it says, or the compiler."""
    for tool in ("gcc", "g++"):
        if shutil.which(tool) is None:
            words = f"{tool} is not installed: sudo apt-get install {tool}"
            pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    (folder / "probe.cpp").write_text(source)
    places = [f"-I{place}" for place in (LIBRARY, folder, TFLM_STAND_IN)]
    plain = sorted(folder.glob("*.c"))
    commands = [["gcc", "-std=c99", *_STRICT, *places, "-c", file, "-o", file.with_suffix(".o")] for file in plain]
    linked = [*folder.glob("*.cpp"), *(file.with_suffix(".o") for file in plain), *_kernels()]
    commands.append(["g++", "-std=c++11", *_STRICT, *places, *linked, "-lm", "-o", folder / "probe"])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr
    return subprocess.run([folder / "probe"], capture_output=True, text=True, check=True).stdout


@functools.cache
def _kernels() -> tuple[Path, ...]:
    kept = Path(tempfile.mkdtemp(prefix="kernels"))
    for source in sorted((LIBRARY / "kernels").glob("*.c")):
        subprocess.run(["gcc", "-std=c99", f"-I{LIBRARY}", "-c", source, "-o", kept / f"{source.stem}.o"], check=True)
    return tuple(sorted(kept.iterdir()))

"""Compile the small C++ programs beside the tests, and run them: on this computer, under the sanitizers."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
LIBRARY = FOLDER.parents[2] / "arduino_sketches" / "libraries" / "TinyMLLabs"
SOURCES = LIBRARY / "src"
SANITIZERS = ("-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover")
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")


def require_compiler(compiler: str, package: str) -> str:
    """Give the path of a compiler; without it the test is skipped, with the line that installs it."""
    path = shutil.which(compiler)
    if path is None:
        pytest.skip(f"{compiler} is not installed: sudo apt install {package}")
    return path


@functools.cache
def compile_program(name: str, *flags: str) -> Path:
    """Compile ``name``.cpp with the library, once a test run; without flags, under the sanitizers."""
    program = Path(tempfile.mkdtemp(prefix="tinyml_labs_")) / name
    command = [require_compiler("g++", "g++"), "-std=c++11", *(flags or SANITIZERS), f"-I{SOURCES}"]
    done = subprocess.run(
        [*command, str(FOLDER / f"{name}.cpp"), "-o", str(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


def run_program(name: str, *arguments: object, given: bytes | str = b"") -> bytes:
    """Run a program with what it reads; give what it writes. A sanitizer's finding fails the test."""
    data = given.encode() if isinstance(given, str) else given
    done = subprocess.run(
        [str(compile_program(name)), *map(str, arguments)], input=data, capture_output=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return done.stdout


def run_lines(name: str, *arguments: object, given: bytes | str = b"") -> list[str]:
    """Run a program; give the lines that it writes."""
    return run_program(name, *arguments, given=given).decode().splitlines()

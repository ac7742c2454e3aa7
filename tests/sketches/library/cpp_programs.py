"""Compile the small C++ programs beside the tests, and run them: on this computer, under the sanitizers."""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import toolchains

FOLDER = Path(__file__).parent
LIBRARY = FOLDER.parents[2] / "arduino_sketches" / "libraries" / "TinyMLLabs"
SOURCES = LIBRARY / "src"
PROGRAMS = FOLDER.parents[2] / ".pytest_cache" / "cpp_programs"
SANITIZERS = ("-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover")
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")


def require_compiler(compiler: str, package: str) -> str:
    """Give the path of a compiler; without it the test is skipped, or fails in CI, with the line that installs it."""
    toolchains.need_tools(compiler, packages=package)
    return shutil.which(compiler) or compiler


@functools.cache
def compile_program(name: str, *flags: str) -> Path:
    """Compile ``name``.cpp with the library; without flags, under the sanitizers. Unchanged, it is compiled once."""
    flags = flags or SANITIZERS
    command = [require_compiler("g++", "g++"), "-std=c++11", *flags, f"-I{SOURCES}", str(FOLDER / f"{name}.cpp")]
    sources = [FOLDER / f"{name}.cpp", FOLDER / "memory_port.h", *sorted(SOURCES.rglob("*.h"))]
    digest = hashlib.sha256(repr(command).encode())
    for source in sources:
        digest.update(source.read_bytes())
    kept = PROGRAMS / f"{name}-{hashlib.sha256(repr(flags).encode()).hexdigest()[:8]}"
    program = kept / digest.hexdigest()[:16]
    if program.exists():
        return program
    kept.mkdir(parents=True, exist_ok=True)
    part = kept / f"{program.name}.{os.getpid()}"
    done = subprocess.run([*command, "-o", str(part)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    part.replace(program)
    for old in kept.iterdir():
        if old.name != program.name and not old.suffix:
            old.unlink(missing_ok=True)
    return program


def model_objects(folder: Path, name: str, *flags: str, compiler: str = "gcc") -> list[Path]:
    """Compile a compiled model, ``name``.c in ``folder``, as C99, and the kernels; give the objects to link.

    The kernels are compiled once for the same flags.
    """
    command = [require_compiler(compiler, compiler), "-std=c99", *STRICT, *flags, f"-I{SOURCES}"]
    target = folder / f"{name}.o"
    toolchains.run_compiler([*command, f"-I{folder}", "-c", folder / f"{name}.c", "-o", target])
    return [target, *_kernel_objects(tuple(command))]


@functools.cache
def _kernel_objects(command: tuple[str, ...]) -> tuple[Path, ...]:
    digest = hashlib.sha256(repr(command).encode())
    for source in sorted((SOURCES / "kernels").iterdir()):
        digest.update(source.read_bytes())
    kept = PROGRAMS / f"kernels-{digest.hexdigest()[:16]}"
    objects = []
    for source in sorted((SOURCES / "kernels").glob("*.c")):
        objects.append(kept / f"{source.stem}.o")
        if not objects[-1].exists():
            kept.mkdir(parents=True, exist_ok=True)
            part = kept / f"{source.stem}.{os.getpid()}.part"
            toolchains.run_compiler([*command, "-c", source, "-o", part])
            part.replace(objects[-1])
    return tuple(objects)


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

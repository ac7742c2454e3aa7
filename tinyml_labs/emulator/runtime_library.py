"""The C library of an emulated board, made of what comes with Zig: once for a computer, in some seconds.

Zig has no library for a bare board. Taken are its compiler runtime (64-bit division, double precision), and of musl
and Zig's own C library what needs no operating system: strings, numbers to text and back, mathematics.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinyml_labs.emulator.errors import BuildError
from tinyml_labs.emulator.zig import cache_folder, start_zig, zig_environment, zig_folder, zig_version

RUNTIME = Path(__file__).parent / "runtime"
_CPU = "-mcpu=cortex_m4+vfp4d16sp"  # the FPU of a Cortex-M4F: single precision
COMPILE = ("-target", "thumb-linux-musleabihf", "-lc", _CPU, "-fno-compiler-rt", "-ffunction-sections")
"""How all that runs on the board is compiled. Linux is what musl's headers are for; nothing of Linux is linked."""

_RUNTIME_TARGET = ("-target", "thumb-freestanding-eabihf", _CPU, "-fno-compiler-rt", "-ffunction-sections")
_FORMATTING = "snprintf vsnprintf sprintf vsprintf vfprintf fwrite __towrite sscanf vsscanf vfscanf __toread __uflow"
_MUSL = {
    "math": None,
    "stdlib": None,
    "errno": "strerror",
    "internal": "floatscan intscan shgetc",
    "stdio": _FORMATTING,
    "multibyte": "wctomb wcrtomb mbrtowc mbsinit internal",
}
_LONG_DOUBLE = ("scalbnl",)  # what numbers to text and back need
_WITHOUT = ("lgammal", "acoshl", "acosl", "asinhl", "asinl")  # of long double, which is double here


def runtime_libraries() -> tuple[Path, ...]:
    """Give the libraries to link behind a sketch; make them if they are not in the cache.

    Raises
    ------
    EmulatorMissingError
        If ``ziglang`` is not installed.
    BuildError
        If they could not be made, with what the compiler says.
    """
    steps = dict(_steps())
    key = hashlib.sha256(repr((zig_version(), steps)).encode()).hexdigest()[:16]
    folder = cache_folder() / f"runtime-{key}"
    made = tuple(folder / name for name in steps)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            _make(Path(temporary), steps)
            try:
                Path(temporary).rename(folder)
                Path(temporary).mkdir()  # for the context manager to remove
            except OSError:
                if not folder.is_dir():  # else: another process was faster
                    raise
    return made


def _steps() -> Iterator[tuple[str, tuple[str, ...]]]:
    library = zig_folder() / "lib"
    musl = library / "libc" / "musl"
    places = ["arch/arm", "arch/generic", "src/include", "src/internal", "include"]
    flags = ["-std=c99", "-w", "-fno-stack-protector", "-D_XOPEN_SOURCE=700"]
    sources = [str(file) for file in _musl_sources(musl / "src")]
    includes = [f"-I{musl / place}" for place in places]
    small = ("-O", "ReleaseSmall", "--zig-lib-dir", str(library))
    yield "zigc.o", ("build-obj", *COMPILE, *small, str(library / "c.zig"))
    yield "libmusl.a", ("build-lib", *COMPILE, *small, *includes, "-cflags", *flags, "--", *sources)
    yield "libcompiler_rt.a", ("build-lib", *_RUNTIME_TARGET, *small, str(library / "compiler_rt.zig"))


def _musl_sources(folder: Path) -> Iterator[Path]:
    for place, names in _MUSL.items():
        files = sorted((folder / place).glob("*.c"))
        for file in files:
            long_double = file.stem.endswith("l") and file.with_name(f"{file.stem[:-1]}.c").exists()
            wanted = not long_double and file.stem not in _WITHOUT if names is None else file.stem in names.split()
            if wanted or file.stem in _LONG_DOUBLE:
                yield file


def _make(folder: Path, steps: dict[str, tuple[str, ...]]) -> None:
    """Run all steps at once: each is one thread for the most part."""
    running = {}
    for name, arguments in steps.items():
        log = (folder / f"{name}.log").open("w+")
        command = [str(start_zig()), *arguments, f"-femit-bin={name}"]
        running[name] = (
            subprocess.Popen(command, cwd=folder, env=zig_environment(), stdout=log, stderr=log),
            log,
        )
    failed = []
    for name, (process, log) in running.items():
        with log:
            if process.wait():
                log.seek(0)
                failed.append(f"{name}: {log.read().strip()[:2000]}")
        (folder / f"{name}.log").unlink()
    if failed:
        raise BuildError(
            f"The C library of the emulated board could not be made with ziglang {zig_version()}. Install the "
            f"version of requirements.lock, or use toolchain='gcc'.\n{failed[0]}"
        )

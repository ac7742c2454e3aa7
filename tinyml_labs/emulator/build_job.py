"""All that goes into the build of a sketch, and the two compilers that can do it."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinyml_labs.emulator.runtime_library import COMPILE, RUNTIME, runtime_libraries
from tinyml_labs.emulator.zig import cache_folder, run_compiler, run_zig

HERE = Path(__file__).parent
BOARD, STAND_INS = HERE / "board", HERE / "stand_ins"
LIBRARIES = HERE.parents[1] / "arduino_sketches" / "libraries"

_CPP = ("-std=gnu++14", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
_C = ("-std=gnu99",)
_CPP_ENDS = (".cpp", ".cc", ".cxx")
_BOTH = ("-Wall", "-Wextra", "-fno-math-errno", "-fno-stack-protector", "-fno-unwind-tables", "-g1")
LEVELS = {"-Os": "ReleaseSmall", "-O2": "ReleaseFast", "-O3": "ReleaseFast"}
_GCC = (
    "-mcpu=cortex-m4",
    "-mthumb",
    "-mfpu=fpv4-sp-d16",
    "-mfloat-abi=hard",
    "-ffunction-sections",
    "-fdata-sections",
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The board's memory and clock."""

    flash_bytes: int = 4 << 20
    ram_bytes: int = 4 << 20
    clock_mhz: int = 64


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that goes into a build."""

    sketch: Path
    ino: Path
    libraries: tuple[Path, ...]
    defines: tuple[str, ...]
    recording: bytes
    stand_ins: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    limits: Limits
    optimisation: str

    def prepare_folder(self, toolchain: str) -> Path:
        """Write what is made for this build, in a folder of its own, where the results of an earlier one lie."""
        key = hashlib.sha256(repr((self, toolchain, str(HERE))).encode()).hexdigest()[:12]
        folder = cache_folder() / "sketches" / f"{self.sketch.name}-{key}"
        folder.mkdir(parents=True, exist_ok=True)
        text = self.ino.read_text("utf-8")
        _write(folder / f"{self.ino.name}.cpp", f'#include <Arduino.h>\n#line 1 "{self.ino.name}"\n{text}')
        for name, source in self.sources:
            _write(folder / name, source)
        _write(folder / "recording.bin", self.recording)
        script = (BOARD / "mps2.ld").read_text("utf-8")
        for name, size in (("code", self.limits.flash_bytes), ("ram", self.limits.ram_bytes)):
            script = re.sub(rf"({name} \(.*LENGTH = )4M", rf"\g<1>{size}", script)
        if toolchain == "zig":  # nothing is ever unwound, and lld does not mix these sections
            script = re.sub(r"\.ARM\.exidx :.*", "/DISCARD/ : { *(.ARM.exidx* .ARM.extab*) }", script)
        _write(folder / "board.ld", script)
        played = 'recording_start: .incbin "recording.bin"\nrecording_end:\n'
        head = ".section .rodata\n.balign 4\n.global recording_start, recording_end\n"
        # The digest is there for the compiler's cache, which does not see what .incbin reads.
        digest = hashlib.sha256(self.recording).hexdigest()
        _write(folder / "recording.s", f"@ {digest}\n{head}{played}")
        return folder

    def own_files(self, folder: Path, *ends: str) -> list[Path]:
        """Give the sketch's sources with these endings: those of this build take the place of those in its folder."""
        own = {file.name: file for file in self.sketch.iterdir() if file.suffix in ends and file.is_file()}
        own.update({name: folder / name for name, _ in self.sources if Path(name).suffix in ends})
        return [own[name] for name in sorted(own)] + _find(self.sketch / "src", ends)

    def library_files(self, *ends: str) -> list[Path]:
        """Give the sources of the libraries."""
        return [file for library in self.libraries for file in _find(library / "src", ends)]

    def library_includes(self) -> list[str]:
        """Give the places of headers that do not belong to the sketch."""
        return [f"-I{place}" for place in (BOARD, STAND_INS, *(library / "src" for library in self.libraries))]

    def includes(self, folder: Path) -> list[str]:
        """Give all places of headers: those of this build before the sketch's own."""
        return [f"-I{folder}", f"-I{self.sketch}", *self.library_includes()]


def build_with_zig(job: Job, folder: Path) -> str:
    """Compile with pip's ``ziglang``; give its warnings. The program is ``firmware.elf``."""
    defines = [f"-D{define}" for define in job.defines]
    level: list[str | Path] = [*COMPILE, "-lc++", "-O", LEVELS[job.optimisation], "-fno-strip"]
    cpp: list[str | Path] = ["-cflags", *_CPP, *_BOTH, *defines, "--"]
    plain: list[str | Path] = ["-cflags", *_C, *_BOTH, *defines, "--"]
    archives: dict[str, list[str | Path]] = {
        "sketch.a": [
            *job.includes(folder),
            *[*cpp, folder / f"{job.ino.name}.cpp", *job.own_files(folder, *_CPP_ENDS)],
            *[*plain, *job.own_files(folder, ".c"), folder / "recording.s"],
        ],
        "libraries.a": [  # apart, so that another sketch finds them compiled
            *job.library_includes(),
            *[
                *cpp,
                *job.library_files(*_CPP_ENDS),
                BOARD / "mps2.cpp",
                BOARD / "Print.cpp",
                RUNTIME / "printing.cpp",
            ],
            *[*plain, *job.library_files(".c"), RUNTIME / "libc.c"],
        ],
        "stand_ins.a": [*job.library_includes(), *cpp, *(STAND_INS / name for name in job.stand_ins)],
    }
    for name, sources in archives.items():
        run_zig(["build-lib", *level, f"-femit-bin={name}", *sources], folder=folder, what=job.ino.name)
    link: list[str | Path] = ["ld.lld", "-T", "board.ld", "--gc-sections", "--build-id=none"]
    link += ["--whole-archive", "sketch.a", "libraries.a", "--no-whole-archive", "stand_ins.a"]
    run_zig([*link, *runtime_libraries(), "-o", "firmware.elf"], folder=folder, what=job.ino.name)
    return _warnings(job, folder)


def _warnings(job: Job, folder: Path) -> str:
    """Give the warnings about the sketch. ``zig build-lib`` keeps them to itself, and ``zig c++`` says them once."""
    source = folder / f"{job.ino.name}.cpp"
    kept = folder / f"warnings-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.txt"
    if not kept.exists():
        flags = [*COMPILE[:2], COMPILE[3], *_CPP, *_BOTH, *(f"-D{define}" for define in job.defines), "-Os"]
        command = ["c++", *flags, *job.includes(folder), "-c", source.name, "-o", "sketch_warnings.o"]
        _write(kept, run_zig(command, folder=folder, what=job.ino.name))
    return kept.read_text("utf-8")


def build_with_gcc(job: Job, folder: Path) -> str:
    """Compile with ``arm-none-eabi-gcc``; give its warnings."""
    flags: list[str | Path] = [*_GCC, job.optimisation, "-Wall", "-Wextra", "-g1"]
    flags += [f"-D{define}" for define in job.defines]
    objects = [_gcc_archive(job, flags)]
    flags += job.includes(folder)
    said = ""
    for number, file in enumerate(job.own_files(folder, ".c")):
        objects.insert(0, Path(f"c{number}.o"))
        command: list[str | Path] = ["arm-none-eabi-gcc", *flags, *_C, "-c", file, "-o", objects[0]]
        said += run_compiler(command, folder=folder, what=job.ino.name)
    link: list[str | Path] = ["arm-none-eabi-g++", *flags, *_CPP, folder / f"{job.ino.name}.cpp"]
    link += [*job.own_files(folder, *_CPP_ENDS), *job.library_files(*_CPP_ENDS)]
    link += [STAND_INS / name for name in job.stand_ins]
    link += [BOARD / "mps2.cpp", BOARD / "Print.cpp", "recording.s", *objects, "-T", "board.ld", "-nostartfiles"]
    link += ["--specs=nano.specs", "--specs=nosys.specs", "-u", "_printf_float", "-Wl,--gc-sections"]
    return said + run_compiler([*link, "-o", "firmware.elf"], folder=folder, what=job.ino.name)


def _gcc_archive(job: Job, flags: list[str | Path]) -> Path:
    """Compile the libraries' C, unless that has been done."""
    files = job.library_files(".c")
    contents = [file.read_bytes() for file in (*files, *job.library_files(".h"))]
    key = hashlib.sha256(repr((flags, job.library_includes(), contents)).encode()).hexdigest()[:16]
    folder = cache_folder() / f"gcc-{key}"
    if not (folder / "libraries.a").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            names = [f"{number}_{file.stem}.o" for number, file in enumerate(files)]
            for file, name in zip(files, names, strict=True):
                command = ["arm-none-eabi-gcc", *flags, *_C, *job.library_includes(), "-c", file, "-o", name]
                run_compiler(command, folder=Path(place), what=file.name)
            run_compiler(["arm-none-eabi-ar", "rcs", "made.a", *names], folder=Path(place), what="the libraries")
            (Path(place) / "made.a").replace(folder / "libraries.a")
    return folder / "libraries.a"


def _find(folder: Path, ends: tuple[str, ...]) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in ends)


def _write(path: Path, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data:
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)

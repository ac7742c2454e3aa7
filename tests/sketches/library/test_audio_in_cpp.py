"""The board's audio front end against Python's, bit by bit: on this computer by two compilers, and on a Cortex-M4."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import golden_spectrograms
import numpy as np
import pytest
import serial
import simulated_boards
import toolchains
from cpp_programs import FOLDER, PROGRAMS, SANITIZERS, SOURCES, require_compiler
from front_end_library import front_end_library
from numpy.typing import NDArray

from tinyml_labs.features import SpectrogramSettings, spectrogram

pytestmark = pytest.mark.slow

GOLDEN = golden_spectrograms.load()
COMPILERS = {"g++": ("g++", *SANITIZERS), "clang++": ("clang", "-O2"), "g++ -Os": ("g++", "-Os")}


@functools.cache
def compile_front_end(how: str) -> Path:
    package, *flags = COMPILERS[how]
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    program = PROGRAMS / f"audio-{how.replace(' ', '')}"
    library = front_end_library() / "src"
    command = [require_compiler(how.split()[0], package), "-std=c++11", "-Wall", "-Wextra", "-Werror", *flags]
    command += [f"-I{SOURCES}", f"-I{library}", FOLDER / "audio.cpp", *sorted(library.glob("*.cpp"))]
    toolchains.run_compiler([*command, "-o", program])
    return program


def in_cpp(how: str, sound: NDArray[np.int16], every: int = 1, *more: int) -> NDArray[np.uint16]:
    command = [compile_front_end(how), str(every), *map(str, more)]
    done = subprocess.run(command, input=sound.astype("<i2").tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return np.frombuffer(done.stdout, np.uint16).reshape(-1, 40)


@pytest.mark.parametrize("how", COMPILERS)
def test_equals_the_golden_spectrograms(how: str) -> None:
    for sound in GOLDEN:
        np.testing.assert_array_equal(in_cpp(how, sound.samples), sound.frames, sound.name)
        np.testing.assert_array_equal(in_cpp(how, sound.samples, 2), sound.frames[::2], sound.name)


@pytest.mark.parametrize("how", COMPILERS)
def test_equals_python_on_any_sound(how: str) -> None:
    """Ten seconds of noise that comes and goes, from a whisper to all there is."""
    chance = np.random.default_rng(5)
    loudness = np.repeat(10 ** chance.uniform(0, 4.8, 40), 4000)
    sound = np.clip(chance.normal(size=160_000) * loudness, -32768, 32767).astype(np.int16)
    for every in (1, 3):
        chosen = SpectrogramSettings(stride_ms=10 * every)
        np.testing.assert_array_equal(in_cpp(how, sound, every), spectrogram(sound, chosen))


def test_after_a_reset_it_is_as_fresh_as_at_the_beginning() -> None:
    sound = np.concatenate([GOLDEN[4].samples, GOLDEN[1].samples])
    before = len(GOLDEN[4].samples)
    np.testing.assert_array_equal(in_cpp("g++", sound, 1, before), GOLDEN[1].frames)
    np.testing.assert_array_equal(in_cpp("g++", sound, 2, before), GOLDEN[1].frames[::2])


def test_its_names_are_its_own() -> None:
    """A library of TensorFlow Lite Micro may bring the same functions along."""
    objects = [PROGRAMS / f"{source.stem}.o" for source in sorted((front_end_library() / "src").glob("*.cpp"))]
    for target in objects:
        source = front_end_library() / "src" / f"{target.stem}.cpp"
        toolchains.run_compiler([require_compiler("g++", "g++"), f"-I{source.parent}", "-c", source, "-o", target])
    names = toolchains.run_compiler(["nm", "--defined-only", "--extern-only", "--format=posix", *objects])
    found = [line.split()[0] for line in names.splitlines() if len(line.split()) > 1]
    assert len(found) > 30
    assert all(name.startswith("_ZN14micro_frontend") for name in found), found


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    """All values. What it takes is printed (pytest -s), not asserted: QEMU counts instructions."""
    toolchains.need_cortex_m4()
    recording = b"".join(
        np.uint32(len(sound.samples) // 160).tobytes() + sound.samples.astype("<i2").tobytes() for sound in GOLDEN
    )
    program = toolchains.compile_for_cortex_m4(
        "audio_on_board", tmp_path, recording=recording, source=FOLDER, libraries=[front_end_library()]
    )
    frames = np.concatenate([sound.frames for sound in GOLDEN])
    with simulated_boards.qemu(program) as port, serial.Serial(port, timeout=60) as line:
        line.write(b"!")
        said = line.read(frames.nbytes + 8)
    found = np.frombuffer(said[:-8], "<u2").reshape(-1, 40)
    np.testing.assert_array_equal(found, frames)
    microseconds, heap = np.frombuffer(said[-8:], "<f4")
    print(f"about {microseconds / 64:.0f} thousand instructions for 10 ms of sound, {heap:.0f} bytes of heap")

"""Speech from Flite, which joins pieces of recorded people: four voices, in the Debian package ``flite``.

A. W. Black and K. A. Lenzo, "Flite: a small fast run-time synthesis engine" (ISCA Speech Synthesis Workshop, 2001).

>>> from tinyml_labs.voices import flite
>>> samples, rate_hz = flite.speak("yes", voice="slt")   # doctest: +SKIP
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VOICES = ("awb", "kal16", "rms", "slt")
"""The voices at 16,000 Hz that say any text: Scottish, American, American, and an American woman."""

_QUIET = 500


def is_installed() -> bool:
    """Say whether the program is here."""
    return shutil.which("flite") is not None


@cache
def list_voices() -> tuple[str, ...]:
    """Name those of :data:`VOICES` that the installed program has.

    Raises
    ------
    ModuleNotFoundError
        Flite is not installed.
    """
    listed = _run("-lv").partition(":")[2].split()
    return tuple(voice for voice in VOICES if voice in listed)


def speak(
    text: str, *, voice: str = "slt", stretch: float = 1.0, pitch_hz: float | None = None
) -> tuple[NDArray[np.int16], int]:
    """Say a text.

    Parameters
    ----------
    text : str
    voice : str
        One of :func:`list_voices`.
    stretch : float
        How many times as long as the voice's own pace, 0.3 to 3.
    pitch_hz : float, optional
        Mean pitch of the voice, 50 to 400; by default its own. The voice rms keeps its own in any case.

    Returns
    -------
    samples : int16 array, (n,)
        Always the same for the same arguments.
    rate_hz : int
        16,000.

    Raises
    ------
    ModuleNotFoundError
        Flite is not installed.
    ValueError
        There is no such voice, a number is out of range, or the text gives no sound.
    """
    if voice not in list_voices():  # the program itself would take another voice, and say nothing
        raise ValueError(f"Flite has no voice {voice!r}. It has: {', '.join(list_voices())}.")
    if not 0.3 <= stretch <= 3:
        raise ValueError(f"stretch is {stretch}, expected 0.3 to 3.")
    if pitch_hz is not None and not 50 <= pitch_hz <= 400:
        raise ValueError(f"pitch_hz is {pitch_hz}, expected 50 to 400 Hz.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        pitch = () if pitch_hz is None else ("--setf", f"int_f0_target_mean={pitch_hz:g}")
        _run("-voice", voice, "--setf", f"duration_stretch={stretch:g}", *pitch, "-t", text, "-o", str(path))
        with wave.open(str(path), "rb") as file:
            rate_hz = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    if np.abs(samples.astype(int)).max(initial=0) < _QUIET:
        raise ValueError(f"Flite says nothing for {text!r}. Expected a word or a sentence.")
    return samples, rate_hz


def _run(*arguments: str) -> str:
    program = shutil.which("flite")
    if program is None:
        raise ModuleNotFoundError("Flite is not installed. On Debian and Ubuntu: apt-get install flite.")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise ValueError(f"flite {' '.join(arguments)} failed with {done.returncode}: {done.stderr.strip()[:200]}")
    return done.stdout

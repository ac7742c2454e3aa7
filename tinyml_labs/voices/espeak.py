"""Speech from eSpeak NG, a formant synthesiser: robotic, but tiny, fast, and with a hundred voices in one library.

The library comes from the package ``espeakng-loader`` (every desktop), or from the system where that is missing.

>>> from tinyml_labs.voices import espeak
>>> samples, rate_hz = espeak.speak("yes", voice="en-us+f3")   # doctest: +SKIP
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
"""English as it is spoken in seven places; ``en`` is British."""

_SYNCHRONOUS, _DO_NOT_EXIT = 2, 0x8000
_UTF8, _TIE = 1, "^"
_IPA, _TIED = 0x02, 0x80  # without the latter the tie would stand between sounds, and not within one
_LONGEST_PATH = 140  # the library keeps it in 160 bytes
_RATE, _PITCH, _RANGE = 1, 3, 4

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_lock = threading.Lock()  # the library has one state for the whole process
_pieces: list[NDArray[np.int16]] = []


@_Callback
def _collect(samples: ctypes.Array[ctypes.c_short], count: int, _: object) -> int:
    if samples and count > 0:
        _pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
    return 0


@cache
def _open_library() -> tuple[ctypes.CDLL, int, Path]:
    """Give the library, its sample rate, and the folder with its voices."""
    path: str | None = None
    data = b""
    if find_spec("espeakng_loader") is not None:
        import espeakng_loader

        path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()
    else:
        path = ctypes.util.find_library("espeak-ng")
    if path is None:
        raise ModuleNotFoundError(
            "eSpeak NG is not installed. Run: pip install espeakng-loader (or, on Debian, apt-get install espeak-ng)."
        )
    library = ctypes.CDLL(path)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data or None, _DO_NOT_EXIT)
    if rate <= 0:
        raise RuntimeError(
            f"eSpeak NG from {path} does not start: it answers {rate}. Is its data folder complete, and its path, of "
            f"{len(data)} letters, shorter than {_LONGEST_PATH}? If not, move the installation up."
        )
    library.espeak_SetSynthCallback(_collect)
    _seed(library)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_Info.restype = ctypes.c_char_p
    where = ctypes.c_char_p()
    library.espeak_Info(ctypes.byref(where))
    folder = Path((where.value or data).decode())
    return library, rate, folder if (folder / "voices").is_dir() else folder / "espeak-ng-data"


def _seed(library: ctypes.CDLL) -> None:
    """Let chance begin at the same place in every process: breath and flutter are random."""
    if hasattr(library, "espeak_ng_SetRandSeed"):  # since 1.52
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    (ctypes.CDLL("ucrtbase") if sys.platform == "win32" else ctypes.CDLL(None)).srand(1)


@cache
def list_variants() -> tuple[str, ...]:
    """Name the voice variants, such as ``f3`` or ``Andrea``: add one to an accent, as in ``en-us+f3``."""
    _, _, data = _open_library()
    return tuple(sorted(path.name for path in (data / "voices" / "!v").iterdir() if path.is_file()))


def _choose(library: ctypes.CDLL, voice: str) -> None:
    language, _, variant = voice.partition("+")
    if variant and variant not in list_variants():  # the library itself would say nothing and take the plain voice
        raise ValueError(f"eSpeak NG has no variant {variant!r}. It has: {', '.join(list_variants())}.")
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"eSpeak NG has no voice {language!r}. Of English it has: {', '.join(ACCENTS)}.")


def speak(
    text: str,
    *,
    voice: str = "en-us",
    words_per_minute: int = 160,
    pitch: int = 50,
    pitch_range: int = 50,
) -> tuple[NDArray[np.int16], int]:
    """Say a text.

    A voice trembles a little, as people's do: the same text twice is not the same samples. The same texts in the same
    order are, in a process that says nothing else: see :mod:`tinyml_labs.voices.espeak_process`.

    Parameters
    ----------
    text : str
    voice : str
        An accent of `ACCENTS` (or any language of eSpeak NG), and after a ``+`` a variant of :func:`list_variants`.
    words_per_minute : int
        80 to 450.
    pitch, pitch_range : int
        0 to 100; 50 is the voice's own.

    Returns
    -------
    samples : int16 array, (n,)
    rate_hz : int
        22,050.

    Raises
    ------
    ModuleNotFoundError
        eSpeak NG is not installed.
    ValueError
        There is no such voice or variant, or the text gives no sound.
    """
    with _lock:
        library, rate, _ = _open_library()
        _choose(library, voice)
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        _pieces.clear()
        data = text.encode() + b"\0"
        status = library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        samples = np.concatenate(_pieces) if _pieces else np.zeros(0, np.int16)
        _pieces.clear()
    if status != 0 or not samples.any():
        raise ValueError(f"eSpeak NG says nothing for {text!r} (status {status}). Expected a word or a sentence.")
    return samples, rate


def phonemes(text: str, language: str = "en-us") -> str:
    """Give the pronunciation of a text in the International Phonetic Alphabet, with stress marks.

    Sounds that are written with two letters, such as a diphthong, are joined by ``^``.

    Raises
    ------
    ModuleNotFoundError, ValueError
        As :func:`speak`.
    """
    with _lock:
        library, _, _ = _open_library()
        _choose(library, language)
        buffer = ctypes.c_char_p(text.encode())
        pointer = ctypes.pointer(buffer)
        parts = []
        while buffer.value:
            found = library.espeak_TextToPhonemes(pointer, _UTF8, _IPA | _TIED | ord(_TIE) << 8)
            parts.append((found or b"").decode())
    return " ".join(parts).strip()

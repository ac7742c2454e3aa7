"""Sound to a spectrogram: the front end of ``micro_speech``, which hears the same on a board and here, to the bit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.child_program import child_program

SPECTROGRAM_RATE_HZ = 16000
SPECTROGRAM_WINDOW_MS, SPECTROGRAM_STEP_MS = 30, 10
SPECTROGRAM_CHANNELS = 40
SPECTROGRAM_BAND_HZ = (125.0, 7500.0)
SPECTROGRAM_SCALE = 10 / 256  # what one count of the raw values is

_WINDOW = SPECTROGRAM_WINDOW_MS * SPECTROGRAM_RATE_HZ // 1000
_STEP = SPECTROGRAM_STEP_MS * SPECTROGRAM_RATE_HZ // 1000
_FILL = _WINDOW // _STEP - 1  # steps before the first frame
_BYTES = f"V{2 * _STEP}"

_Process = Callable[[bytes], tuple[list[float], int]]


@dataclass(frozen=True, kw_only=True)
class SpectrogramSettings:
    """How sound becomes a spectrogram.

    The front end itself is fixed, so that a board and Python agree: windows of 30 ms every 10 ms, 40 bands from 125
    to 7,500 Hz, evenly spaced in mel (``SPECTROGRAM_WINDOW_MS`` and so on). What can be chosen is how many are kept.

    Parameters
    ----------
    rate_hz : float
        Samples a second; the front end takes 16,000.
    stride_ms : int
        From one frame to the next, in milliseconds: of the frames, one every 10 ms, each (stride_ms / 10)-th is kept,
        from the first on.

    Raises
    ------
    ValueError
        Another rate, or a stride that is no multiple of 10 ms.

    Examples
    --------
    >>> SpectrogramSettings().frames(16000), SpectrogramSettings(stride_ms=10).frames(16000)
    (49, 98)
    """

    rate_hz: float = float(SPECTROGRAM_RATE_HZ)
    stride_ms: int = 20

    def __post_init__(self) -> None:
        if self.rate_hz != SPECTROGRAM_RATE_HZ:
            raise ValueError(
                f"rate_hz is {self.rate_hz:g}, expected {SPECTROGRAM_RATE_HZ}: the front end knows no other. Convert "
                "the sound first: features.resample(samples, from_hz, 16000)."
            )
        if not (self.stride_ms > 0 and self.stride_ms % SPECTROGRAM_STEP_MS == 0):
            raise ValueError(f"stride_ms is {self.stride_ms}, expected a multiple of {SPECTROGRAM_STEP_MS} ms.")

    @property
    def rate_of_frames_hz(self) -> float:
        """Frames a second."""
        return 1000 / self.stride_ms

    def frames(self, samples: int) -> int:
        """Give the number of frames of so many samples, the front end having been fresh."""
        made = max(0, (samples - _WINDOW) // _STEP + 1)
        return -(-made // self._every)

    def samples(self, frames: int) -> int:
        """Give the number of samples that it takes for so many frames, the front end having been fresh.

        >>> SpectrogramSettings().samples(49)
        15840
        """
        return _WINDOW + (frames - 1) * self._every * _STEP if frames > 0 else 0

    @property
    def samples_a_stride(self) -> int:
        """Samples from one frame to the next."""
        return self._every * _STEP

    @property
    def _every(self) -> int:
        return int(self.stride_ms) // SPECTROGRAM_STEP_MS


_DEFAULT = SpectrogramSettings()


class AudioFrontEnd:
    """The front end over a stream of sound: whatever pieces it comes in, the frames are those of the whole.

    It has a memory: of each band it follows the background's level and takes it away, within about a second. The same
    sound therefore looks a little different later in a stream.

    Parameters
    ----------
    settings : SpectrogramSettings

    Raises
    ------
    ImportError
        The package pymicro-features is not installed.

    Examples
    --------
    >>> front_end = AudioFrontEnd()
    >>> front_end.feed(np.zeros(500, np.int16)).shape, front_end.feed(np.zeros(300, np.int16)).shape
    ((1, 40), (1, 40))

    Notes
    -----
    The package is the C++ source of TensorFlow Lite's ``microfrontend`` with the settings of the example
    ``micro_speech``, in fixed point: a Hann window, an FFT of 512 points, 40 bands, noise reduction, automatic gain
    (PCAN: Y. Wang et al., "Trainable Frontend For Robust and Far-Field Keyword Spotting", ICASSP 2017), logarithm.
    ``front_end_source`` writes the same source as an Arduino library. Introduced in
    ``notebooks/03_keyword_spotting.ipynb``.
    """

    def __init__(self, settings: SpectrogramSettings = _DEFAULT) -> None:
        self.settings = settings
        self._process, self._begin_anew = _open()
        self._rest = np.empty(0, np.int16)
        self._steps = 0

    def feed(self, samples: ArrayLike) -> NDArray[np.uint16]:
        """Take the next samples; give the frames that they complete.

        Parameters
        ----------
        samples : int16 array, (n,)
            Mono, 16 kHz; or float in -1..1. Any number of them, and none too.

        Returns
        -------
        uint16 array, (k, 40)
            Raw values, about 0 to 670; :func:`to_real` makes them what a model takes.

        Raises
        ------
        ValueError, TypeError
            Samples of another shape, dtype or range.
        """
        given = _to_int16(samples, 1)
        waiting = np.concatenate([self._rest, given]) if len(self._rest) else given
        whole = len(waiting) // _STEP
        steps = waiting[: whole * _STEP]
        self._rest = waiting[whole * _STEP :].copy()
        process, every = self._process, self.settings._every
        first = _FILL - self._steps if self._steps < _FILL else -(self._steps - _FILL) % every
        self._steps += whole
        return _to_array([process(step)[0] for step in _cut(steps)][first::every])

    def reset(self) -> None:
        """Forget all that was heard: as fresh as at the beginning."""
        self._begin_anew()
        self._rest = self._rest[:0]
        self._steps = 0


def spectrogram(samples: ArrayLike, settings: SpectrogramSettings = _DEFAULT) -> NDArray[np.uint16]:
    """Compute the spectrogram of a clip, with a fresh front end.

    Parameters
    ----------
    samples : int16 array, (n,)
        Mono, 16 kHz; or float in -1..1, which is rounded to int16.
    settings : SpectrogramSettings

    Returns
    -------
    uint16 array, (frames, 40)
        The frames of ``settings.frames(n)``, bands from low to high.

    Raises
    ------
    ValueError, TypeError
        Samples of another shape, dtype or range, or fewer than 480 of them: no frame.
    ImportError
        The package pymicro-features is not installed.

    Examples
    --------
    >>> time_s = np.arange(16000) / 16000
    >>> found = spectrogram(0.5 * np.sin(2 * np.pi * 1000 * time_s))
    >>> found.shape, int(found.mean(axis=0).argmax())  # a tone of 1 kHz is in the 13th band
    ((49, 40), 12)
    """
    clip = _to_int16(samples, 1)
    return spectrograms(clip[np.newaxis], settings)[0]


def spectrograms(
    clips: ArrayLike, settings: SpectrogramSettings = _DEFAULT, processes: int = 1
) -> NDArray[np.uint16]:
    """Compute the spectrograms of clips, each with a fresh front end.

    Parameters
    ----------
    clips : int16 array, (N, n)
        As in :func:`spectrogram`, all of one length.
    settings : SpectrogramSettings
    processes : int
        Over how many to share the work. It takes 1.1 to 1.6 s of a core for 1,000 clips of one second, and a process
        about half a second to start: from some thousand clips on, as many as there are cores.

    Returns
    -------
    uint16 array, (N, frames, 40)

    Raises
    ------
    ValueError, TypeError
        As :func:`spectrogram`; or ``processes`` below 1.
    ImportError
        The package pymicro-features is not installed.
    """
    sound = _to_int16(clips, 2)
    if processes < 1:
        raise ValueError(f"processes is {processes}, expected 1 or more.")
    if sound.shape[1] < _WINDOW:
        raise ValueError(
            f"A clip of {sound.shape[1]} samples is {sound.shape[1] / 16:.4g} ms; expected {_WINDOW} samples at "
            f"least, the {SPECTROGRAM_WINDOW_MS} ms of a frame. Fill it up with silence, or leave it out."
        )
    _open()
    if processes > 1 and len(sound) > 1:
        parts = np.array_split(sound, min(processes, len(sound)))
        with ThreadPoolExecutor(len(parts)) as threads:
            return np.concatenate(list(threads.map(partial(_in_a_process, settings), parts)))
    made = np.empty((len(sound), settings.frames(sound.shape[1]), SPECTROGRAM_CHANNELS), np.uint16)
    front_end = AudioFrontEnd(settings)
    for k, clip in enumerate(sound):
        made[k] = front_end.feed(clip)
        front_end.reset()
    return made


def to_real(spectrogram: ArrayLike) -> NDArray[np.float32]:
    """Turn raw values into real numbers, 0 to about 26: the inputs of keyword models, which ``inference`` quantizes.

    Parameters
    ----------
    spectrogram : uint16 array, any shape

    Returns
    -------
    float32 array, of the same shape
        Values * 10 / 256, exactly.

    Raises
    ------
    TypeError
        Another dtype: real numbers already?

    Examples
    --------
    >>> to_real(np.array([0, 256, 670], np.uint16)).tolist()
    [0.0, 10.0, 26.171875]
    """
    raw = np.asarray(spectrogram)
    if raw.dtype != np.uint16:
        raise TypeError(f"The spectrogram is {raw.dtype}, expected uint16, as spectrogram() gives it.")
    return raw * np.float32(SPECTROGRAM_SCALE)


def _open() -> tuple[_Process, Callable[[], Any]]:
    """Make a front end; give what processes 320 bytes, and what resets it."""
    try:
        from micro_features_cpp import create_frontend, process_samples, reset_frontend
    except ImportError:  # what the package calls its inner module is its own affair
        return _open_by_class()
    handle = create_frontend()
    return partial(process_samples, handle), partial(reset_frontend, handle)


def _open_by_class() -> tuple[_Process, Callable[[], Any]]:
    try:
        from pymicro_features import MicroFrontend
    except ImportError as error:
        raise ImportError(
            "The audio front end is missing: python -m pip install pymicro-features==2.0.2. (`make lab` installs it.)"
        ) from error
    front_end = MicroFrontend()

    def process(step: bytes) -> tuple[list[float], int]:
        output = front_end.process_samples(step)
        return output.features, output.samples_read

    return process, front_end.reset


def _cut(samples: NDArray[np.int16]) -> list[bytes]:
    """Steps of 10 ms, as bytes, in one go."""
    return np.ascontiguousarray(samples).view(_BYTES).tolist() if len(samples) else []


def _to_array(frames: list[list[float]]) -> NDArray[np.uint16]:
    values = np.fromiter(chain.from_iterable(frames), np.float64, len(frames) * SPECTROGRAM_CHANNELS)
    raw = values / SPECTROGRAM_SCALE  # whole numbers again, exactly: the values are counts times 5 / 128
    return raw.astype(np.uint16).reshape(-1, SPECTROGRAM_CHANNELS)


def _to_int16(samples: ArrayLike, dimensions: int) -> NDArray[np.int16]:
    found = np.asarray(samples)
    if found.ndim != dimensions:
        expected = {1: "(n,): of one channel, samples[:, 0]", 2: "(N, n): a row a clip"}[dimensions]
        raise ValueError(f"The sound has shape {found.shape}, expected {expected}.")
    if found.dtype == np.int16:
        return found
    if found.dtype.kind != "f":
        raise TypeError(f"The sound is {found.dtype}, expected int16, or float in -1..1.")
    largest = float(np.abs(found).max(initial=0.0))
    if not largest <= 1:
        raise ValueError(
            f"The sound is {found.dtype} and goes up to {largest:g}, expected -1 to 1. If these are counts of 16 "
            "bits: samples.astype(np.int16)."
        )
    return np.clip(np.rint(found * 32768.0), -32768, 32767).astype(np.int16)


def _in_a_process(settings: SpectrogramSettings, clips: NDArray[np.int16]) -> NDArray[np.uint16]:
    sound = np.ascontiguousarray(clips)
    arguments = [str(sound.shape[1]), str(settings.stride_ms)]
    done = subprocess.run(
        [*child_program("tinyml_labs.features.audio_process"), *arguments],
        input=sound.view(np.uint8).reshape(-1).data,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"A process that computes spectrograms failed:\n{done.stderr.decode(errors='replace')}")
    return np.frombuffer(done.stdout, np.uint16).reshape(len(sound), -1, SPECTROGRAM_CHANNELS)

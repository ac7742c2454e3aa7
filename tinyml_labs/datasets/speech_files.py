"""Spoken words in WAV files, a second each, read when they are needed."""

from __future__ import annotations

import math
import wave
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16000
"""Samples a second of every file."""

CLIP_SAMPLES = 16000
"""Samples of a clip: one second."""

NOISE_FOLDER = "_background_noise_"
"""Where long recordings of noise lie, in Speech Commands and in folders that are laid out like it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeechFiles:
    """Clips of spoken words, and long recordings of noise, in files that are read one by one.

    Attributes
    ----------
    folder : Path
        Where they lie.
    paths : tuple of Path
        The clips' files.
    labels, words, speakers : tuple of str
        Of each clip: its class, what is said, and by whom ("" where nobody knows).
    noise_paths : tuple of Path
        The long recordings.
    noise_part : tuple of two float
        Which part of each of them belongs to this data: (0.8, 0.9) begins after 80 % of it, and ends at 90 %.
    """

    folder: Path
    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    words: tuple[str, ...]
    speakers: tuple[str, ...]
    noise_paths: tuple[Path, ...] = ()
    noise_part: tuple[float, float] = (0.0, 1.0)

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.paths)

    def read(self, index: int) -> NDArray[np.int16]:
        """Read one clip: int16 (16000,), see :func:`fit_second`; ValueError if the file cannot be read."""
        return fit_second(read_wav(self.paths[index]))

    def read_all(self) -> NDArray[np.int16]:
        """Read every clip at once: int16 (N, 16000), 32 kB each."""
        clips = np.empty((len(self), CLIP_SAMPLES), np.int16)
        for index in range(len(self)):
            clips[index] = self.read(index)
        return clips

    def batches(self, size: int = 256) -> Iterator[tuple[NDArray[np.int16], tuple[str, ...]]]:
        """Read the clips a few at a time, in order.

        Parameters
        ----------
        size : int
            Clips in a batch; 256 of them are 8 MB. The last batch may be smaller.

        Yields
        ------
        samples : int16 array, (n, 16000)
        labels : tuple of str, n
        """
        if size < 1:
            raise ValueError(f"A batch of {size} clips: it has one at least.")
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield np.stack([self.read(index) for index in range(start, stop)]), self.labels[start:stop]

    def select(
        self,
        *,
        labels: Collection[str] | None = None,
        words: Collection[str] | None = None,
        speakers: Collection[str] | None = None,
    ) -> SpeechFiles:
        """Keep the clips that have one of the labels, one of the words and one of the speakers; None keeps all.

        Raises
        ------
        ValueError
            If no clip has such a label, word or speaker.
        """
        chosen = set(range(len(self)))
        for what, wanted, values in (
            ("label", labels, self.labels),
            ("word", words, self.words),
            ("speaker", speakers, self.speakers),
        ):
            if wanted is None:
                continue
            if isinstance(wanted, str):
                raise ValueError(f"{what}s is {wanted!r}; expected a list of them, such as [{wanted!r}].")
            if missing := sorted(set(wanted) - set(values)):
                raise ValueError(f"There is no {what} {missing[0]!r}; there are {_list(values)}.")
            chosen &= {index for index, value in enumerate(values) if value in set(wanted)}
        kept = sorted(chosen)
        return replace(
            self,
            paths=tuple(self.paths[index] for index in kept),
            labels=tuple(self.labels[index] for index in kept),
            words=tuple(self.words[index] for index in kept),
            speakers=tuple(self.speakers[index] for index in kept),
        )

    def read_noise(self, index: int) -> NDArray[np.int16]:
        """Read a long recording, whole: int16 (n,)."""
        return read_wav(self.noise_paths[index])

    def silences(self) -> NDArray[np.int16]:
        """Cut the long recordings into seconds that do not overlap.

        Returns
        -------
        int16 array, (M, 16000)
            From ``noise_part`` of each recording. What is left of it, less than a second, is left out.
        """
        pieces = [np.empty((0, CLIP_SAMPLES), np.int16)]
        for index in range(len(self.noise_paths)):
            samples = self.read_noise(index)
            start, stop = (math.ceil(part * len(samples)) for part in self.noise_part)
            count = (stop - start) // CLIP_SAMPLES
            pieces.append(samples[start : start + count * CLIP_SAMPLES].reshape(count, CLIP_SAMPLES))
        return np.concatenate(pieces)

    def __str__(self) -> str:
        """Say what there is."""
        speakers = len(set(self.speakers) - {""})
        return (
            f"{len(self):,} clips of {len(set(self.words))} words, {speakers:,} speakers, "
            f"{len(self.noise_paths)} recordings of noise in {self.folder}"
        )


def read_wav(path: str | Path) -> NDArray[np.int16]:
    """Read a WAV file of 16 bits, one channel, 16 kHz.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    int16 array, (n,)

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no WAV file, is cut short, or has another format.
    """
    mend = "Put the file back from its source."
    try:
        with wave.open(str(path), "rb") as file:
            form = file.getnchannels(), file.getsampwidth(), file.getframerate()
            count = file.getnframes()
            data = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{path} is no WAV file that can be read: {str(error) or 'it is cut short'}. {mend}"
        ) from None
    if form != (1, 2, RATE_HZ):
        raise ValueError(
            f"{path} has {form[0]} channels of {8 * form[1]} bits at {form[2]} Hz; expected 1 of 16 bits at "
            f"{RATE_HZ} Hz. Convert it: ffmpeg -i IN.wav -ac 1 -ar {RATE_HZ} -c:a pcm_s16le OUT.wav"
        )
    if len(data) < 2 * count:
        raise ValueError(f"{path} is cut short: it has {len(data) // 2} of {count} samples. {mend}")
    return np.frombuffer(data, "<i2").astype(np.int16)


def fit_second(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Make a clip one second long, its middle staying in the middle: zeros on both sides, or both ends cut off.

    Parameters
    ----------
    samples : int16 array, (n,)

    Returns
    -------
    int16 array, (16000,)
        If the difference is odd, the additional sample is at the end.
    """
    missing = CLIP_SAMPLES - len(samples)
    if missing >= 0:
        return np.pad(samples, (missing // 2, missing - missing // 2))
    start = -missing // 2
    return samples[start : start + CLIP_SAMPLES]


def _list(values: Collection[str]) -> str:
    names = sorted(set(values))
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "") or "none"

"""Long streams of sound in which it is known what is said when: words over a noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features import Interval

__all__ = ["RATE_HZ", "make_stream", "pink_noise"]

RATE_HZ = 16_000
_FULL_SCALE = 32_768.0
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 7_600.0
_SEAM = 1_600  # where a noise begins anew: a tenth of a second


def make_stream(
    clips: Sequence[NDArray[np.int16]],
    words: Sequence[str],
    seconds: float,
    *,
    keywords: Sequence[str] | None = None,
    keyword_share: float = 0.5,
    noise: NDArray | None = None,
    noise_dbfs: float = -50.0,
    snr_db: float | tuple[float, float] = 15.0,
    pause_s: tuple[float, float] = (1.0, 4.0),
    unknown: str = "unknown",
    seed: int = 0,
) -> tuple[NDArray[np.int16], list[Interval]]:
    """Put spoken clips at random times over a noise.

    Pause, clip, pause, clip, …, and a pause at the end. Each clip is scaled so that its mean power is ``snr_db``
    above that of the noise, which goes on below it. No clip is said again before all of its kind were said.

    Parameters
    ----------
    clips : sequence of int16 arrays, (n,)
        Mono, 16 kHz, without silence at their ends (which would count as speech): ``SpokenClips.samples``.
    words : sequence of str
        What is said in each: ``SpokenClips.words``.
    seconds : float
    keywords : sequence of str, optional
        The words to listen for; what else is said is labelled ``unknown``. By default every word is its own label.
    keyword_share : float, 0 to 1
        How many of the spoken clips are of a keyword, if there are others.
    noise : array, (m,), optional
        Of any level, since it is scaled; if it is too short, it is repeated, one end faded into the other. By default
        pink noise, of the seed.
    noise_dbfs : float, dB
        The noise's mean power; 0 dB is that of a square wave which int16 just holds.
    snr_db : float or (low, high)
        Signal-to-noise ratio; of two, each clip has its own in between.
    pause_s : (shortest, longest)
        Evenly distributed between the two.
    unknown : str
    seed : int
        The same seed gives the same stream.

    Returns
    -------
    samples : int16 array, (round(seconds * 16000),)
    intervals : list of Interval
        Where each clip lies, in samples, and its label: the truth for `evaluation.evaluate_stream`.

    Raises
    ------
    ValueError
        Clips and words of different number, a clip that is empty, silent or longer than the stream allows, a keyword
        that nobody says, or a level that int16 does not hold.

    Examples
    --------
    >>> hiss = (3000 * np.random.default_rng(0).standard_normal(8000)).astype(np.int16)
    >>> samples, intervals = make_stream([hiss, hiss], ["yes", "tree"], 10, keywords=["yes"], seed=1)
    >>> len(samples), [interval.label for interval in intervals]
    (160000, ['yes', 'unknown'])

    Notes
    -----
    Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    count = round(seconds * RATE_HZ)
    low_db, high_db = snr_db if isinstance(snr_db, tuple) else (snr_db, snr_db)
    shortest, longest = (round(pause * RATE_HZ) for pause in pause_s)
    _check(clips, words, keywords, keyword_share, 0 < shortest <= longest and low_db <= high_db)
    random = np.random.default_rng([seed, 11])
    bed = pink_noise(count, seed) if noise is None else _repeat(np.asarray(noise, np.float64), count, random)
    level = _FULL_SCALE * 10 ** (noise_dbfs / 20)
    sound = bed * (level / _root_mean_square(bed))
    intervals: list[Interval] = []
    at = 0
    for number in _order(words, keywords, keyword_share, random):
        clip = np.asarray(clips[number], np.float64)
        start = at + int(random.integers(shortest, longest + 1))
        gain = level / _root_mean_square(clip) * 10 ** (random.uniform(low_db, high_db) / 20)
        if start + len(clip) + shortest > count:
            break
        at = start + len(clip)
        sound[start:at] += gain * clip
        label = words[number] if keywords is None or words[number] in keywords else unknown
        intervals.append(Interval(start, at, label))
    if not intervals:
        raise ValueError(f"{seconds:g} s have no room for a clip and two pauses of {pause_s[0]:g} s. Make it longer.")
    loudest = float(np.abs(sound).max())
    if loudest > _FULL_SCALE - 1:
        raise ValueError(
            f"The loudest sample is {loudest:,.0f}, and int16 goes to 32,767. Choose a lower noise_dbfs, such as "
            f"{noise_dbfs - math.ceil(20 * math.log10(loudest / _FULL_SCALE)) - 1:g}, or a smaller snr_db."
        )
    return np.rint(sound).astype(np.int16), intervals


def pink_noise(count: int, seed: int = 0) -> NDArray[np.float64]:
    """Make noise whose power falls by 3 dB an octave, as in many rooms, from 40 to 7,600 Hz at 16 kHz.

    Returns
    -------
    float64 array, (count,)
        With a mean power of 1.
    """
    white = np.random.default_rng([seed, 12]).standard_normal(count)
    spectrum = np.fft.rfft(white)
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    inside = (hz >= _LOWEST_HZ) & (hz <= _HIGHEST_HZ)
    if not inside.any():
        raise ValueError(f"{count} samples are too few for noise from {_LOWEST_HZ:g} Hz on.")
    spectrum *= np.where(inside, 1 / np.sqrt(np.maximum(hz, _LOWEST_HZ)), 0.0)
    noise = np.fft.irfft(spectrum, count)
    return noise / _root_mean_square(noise)


def _order(
    words: Sequence[str], keywords: Sequence[str] | None, keyword_share: float, random: np.random.Generator
) -> Iterator[int]:
    """Give numbers of clips without end."""
    wanted = [k for k, word in enumerate(words) if keywords is None or word in keywords]
    others = sorted(set(range(len(words))) - set(wanted))
    share = keyword_share if others else 1.0
    decks = (_shuffled(wanted, random), _shuffled(others, random))
    while True:
        yield next(decks[0 if random.random() < share else 1])


def _shuffled(numbers: Sequence[int], random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(numbers).tolist()


def _repeat(noise: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Give so many samples of a noise, from a random place on; where it begins anew, it is faded over."""
    if noise.ndim != 1 or len(noise) <= 2 * _SEAM or not _root_mean_square(noise):
        raise ValueError(
            f"noise has shape {noise.shape}, expected (m,) with more than {2 * _SEAM} samples that are not all 0."
        )
    if len(noise) >= count:
        start = int(random.integers(0, len(noise) - count + 1))
        return noise[start : start + count]
    share = np.linspace(0, 1, _SEAM)
    # of equal power, since end and beginning have nothing to do with each other
    seam = noise[-_SEAM:] * np.cos(share * np.pi / 2) + noise[:_SEAM] * np.sin(share * np.pi / 2)
    loop = np.concatenate([seam, noise[_SEAM:-_SEAM]])
    return np.resize(np.roll(loop, -int(random.integers(0, len(loop)))), count)


def _root_mean_square(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _check(
    clips: Sequence[NDArray[np.int16]],
    words: Sequence[str],
    keywords: Sequence[str] | None,
    keyword_share: float,
    in_order: bool,
) -> None:
    if not len(clips) or len(clips) != len(words) or isinstance(words, str):
        raise ValueError(f"There are {len(clips)} clips and {len(words)} words; expected a word for each clip.")
    for word, clip in zip(words, clips, strict=True):
        if np.ndim(clip) != 1 or not np.any(clip):
            raise ValueError(f"A clip of {word!r} has shape {np.shape(clip)}, expected sound (n,) that is not all 0.")
    missing = [word for word in keywords or () if word not in words]
    if missing or isinstance(keywords, str):
        raise ValueError(f"keywords is {keywords!r}, expected words that are said: {', '.join(sorted(set(words)))}.")
    if not 0 <= keyword_share <= 1:
        raise ValueError(f"keyword_share is {keyword_share}, expected a share between 0 and 1.")
    if not in_order:
        raise ValueError("Expected pause_s=(shortest, longest), above 0 s, and snr_db as a number or (low, high).")

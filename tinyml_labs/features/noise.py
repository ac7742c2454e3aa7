"""Noises that a microphone hears all day, made from chance: no recording, nobody's voice.

Introduced in `notebooks/03_keyword_spotting.ipynb`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROOT_MEAN_SQUARE = 0.1  # 20 dB below full scale
_VOWELS = np.array(  # formants in Hz: G. E. Peterson and H. L. Barney (1952), means of men and women
    [[290, 2540, 3160], [410, 2235, 2815], [570, 2085, 2740], [760, 1885, 2625], [790, 1155, 2500],
     [580, 880, 2555], [455, 1090, 2460], [335, 910, 2455], [700, 1295, 2585], [495, 1495, 1825]]
)  # fmt: skip


def make_noise(kind: str, samples: int, seed: int = 0, *, rate_hz: int = 16_000) -> NDArray[np.float32]:
    """Make a noise.

    Parameters
    ----------
    kind : str
        One of :data:`NOISES`.

        - ``white``: equal power at all frequencies, as a radio between stations.
        - ``pink``: 3 dB less an octave, as rain or a fan.
        - ``brown``: 6 dB less an octave, as traffic through a window.
        - ``hum``: mains at 50 or 60 Hz with harmonics, as a transformer.
        - ``babble``: twelve at once who say vowels at a speaker's pace, as a canteen.
        - ``clicks``: six knocks a second, as keys or crockery.
        - ``water``: bubbles that ring and rise, and a hiss, as a running tap.
        - ``clatter``: three blows a second on five things that ring, and some scraping, as dishes or cutlery.
    samples : int
    seed : int
        The same seed gives the same noise.
    rate_hz : int

    Returns
    -------
    float32 array, (samples,)
        Root mean square 0.1, or less where a peak would pass ±1.

    Raises
    ------
    ValueError
        There is no such noise, or it would have no samples.

    Examples
    --------
    >>> make_noise("pink", 16000, seed=1).shape
    (16000,)
    """
    if kind not in _MAKERS:
        raise ValueError(f"There is no noise {kind!r}; there are {', '.join(NOISES)}.")
    if samples < 1:
        raise ValueError(f"samples is {samples}, expected 1 at least.")
    random = np.random.default_rng([seed, NOISES.index(kind)])
    return _set_level(_MAKERS[kind](samples, rate_hz, random))


def make_babble(
    clips: Sequence[NDArray[np.int16]], samples: int, seed: int = 0, *, talkers: int = 12, rate_hz: int = 16_000
) -> NDArray[np.float32]:
    """Let several talk at once, each saying clips one after the other with pauses of up to half a second.

    Parameters
    ----------
    clips : sequence of int16 arrays, (n,)
        Such as the samples of :class:`tinyml_labs.datasets.keywords.SpokenClips`. Take those of the same split only.
    samples, seed, rate_hz
        As of :func:`make_noise`.
    talkers : int

    Returns
    -------
    float32 array, (samples,)
        Root mean square 0.1, or less where a peak would pass ±1.

    Raises
    ------
    ValueError
        There are no clips, no talkers or no samples.
    """
    if not len(clips) or talkers < 1 or samples < 1:
        raise ValueError(
            f"Found {len(clips)} clips, {talkers} talkers and {samples} samples, expected 1 of each at least."
        )
    random = np.random.default_rng(seed)
    total = np.zeros(samples)
    for _ in range(talkers):
        at = -int(random.integers(0, rate_hz))
        while at < samples:
            clip = clips[int(random.integers(len(clips)))]
            begin, end = max(at, 0), min(at + len(clip), samples)
            if begin < end:
                total[begin:end] += clip[begin - at : end - at] / 32768
            at += len(clip) + int(random.integers(0, rate_hz // 2))
    return _set_level(total)


def _coloured(exponent: float) -> Callable[[int, int, np.random.Generator], Array]:
    """Power that falls as frequency to the given power, from 20 Hz on."""

    def make(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
        spectrum = np.fft.rfft(random.normal(size=samples))
        frequencies = np.fft.rfftfreq(samples, 1 / rate_hz)
        spectrum *= np.maximum(frequencies, 20.0) ** (-exponent / 2)
        spectrum[frequencies < 20.0] *= 0.3
        return np.fft.irfft(spectrum, samples)

    return make


def _hum(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
    time = np.arange(samples) / rate_hz
    mains = random.choice([50.0, 60.0]) * (1 + 0.001 * random.normal())
    harmonics = np.arange(1, 31)
    loudness = random.uniform(0.3, 1.0, 30) / harmonics**0.8
    phases = random.uniform(0, 2 * np.pi, 30)
    tones = zip(harmonics, loudness, phases, strict=True)
    total = sum((a * np.sin(2 * np.pi * mains * k * time + phase) for k, a, phase in tones), np.zeros(samples))
    return total + 0.02 * random.normal(size=samples)


def _ring(
    samples: int, starts: NDArray[np.int64], hertz: Array, decay_s: Array, loudness: Array, rise: float, rate_hz: int
) -> Array:
    """Let tones begin at their times and die away; in a decay time a pitch rises by ``rise`` of itself."""
    total = np.zeros(samples)
    for begin, frequency, decay, a in zip(starts, hertz, decay_s, loudness, strict=True):
        time = np.arange(min(int(7 * decay * rate_hz), samples - begin)) / rate_hz
        turns = frequency * (time + rise * time**2 / (2 * decay))
        total[begin : begin + len(time)] += a * np.exp(-time / decay) * np.sin(2 * np.pi * turns)
    return total


def _clicks(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
    count = max(1, random.poisson(6 * samples / rate_hz))
    starts = random.integers(0, samples, count)
    total = 0.001 * random.normal(size=samples)
    for _ in range(3):  # a knocked thing rings at several pitches
        hertz = np.exp(random.uniform(np.log(400), np.log(5000), count))
        total += _ring(
            samples, starts, hertz, random.uniform(0.001, 0.008, count), random.exponential(1, count), 0, rate_hz
        )
    return total


def _clatter(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
    total = 0.003 * random.normal(size=samples)
    for _ in range(5):  # each thing has pitches of its own, which are no harmonics
        starts = random.integers(0, samples, max(1, random.poisson(0.6 * samples / rate_hz)))
        loudness = random.exponential(1, len(starts))
        decay_s = np.exp(random.uniform(np.log(0.01), np.log(0.15)))
        for hertz in np.exp(random.uniform(np.log(700), np.log(0.45 * rate_hz), 6)):
            tones = np.full(len(starts), hertz), np.full(len(starts), decay_s * random.uniform(0.3, 1))
            total += _ring(samples, starts, *tones, loudness * random.exponential(1), 0, rate_hz)
    for begin in random.integers(0, samples, max(1, random.poisson(1.5 * samples / rate_hz))):  # it scrapes
        length = min(int(random.uniform(0.03, 0.25) * rate_hz), samples - begin)
        scrape = np.diff(random.normal(size=length + 1)) * np.sin(np.pi * np.arange(length) / max(1, length))
        total[begin : begin + length] += random.exponential(0.3) * scrape
    return total


def _water(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
    """Bubbles ring at a pitch that their size sets, and rise (M. Minnaert, 1933; K. van den Doel, 2005)."""
    count = max(1, random.poisson(200 * samples / rate_hz))
    starts = random.integers(0, samples, count)
    hertz = np.exp(random.uniform(np.log(500), np.log(4000), count))
    bubbles = _ring(samples, starts, hertz, 8 / hertz + 0.002, random.exponential(1, count), 0.15, rate_hz)
    spectrum = np.fft.rfft(random.normal(size=samples))
    frequencies = np.fft.rfftfreq(samples, 1 / rate_hz)
    spectrum *= frequencies / (frequencies + 1500.0)
    return bubbles + 0.15 * np.fft.irfft(spectrum, samples)


def _babble(samples: int, rate_hz: int, random: np.random.Generator) -> Array:
    total = np.zeros(samples)
    for _ in range(12):
        pitch, size, distance = random.uniform(85, 240), random.uniform(0.9, 1.15), random.uniform(0.5, 1.5)
        at = -int(random.integers(0, rate_hz // 4))
        while at < samples:
            length = int(random.uniform(0.1, 0.3) * rate_hz)
            sound = distance * _say_vowel(length, pitch * random.uniform(0.85, 1.2), size, rate_hz, random)
            begin, end = max(at, 0), min(at + length, samples)
            if begin < end:
                total[begin:end] += sound[begin - at : end - at]
            at += length + int(random.choice([0.02, 0.05, 0.4], p=[0.5, 0.35, 0.15]) * rate_hz)
    return total


def _say_vowel(length: int, pitch_hz: float, size: float, rate_hz: int, random: np.random.Generator) -> Array:
    """A buzz of falling pitch, and the resonances of a mouth."""
    fall = np.linspace(1.05, 0.92, length)
    pulses = np.diff(np.floor(np.cumsum(pitch_hz * fall) / rate_hz), prepend=0.0) + 0.02 * random.normal(size=length)
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz)
    formants = _VOWELS[random.integers(len(_VOWELS))] * size
    resonance = np.zeros(len(frequencies))
    for formant, loudness in zip(formants, (1.0, 0.4, 0.15), strict=True):
        resonance += loudness / (1 + ((frequencies - formant) / 90.0) ** 2)
    voice = np.fft.irfft(np.fft.rfft(pulses) * (resonance + 0.004), length)
    return voice * np.sin(np.pi * np.arange(length) / length)


def _set_level(noise: Array) -> NDArray[np.float32]:
    noise = noise - noise.mean() if len(noise) > 1 else noise
    loudness = np.sqrt((noise**2).mean())
    if loudness == 0:
        return noise.astype(np.float32)
    noise = noise * (_ROOT_MEAN_SQUARE / loudness)
    return (noise / max(1.0, np.abs(noise).max())).astype(np.float32)


_MAKERS: dict[str, Callable[[int, int, np.random.Generator], Array]] = {
    "white": _coloured(0),
    "pink": _coloured(1),
    "brown": _coloured(2),
    "hum": _hum,
    "babble": _babble,
    "clicks": _clicks,
    "water": _water,
    "clatter": _clatter,
}
NOISES = tuple(_MAKERS)
"""The kinds of :func:`make_noise`."""

"""One clip in a thousand circumstances: faster, softer, elsewhere in the window, in a room, in noise, masked.

All sound is float32, -1 to 1; chance comes from a :class:`numpy.random.Generator`, so that a seed repeats a training.
Introduced in `notebooks/03_keyword_spotting.ipynb`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]


def to_float(samples: NDArray[np.int16]) -> Sound:
    """Give a microphone's integers as numbers from -1 to 1."""
    return (samples / 32768).astype(np.float32)


def to_int16(sound: Sound) -> NDArray[np.int16]:
    """Give numbers as a microphone's integers; what is beyond ±1 is clipped, as a microphone does."""
    return np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)


def place(clip: Sound, length: int, offset: int) -> Sound:
    """Put a clip into a window of silence.

    Parameters
    ----------
    clip : float32 array, (n,)
    length : int
        Samples of the window.
    offset : int
        Where in it the clip begins; below 0 its beginning is lost. What is beyond the window's end is lost, too.

    Returns
    -------
    float32 array, (length,)
    """
    window = np.zeros(length, np.float32)
    begin, end = max(offset, 0), min(offset + len(clip), length)
    if begin < end:
        window[begin:end] = clip[begin - offset : end - offset]
    return window


def change_speed(clip: Sound, factor: float) -> Sound:
    """Play a clip faster or slower, as a record: its pitch follows.

    Parameters
    ----------
    clip : float32 array, (n,)
    factor : float
        1.1 is a tenth faster and higher.

    Returns
    -------
    float32 array, (round(n / factor),)

    Raises
    ------
    ValueError
        The factor is not positive.

    Notes
    -----
    The spectrum gets more or fewer frequencies, and is turned back into a sound of that many samples. This takes the
    clip as if it were repeated, which is right for clips that begin and end softly.
    """
    if not factor > 0:
        raise ValueError(f"factor is {factor}, expected a number above 0: 1.1 is a tenth faster.")
    count = max(1, round(len(clip) / factor))
    spectrum = np.fft.rfft(clip)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(clip))).astype(np.float32)


def scale_loudness(clip: Sound, level_db: float) -> Sound:
    """Make a clip as loud as asked, or as loud as it can be without clipping.

    Parameters
    ----------
    clip : float32 array, (n,)
    level_db : float
        Its root mean square in decibels below full scale: -20 is 0.1.

    Returns
    -------
    float32 array, (n,)
        Silence stays silence.
    """
    loudness = float(np.sqrt(np.mean(clip.astype(np.float64) ** 2)))
    peak = float(np.abs(clip).max(initial=0))
    if peak == 0:
        return clip.copy()
    factor = min(float(10 ** (level_db / 20)) / loudness, 1 / peak)
    return (clip * factor).astype(np.float32)


def add_noise(clip: Sound, noise: Sound, snr_db: float, generator: np.random.Generator) -> Sound:
    """Add a noise of which the clip stands out by so many decibels.

    Parameters
    ----------
    clip : float32 array, (n,)
        Its power is taken where it is not 0: the silence that :func:`place` adds does not count.
    noise : float32 array, (m,)
        A part of it is taken from a random place; at its end it begins again.
    snr_db : float
        Signal-to-noise ratio, of powers: 0 is as loud as the clip, 20 a hundredth of its power.
    generator : numpy.random.Generator

    Returns
    -------
    float32 array, (n,)

    Raises
    ------
    ValueError
        The clip or the noise is silent: there is no ratio.
    """
    chosen = noise[(int(generator.integers(len(noise))) + np.arange(len(clip))) % len(noise)].astype(np.float64)
    signal_power = np.sum(clip.astype(np.float64) ** 2) / max(1, int(np.count_nonzero(clip)))
    noise_power = np.mean(chosen**2)
    if signal_power == 0 or noise_power == 0:
        what = "clip" if signal_power == 0 else "noise"
        raise ValueError(
            f"The {what} is silent, so that no ratio to it can be {snr_db} dB. For silence use the noise."
        )
    return (clip + chosen * np.sqrt(signal_power / noise_power / 10 ** (snr_db / 10))).astype(np.float32)


def add_room(
    clip: Sound,
    generator: np.random.Generator,
    *,
    decay_s: float = 0.3,
    direct_db: float = 5.0,
    rate_hz: int = 16_000,
) -> Sound:
    """Let a clip sound in a room: itself, then its echoes, which die away.

    Parameters
    ----------
    clip : float32 array, (n,)
    generator : numpy.random.Generator
    decay_s : float
        Until the echoes are 60 dB down: 0.2 in a furnished room, 0.5 in an empty one, 2 in a church.
    direct_db : float
        How much more energy comes straight from the mouth than from the walls; below 0 the speaker is far away.
    rate_hz : int

    Returns
    -------
    float32 array, (n + decay_s * rate_hz,)
        The clip is where it was; what is longer is its end dying away.

    Raises
    ------
    ValueError
        The decay is shorter than 10 ms.

    Notes
    -----
    A room's echoes are so many that they are noise whose power falls by 60 dB in the decay time: J.-D. Polack's model
    (1988). The first comes after 2 to 10 ms.
    """
    count = round(decay_s * rate_hz)
    if decay_s < 0.01:
        raise ValueError(f"decay_s is {decay_s}, expected 0.01 at least.")
    time = np.arange(count) / rate_hz
    echoes = generator.normal(size=count) * 10 ** (-3 * time / decay_s)
    echoes[time < min(generator.uniform(0.002, 0.010), decay_s / 4)] = 0
    echoes *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(echoes**2))
    response = np.concatenate([[1.0], echoes])
    length = len(clip) + count
    size = 1 << (length - 1).bit_length()  # a power of two is transformed fastest
    return np.fft.irfft(np.fft.rfft(clip, size) * np.fft.rfft(response, size), size)[:length].astype(np.float32)


def colour(clip: Sound, generator: np.random.Generator, strength_db: float = 4.0) -> Sound:
    """Let a clip come through another microphone: some frequencies louder, others softer.

    Parameters
    ----------
    clip : float32 array, (n,)
    generator : numpy.random.Generator
    strength_db : float
        How far from even the response is: the standard deviation of each of its three humps, and about that of its
        tilt over two octaves.

    Returns
    -------
    float32 array, (n,)
    """
    spectrum = np.fft.rfft(clip)
    octaves = np.log2(np.linspace(0.03, 8, len(spectrum)))  # from 1 kHz, at 16 kHz
    response_db = generator.normal(0, strength_db / 2) * octaves
    for _ in range(3):
        middle, width = generator.uniform(-3, 3), generator.uniform(0.3, 1.0)
        response_db += generator.normal(0, strength_db) * np.exp(-0.5 * ((octaves - middle) / width) ** 2)
    return np.fft.irfft(spectrum * 10 ** (response_db / 20), len(clip)).astype(np.float32)


def mask_spectrogram(
    spectrogram: NDArray[np.float32],
    generator: np.random.Generator,
    *,
    time_masks: int = 1,
    longest: int = 10,
    frequency_masks: int = 1,
    widest: int = 6,
    value: float = 0.0,
) -> NDArray[np.float32]:
    """Hide a few frames and a few channels, so that a network learns not to lean on any one of them.

    Parameters
    ----------
    spectrogram : array, (frames, channels) or (N, frames, channels)
        Of N spectrograms each gets masks of its own.
    generator : numpy.random.Generator
    time_masks, frequency_masks : int
        How many of each.
    longest, widest : int
        Each mask hides 0 to so many frames, or channels.
    value : float
        What is put there: 0 is silence.

    Returns
    -------
    array, as the spectrogram
        A copy.

    Raises
    ------
    ValueError
        It has another number of dimensions, or a mask may be larger than the spectrogram.

    Notes
    -----
    D. S. Park et al., "SpecAugment" (2019), https://arxiv.org/abs/1904.08779, without its warping of time.
    """
    if spectrogram.ndim not in (2, 3):
        raise ValueError(
            f"The spectrogram has shape {spectrogram.shape}, expected (frames, channels) or (N, frames, channels)."
        )
    frames, channels = spectrogram.shape[-2:]
    if longest > frames or widest > channels:
        raise ValueError(f"Masks of {longest} frames or {widest} channels do not fit into {frames} x {channels}.")
    count = spectrogram.size // (frames * channels)
    rows = _draw_masks(count, frames, time_masks, longest, generator)[:, :, np.newaxis]
    columns = _draw_masks(count, channels, frequency_masks, widest, generator)[:, np.newaxis, :]
    hidden = (rows | columns).reshape(spectrogram.shape)
    return np.where(hidden, np.asarray(value, spectrogram.dtype), spectrogram)


def _draw_masks(count: int, size: int, masks: int, largest: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw for each of so many examples which places are hidden: bool, (count, size)."""
    widths = generator.integers(0, largest + 1, (count, masks, 1))
    starts = generator.integers(0, size - widths + 1)
    places = np.arange(size)
    return np.any((places >= starts) & (places < starts + widths), axis=1)


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """How far :func:`augment` may go. Pairs are the lowest and the highest value.

    Attributes
    ----------
    length : int
        Samples of the window.
    speed : pair of float
        Factors of :func:`change_speed`.
    level_db : pair of float
        Of :func:`scale_loudness`.
    noise_share : float
        The share of clips that get a noise, 0 to 1.
    snr_db : pair of float
        Of :func:`add_noise`.
    room_share : float
        The share of clips that get a room, 0 to 1.
    decay_s, direct_db : pair of float
        Of :func:`add_room`.
    colour_share : float
        The share of clips that come through another microphone, 0 to 1.
    colour_db : float
        The strength of :func:`colour`.
    """

    length: int = 16_000
    speed: tuple[float, float] = (0.85, 1.15)
    level_db: tuple[float, float] = (-38.0, -14.0)
    noise_share: float = 0.8
    snr_db: tuple[float, float] = (0.0, 30.0)
    room_share: float = 0.4
    decay_s: tuple[float, float] = (0.1, 0.6)
    direct_db: tuple[float, float] = (-2.0, 12.0)
    colour_share: float = 0.5
    colour_db: float = 4.0


def augment(
    clip: NDArray[np.int16],
    generator: np.random.Generator,
    *,
    noises: Sequence[Sound] = (),
    settings: AugmentationSettings | None = None,
) -> NDArray[np.int16]:
    """Put a clip into circumstances of chance: speed, room, loudness, place in the window, noise.

    Parameters
    ----------
    clip : int16 array, (n,)
        Without silence before and after.
    generator : numpy.random.Generator
    noises : sequence of float32 arrays
        One is drawn; without any, none is added.
    settings : AugmentationSettings, optional

    Returns
    -------
    int16 array, (settings.length,)
        A clip that fits is in it whole; of a longer one, a part.
    """
    settings = settings or AugmentationSettings()
    sound = change_speed(to_float(clip), generator.uniform(*settings.speed))
    spare = settings.length - len(sound)
    if generator.random() < settings.room_share:
        decay_s, direct_db = generator.uniform(*settings.decay_s), generator.uniform(*settings.direct_db)
        sound = add_room(sound, generator, decay_s=decay_s, direct_db=direct_db)
    if generator.random() < settings.colour_share:
        sound = colour(sound, generator, settings.colour_db)
    sound = scale_loudness(sound, generator.uniform(*settings.level_db))
    sound = place(sound, settings.length, int(generator.integers(min(0, spare), max(0, spare) + 1)))
    if len(noises) and sound.any() and generator.random() < settings.noise_share:
        noise = noises[int(generator.integers(len(noises)))]
        sound = add_noise(sound, noise, generator.uniform(*settings.snr_db), generator)
    return to_int16(sound)

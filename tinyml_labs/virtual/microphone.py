"""A made-up room for a microphone: a quiet background, chirps, notes, and something like a voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16000.0
LOOP_S = 20
_VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
)  # of a, i, u, e


def hear(seed: int) -> NDArray[np.int16]:
    """Make 20 s of sound, a burst each second: a chirp, a note, a spoken vowel, and a second of background.

    The formants are the averages of Peterson and Barney, "Control Methods Used in a Study of the Vowels", JASA
    24(2), 1952.

    Returns
    -------
    int16 array, (320000,)
    """
    random = np.random.default_rng([seed, 2])
    count = int(LOOP_S * RATE_HZ)
    sound = random.normal(0, 60, count)
    makers = (_chirp, _note, _vowel)
    for second in range(LOOP_S):
        if second % 4 == 3:
            continue
        length = random.uniform(0.3, 0.7)
        time_s = np.arange(int(length * RATE_HZ)) / RATE_HZ
        begin = int((second + random.uniform(0.05, 0.25)) * RATE_HZ)
        swell = np.sin(np.pi * time_s / length) ** 2
        sound[begin : begin + len(time_s)] += random.uniform(3000, 9000) * swell * makers[second % 4](time_s, random)
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def _chirp(time_s: NDArray, random: np.random.Generator) -> NDArray:
    low, high = random.uniform(200, 800), random.uniform(2000, 6000)
    return np.sin(2 * np.pi * (low * time_s + (high - low) * time_s**2 / (2 * time_s[-1])))


def _note(time_s: NDArray, random: np.random.Generator) -> NDArray:
    pitch = 220 * 2 ** (random.integers(0, 25) / 12)
    overtones = np.arange(1, 6)[:, None]
    return (np.sin(2 * np.pi * overtones * pitch * time_s) / overtones**1.5).sum(axis=0) / 2


def _vowel(time_s: NDArray, random: np.random.Generator) -> NDArray:
    """A row of harmonics, louder near the formants of a vowel, with a voice's wavering pitch."""
    pitch = random.uniform(100, 220)
    phase = 2 * np.pi * (pitch * time_s + 0.4 * np.sin(2 * np.pi * 5 * time_s))
    harmonics = np.arange(1, int(4000 / pitch))
    formants = _VOWELS[random.integers(len(_VOWELS))]
    away = (harmonics[:, None] * pitch - np.array(formants)) / 80
    loud = (np.array([1, 0.5, 0.25]) / (1 + away**2)).sum(axis=1)
    voice = (loud[:, None] * np.sin(harmonics[:, None] * phase)).sum(axis=0)
    return voice / np.abs(voice).max()

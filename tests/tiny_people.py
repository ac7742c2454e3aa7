"""A person classifier of random weights, and pictures for it: for tests that need one and no training."""

from __future__ import annotations

from functools import cache

import numpy as np
import tiny_models
from numpy.typing import NDArray

from tinyml_labs.person_classifier import PersonClassifier

SMOOTHING = {"average_windows": 3, "threshold": 0.6, "release": 0.4, "hold_off": 1}


@cache
def tiny_classifier(seed: int = 9, average_windows: int = 3) -> PersonClassifier:
    """Make one whose scores change often, and for which somebody comes and goes every few pictures."""
    model = tiny_models.window_classifier(
        96, 96, 2, input_scale=1.0, input_zero_point=-128, more_axes=1, gain=3, seed=seed
    )
    return PersonClassifier(model=model, smoothing={**SMOOTHING, "average_windows": average_windows})


def pictures(count: int, width: int = 176, height: int = 144, seed: int = 0) -> NDArray[np.uint8]:
    """Clouds that drift, with noise: grey uint8 (count, height, width), each different, neighbours alike."""
    chance = np.random.default_rng([seed, width, height])
    y, x = np.mgrid[0:height, 0:width] / min(width, height)
    found = np.zeros((count, height, width))
    for _ in range(12):
        turns = chance.uniform(0, 1) + chance.uniform(-0.15, 0.15) * np.arange(count)
        wave = chance.normal(0, 6) * x + chance.normal(0, 6) * y
        found += 25 * np.cos(wave + 2 * np.pi * turns[:, np.newaxis, np.newaxis])
    found += 128 + chance.normal(0, 8, found.shape)
    return np.clip(np.round(found), 0, 255).astype(np.uint8)

"""The data of hello world: points on a sine, with noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class SineData:
    """Noisy points of y = sin(x), split for training, validation and test.

    Every array is float32 of shape (N, 1). `x` is an angle in radians in [0, 2π], `y` has no unit.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_sine(samples: int = 1000, noise: float = 0.1, seed: int = 0) -> SineData:
    """Draw noisy points of a sine: 60 % for training, 20 % for validation, 20 % for test.

    Parameters
    ----------
    samples
        How many points in all, at least 5.
    noise
        Standard deviation of the Gaussian noise on y; the sine itself goes from -1 to 1.
    seed
        The same seed gives the same points.

    Returns
    -------
    SineData
        float32 arrays of shape (N, 1): x uniform in [0, 2π] rad, y = sin(x) + noise.

    Raises
    ------
    ValueError
        Fewer than 5 samples, or negative noise.

    Examples
    --------
    >>> data = load_sine(samples=1000, seed=0)
    >>> data.x_train.shape, data.x_validation.shape, data.x_test.shape
    ((600, 1), (200, 1), (200, 1))

    Notes
    -----
    The idea of a sine as the hello world of TinyML is from Pete Warden and Daniel Situnayake, *TinyML*
    (O'Reilly, 2019), chapter 4. Introduced in `notebooks/01_hello_world.ipynb`.
    """
    if samples < 5:
        raise ValueError(f"samples is {samples}, expected at least 5: they are split 60 / 20 / 20.")
    if not noise >= 0:
        raise ValueError(f"noise is {noise}, expected a standard deviation of 0 or more.")
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 2.0 * np.pi, size=(samples, 1))
    y = np.sin(x) + rng.normal(0.0, 1.0, size=(samples, 1)) * noise
    # Rounding to float32 must not step over 2π, which callers may use as a bound.
    x = np.minimum(x.astype(np.float32), np.nextafter(np.float32(2.0 * np.pi), np.float32(0.0)))
    train, validation = samples * 6 // 10, samples * 8 // 10
    x_parts = np.split(x, [train, validation])
    y_parts = np.split(y.astype(np.float32), [train, validation])
    return SineData(
        x_train=x_parts[0],
        y_train=y_parts[0],
        x_validation=x_parts[1],
        y_validation=y_parts[1],
        x_test=x_parts[2],
        y_test=y_parts[2],
    )

"""What motion features are computed from: which samples of a window, and which lines of its spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MOTION_CHANNELS = ("accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ")
"""What a motion sensor measures along and around its axes, in this order everywhere in the kit."""

MOTION_UNITS = ("g", "g", "g", "deg/s", "deg/s", "deg/s")

LAGS_MS = (160, 300, 500, 800, 1300)
"""Edges of the ranges of lag, in milliseconds."""


@dataclass(frozen=True, kw_only=True)
class MotionFeatureSettings:
    """At what rate the samples came, and which frequencies are told apart.

    Where a band or a range of lags begins and ends is computed in float32, so that a board takes the same lines and
    samples.

    Parameters
    ----------
    rate_hz : float
        Samples a second.
    bands_hz : tuple of float
        Edges of the frequency bands, increasing: each band goes from one edge up to, but without, the next. The
        default is finest where hands move.

    Raises
    ------
    ValueError
        A rate that is not within 10 to 10,000, or edges that do not increase from 0 or more.

    Examples
    --------
    >>> settings = MotionFeatureSettings(rate_hz=50, bands_hz=(0.5, 2, 5, 20))
    >>> settings.lines(64)  # 0.78 Hz from one to the next
    [slice(1, 3, None), slice(3, 7, None), slice(7, 26, None)]
    """

    rate_hz: float = 119.0
    bands_hz: tuple[float, ...] = (0.3, 0.8, 1.3, 1.8, 2.5, 3.4, 4.6, 7.0, 12.0, 25.0)

    def __post_init__(self) -> None:
        if not 10 <= self.rate_hz <= 10_000:
            raise ValueError(f"rate_hz is {self.rate_hz}, expected 10 to 10,000 samples a second, such as 119.")
        edges = tuple(float(edge) for edge in self.bands_hz)
        increasing = all(low < high for low, high in pairwise(edges))
        if len(edges) < 2 or not all(map(math.isfinite, edges)) or edges[0] < 0 or not increasing:
            raise ValueError(
                f"bands_hz is {self.bands_hz}, expected two or more frequencies in Hz, each above the one before: "
                "the edges of the bands."
            )
        object.__setattr__(self, "bands_hz", edges)

    def lines(self, length: int, edges_hz: tuple[float, ...] = ()) -> list[slice]:
        """Give the spectral lines of each band, for windows of so many samples; of other bands, if they are given."""
        size = padded(length)
        frequencies = np.arange(size // 2 + 1).astype(np.float32) * np.float32(self.rate_hz)
        edges = np.array(edges_hz or self.bands_hz, np.float32) * np.float32(size)
        firsts = [int(first) for first in np.searchsorted(frequencies, edges)]
        return [slice(first, end) for first, end in pairwise(firsts)]

    def lags(self) -> list[int]:
        """Give the edges of the ranges of lag, in samples, rounded down."""
        rate = np.float32(self.rate_hz)
        return [int(rate * np.float32(lag_ms // 10) / np.float32(100)) for lag_ms in LAGS_MS]

    def require_length(self, length: int) -> None:
        """Refuse windows that are too short, in samples, to say something about each lag and each band.

        Raises
        ------
        ValueError
            Less than 0.8 s, or a band without a spectral line.
        """
        least = max(8, self.lags()[3] + 1)
        if length < least:
            raise ValueError(
                f"A window has {length} samples, {length / self.rate_hz:.3g} s at {self.rate_hz:g} Hz, expected "
                f"{least} at least: in less than 0.8 s nothing is done again and again. Is rate_hz that of the "
                "samples?"
            )
        for (low, high), lines in zip(pairwise(self.bands_hz), self.lines(length), strict=True):
            if lines.start == lines.stop:
                raise ValueError(
                    f"The band of {low:g} to {high:g} Hz has no spectral line: with {length} samples at "
                    f"{self.rate_hz:g} Hz there is one each {self.rate_hz / padded(length):.3g} Hz, up to "
                    f"{self.rate_hz / 2:g} Hz. Take longer windows, or other bands_hz."
                )


def padded(length: int) -> int:
    """Give the power of two that a window is filled up to with zeros, for its spectrum."""
    return 1 << (length - 1).bit_length()

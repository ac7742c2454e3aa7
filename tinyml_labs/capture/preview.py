"""What a live plot needs of a stream: few numbers, that hide no spike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.assembler import Block

COLUMNS_A_SECOND = 100


class Preview:
    """Smallest and largest value of each channel, a hundredth of a second at a time.

    A plot of them shows what a plot of every sample would show: a single wrong sample is a spike.

    Parameters
    ----------
    channels : int
    rate_hz : float
    """

    def __init__(self, channels: int, rate_hz: float) -> None:
        self.per_column = max(1, math.floor(rate_hz / COLUMNS_A_SECOND))
        self.columns_a_second = rate_hz / self.per_column
        self._channels = channels
        self._rest: NDArray[Any] = np.empty((0, channels), np.float32)

    def feed(self, block: Block) -> NDArray[np.float32]:
        """Take samples; give the columns that they complete, (columns, channels, 2): lows and highs.

        A gap that is longer than a column is shown as a column of NaN, which a plot leaves blank.
        """
        parts: list[NDArray[Any]] = []
        if block.gap is not None and block.gap.missing >= self.per_column:
            if len(self._rest):
                parts.append(self._columns(self._rest, len(self._rest)))
                self._rest = self._rest[:0]
            blank = min(block.gap.missing // self.per_column, 10 * COLUMNS_A_SECOND)
            parts.append(np.full((blank, self._channels, 2), np.nan, np.float32))
        samples = block.samples if not len(self._rest) else np.concatenate((self._rest, block.samples))
        whole = len(samples) // self.per_column * self.per_column
        self._rest = samples[whole:].copy()
        if whole:
            parts.append(self._columns(samples[:whole], self.per_column))
        return np.concatenate(parts) if parts else np.empty((0, self._channels, 2), np.float32)

    def _columns(self, samples: NDArray[Any], size: int) -> NDArray[np.float32]:
        if self._channels == 1:  # in a row, NumPy is several times as fast
            row = samples.reshape(-1, size)
            low, high = row.min(axis=1)[:, None], row.max(axis=1)[:, None]
        else:
            table = samples.reshape(-1, size, self._channels)
            low, high = table.min(axis=1), table.max(axis=1)
        return np.stack((low, high), axis=-1).astype(np.float32)

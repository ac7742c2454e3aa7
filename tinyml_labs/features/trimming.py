"""Silence before and after a sound, and where it ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def trim_silence(
    samples: NDArray[np.int16] | NDArray[np.float32],
    rate_hz: float = 16_000.0,
    *,
    threshold_db: float = -35.0,
    margin_ms: float = 30.0,
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Cut off what is silent before and after a sound; pauses within it stay.

    Parameters
    ----------
    samples : int16 or float array, (n,)
    rate_hz : float
    threshold_db : float
        What is sound: 10-ms blocks whose root mean square is above this, in decibels relative to the loudest block.
    margin_ms : float
        How much to keep before the first and after the last of them: a word begins and ends more softly than it is.

    Returns
    -------
    array, (m,)
        A view of the samples, all of them if none is silent, and none if all are zero.

    Raises
    ------
    ValueError
        The samples are not one-dimensional, or a setting is out of range.

    Examples
    --------
    >>> beep = np.zeros(16000, np.int16)
    >>> beep[4000:8000] = 1000
    >>> len(trim_silence(beep, margin_ms=0))
    4000
    """
    if samples.ndim != 1:
        raise ValueError(f"samples has shape {samples.shape}, expected (n,): one channel.")
    if not (threshold_db < 0 and margin_ms >= 0 and rate_hz >= 100):
        raise ValueError(
            f"threshold_db is {threshold_db}, margin_ms {margin_ms} and rate_hz {rate_hz}, expected below 0, "
            "0 at least, and 100 at least."
        )
    block = max(1, round(rate_hz / 100))
    blocks = -(-len(samples) // block)
    padded = np.zeros(blocks * block)
    padded[: len(samples)] = samples
    power = (padded.reshape(blocks, block) ** 2).mean(axis=1)
    if not power.any():
        return samples[:0]
    loud = np.flatnonzero(power > power.max() * 10 ** (threshold_db / 10))
    margin = round(margin_ms * rate_hz / 1000)
    return samples[max(0, loud[0] * block - margin) : (loud[-1] + 1) * block + margin]

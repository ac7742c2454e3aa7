"""A signal of which a host can check every sample: each value follows from its number and channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def test_pattern(first: int, count: int, channels: int, dtype: str = "uint16") -> NDArray:  # noqa: PT028
    """Compute what the sensor ``test_pattern`` sends.

    The value of channel ``c`` in sample ``n`` is, in 32-bit arithmetic that wraps::

        x = n + 0x9E3779B9 * c
        x ^= x >> 16;  x *= 0x7FEB352D
        x ^= x >> 15;  x *= 0x846CA68B
        value = x >> 16

    (the mixing function ``lowbias32`` of Chris Wellons, "Prospecting for Hash Functions", 2018). ``"int16"`` has
    the same bits as ``"uint16"``, ``"uint8"`` and ``"int8"`` the lower eight of them; ``"int32"`` and ``"float32"``
    have the same value. Neighbouring samples have nothing in common, so that a sample that is lost, repeated or
    moved by one is not overlooked.

    Parameters
    ----------
    first : int
        Number of the first sample since the stream began.
    count, channels : int
    dtype : str

    Returns
    -------
    array, (count, channels), in ``dtype``

    >>> test_pattern(1000, 2, 3).tolist()
    [[21471, 14310, 43842], [25321, 43599, 5103]]
    """
    samples = np.arange(first, first + count).astype(np.uint32)
    offsets = (np.arange(channels, dtype=np.uint64) * 0x9E3779B9).astype(np.uint32)
    x = samples[:, None] + offsets[None, :]
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x >>= np.uint32(16)
    return x.astype(np.uint16).view(np.int16) if dtype == "int16" else x.astype(np.uint16).astype(dtype)


test_pattern.__test__ = False  # type: ignore[attr-defined]  # pytest takes every test_* for a test

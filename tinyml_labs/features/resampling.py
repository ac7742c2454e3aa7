"""Samples at one rate to samples at another, so that recordings of different boards can be trained on together."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CROSSINGS = 16  # zero crossings of the sinc on each side
_BETA = 7.857  # Kaiser's window for 80 dB: 0.1102 * (80 - 8.7)
_TRANSITION = (
    0.157  # half the width of the filter's slope, (80 - 8) / (2.285 * 2 * 16 * pi) / 2, as a part of Nyquist
)
_MOST = 500  # a larger factor is a slip of the unit
_WEIGHTS_AT_ONCE = 1 << 19


def resample(samples: ArrayLike, from_hz: float, to_hz: float) -> NDArray[np.float32]:
    """Compute what a sensor at another rate would have measured.

    Each output sample is a weighted sum of the input samples around its time; the weights are a sinc in Kaiser's
    window. Going down, that is also the low-pass without which a vibration above half the new rate would come back as
    a slow motion that never was: of frequencies above half the new rate it leaves about a ten-thousandth (80 dB), and
    those below 0.68 of half the new rate stay as they are. Going up, frequencies below 0.84 of half the old rate stay
    as they are, and nothing is gained above. Beyond its ends the signal is continued point-symmetrically, so that
    constants and slopes stay what they are there; all else is less exact within 20 samples (of the lower rate) of an
    end.

    Parameters
    ----------
    samples : array, (N, channels)
        Real numbers without a gap: cut recordings there first.
    from_hz, to_hz : float
        The rate of the samples, and the rate wanted, in hertz; any two numbers, such as a measured 118.7 and 119.

    Returns
    -------
    float32 array, (M, channels)
        Sample m is at the time m / to_hz after the first input sample; M is as large as it can be without going past
        the last one. A copy also where the rates are equal.

    Raises
    ------
    ValueError
        Samples of another shape, none, or with NaN or infinite values; a rate that is no positive number; rates that
        differ by a factor of more than 500.

    Examples
    --------
    >>> slope = np.arange(5.0).reshape(5, 1)
    >>> resample(slope, 10, 20)[:, 0].round(2).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]

    Notes
    -----
    J. O. Smith, "Digital Audio Resampling" (CCRMA, Stanford); the window's formulas are in A. V. Oppenheim and
    R. W. Schafer, "Discrete-Time Signal Processing", section 7.5 (7.6 in some editions), after J. F. Kaiser (1974).
    """
    values = _check(samples, from_hz, to_hz)
    if from_hz == to_hz:
        return values.astype(np.float32)
    count = math.floor((len(values) - 1) * to_hz / from_hz + 1e-9) + 1
    going_down = to_hz < from_hz
    cutoff = (1 - _TRANSITION) * to_hz / from_hz if going_down else 1.0  # as a part of the input's Nyquist frequency
    half = _CROSSINGS / cutoff  # of the kernel, in input samples
    reach = math.ceil(half)
    taps = np.arange(-reach, reach + 2)
    padded = _continue(values, reach + 2)
    out = np.empty((count, values.shape[1]), np.float32)
    block = max(1, _WEIGHTS_AT_ONCE // len(taps))
    for begin in range(0, count, block):
        time = np.arange(begin, min(begin + block, count)) * from_hz / to_hz  # in input samples
        nearest = np.floor(time).astype(np.int64)
        offsets, which = np.unique(np.round(time - nearest, 9), return_inverse=True)  # 16 to 48 kHz: 3
        weights = _kernel(offsets[:, np.newaxis] - taps, cutoff, half)
        weights /= weights.sum(axis=1, keepdims=True)  # a constant stays what it is
        around = padded[(nearest + reach + 2)[:, np.newaxis] + taps]
        out[begin : begin + len(time)] = np.einsum("mk,mkc->mc", weights[which], around)
    return out


def _kernel(distance: NDArray[np.float64], cutoff: float, half: float) -> NDArray[np.float64]:
    """A sinc that passes up to the cutoff, in Kaiser's window of ±half."""
    inside = np.sqrt(np.maximum(1 - (distance / half) ** 2, 0))
    return np.where(np.abs(distance) < half, np.sinc(cutoff * distance) * np.i0(_BETA * inside), 0.0)


def _continue(values: NDArray[np.float64], more: int) -> NDArray[np.float64]:
    """Go on past both ends, turned by 180 degrees around the end sample."""
    if len(values) == 1:
        return np.repeat(values, 2 * more + 1, axis=0)
    return np.pad(values, ((more, more), (0, 0)), mode="reflect", reflect_type="odd")


def _check(samples: ArrayLike, from_hz: float, to_hz: float) -> NDArray[np.float64]:
    found = np.asarray(samples)
    if found.ndim != 2 or not found.size:
        raise ValueError(
            f"samples has shape {found.shape}, expected (N, channels), N at least 1. A single channel is "
            "samples.reshape(-1, 1)."
        )
    if found.dtype.kind not in "biuf":
        raise ValueError(f"samples is of dtype {found.dtype}, expected real numbers.")
    for name, rate in (("from_hz", from_hz), ("to_hz", to_hz)):
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"{name} is {rate}, expected a number of hertz above 0.")
    factor = max(from_hz / to_hz, to_hz / from_hz)
    if factor > _MOST:
        raise ValueError(
            f"From {from_hz:g} Hz to {to_hz:g} Hz is a factor of {factor:.4g}, expected {_MOST} at most. Are both "
            "rates in Hz?"
        )
    bad = ~np.isfinite(found)
    if bad.any():
        raise ValueError(
            f"samples holds {int(bad.sum())} values that are NaN or infinite, the first in sample "
            f"{int(np.argmax(bad.any(axis=1)))}, expected none: each would spread over its neighbours. Cut the "
            "recording there."
        )
    return found.astype(np.float64)

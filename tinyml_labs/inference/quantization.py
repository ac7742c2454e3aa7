"""Real numbers to integers and back, rounded and saturated as the board does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


def quantize(values: ArrayLike, scale: float, zero_point: int, dtype: DTypeLike = np.int8) -> NDArray[np.integer]:
    """Turn real values into the integers that a quantized model takes: ``round(value / scale) + zero_point``.

    The same arithmetic as the QUANTIZE kernel of TensorFlow Lite Micro (``AffineQuantize`` in
    ``tensorflow/lite/kernels/internal/reference/quantize.h``): the division is in float32, ties round away
    from zero, and what does not fit the integer type saturates instead of wrapping. (Beyond 2**31 steps the
    kernel's cast is undefined in C++; Arm saturates, and so does this function.) Many Arduino examples cast to
    ``int8_t`` without rounding; they are off by up to one step.

    Parameters
    ----------
    values : array of float, any shape
    scale : float
        Size of one integer step, in the unit of the values; greater than zero.
    zero_point : int
        The integer that stands for 0.0.
    dtype : numpy integer dtype
        ``int8`` for nearly all models; ``uint8`` and ``int16`` exist.

    Returns
    -------
    array of ``dtype``, the shape of ``values``

    Raises
    ------
    ValueError
        For a scale that is not a positive number, or values that are not numbers (NaN): a board would
        compute something undefined from them.

    >>> quantize([0.0, 0.5, 100.0], scale=0.1, zero_point=-128).tolist()
    [-128, -123, 127]
    """
    real = np.asarray(values, dtype=np.float32)
    _check_scale(scale)
    if np.isnan(real).any():
        raise ValueError(
            f"{int(np.isnan(real).sum())} of {real.size} values are NaN, and no integer stands for NaN. "
            "Look for a division by zero or an empty window before the model."
        )
    limits = np.iinfo(np.dtype(dtype))
    with np.errstate(over="ignore"):
        steps = real / np.float32(scale)
    # floor(|x| + 0.5) would round 0.49999997 up, because the sum is rounded first; so look at the fraction.
    whole = np.trunc(steps)
    with np.errstate(invalid="ignore"):
        away = np.abs(steps - whole) >= 0.5
    rounded = whole + np.where(away, np.sign(steps), 0.0)
    # Clip before the integer type: float32 has no 2**31 - 1, and infinity has no integer.
    wide = np.clip(rounded.astype(np.float64) + zero_point, limits.min, limits.max)
    return wide.astype(dtype)


def dequantize(quantized: ArrayLike, scale: float, zero_point: int) -> NDArray[np.float32]:
    """Turn a quantized model's integers back into real values: ``scale * (q - zero_point)``, in float32.

    The subtraction is done in 32 bits: ``np.int8(100) - np.int8(-128)`` wraps to -28.

    Parameters
    ----------
    quantized : array of integers, any shape
    scale, zero_point : as in :func:`quantize`

    Returns
    -------
    float32 array, the shape of ``quantized``

    Raises
    ------
    ValueError
        For a scale that is not a positive number.
    TypeError
        If ``quantized`` does not hold integers.

    >>> dequantize(np.array([-128, -123], dtype=np.int8), scale=0.1, zero_point=-128).tolist()
    [0.0, 0.5]
    """
    integers = np.asarray(quantized)
    if integers.dtype.kind not in "iu":
        raise TypeError(
            f"dequantize takes integers, and this array is {integers.dtype}. "
            "If it is already real values, there is nothing to dequantize."
        )
    _check_scale(scale)
    return (np.float32(scale) * (integers.astype(np.int32) - np.int32(zero_point))).astype(np.float32)


def _check_scale(scale: float) -> None:
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(
            f"scale is {scale!r}, and has to be a positive number. "
            "A tensor that is not quantized has scale 0: use its values as they are."
        )

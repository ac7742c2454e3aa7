"""The weights of a convolution in the order that the fast kernel reads: two channels side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.compiler.fixed_point import requantize

_MOST = 1 << 15


def pack_convolution(weights: NDArray[np.int8]) -> NDArray[np.int8] | None:
    """Put each two channels' weights side by side, for ``TINYML_WEIGHTS_IN_PAIRS`` of ``kernels/convolution.h``.

    Two weights make one 16-bit number: the first channel's + 256 times the second one's. The kernel so gets sums of
    both channels from one instruction, and takes them apart at the end.

    Parameters
    ----------
    weights : ndarray of int8, shape (outputs, height, width, inputs)
        As in the file.

    Returns
    -------
    ndarray of int8, one dimension, or None
        Each channel's weights padded with zeros to a multiple of 4; of each four the order is 0, 2, 1, 3; an odd
        channel out comes last, in the file's order. ``None`` if that cannot be: the two weights do not fit 16 bits
        (-128 beside a negative one, which TensorFlow Lite's converter does not write), or the second channel's sum
        might not fit the 24 bits that are left to it. Then the file's order has to do.

    Raises
    ------
    ValueError
        If the weights are not int8 of four dimensions.
    """
    if weights.dtype != np.int8 or weights.ndim != 4:
        raise ValueError(
            f"The weights are {weights.dtype} of shape {weights.shape}; a convolution's are int8 of shape "
            "(outputs, height, width, inputs). Pass them as they are in the file."
        )
    rows = weights.reshape(len(weights), -1).astype(np.int32)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    paired = len(rows) // 2 * 2
    first, second = rows[:paired:2], rows[1:paired:2]
    high = second - (first < 0)
    if np.any(high < -128) or np.any(np.abs(second).sum(axis=1) >= _MOST):
        return None
    pairs = np.stack([first, high], axis=-1).reshape(len(first), rows.shape[1] // 4, 4, 2)[:, :, [0, 2, 1, 3]]
    return np.concatenate([pairs.ravel(), rows[paired:].ravel()]).astype(np.int8)


def settle_constant_channels(
    weights: NDArray[np.int8],
    biases: NDArray[np.int32],
    multipliers: NDArray[np.int32],
    shifts: NDArray[np.int8],
    *,
    channel_axis: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    """Give channels whose weights are all 0 simple constants that have the same result.

    Training often leaves such channels. Their scale is next to 0, and so their bias is near 2^30 and their shift near
    -30, where the fast kernels' short arithmetic is not exact and they have to go the long way.

    Parameters
    ----------
    weights : ndarray of int8
        As in the file.
    biases : ndarray of int32, one a channel
        Folded.
    multipliers, shifts : ndarray of int32 and of int8, one a channel
        The factors from sums to output numbers.
    channel_axis : int
        The axis of the weights that is the output channel.

    Returns
    -------
    tuple of three ndarrays
        Biases, multipliers and shifts. Where all weights are 0 the bias is 4 times what the layer adds to the
        output's zero point, limited to 256 either way (all of int8 and more), and the factor 1/4; elsewhere nothing
        is changed.
    """
    others = tuple(axis for axis in range(weights.ndim) if axis != channel_axis % weights.ndim)
    constant = np.flatnonzero(~weights.any(axis=others))
    biases, multipliers, shifts = biases.copy(), multipliers.copy(), shifts.copy()
    for channel in constant:
        result = requantize(int(biases[channel]), int(multipliers[channel]), int(shifts[channel]))
        biases[channel] = 4 * max(-256, min(256, result))
        multipliers[channel] = 1 << 30
        shifts[channel] = -1
    return biases, multipliers, shifts

"""Bytes that a layer's kernel works in, beside its input and output: the formulas of ``kernels/convolution.h``."""

from __future__ import annotations


def convolution_scratch_bytes(taps: int, output_channels: int) -> int:
    """Compute ``TINYML_CONVOLUTION_SCRATCH_BYTES``.

    Parameters
    ----------
    taps : int
        Weights of one output channel: kernel height * kernel width * input channels.
    output_channels : int
        The layer's.

    Returns
    -------
    int
        Bytes: four patches of 16-bit numbers, two of bytes, a word behind them, and four numbers a channel.
    """
    return 10 * (-(-taps // 4) * 4) + 4 + 16 * output_channels


def depthwise_scratch_bytes(
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    output_shape: tuple[int, int],
    input_channels: int,
    output_channels: int,
) -> int:
    """Compute ``TINYML_DEPTHWISE_SCRATCH_BYTES``, or 0 for a layer that the kernel does without.

    Parameters
    ----------
    kernel, strides, dilations, output_shape : tuple of int
        Height and width.
    input_channels, output_channels : int
        The layer's.

    Returns
    -------
    int
        Bytes: two columns of two places and four channels, of 16-bit numbers.
    """
    by_columns = kernel == (3, 3) and dilations == (1, 1) and strides[1] <= 2
    if not by_columns or input_channels != output_channels or output_channels < 4:
        return 0
    return 32 * ((output_shape[0] - 1) * strides[0] + 3)

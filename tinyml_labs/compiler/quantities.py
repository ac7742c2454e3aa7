"""What several kinds of layers compute from scales and shapes: multipliers, bounds of activations, paddings."""

from __future__ import annotations

import math

import numpy as np

from tinyml_labs.compiler.fixed_point import quantize_multiplier, round_half_away
from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Array
from tinyml_labs.model_file import Operator, Tensor

_BOUNDS = {"NONE": (-math.inf, math.inf), "RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def activation_bounds(graph: Graph, operator: Operator, output: Tensor) -> tuple[int, int]:
    """Return the least and the greatest number that a fused activation lets through, in the output's int8."""
    low, high = _real_bounds(graph, operator)
    scale = np.float32(output.scale)

    def quantized(real: float) -> int:
        return output.zero_point + round_half_away(float(np.float32(real) / scale))

    return (
        max(-128, quantized(low)) if math.isfinite(low) else -128,
        min(127, quantized(high)) if math.isfinite(high) else 127,
    )


def float_bounds(graph: Graph, operator: Operator) -> tuple[float, float]:
    """Return the bounds of a fused activation for float32: without one, the largest numbers there are."""
    low, high = _real_bounds(graph, operator)
    return max(low, -_LARGEST_FLOAT), min(high, _LARGEST_FLOAT)


def _real_bounds(graph: Graph, operator: Operator) -> tuple[float, float]:
    name = operator.options.get("fused_activation_function", "NONE")
    if name not in _BOUNDS:
        graph.refuse(operator, f"has the activation {name}; there are kernels for {', '.join(_BOUNDS)}")
    return _BOUNDS[name]


def channel_multipliers(source: Tensor, weights: Tensor, output: Tensor, channels: int) -> tuple[Array, Array]:
    """Return the arrays of multipliers and shifts, one a channel, also where one scale serves all."""
    scales = [float(np.float32(scale)) for scale in weights.scales]
    scales = scales * channels if len(scales) == 1 else scales
    real = [float(np.float32(source.scale)) * scale / float(np.float32(output.scale)) for scale in scales]
    return multiplier_arrays(real)


def multiplier_arrays(real: list[float]) -> tuple[Array, Array]:
    """Return real factors as the arrays ``multipliers`` and ``shifts``."""
    pairs = [quantize_multiplier(value) for value in real]
    return (
        Array(name="multipliers", c_type="int32_t", values=np.array([m for m, _ in pairs], np.int32)),
        Array(name="shifts", c_type="int8_t", values=np.array([s for _, s in pairs], np.int8)),
    )


def check_weights(graph: Graph, operator: Operator, weights: Tensor, channels: int) -> None:
    """Refuse weights with a zero point, or with another number of scales than channels."""
    if any(weights.zero_points):
        graph.refuse(
            operator,
            f"has weights with the zero point {next(z for z in weights.zero_points if z)}; expected 0, as every "
            "converter since 2019 writes them",
            "Convert the model again with a current TensorFlow.",
        )
    if len(weights.scales) not in (1, channels):
        graph.refuse(operator, f"has {len(weights.scales)} scales for {channels} channels; expected 1 or {channels}")


def folded_biases(bias: Tensor | None, weights: np.ndarray, zero_point: int, channel_axis: int) -> Array:
    """Return bias - zero point * sum of the weights, one a channel, so that kernels need not subtract it."""
    axes = tuple(axis for axis in range(weights.ndim) if axis != channel_axis)
    sums = weights.astype(np.int64).sum(axis=axes)
    given = bias.values().astype(np.int64).ravel() if bias is not None else np.zeros_like(sums)
    folded = (given - zero_point * sums + 2**31) % 2**32 - 2**31
    return Array(
        name="biases", c_type="int32_t", values=folded.astype(np.int32), remark="less zero point * sum of weights"
    )


def padding_before(size: int, output: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Return how many places are put before the input along one side: TensorFlow's SAME or VALID."""
    if padding != "SAME":
        return 0
    reach = (kernel - 1) * dilation + 1
    return max(0, (output - 1) * stride + reach - size) // 2


def output_side(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Return the output's length along one side."""
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "SAME" else -(-(size - reach + 1) // stride)

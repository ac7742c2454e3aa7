"""Functions of one int8 value as tables of 256: RELU, RELU6, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH, QUANTIZE.

Each entry is computed with the integers that TensorFlow Lite Micro would compute with on the board, so the table
gives its bytes, and the board needs no arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinyml_labs.compiler import fixed_point
from tinyml_labs.compiler.fixed_point import divide_by_power_of_two, quantize_multiplier, requantize, round_half_away
from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.model_file import Operator, Tensor

_INPUT_BITS = 27  # what LOGISTIC and TANH take counts in steps of 2**-27

Function = Callable[[int], int]


def lookup(graph: Graph, operator: Operator) -> Layer:
    """Turn a function of one int8 value into a call of ``lookup.h``, and of one float32 into ``clamp_f32``."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32") if operator.name in ("RELU", "RELU6") else ("INT8",))
    output = graph.output(operator, 0, (source.type_name,))
    if source.is_constant or source.size != output.size:
        graph.refuse(operator, f"takes {source.shape_text}, constant or not as large as its output")
    if source.type_name == "FLOAT32":
        return _clamp(graph, operator, source, output)
    function = _FUNCTIONS[operator.name](graph, operator, source, output)
    values = np.array([min(max(function(value), -128), 127) for value in range(-128, 128)], np.int8)
    table = Array(name="table", c_type="int8_t", values=values, remark="of -128, -127, ... 127")
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function="tinyml_lookup_s8",
                struct="tinyml_lookup",
                settings={"table": table, "count": source.size},
                arguments=(Place(kind="input"), Place(kind="output")),
            ),
        ),
        arrays=(table,),
        headers=("kernels/lookup.h",),
        overwrites=(0,),
    )


def _clamp(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Layer:
    most = 6.0 if operator.name == "RELU6" else float(np.finfo(np.float32).max)
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function="tinyml_clamp_f32",
                struct="tinyml_clamping",
                settings={"low": 0.0, "high": most, "count": source.size},
                arguments=(Place(kind="input", c_type="float"), Place(kind="output", c_type="float")),
            ),
        ),
        headers=("kernels/elementwise_f32.h",),
        overwrites=(0,),
    )


def _requantized(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
    """QUANTIZE from int8 to int8."""
    multiplier, shift = quantize_multiplier(_single(source) / _single(output))
    return lambda value: requantize(value - source.zero_point, multiplier, shift) + output.zero_point


def _relu(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
    scaled = _requantized(graph, operator, source, output)
    return lambda value: max(scaled(value), output.zero_point)


def _relu6(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
    """TFLM clamps without a change of scale."""
    six = source.zero_point + round_half_away(float(np.float32(6) / np.float32(source.scale)))
    six = min(max(six, -128), 127)
    return lambda value: six if value > six else max(value, source.zero_point)


def _leaky_relu(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
    scale_in, scale_out = np.float32(source.scale), np.float32(output.scale)
    alpha = np.float32(operator.options["alpha"])
    falling = quantize_multiplier(float(np.float32(scale_in * alpha) / scale_out))
    rising = quantize_multiplier(float(scale_in / scale_out))

    def function(value: int) -> int:
        value -= source.zero_point
        return requantize(value, *(rising if value >= 0 else falling)) + output.zero_point

    return function


def _on_fixed_point(function: Function, bits: int, offset: int) -> Callable[..., Function]:
    def make(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
        expected = (1 / 256, -128) if operator.name == "LOGISTIC" else (1 / 128, 0)
        if (output.scale, output.zero_point) != expected:
            graph.refuse(
                operator,
                f"gives scale {output.scale:g} and zero point {output.zero_point}; expected {expected[0]:g} and "
                f"{expected[1]}, as every converter writes it",
            )
        fraction, shift = math.frexp(_single(source) * 2**_INPUT_BITS)
        multiplier = round_half_away(fraction * 2**31)
        radius = math.floor(15 * 2**_INPUT_BITS / 2**shift)  # what lies beyond is the function's end

        def value_of(value: int) -> int:
            value -= source.zero_point
            if abs(value) >= radius:
                return -128 if value <= -radius else 127
            return divide_by_power_of_two(function(requantize(value, multiplier, shift)), bits) + offset

        return value_of

    return make


def _hard_swish(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> Function:
    """After TensorFlow's reference/hard_swish.h: x * relu6(x + 3) / 6 in 16-bit fractions."""
    fine_scale = np.float32(1 / 128) * np.float32(source.scale)
    out_multiplier, out_shift = _narrow(float(fine_scale / np.float32(output.scale)))
    multiplier, shift = _narrow(float(fine_scale / np.float32(np.float32(3) / np.float32(32768))))
    if out_shift > 0:
        graph.refuse(
            operator, f"goes from scale {source.scale:g} to {output.scale:g}, which TFLM does not take either"
        )

    def function(value: int) -> int:
        fine = (value - source.zero_point) * 128
        scaled = _multiply_high16(fine, out_multiplier)
        gate = fine
        if shift > 0:
            gate = _saturate16(gate << (shift - 1))
        gate = _multiply_high16(gate, multiplier)
        if shift > 0:
            gate = _saturate16(gate << 1)
        elif shift < 0:
            gate = divide_by_power_of_two(gate, -shift)
        gate = (gate + 2**15) >> 1
        product = math.trunc(gate * scaled / 2**15)
        return divide_by_power_of_two(product, -out_shift) + output.zero_point

    return function


def _narrow(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    return (32767 if multiplier >= 2**31 - 1 - 2**15 else (multiplier + 2**15) >> 16), shift


def _multiply_high16(a: int, b: int) -> int:
    if a == b == -(2**15):
        return 2**15 - 1
    return (a * b + 2**14) >> 15


def _saturate16(value: int) -> int:
    return min(max(value, -(2**15)), 2**15 - 1)


def _single(tensor: Tensor) -> float:
    return float(np.float32(tensor.scale))


_FUNCTIONS: dict[str, Callable[..., Function]] = {
    "QUANTIZE": _requantized,
    "RELU": _relu,
    "RELU6": _relu6,
    "LEAKY_RELU": _leaky_relu,
    "HARD_SWISH": _hard_swish,
    "LOGISTIC": _on_fixed_point(fixed_point.logistic, 31 - 8, -128),
    "TANH": _on_fixed_point(fixed_point.tanh, 31 - 7, 0),
}

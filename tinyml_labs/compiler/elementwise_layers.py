"""ADD, SUB and MUL, with broadcasting, on int8 and on float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml_labs.compiler.fixed_point import quantize_multiplier
from tinyml_labs.compiler.graph import Graph, describe
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.compiler.quantities import activation_bounds, float_bounds
from tinyml_labs.model_file import Operator, Tensor

_LEFT_SHIFT = 20
_SIDES = 4


def elementwise(graph: Graph, operator: Operator) -> Layer:
    """Turn an ADD, SUB or MUL into a call of ``elementwise.h`` or ``elementwise_f32.h``."""
    first = graph.input(operator, 0, ("INT8", "FLOAT32"))
    second = graph.input(operator, 1, (first.type_name,))
    output = graph.output(operator, 0, (first.type_name,))
    pairing = _pair(graph, operator, first, second, output)
    word = operator.name.lower()
    settings: dict[str, Any] = {"pairing": pairing}
    if first.type_name == "INT8":
        low, high = activation_bounds(graph, operator, output)
        scales = _product_scales if word == "mul" else _sum_scales
        settings |= {
            "first_zero_point": first.zero_point,
            "second_zero_point": second.zero_point,
            "output_zero_point": output.zero_point,
            **scales(graph, operator, first, second, output),
            "low": low,
            "high": high,
        }
        function, struct = f"tinyml_{word}_s8", "tinyml_product" if word == "mul" else "tinyml_sum"
        c_type, header = "int8_t", "kernels/elementwise.h"
    else:
        least, most = float_bounds(graph, operator)
        settings |= {"low": least, "high": most}
        function, struct = f"tinyml_{word}_f32", "tinyml_elementwise_float"
        c_type, header = "float", "kernels/elementwise_f32.h"
    places: list[Place | str] = []
    arrays: list[Array] = []
    inputs: list[int] = []
    overwrites: list[int] = []
    for name, tensor in (("first", first), ("second", second)):
        if tensor.is_constant:
            array = Array(name=name, c_type=c_type, values=tensor.values().ravel(), in_flash=False)
            places.append(f"@{name}")
            arrays.append(array)
        else:
            places.append(Place(kind="input", index=len(inputs), c_type=c_type))
            if tensor.size == output.size:
                overwrites.append(len(inputs))
            inputs.append(tensor.index)
    if not inputs:
        graph.refuse(operator, f"has two constant inputs, {describe(first)} and {describe(second)}")
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=tuple(inputs),
        outputs=(output.index,),
        calls=(
            Call(
                function=function,
                struct=struct,
                settings=settings,
                arguments=(*places, Place(kind="output", c_type=c_type)),
            ),
        ),
        arrays=tuple(arrays),
        headers=(header,),
        overwrites=tuple(overwrites),
        weights_bytes=graph.weights_bytes_of(operator),
    )


def _sum_scales(graph: Graph, operator: Operator, first: Tensor, second: Tensor, output: Tensor) -> dict[str, int]:
    scales = [np.float32(tensor.scale) for tensor in (first, second, output)]
    if operator.name == "ADD":  # TFLM computes these in double for ADD, and in float for SUB
        one, two, three = map(float, scales)
        twice = 2 * max(one, two)
        real = [one / twice, two / twice, twice / (2**_LEFT_SHIFT * three)]
    else:
        single = np.float32(2) * max(scales[:2])
        real = [float(scales[0] / single), float(scales[1] / single)]
        real.append(float(single / (np.float32(2**_LEFT_SHIFT) * scales[2])))
    if not all(0 < value < 1 for value in real):
        graph.refuse(
            operator,
            f"has scales of {scales[0]:g}, {scales[1]:g} and {scales[2]:g}, so far apart that TensorFlow Lite Micro "
            "stops at them",
            "Calibrate the model with real inputs.",
        )
    names = ("first", "second", "output")
    pairs = dict(zip(names, map(quantize_multiplier, real), strict=True))
    return {f"{name}_multiplier": pair[0] for name, pair in pairs.items()} | {
        f"{name}_shift": pair[1] for name, pair in pairs.items()
    }


def _product_scales(
    graph: Graph, operator: Operator, first: Tensor, second: Tensor, output: Tensor
) -> dict[str, int]:
    one, two, three = (float(np.float32(tensor.scale)) for tensor in (first, second, output))
    multiplier, shift = quantize_multiplier(one * two / three)
    return {"multiplier": multiplier, "shift": shift}


def _pair(graph: Graph, operator: Operator, first: Tensor, second: Tensor, output: Tensor) -> dict[str, list[int]]:
    """Return the sides of the output and each input's steps along them, sides that run alike merged."""
    rank = len(output.shape)
    shapes = [(1,) * (rank - len(tensor.shape)) + tuple(tensor.shape) for tensor in (first, second)]
    fits = all(
        len(shape) == rank and all(side in (1, whole) for side, whole in zip(shape, output.shape, strict=True))
        for shape in shapes
    )
    if not fits or np.broadcast_shapes(*shapes) != tuple(output.shape):
        graph.refuse(
            operator,
            f"takes {first.shape_text} and {second.shape_text} and gives {output.shape_text}: these do not fit",
        )
    sides: list[tuple[int, int, int]] = []  # from the innermost: length, and the steps of both inputs
    steps = [1, 1]
    for axis in reversed(range(rank)):
        length = output.shape[axis]
        if length > 1:
            here = [step if shape[axis] > 1 else 0 for shape, step in zip(shapes, steps, strict=True)]
            if sides and all(now == before * sides[-1][0] for now, before in zip(here, sides[-1][1:], strict=True)):
                sides[-1] = (sides[-1][0] * length, *sides[-1][1:])
            else:
                sides.append((length, here[0], here[1]))
        steps = [step * shape[axis] for shape, step in zip(shapes, steps, strict=True)]
    if len(sides) > _SIDES:
        graph.refuse(operator, f"broadcasts along {len(sides)} sides; the kernel takes {_SIDES}")
    sides += [(1, 0, 0)] * (_SIDES - len(sides))
    counts, firsts, seconds = (list(reversed(column)) for column in zip(*sides, strict=True))
    return {"counts": counts, "first_steps": firsts, "second_steps": seconds}

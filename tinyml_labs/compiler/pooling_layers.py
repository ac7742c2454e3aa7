"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

from __future__ import annotations

from tinyml_labs.compiler.fixed_point import quantize_multiplier
from tinyml_labs.compiler.graph import Graph, describe
from tinyml_labs.compiler.layer import Call, Layer, Place
from tinyml_labs.compiler.quantities import activation_bounds, float_bounds, output_side, padding_before
from tinyml_labs.model_file import Operator, Tensor


def pooling(graph: Graph, operator: Operator) -> Layer:
    """Turn an AVERAGE_POOL_2D or a MAX_POOL_2D into a call of ``pooling.h`` or ``pooling_f32.h``."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    output = graph.output(operator, 0, (source.type_name,))
    sizes = _pooling_sizes(graph, operator, source, output)
    kind = "average" if operator.name == "AVERAGE_POOL_2D" else "max"
    if source.type_name == "INT8":
        if abs(source.scale - output.scale) > 1e-6 or source.zero_point != output.zero_point:
            graph.refuse(
                operator,
                f"changes the scale from {source.scale:g} to {output.scale:g}, or the zero point from "
                f"{source.zero_point} to {output.zero_point}; TensorFlow Lite Micro does not take that either",
            )
        low, high = activation_bounds(graph, operator, output)
        call = Call(
            function=f"tinyml_{kind}_pool_s8",
            struct="tinyml_pooling",
            settings={**sizes, "low": low, "high": high},
            arguments=(Place(kind="input"), Place(kind="output")),
        )
        header = "kernels/pooling.h"
    else:
        least, most = float_bounds(graph, operator)
        call = Call(
            function=f"tinyml_{kind}_pool_f32",
            struct="tinyml_pooling_float",
            settings={**sizes, "low": least, "high": most},
            arguments=(Place(kind="input", c_type="float"), Place(kind="output", c_type="float")),
        )
        header = "kernels/pooling_f32.h"
    padded = sizes["pad_top"] or sizes["pad_left"]
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(call,),
        headers=(header,),
        overwrites=() if padded else (0,),
        remark=f"{sizes['window_height']}×{sizes['window_width']}, "
        f"stride {sizes['stride_height']}×{sizes['stride_width']}, {operator.options['padding']}",
    )


def _pooling_sizes(graph: Graph, operator: Operator, source: Tensor, output: Tensor) -> dict[str, int]:
    if len(source.shape) != 4 or len(output.shape) != 4 or source.shape[0] != 1 or source.is_constant:
        graph.refuse(operator, f"takes {describe(source)}; expected four sides, and a batch of 1")
    options = operator.options
    _, height, width, channels = source.shape
    rows = (options["filter_height"], options["stride_h"], 1, options["padding"])
    columns = (options["filter_width"], options["stride_w"], 1, options["padding"])
    expected = (1, output_side(height, *rows), output_side(width, *columns), channels)
    if output.shape != expected:
        graph.refuse(operator, f"gives {output.shape_text}; its window and strides give {expected}")
    sizes = {
        "input_height": height,
        "input_width": width,
        "output_height": output.shape[1],
        "output_width": output.shape[2],
        "channels": channels,
        "window_height": options["filter_height"],
        "window_width": options["filter_width"],
        "stride_height": options["stride_h"],
        "stride_width": options["stride_w"],
        "pad_top": padding_before(height, output.shape[1], *rows),
        "pad_left": padding_before(width, output.shape[2], *columns),
    }
    graph.check_limits(operator, sizes, 65535)
    return sizes


def mean(graph: Graph, operator: Operator) -> Layer:
    """Turn a MEAN into a call of ``mean.h``."""
    source, output = graph.input(operator, 0), graph.output(operator)
    rank = len(source.shape)
    axes = {axis % rank if rank else 0 for axis in graph.numbers(operator, 1)}
    if source.is_constant or rank > 4:
        graph.refuse(operator, f"averages {describe(source)}; expected a computed tensor of at most four sides")
    kept, averaged = _merge_sides(source.shape, axes)
    count = 1
    for side, _ in averaged:
        count *= side
    multiplier, shift = _multiplier(source, output, count)
    settings = {
        "kept_counts": [side for side, _ in kept],
        "kept_steps": [step for _, step in kept],
        "mean_counts": [side for side, _ in averaged],
        "mean_steps": [step for _, step in averaged],
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function="tinyml_mean_s8",
                struct="tinyml_mean",
                settings=settings,
                arguments=(Place(kind="input"), Place(kind="output")),
            ),
        ),
        headers=("kernels/mean.h",),
        remark=f"over {'side' if len(axes) == 1 else 'sides'} {', '.join(map(str, sorted(axes)))}",
    )


def _multiplier(source: Tensor, output: Tensor, count: int) -> tuple[int, int]:
    """Return TFLM's multiplier for the sum: 1 / count is divided in as far as the shift allows."""
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def _merge_sides(shape: tuple[int, ...], axes: set[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the (length, step) of sides that stay and of sides that are averaged, two each, neighbours as one."""
    groups: list[tuple[bool, int, int]] = []
    step = 1
    for axis in reversed(range(len(shape))):
        averaged = axis in axes
        if shape[axis] > 1:
            if groups and groups[-1][0] == averaged:
                _, side, first_step = groups.pop()
                groups.append((averaged, side * shape[axis], first_step))
            else:
                groups.append((averaged, shape[axis], step))
        step *= shape[axis]

    def pair(averaged: bool) -> list[tuple[int, int]]:
        found = [(side, step) for kind, side, step in reversed(groups) if kind == averaged]
        return [(1, 0)] * (2 - len(found)) + found

    return pair(False), pair(True)

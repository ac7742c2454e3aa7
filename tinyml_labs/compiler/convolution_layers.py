"""CONV_2D and DEPTHWISE_CONV_2D, on int8 and on float32."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tinyml_labs.compiler.graph import Graph, describe
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.compiler.packing import pack_convolution, settle_constant_channels
from tinyml_labs.compiler.quantities import (
    activation_bounds,
    channel_multipliers,
    check_weights,
    float_bounds,
    folded_biases,
    output_side,
    padding_before,
)
from tinyml_labs.compiler.scratch import convolution_scratch_bytes, depthwise_scratch_bytes
from tinyml_labs.model_file import Operator, Tensor


def convolution(graph: Graph, operator: Operator) -> Layer:
    """Turn a CONV_2D or a DEPTHWISE_CONV_2D into a call of ``convolution.h`` or ``convolution_f32.h``."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    weights = graph.constant(operator, 1, (source.type_name,))
    output = graph.output(operator, 0, (source.type_name,))
    sizes = _sizes(graph, operator, source, weights, output)
    build = _on_int8 if source.type_name == "INT8" else _on_float32
    return build(graph, operator, source, weights, output, sizes)


def _sizes(graph: Graph, operator: Operator, source: Tensor, weights: Tensor, output: Tensor) -> dict[str, int]:
    if not len(source.shape) == len(weights.shape) == len(output.shape) == 4 or source.shape[0] != 1:
        graph.refuse(
            operator,
            f"takes {describe(source)}; expected four sides, and a batch of 1",
            "Convert the model with a fixed batch of 1.",
        )
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    options = operator.options
    _, height, width, channels = source.shape
    _, output_height, output_width, output_channels = output.shape
    _, kernel_height, kernel_width, last = weights.shape
    if depthwise:
        fits = weights.shape[0] == 1 and last == output_channels and output_channels % channels == 0
    else:
        fits = weights.shape[0] == output_channels and last == channels
    if not fits:
        graph.refuse(
            operator,
            f"takes {source.shape_text} and gives {output.shape_text} by weights of {weights.shape_text}: the "
            "channels do not fit, or it is a convolution in groups",
        )
    padding = options["padding"]
    dilation_height, dilation_width = max(1, options["dilation_h_factor"]), max(1, options["dilation_w_factor"])
    rows = (height, kernel_height, options["stride_h"], dilation_height, padding)
    columns = (width, kernel_width, options["stride_w"], dilation_width, padding)
    if (output_height, output_width) != (output_side(*rows), output_side(*columns)):
        graph.refuse(operator, f"gives {output.shape_text}, which its strides and padding {padding} do not")
    small = {
        "kernel_height": kernel_height,
        "kernel_width": kernel_width,
        "stride_height": options["stride_h"],
        "stride_width": options["stride_w"],
        "dilation_height": dilation_height,
        "dilation_width": dilation_width,
    }
    large = {
        "input_height": height,
        "input_width": width,
        "input_channels": channels,
        "output_height": output_height,
        "output_width": output_width,
        "output_channels": output_channels,
    }
    graph.check_limits(operator, small, 255)
    graph.check_limits(operator, large, 65535)
    return (
        large
        | small
        | {
            "pad_top": padding_before(height, output_height, *rows[1:]),
            "pad_left": padding_before(width, output_width, *columns[1:]),
            "depth_multiplier": output_channels // channels if depthwise else 0,
        }
    )


def _on_int8(
    graph: Graph, operator: Operator, source: Tensor, weights: Tensor, output: Tensor, sizes: dict[str, int]
) -> Layer:
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    remark = _remark(operator, sizes)
    channels = sizes["output_channels"]
    check_weights(graph, operator, weights, channels)
    bias = graph.optional(operator, 2, ("INT32",))
    low, high = activation_bounds(graph, operator, output)
    values = weights.values()
    if depthwise and sizes["input_channels"] == 1:  # the same sums, and CONV_2D's kernel is the faster one
        depthwise, values, sizes = False, values.transpose(3, 1, 2, 0), sizes | {"depth_multiplier": 0}
        remark += ", as CONV_2D"
    axis = 3 if depthwise else 0
    stored, layout = _stored_weights(values, depthwise=depthwise)
    biases = folded_biases(bias, values, source.zero_point, channel_axis=axis)
    multipliers, shifts = channel_multipliers(source, weights, output, channels)
    settled = settle_constant_channels(values, biases.values, multipliers.values, shifts.values, channel_axis=axis)
    biases = dataclasses.replace(biases, values=settled[0])
    multipliers = dataclasses.replace(multipliers, values=settled[1])
    shifts = dataclasses.replace(shifts, values=settled[2])
    settings: dict[str, Any] = {
        "weights": stored,
        "biases": biases,
        "multipliers": multipliers,
        "shifts": shifts,
        **sizes,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
        "low": low,
        "high": high,
        "layout": layout,
    }
    function = "tinyml_depthwise_convolution_s8" if depthwise else "tinyml_convolution_s8"
    scratch_bytes = _scratch_bytes(sizes, depthwise=depthwise)
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function=function,
                struct="tinyml_convolution",
                settings=settings,
                arguments=(Place(kind="input"), Place(kind="output"), Place(kind="scratch", c_type="")),
            ),
        ),
        arrays=(stored, biases, multipliers, shifts),
        headers=("kernels/convolution.h",),
        scratch_bytes=scratch_bytes,
        remark=remark,
        macs=graph.macs_of(operator),
        weights_bytes=graph.weights_bytes_of(operator),
    )


def _stored_weights(values: np.ndarray, *, depthwise: bool) -> tuple[Array, str]:
    """Return the weights as the kernel reads them best, and the name of that order."""
    shape = "×".join(str(side) for side in values.shape)
    packed = None if depthwise else pack_convolution(values)
    if packed is None:
        return Array(
            name="weights", c_type="int8_t", values=values.ravel(), remark=shape
        ), "TINYML_WEIGHTS_AS_IN_FILE"
    remark = f"{shape}, two channels side by side"
    return Array(name="weights", c_type="int8_t", values=packed, remark=remark), "TINYML_WEIGHTS_IN_PAIRS"


def _scratch_bytes(sizes: dict[str, int], *, depthwise: bool) -> int:
    if depthwise:
        return depthwise_scratch_bytes(
            (sizes["kernel_height"], sizes["kernel_width"]),
            (sizes["stride_height"], sizes["stride_width"]),
            (sizes["dilation_height"], sizes["dilation_width"]),
            (sizes["output_height"], sizes["output_width"]),
            sizes["input_channels"],
            sizes["output_channels"],
        )
    taps = sizes["kernel_height"] * sizes["kernel_width"] * sizes["input_channels"]
    return convolution_scratch_bytes(taps, sizes["output_channels"])


def _remark(operator: Operator, sizes: dict[str, int]) -> str:
    parts = [
        f"{sizes['kernel_height']}×{sizes['kernel_width']}",
        f"stride {sizes['stride_height']}×{sizes['stride_width']}",
        operator.options["padding"],
    ]
    if sizes["dilation_height"] * sizes["dilation_width"] > 1:
        parts.append(f"dilation {sizes['dilation_height']}×{sizes['dilation_width']}")
    activation = operator.options.get("fused_activation_function", "NONE")
    return ", ".join(parts if activation == "NONE" else [*parts, activation])


def _on_float32(
    graph: Graph, operator: Operator, source: Tensor, weights: Tensor, output: Tensor, sizes: dict[str, int]
) -> Layer:
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    bias = graph.optional(operator, 2, ("FLOAT32",))
    low, high = float_bounds(graph, operator)
    stored = Array(name="weights", c_type="float", values=weights.values().ravel(), remark=weights.shape_text)
    given = bias.values().ravel() if bias is not None else np.zeros(sizes["output_channels"], np.float32)
    biases = Array(name="biases", c_type="float", values=given)
    function = "tinyml_depthwise_convolution_f32" if depthwise else "tinyml_convolution_f32"
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function=function,
                struct="tinyml_convolution_float",
                settings={"weights": stored, "biases": biases, **sizes, "low": low, "high": high},
                arguments=(Place(kind="input", c_type="float"), Place(kind="output", c_type="float")),
            ),
        ),
        arrays=(stored, biases),
        headers=("kernels/convolution_f32.h",),
        remark=_remark(operator, sizes),
        macs=graph.macs_of(operator),
        weights_bytes=graph.weights_bytes_of(operator),
    )

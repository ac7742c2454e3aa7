"""FULLY_CONNECTED, on int8 and on float32."""

from __future__ import annotations

import numpy as np

from tinyml_labs.compiler.graph import Graph, describe
from tinyml_labs.compiler.layer import Array, Call, Layer, Place
from tinyml_labs.compiler.quantities import (
    activation_bounds,
    channel_multipliers,
    check_weights,
    float_bounds,
    folded_biases,
    multiplier_arrays,
)
from tinyml_labs.model_file import Operator, Tensor


def fully_connected(graph: Graph, operator: Operator) -> Layer:
    """Turn a FULLY_CONNECTED into a call of ``fully_connected.h`` or ``fully_connected_f32.h``."""
    source = graph.input(operator, 0, ("INT8", "FLOAT32"))
    weights = graph.constant(operator, 1, (source.type_name,))
    output = graph.output(operator, 0, (source.type_name,))
    if source.is_constant:
        graph.refuse(operator, f"multiplies the constant {describe(source)}")
    if len(weights.shape) != 2 or operator.options.get("weights_format", 0):
        graph.refuse(operator, f"has weights of {weights.shape_text}, shuffled or not in rows; expected 2 sides")
    outputs, inputs = weights.shape
    batches = output.size // outputs
    if source.size != batches * inputs or output.size != batches * outputs:
        graph.refuse(
            operator, f"takes {source.shape_text} and gives {output.shape_text} by weights of {weights.shape_text}"
        )
    sizes = {"batches": batches, "inputs": inputs, "outputs": outputs}
    graph.check_limits(operator, sizes, 65535)
    build = _on_int8 if source.type_name == "INT8" else _on_float32
    return build(graph, operator, source, weights, output, sizes)


def _on_int8(
    graph: Graph, operator: Operator, source: Tensor, weights: Tensor, output: Tensor, sizes: dict[str, int]
) -> Layer:
    check_weights(graph, operator, weights, sizes["outputs"])
    bias = graph.optional(operator, 2, ("INT32",))
    low, high = activation_bounds(graph, operator, output)
    if len(weights.scales) == 1:  # as TFLM has it: the product is rounded to float32 before it is divided
        product = np.float32(source.scale) * np.float32(weights.scale)
        multipliers, shifts = multiplier_arrays([float(product) / float(np.float32(output.scale))])
    else:
        multipliers, shifts = channel_multipliers(source, weights, output, sizes["outputs"])
    values = weights.values()
    stored = Array(name="weights", c_type="int8_t", values=values.ravel(), remark=weights.shape_text)
    biases = folded_biases(bias, values, source.zero_point, channel_axis=0)
    settings = {
        "weights": stored,
        "biases": biases,
        "multipliers": multipliers,
        "shifts": shifts,
        **sizes,
        "scales": multipliers.values.size,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
        "low": low,
        "high": high,
    }
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function="tinyml_fully_connected_s8",
                struct="tinyml_fully_connected",
                settings=settings,
                arguments=(Place(kind="input"), Place(kind="output")),
            ),
        ),
        arrays=(stored, biases, multipliers, shifts),
        headers=("kernels/fully_connected.h",),
        macs=graph.macs_of(operator),
        weights_bytes=graph.weights_bytes_of(operator),
    )


def _on_float32(
    graph: Graph, operator: Operator, source: Tensor, weights: Tensor, output: Tensor, sizes: dict[str, int]
) -> Layer:
    bias = graph.optional(operator, 2, ("FLOAT32",))
    low, high = float_bounds(graph, operator)
    stored = Array(name="weights", c_type="float", values=weights.values().ravel(), remark=weights.shape_text)
    given = bias.values().ravel() if bias is not None else np.zeros(sizes["outputs"], np.float32)
    biases = Array(name="biases", c_type="float", values=given)
    return Layer(
        index=operator.index,
        op=operator.name,
        name=graph.name_of(operator),
        inputs=(source.index,),
        outputs=(output.index,),
        calls=(
            Call(
                function="tinyml_fully_connected_f32",
                struct="tinyml_fully_connected_float",
                settings={"weights": stored, "biases": biases, **sizes, "low": low, "high": high},
                arguments=(Place(kind="input", c_type="float"), Place(kind="output", c_type="float")),
            ),
        ),
        arrays=(stored, biases),
        headers=("kernels/fully_connected_f32.h",),
        macs=graph.macs_of(operator),
        weights_bytes=graph.weights_bytes_of(operator),
    )

"""Which module turns which operator into C."""

from __future__ import annotations

from collections.abc import Callable

from tinyml_labs.compiler import (
    convolution_layers,
    dense_layers,
    elementwise_layers,
    moving_layers,
    pooling_layers,
    quantization_layers,
    softmax_layers,
    tables,
)
from tinyml_labs.compiler.graph import Graph
from tinyml_labs.compiler.layer import Layer
from tinyml_labs.model_file import Operator

_LAYERS: dict[str, Callable[[Graph, Operator], Layer]] = {
    "FULLY_CONNECTED": dense_layers.fully_connected,
    "CONV_2D": convolution_layers.convolution,
    "DEPTHWISE_CONV_2D": convolution_layers.convolution,
    "AVERAGE_POOL_2D": pooling_layers.pooling,
    "MAX_POOL_2D": pooling_layers.pooling,
    "MEAN": pooling_layers.mean,
    "ADD": elementwise_layers.elementwise,
    "SUB": elementwise_layers.elementwise,
    "MUL": elementwise_layers.elementwise,
    "SOFTMAX": softmax_layers.softmax,
    "LOGISTIC": tables.lookup,
    "TANH": tables.lookup,
    "RELU": tables.lookup,
    "RELU6": tables.lookup,
    "LEAKY_RELU": tables.lookup,
    "HARD_SWISH": tables.lookup,
    "QUANTIZE": quantization_layers.quantize,
    "DEQUANTIZE": quantization_layers.dequantize,
    "PAD": moving_layers.pad,
    "PADV2": moving_layers.pad,
    "CONCATENATION": moving_layers.concatenation,
    "SPLIT": moving_layers.split,
    "SPLIT_V": moving_layers.split,
    "STRIDED_SLICE": moving_layers.strided_slice,
    "TRANSPOSE": moving_layers.transpose,
    "RESHAPE": moving_layers.rename,
    "SQUEEZE": moving_layers.rename,
    "EXPAND_DIMS": moving_layers.rename,
}


def supported_ops() -> tuple[str, ...]:
    """Return the operators that can be compiled, in alphabetical order."""
    return tuple(sorted(_LAYERS))


def lower(graph: Graph) -> tuple[Layer, ...]:
    """Turn each operator into a layer, in the file's order.

    Raises
    ------
    ValueError
        For an operator without a kernel, or with settings, types or shapes that its kernel does not take; the
        message names the operator, its layer and the tensor, and says what to do.
    """
    layers = []
    for operator in graph.operators:
        build = _LAYERS.get(operator.name)
        if build is None:
            kind = f"custom op {operator.custom_code}" if operator.custom_code else operator.name
            graph.refuse(operator, f"is {kind}; there are kernels for {', '.join(supported_ops())}")
        layers.append(build(graph, operator))
    return tuple(layers)

"""What one operator of a model costs: multiply-accumulates and bytes; and which layer it came from."""

from __future__ import annotations

import math

from tinyml_labs.model_file import Operator, Subgraph, Tensor

# Ops that multiply and add, but whose multiply-accumulates are not counted here; a report names them.
UNCOUNTED_OPS = frozenset(
    {
        "BATCH_MATMUL",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CONV_3D",
        "CONV_3D_TRANSPOSE",
        "LSTM",
        "RNN",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)
_FUSED_LAYERS = ("batch_normalization", "activation", "re_lu", "relu", "dropout")
_NAMES_OF_OUTPUTS = ("StatefulPartitionedCall", "PartitionedCall", "Identity")
_NOT_A_LAYER = ("ReadVariableOp", "resource", "read")


def multiply_accumulates(operator: Operator, graph: Subgraph) -> int:
    """Count the multiply-accumulates of one inference.

    Parameters
    ----------
    operator : Operator
    graph : Subgraph
        The graph that the operator stands in.

    Returns
    -------
    int
        For FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV; 0 for every other op. Padding is
        counted as if it were data, as published figures do.
    """
    if len(operator.inputs) < 2 or not operator.outputs:
        return 0
    if operator.name == "TRANSPOSE_CONV" and len(operator.inputs) > 2:
        weights, given = graph.tensors[operator.inputs[1]], graph.tensors[operator.inputs[2]]
        return given.size * math.prod(weights.shape[:3])  # each input value times each (channel, row, column)
    weights, output = graph.tensors[operator.inputs[1]], graph.tensors[operator.outputs[0]]
    if operator.name == "FULLY_CONNECTED" and len(weights.shape) == 2:
        return output.size * weights.shape[1]
    if operator.name == "CONV_2D":
        return output.size * math.prod(weights.shape[1:])
    if operator.name == "DEPTHWISE_CONV_2D":
        return output.size * math.prod(weights.shape[1:3])
    return 0


def weights_bytes(operator: Operator, graph: Subgraph) -> int:
    """Return the bytes of the operator's constants: weights, biases, shapes."""
    return sum(tensor.nbytes for tensor in _constants(operator, graph))


def output_bytes(operator: Operator, graph: Subgraph) -> int:
    """Return the bytes of what the operator computes."""
    return sum(graph.tensors[index].nbytes for index in operator.outputs if index >= 0)


def layer_name(operator: Operator, graph: Subgraph) -> str:
    """Guess the layer that an operator came from, by the names that the converter left on its tensors.

    The converter joins the names of all that it fused: ``model/activation/Relu;model/conv2d/Conv2D``. The layer with
    the weights comes first; the layers that were fused into it come last. The last operator's tensor carries no
    layer's name; then the guess is empty.
    """
    outputs = [graph.tensors[index] for index in operator.outputs if index >= 0]
    names = [tensor.name for tensor in (*_constants(operator, graph)[:1], *outputs)]
    pieces = [piece for name in names for piece in name.split(";")]
    pieces.sort(key=lambda piece: "/batchnorm/" in piece)  # what a normalisation became comes last
    layers = [layer for piece in pieces if (layer := _layer_of(piece))]
    for layer in layers:
        if not layer.startswith(_FUSED_LAYERS):
            return layer
    if layers:
        return layers[0]
    if not outputs or outputs[0].name.startswith(_NAMES_OF_OUTPUTS):
        return ""
    return outputs[0].name.split(";")[0].split(":")[0]


def _layer_of(name: str) -> str:
    parts = [part for part in name.split("/") if part and part not in _NOT_A_LAYER]
    return parts[-2] if len(parts) > 1 else ""  # model/layer/op


def _constants(operator: Operator, graph: Subgraph) -> list[Tensor]:
    tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
    if operator.name == "TRANSPOSE_CONV":
        tensors = tensors[1:] + tensors[:1]  # the output's shape comes first there, before the weights
    return [tensor for tensor in tensors if tensor.is_constant]

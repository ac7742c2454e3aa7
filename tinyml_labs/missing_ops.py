"""The ops of a model that a board cannot run, each in a sentence that says where it is and what to do."""

from __future__ import annotations

from tinyml_labs.micro_ops import ACCELERATORS, resolver_method
from tinyml_labs.model_file import ModelFile, Operator, Subgraph
from tinyml_labs.operator_costs import layer_name


def describe_missing_ops(model: ModelFile) -> list[str]:
    """Return a sentence for each op that a board cannot run, with its layer and what to do.

    Parameters
    ----------
    model : ModelFile

    Returns
    -------
    list of str
        Empty for a model whose every op TensorFlow Lite Micro has a kernel for.
    """
    sentences = []
    for graph in model.subgraphs:
        for op in graph.operators:
            name, layer = op.custom_code or op.name, layer_name(op, graph)
            where = (
                f"op {op.index}, layer {layer!r}" if layer else f"op {op.index}, output {_output_name(op, graph)!r}"
            )
            if name in ACCELERATORS:
                sentences.append(
                    f"{name} ({where}) runs only on {ACCELERATORS[name]}. Ask for the model as it was before that "
                    "compiler."
                )
            elif resolver_method(name) is None and op.custom_code:
                sentences.append(
                    f"{name} ({where}) is a custom op that TensorFlow Lite Micro does not have: the sketch must "
                    "bring its kernel and register it with AddCustom()."
                )
            elif resolver_method(name) is None:
                sentences.append(
                    f"{name} ({where}) has no kernel in TensorFlow Lite Micro. Replace the layer by one that "
                    "converts to supported ops: tinyml_labs.micro_ops.supported_ops() lists them."
                )
    return sentences


def _output_name(op: Operator, graph: Subgraph) -> str:
    return graph.tensors[op.outputs[0]].name if op.outputs and op.outputs[0] >= 0 else ""

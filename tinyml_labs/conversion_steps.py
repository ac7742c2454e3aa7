"""The steps that TensorFlow takes from a Keras function to a .tflite, in silence. Used by `conversion`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyml_labs.conversion_errors import Call, Input
from tinyml_labs.quiet import import_quietly, quiet

_LOOPS = ("While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase")


class ConverterFailure(Exception):
    """TensorFlow's own words on a conversion that failed."""

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


def convert_call(
    owner: Any,
    call: Call,
    inputs: Sequence[Input],
    kind: str,
    data: Sequence[np.ndarray],
    dense_per_tensor: bool = False,
) -> bytes:
    """Convert a function of tensors that uses the variables of `owner`, a layer or model.

    Parameters
    ----------
    owner
        A Keras layer or model; it is only read.
    call
        The function.
    inputs
        Name, shape with the batch of 1, and dtype of each of its arguments.
    kind
        `"float32"`, `"dynamic"`, `"float16"` or `"int8"`.
    data
        For int8: float32 samples (N, *shape) for each argument.
    dense_per_tensor
        One scale for a Dense layer's weights.

    Returns
    -------
    bytes
        The .tflite model.

    Raises
    ------
    ConverterFailure
        Whatever stopped TensorFlow, with what it wrote.
    """
    tf = import_quietly("tensorflow")
    keras = import_quietly("keras")
    names = _layer_names(owner)

    def serve(*values: Any) -> Any:
        _name_scopes_like_layers(tf.compat.v1.get_default_graph(), names)
        outputs = keras.tree.flatten(call(*values))
        return outputs[0] if len(outputs) == 1 else {f"output_{k:03d}": v for k, v in enumerate(outputs)}

    specs = [tf.TensorSpec(shape, dtype, name=name) for name, shape, dtype in inputs]
    with quiet() as captured, warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # TensorFlow's own, on what it is going to rename
        failure: Exception | None = None
        try:
            function = tf.function(serve, input_signature=specs, autograph=False).get_concrete_function()
            types = {op.type for op in function.graph.get_operations()}
            loops = types.intersection(_LOOPS)
            if loops and kind == "int8":
                # TensorFlow 2.21 ends the process with a segmentation fault when it calibrates these.
                raise ConverterFailure(f"int8 cannot be calibrated across a loop or a branch ({min(loops)})")
            streams = "AssignVariableOp" in types
            if streams:  # its state has to stay a variable
                archive = keras.export.ExportArchive()
                archive.track(owner)
                archive.add_endpoint("serve", serve, specs)
                archive.write_out(folder, verbose=False)
            else:
                _save_frozen(tf, function, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            _set_kind(tf, converter, kind, dense_per_tensor)
            if streams:
                converter.experimental_enable_resource_variables = True
                converter._experimental_variable_quantization = kind == "int8"
            converter.representative_dataset = _batches([name for name, _, _ in inputs], data) if data else None
            converted = bytes(converter.convert())
            return _in_order(converted, [name for name, _, _ in inputs])
        except ConverterFailure:
            raise
        except Exception as error:  # whatever TensorFlow raises, the reader wants the layer
            failure = error
    raise ConverterFailure(str(failure), f"{captured}\n{failure}") from failure


def _save_frozen(tf: Any, function: Any, folder: str) -> None:
    """Save a function with its weights as constants: a quarter of the time, for there are no variables to restore."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function)
    tf.saved_model.save(tf.Module(), folder, signatures={"serving_default": frozen})


def _set_kind(tf: Any, converter: Any, kind: str, dense_per_tensor: bool) -> None:
    converter.exclude_conversion_metadata = True  # 200 bytes or so that no board reads
    if kind == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = dense_per_tensor
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif kind == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8


def _batches(names: Sequence[str], data: Sequence[np.ndarray]) -> Any:
    def batches() -> Any:
        for k in range(len(data[0])):
            yield {name: array[k : k + 1] for name, array in zip(names, data, strict=True)}

    return batches


def _layer_names(owner: Any) -> frozenset[str]:
    layers = owner._flatten_layers() if hasattr(owner, "_flatten_layers") else [owner]
    # TensorFlow's own scopes are in CamelCase and have to stay unique.
    return frozenset(layer.name for layer in layers if not layer.name[:1].isupper())


def _name_scopes_like_layers(graph: Any, names: frozenset[str]) -> None:
    """Keep layers' names in the model: Keras enters each scope twice, which made `dense` into `dense_1`.

    A scope with a slash at its end is entered again instead of renamed (`tf.Graph.name_scope`).
    """
    original = graph.name_scope

    def name_scope(name: str) -> Any:
        if name not in names:
            return original(name)
        outer = graph.get_name_scope()
        return original(f"{outer}/{name}/" if outer else f"{name}/")

    graph.name_scope = name_scope


def _in_order(model: bytes, names: Sequence[str]) -> bytes:
    """Put the inputs and outputs of a .tflite into the order of the Keras model."""
    from tensorflow.lite.tools import flatbuffer_utils

    found = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    graph, signature = found.subgraphs[0], found.signatureDefs[0]

    def plain(entry: Any) -> str:
        return entry.name.decode() if isinstance(entry.name, bytes) else str(entry.name)

    at = {plain(entry): entry.tensorIndex for entry in signature.inputs}
    inputs = [at[name] for name in names if name in at]
    outputs = [entry.tensorIndex for entry in sorted(signature.outputs, key=plain)]
    same = list(graph.inputs) == inputs and list(graph.outputs) == outputs
    if same or sorted(inputs) != sorted(graph.inputs) or sorted(outputs) != sorted(graph.outputs):
        return model
    graph.inputs, graph.outputs = inputs, outputs
    return bytes(flatbuffer_utils.convert_object_to_bytearray(found))

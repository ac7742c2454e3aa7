"""Keras model to .tflite: float32, dynamic range, float16, full int8; with a batch of 1, as boards need it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyml_labs import micro_ops
from tinyml_labs.calibration import choose_calibration
from tinyml_labs.conversion_errors import Call, ConversionError, Input, failed_op, find_culprit
from tinyml_labs.conversion_steps import ConverterFailure, convert_call
from tinyml_labs.model_file import read_model
from tinyml_labs.quiet import import_quietly
from tinyml_labs.streaming_models import is_streaming, reset_stream, split_steps

__all__ = ["KINDS", "ConversionError", "convert"]

KINDS = ("float32", "dynamic", "float16", "int8")
"""What `convert` makes; boards run float32 and int8, the other two are for phones."""


def convert(
    model: Any,
    kind: str = "int8",
    *,
    training_data: Any = None,
    calibration: Any = None,
    samples: int = 200,
    seed: int = 0,
    dense_per_tensor: bool = False,
    allow_unsupported_ops: bool = False,
) -> bytes:
    """Convert a trained Keras model to a .tflite model for a board.

    Parameters
    ----------
    model
        A Sequential or Functional Keras model. It is not changed. A streaming one, of
        `streaming_models.make_streaming`, begins with the state that `reset_stream` gives it.
    kind
        `"float32"`: weights and arithmetic as trained. `"int8"`: inputs, outputs, weights and arithmetic in
        8-bit integers. `"dynamic"`: weights of 8 bit, arithmetic in float; `"float16"`: weights of 16 bit.
        The last two make files smaller for phones; TensorFlow Lite Micro runs neither.
    training_data
        For int8: the array (N, *input shape) the model was trained on, or a tuple of arrays where the model
        has several inputs. The samples to calibrate with are drawn from it, and among them are those with
        the smallest and the largest values. For a streaming model they are the windows (N, frames, channels, 1)
        that the network for whole windows was trained on: it hears them one after the other.
    calibration
        For int8: samples of your own to calibrate with. Shape, dtype and values are checked and, where
        `training_data` is given too, the range (see `tinyml_labs.calibration`).
    samples
        How many samples to calibrate with, at most.
    seed
        Seed of their draw.
    dense_per_tensor
        Give each Dense layer's weights one scale instead of one for each output. Runtimes from before
        mid-2024, as in older Arduino libraries, read per-channel Dense weights wrongly, without an error.
    allow_unsupported_ops
        Convert float32 and int8 models even if TensorFlow Lite Micro lacks one of their ops.

    Returns
    -------
    bytes
        The .tflite model. Each input and output has a batch of 1, in the order of the Keras model.

    Raises
    ------
    ValueError
        Unknown kind, an input whose size is open, or calibration data that do not fit.
    TypeError
        Not a Keras model, or calibration data that are not real numbers.
    ConversionError
        A layer does not convert, or no board could run it; the message names the layer and says what to use
        instead, and the converter's last lines are its note.

    Warns
    -----
    UserWarning
        An int8 model in which some ops have no int8 kernel and stay in float32.

    Notes
    -----
    int8 follows B. Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference" (CVPR 2018). Introduced in `notebooks/01_hello_world.ipynb`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(map(repr, KINDS))}.")
    inputs = _model_inputs(model)
    data: list[np.ndarray] = []
    _check_precision(model, kind, inputs)
    shapes = [shape[1:] for _, shape, _ in inputs]
    streams = is_streaming(model)
    if streams:
        reset_stream(model)
        shapes = [_clip_shape(shapes[0], training_data if calibration is None else calibration)]
    if kind == "int8":
        data = choose_calibration(
            [name for name, _, _ in inputs],
            shapes,
            training_data=training_data,
            calibration=calibration,
            samples=samples,
            seed=seed,
        )
    if streams and data:
        data = [split_steps(data[0], inputs[0][1][1])]
    try:
        converted = convert_call(model, _whole(model), inputs, kind, data, dense_per_tensor)
    except ConverterFailure as failure:
        raise _does_not_convert(model, kind, failure) from None
    if kind in ("float32", "int8") and not allow_unsupported_ops:
        missing = _missing_on_boards(converted)
        if missing:
            raise _no_kernel(model, kind, missing, converted)
    if kind == "int8":
        _warn_of_float(converted)
    return converted


def _model_inputs(model: Any) -> list[Input]:
    """Name, shape with a batch of 1, and dtype of each input; errors that teach for what is no model."""
    keras = import_quietly("keras")
    if not isinstance(model, keras.Model):
        advice = (
            "It is converted already: see tinyml_labs.inspection."
            if isinstance(model, (bytes, bytearray))
            else "Load a saved one with keras.models.load_model(path)."
            if isinstance(model, str)
            else ""
        )
        raise TypeError(f"model is {type(model).__name__}, expected a keras.Model. {advice}".rstrip())
    try:
        tensors = keras.tree.flatten(model.inputs)
    except (AttributeError, ValueError):
        tensors = []
    if not tensors or any(t is None for t in tensors):
        raise ValueError(
            f"Model '{model.name}' does not know the shape of its input yet. Start it with "
            "keras.Input(shape), or wrap it: x = keras.Input(shape); keras.Model(x, model(x))."
        )
    found: list[Input] = []
    for tensor in tensors:
        shape = tuple(tensor.shape)
        if None in shape[1:]:
            raise ValueError(
                f"Input '{tensor.name}' has shape {shape}: only the first size, the batch, may be open. A board "
                "needs the others fixed, for example keras.Input((96, 96, 1))."
            )
        name = re.sub(r"\W", "_", tensor.name)
        if name in (earlier for earlier, _, _ in found):  # "a.b" and "a_b" must not become one
            name = f"{name}_{len(found)}"
        found.append((name, (1, *map(int, shape[1:])), str(tensor.dtype)))
    return found


def _clip_shape(step: tuple[int, ...], clips: Any) -> tuple[int, ...]:
    """The shape of the clips that a streaming model hears in steps: with their own number of frames."""
    found = np.shape(clips)
    return (max(found[-3], step[0]), *step[1:]) if len(found) > 3 else step


def _check_precision(model: Any, kind: str, inputs: Sequence[Input]) -> None:
    """Refuse what the converter would blame on an innocent layer: 16-bit arithmetic, and inputs of integers."""
    layers = [layer for layer in model._flatten_layers() if layer is not model and layer.weights]
    mixed = [layer.name for layer in layers if "float16" in str(layer.dtype_policy.compute_dtype)]
    if mixed:
        raise ValueError(
            f"Layer '{mixed[0]}' computes in 16 bits (a mixed-precision policy), which the converter does not take. "
            "Build the model again under keras.config.set_dtype_policy('float32'), and copy its weights with "
            "set_weights()."
        )
    for name, _, dtype in inputs:
        if kind == "int8" and dtype != "float32":
            raise ValueError(
                f"Input '{name}' is {dtype}, and an int8 model is made from one with float32 inputs: give "
                "keras.Input dtype='float32'. The converter turns it into int8."
            )


def _whole(model: Any) -> Call:
    """The model as a function of its inputs, in order."""
    keras = import_quietly("keras")
    structure = getattr(model, "_inputs_struct", None)

    def call(*values: Any) -> Any:
        packed = values[0] if len(values) == 1 else list(values)
        if isinstance(structure, dict):
            packed = keras.tree.pack_sequence_as(structure, list(values))
        return model(packed, training=False)

    return call


def _missing_on_boards(converted: bytes) -> set[str]:
    """Ops of a model that TensorFlow Lite Micro has no kernel for."""
    builtin, custom = micro_ops.supported_ops(), micro_ops.supported_custom_ops()
    return {
        operator.custom_code or operator.name
        for operator in read_model(converted).operators
        if (operator.custom_code not in custom if operator.custom_code else operator.name not in builtin)
    }


def _trial_data(inputs: Sequence[Input], kind: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(4, *shape[1:])).astype(np.float32) for _, shape, _ in inputs] if kind == "int8" else []


def _does_not_convert(model: Any, kind: str, failure: ConverterFailure) -> ConversionError:
    def attempt(layer: Any, call: Call, inputs: list[Input]) -> str:
        try:
            convert_call(layer, call, inputs, kind, _trial_data(inputs, kind))
        except ConverterFailure as found:
            return found.reason
        return ""

    words = f"{failure.reason}\n{failure.log}"
    culprit = find_culprit(model, attempt, words)
    op = failed_op(culprit.reason if culprit else words)
    if culprit is None:
        return ConversionError(
            f"Model '{model.name}' does not convert to {kind}{f' because of {op}' if op else ''}, though each of "
            "its layers does alone. Convert models of its first 1, 2, 3, ... layers to see which one breaks it.",
            op=op,
            log=words,
        )
    because = f"TensorFlow Lite cannot express its {op}" if op else culprit.reason.splitlines()[0][:200]
    return ConversionError(
        f"{culprit.described} does not convert to {kind}: {because}. {culprit.advice}.",
        layer_name=culprit.name,
        layer_class=culprit.kind,
        op=op,
        log=words,
    )


def _no_kernel(model: Any, kind: str, missing: set[str], converted: bytes) -> ConversionError:
    def attempt(layer: Any, call: Call, inputs: list[Input]) -> str:
        try:
            alone = convert_call(layer, call, inputs, kind, _trial_data(inputs, kind))
        except ConverterFailure:
            return ""
        return ", ".join(sorted(_missing_on_boards(alone) & missing))

    outputs = [read_model(converted).tensors[k].name for o in read_model(converted).operators for k in o.outputs]
    culprit = find_culprit(model, attempt, " ".join(outputs))
    op = culprit.reason if culprit else ", ".join(sorted(missing))
    who = f"{culprit.described}" if culprit else f"Model '{model.name}'"
    advice = f"{culprit.advice}. " if culprit else ""
    return ConversionError(
        f"{who} becomes {op}, which TensorFlow Lite Micro has no kernel for, so no board could run the model. "
        f"{advice}For a phone, convert with allow_unsupported_ops=True.",
        layer_name=culprit.name if culprit else "",
        layer_class=culprit.kind if culprit else "",
        op=op,
    )


def _warn_of_float(converted: bytes) -> None:
    found = read_model(converted)
    stay = {
        operator.name
        for operator in found.operators
        if operator.name not in ("QUANTIZE", "DEQUANTIZE")
        and any(found.tensors[k].dtype == np.float32 for k in operator.outputs)
    }
    if stay:
        warnings.warn(
            f"These ops have no int8 kernel and stay in float32, which is slow on a board without a "
            f"floating-point unit: {', '.join(sorted(stay))}.",
            stacklevel=3,
        )

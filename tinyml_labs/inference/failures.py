"""Why a model does not run: from what the runtime printed and what the model holds to a sentence that helps."""

from __future__ import annotations

import re
import signal
from typing import Literal

import numpy as np

from tinyml_labs.missing_ops import describe_missing_ops
from tinyml_labs.model_file import ModelFile

Kind = Literal["op", "arena", "scale", "schema", "input", "other"]

_SMALLEST_SOFTMAX_SCALE = 2.0**-26  # PreprocessSoftmaxScaling aborts at or below it (kScaledDiffIntegerBits = 5)


class InferenceError(RuntimeError):
    """A model that does not run here.

    Attributes
    ----------
    kind : str
        ``"op"`` (an op that the runtime lacks), ``"arena"`` (too small), ``"scale"`` (a degenerate quantization
        parameter), ``"schema"`` (not a model this runtime reads), ``"input"`` or ``"other"``.
    log : str
        What the runtime itself printed.
    """

    def __init__(self, message: str, *, kind: Kind = "other", log: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.log = log


def explain_tflm(
    model: ModelFile, log: str, said: str, died_of: int | None, arena_bytes: int | None
) -> InferenceError:
    """Turn TFLM's log and the way in which its process ended into an error that says what to do.

    Parameters
    ----------
    model : ModelFile
    log : str
        What TFLM printed on standard error.
    said : str
        The Python error of the wheel, if it raised one.
    died_of : int or None
        The signal that killed the process; 0 if it ended without one; None if it lives.
    arena_bytes : int or None
        The arena's size, if the model was being loaded.
    """
    own = _own_words(log)
    quoted = f' TensorFlow Lite Micro said: "{own}".' if own else ""
    aborted = "" if died_of is None else f" (it ended its process with {_signal_name(died_of)})"

    missing = describe_missing_ops(model)
    if missing and re.search(r"registration|Didn't find op", log):
        return InferenceError(f"{missing[0]}{aborted}{quoted}", kind="op", log=log)
    # Before the arena: on a bad scale TFLM may print nothing at all.
    degenerate = find_degenerate_scales(model)
    too_small = re.search(r"Failed to (allocate|resize)|available \d+, missing", log)
    if too_small:
        size = f"{arena_bytes:,} bytes" if arena_bytes else "this size"
        missing_bytes = re.search(r"missing: (\d+)", log)
        lacks = f", at least {missing_bytes.group(1)} bytes short" if missing_bytes else ""
        return InferenceError(
            f"An arena of {size} is too small for this model{lacks}{aborted}.{quoted} "
            "inspection.measure_arena(model) finds the smallest that works.",
            kind="arena",
            log=log,
        )
    if degenerate:
        return InferenceError(f"{degenerate[0]}{aborted}.{quoted}", kind="scale", log=log)
    if "Hybrid models are not supported" in log:
        return InferenceError(
            "The model has int8 weights and float activations (a 'dynamic range' model), which TensorFlow Lite Micro "
            f"does not run. Convert with kind='int8' or 'float32'.{quoted}",
            kind="op",
            log=log,
        )
    if "schema version" in log:
        return InferenceError(
            f"The model was written for another version of the .tflite schema.{quoted}",
            kind="schema",
            log=log,
        )
    if missing:
        return InferenceError(f"{missing[0]}{aborted}{quoted}", kind="op", log=log)
    reason = own or said or "it printed no reason"
    return InferenceError(f"TensorFlow Lite Micro could not run this model{aborted}: {reason}", log=log)


def explain_litert(model: ModelFile, said: str) -> InferenceError:
    """Turn LiteRT's error into one that says what to do."""
    custom = [op for op in model.operators if op.custom_code]
    if custom and "custom op" in said:
        reason = [*describe_missing_ops(model), f"{custom[0].custom_code} is a custom op that LiteRT does not have."]
        return InferenceError(reason[0], kind="op", log=said)
    newer = re.search(r"op for builtin opcode '(\w+)' version '(\d+)'", said)
    if newer:
        return InferenceError(
            f"The installed LiteRT has no version {newer.group(2)} of {newer.group(1)}: the runtime is older than "
            "the converter that wrote the model. Convert with the TensorFlow of requirements.lock, or renew LiteRT.",
            kind="op",
            log=said,
        )
    if "quantized_dimension must be in range" in said:
        return InferenceError(
            "The model was written by an old converter, and breaks a rule of the .tflite schema that this LiteRT "
            "checks (a quantized dimension outside its tensor). Boards run it all the same: use engine='tflm'.",
            kind="schema",
            log=said,
        )
    return InferenceError(f"LiteRT could not run this model: {said[:500]}", log=said)


def find_degenerate_scales(model: ModelFile) -> list[str]:
    """Give a sentence for each quantization parameter that no kernel can compute with."""
    found = []
    for op in model.operators:
        for index in (*op.inputs, *op.outputs):
            if index < 0:
                continue
            tensor = model.tensors[index]
            bad = [s for s in tensor.scales if not (np.isfinite(s) and s > 0)]
            if bad:
                found.append(
                    f"Tensor {tensor.name!r} of {op.name} has a degenerate scale, {bad[0]:g}, which has to be a "
                    "positive number: the values it saw in calibration were all zero or not numbers. Train the "
                    "model first, and calibrate it with real inputs"
                )
        if op.name == "SOFTMAX" and op.inputs and op.inputs[0] >= 0:
            tensor = model.tensors[op.inputs[0]]
            scale = tensor.scale * float(op.options.get("beta", 1.0) or 1.0)
            if 0 < scale <= _SMALLEST_SOFTMAX_SCALE:
                found.append(
                    f"The softmax's input {tensor.name!r} has a degenerate scale, {scale:g} (it has to be over "
                    f"{_SMALLEST_SOFTMAX_SCALE:.2g}): in calibration its inputs were all but constant, as in a model "
                    "that was never trained. Train the model first, and calibrate it with real inputs"
                )
    return found


def _own_words(log: str) -> str:
    lines = [line.strip() for line in log.splitlines()]
    lines = [line for line in lines if line and "RecordingMicroAllocator" not in line]
    return "; ".join(lines[:4])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "no signal"

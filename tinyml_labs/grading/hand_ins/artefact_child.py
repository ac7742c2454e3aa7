"""Reads and runs a student's .tflite file: the program that the grader starts in the sandbox.

A broken or a hostile file may crash it or keep it busy without end; that costs this process. It tells what it
finds line by line, as JSON, so that what was found before the end counts. It never sees the labels of the hidden
data: it gives answers, and the grader compares.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from tinyml_labs.inference import Interpreter
    from tinyml_labs.model_file import ModelFile

MODEL = "model.tflite"
HIDDEN_INPUTS = "hidden_inputs.npy"
CLAIMED_INPUTS = "claimed_inputs.npy"
CLAIMED_OUTPUTS = "claimed_outputs.npy"
_MOST_OPS = 200
_AT_ONCE = 500  # inputs


def main() -> None:
    """Say what the model in the working folder is, and what it answers to the inputs beside it."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def tell(step: str, **found: Any) -> None:
        answers.write(json.dumps({"step": step, **found}) + "\n")
        answers.flush()

    try:
        _look(tell)
    except Exception as error:
        tell("stopped", problem=_said(error))


def _look(tell: Callable[..., None]) -> None:
    import numpy as np

    from tinyml_labs import inference
    from tinyml_labs.model_file import read_model

    data = Path(MODEL).read_bytes()
    try:
        parsed = read_model(data)
    except ValueError as error:
        tell("read", problem=_said(error))
        return
    tell("read", ops=_ops(parsed))
    try:
        interpreter = inference.load(data)
        zeros = [np.zeros((1, *tensor.window_shape), tensor.dtype) for tensor in interpreter.inputs]
        interpreter.run(zeros if len(zeros) > 1 else zeros[0], progress=False)
        interpreter.reset()
    except Exception as error:
        tell("run", problem=_said(error))
        return
    tell("run")
    with interpreter:
        if Path(HIDDEN_INPUTS).exists():
            tell("hidden", **_try(lambda: {"classes": _classes(interpreter, _load(HIDDEN_INPUTS))}))
            interpreter.reset()
        if Path(CLAIMED_INPUTS).exists():
            tell("claimed", **_try(lambda: _compare(interpreter)))


def _ops(parsed: ModelFile) -> list[str]:
    names = {op.custom_code or op.name for graph in parsed.subgraphs for op in graph.operators}
    return [name[:100] for name in sorted(names)[:_MOST_OPS]]


def _classes(interpreter: Interpreter, inputs: np.ndarray) -> list[int]:
    """Give the class with the highest score for each input; -1 where a score is no number."""
    import numpy as np

    fitting, portions = _fitting(inputs, interpreter), []
    for begin in range(0, len(fitting), _AT_ONCE):  # as real values they take several times their memory
        given = fitting[begin : begin + _AT_ONCE].astype(np.float32)
        scores = interpreter.predict(given, progress=False)
        if isinstance(scores, tuple):
            raise ValueError(f"The model has {len(scores)} outputs; a classifier has one: a score for each class.")
        portions.append(np.asarray(scores).reshape(len(given), -1))
    scores = np.concatenate(portions)
    chosen = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0.5).astype(np.int64)
    return [int(k) for k in np.where(np.isnan(scores).any(axis=1), -1, chosen)]


def _compare(interpreter: Interpreter) -> dict[str, Any]:
    """Run the model on the public inputs; give what came out and what was claimed, each as type, shape and hash."""
    import numpy as np

    inputs = _fitting(_load(CLAIMED_INPUTS), interpreter)
    tensor = interpreter.inputs[0]
    raw = inputs.dtype == tensor.dtype
    outputs = interpreter.run(inputs, progress=False) if raw else _run_real(interpreter, inputs)
    found: dict[str, Any] = {"outputs": _described(np.asarray(outputs))}
    try:
        claimed = _load(CLAIMED_OUTPUTS)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        return {**found, "problem": f"The file of outputs cannot be read as an array (.npy): {_said(error)}"}
    found["claimed"] = _described(claimed)
    if claimed.shape == outputs.shape and claimed.dtype == outputs.dtype:
        rows = (claimed.reshape(len(claimed), -1) != outputs.reshape(len(outputs), -1)).any(axis=1)
        found["differing"] = int(rows.sum())
    return found


def _run_real(interpreter: Interpreter, inputs: np.ndarray) -> np.ndarray:
    """Give the outputs as the model has them, of inputs in real values."""
    import numpy as np

    from tinyml_labs.inference import quantize

    tensor = interpreter.inputs[0]
    if tensor.scale:
        return np.asarray(
            interpreter.run(quantize(inputs, tensor.scale, tensor.zero_point, tensor.dtype), progress=False)
        )
    return np.asarray(interpreter.run(inputs.astype(tensor.dtype), progress=False))


def _fitting(inputs: np.ndarray, interpreter: Interpreter) -> np.ndarray:
    """Give inputs in the shape that the model takes, which may differ by axes of length 1."""
    if len(interpreter.inputs) != 1:
        raise ValueError(f"The model takes {len(interpreter.inputs)} inputs; expected one.")
    wanted = interpreter.inputs[0].window_shape
    if [n for n in inputs.shape[1:] if n != 1] != [n for n in wanted if n != 1]:
        raise ValueError(f"The model takes inputs of shape {wanted}; those of this task have {inputs.shape[1:]}.")
    return inputs.reshape(len(inputs), *wanted)


def _load(name: str) -> np.ndarray:
    """Read an array, if its file is as long as its head says."""
    import numpy as np

    with Path(name).open("rb") as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"it is written in version {version} of the format")
        read_head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_head(file)
        if dtype.hasobject or dtype.kind not in "biuf":
            raise ValueError(f"its values are {dtype}; expected numbers")
        expected = dtype.itemsize * int(np.prod(shape, dtype=object)) if shape else dtype.itemsize
        if not shape or expected != Path(name).stat().st_size - file.tell():
            raise ValueError(f"its head says {shape} of {dtype}, and its content has another length")
    array: np.ndarray = np.load(name, allow_pickle=False)
    return array


def _described(array: np.ndarray) -> dict[str, Any]:
    import numpy as np

    content = np.ascontiguousarray(array)
    little = content.astype(content.dtype.newbyteorder("<"), copy=False)
    return {
        "dtype": content.dtype.name,
        "shape": list(content.shape),
        "sha256": hashlib.sha256(little.tobytes()).hexdigest(),
    }


def _try(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return act()
    except Exception as error:
        return {"problem": _said(error)}


def _said(error: BaseException) -> str:
    known = isinstance(error, ValueError | RuntimeError)  # the kit's own, which are sentences
    return (str(error) if known and str(error) else f"{type(error).__name__}: {error}")[:2000]

"""Tensors in the middle of a model, by TensorFlow Lite Micro: run once, in a child process, with all of them kept.

TFLM aborts its process on what it does not like, so it is never imported by the kit itself.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.child_program import child_program
from tinyml_labs.inference.failures import InferenceError
from tinyml_labs.inference.tflm import tflm_available
from tinyml_labs.model_file import ModelFile

_MOST_BYTES = 2**30
_TIMEOUT_S = 600


def keep_tensors(model: ModelFile, inputs: Sequence[NDArray[Any]], tensors: Sequence[int]) -> list[NDArray[Any]]:
    """Run a model once, and keep some of its tensors.

    Parameters
    ----------
    model : ModelFile
    inputs : sequence of arrays
        One sample for each input, in its shape (with the batch of 1) and dtype.
    tensors : sequence of int
        The tensors' indices in the file.

    Returns
    -------
    list of arrays
        In their own shapes and dtypes.

    Raises
    ------
    InferenceError
        If TensorFlow Lite Micro is not installed, or does not run the model, with what it said.
    """
    need_tflm()
    request = io.BytesIO()
    given: dict[str, Any] = {f"input{k}": array for k, array in enumerate(inputs)}
    np.savez(request, model=np.frombuffer(model.data, np.uint8), tensors=np.array(tensors, np.int64), **given)
    done = subprocess.run(
        child_program(__name__), input=request.getvalue(), capture_output=True, check=False, timeout=_TIMEOUT_S
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InferenceError(f"TensorFlow Lite Micro did not run the model: {said[-1] if said else done.returncode}")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        described = [model.tensors[index] for index in tensors]
        return [found[str(k)].astype(tensor.dtype).reshape(tensor.shape) for k, tensor in enumerate(described)]


def need_tflm() -> None:
    """Raise InferenceError, with what can be done without, where TensorFlow Lite Micro is not installed."""
    if not tflm_available():
        raise InferenceError(
            "What the layers should give is TensorFlow Lite Micro's to say, and its wheel exists for Linux on x86-64 "
            "alone. The outputs can be compared without it."
        )


def main() -> int:
    """The child's side: a model, inputs and numbers of tensors in, the tensors out."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what the runtime prints must not get between
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as request:
        data, tensors = request["model"].tobytes(), request["tensors"]
        inputs = [request[f"input{k}"] for k in range(len(request.files) - 2)]
    interpreter = _make_interpreter(data, max(2**20, 20 * len(data), 64 * sum(each.size for each in inputs)))
    for k, each in enumerate(inputs):
        interpreter.set_input(each, k)
    interpreter.invoke()
    body = io.BytesIO()
    found: dict[str, Any] = {str(k): _values(interpreter.GetTensor(int(n), 0)) for k, n in enumerate(tensors)}
    np.savez(body, **found)
    answers.write(body.getvalue())
    answers.flush()
    return 0


def _make_interpreter(data: bytes, arena_bytes: int) -> Any:
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    while True:
        try:
            return runtime.Interpreter.from_bytes(data, arena_size=arena_bytes, intrepreter_config=keep)
        except RuntimeError:
            arena_bytes *= 4
            if arena_bytes > _MOST_BYTES:
                raise


def _values(found: Any) -> NDArray[Any]:
    return np.asarray(found["tensor_data"] if isinstance(found, dict) else found)

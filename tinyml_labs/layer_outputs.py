"""What each layer of a model gives, by TensorFlow Lite Micro: what the layers on a board are held against.

>>> from tinyml_labs.layer_outputs import layer_outputs
>>> [each.op for each in layer_outputs("sine_int8.tflite", sample)]  # doctest: +SKIP
['FULLY_CONNECTED', 'FULLY_CONNECTED', 'FULLY_CONNECTED']
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.child_program import child_program
from tinyml_labs.model_file import ModelFile, Tensor, read_model

_MOST_BYTES = 2**30


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerOutput:
    """What one layer gave.

    Attributes
    ----------
    index : int
        The layer's number in the compiled model.
    op, name : str
    values : array
        Its output, in the tensor's own dtype and shape; of an op with several, such as SPLIT, one row of them all.
    """

    index: int
    op: str
    name: str
    values: NDArray[Any]

    @property
    def raw(self) -> bytes:
        """The bytes, little endian."""
        return self.values.astype(self.values.dtype.newbyteorder("<")).tobytes()


def count_layers(model: bytes | str | os.PathLike[str]) -> int:
    """Say how many layers the compiled model has.

    Raises
    ------
    ValueError
        If the compiler does not know an op of it, or TensorFlow Lite Micro is not installed here.
    """
    _need_tflm()
    return len(_layers(read_model(model).data))


def layer_outputs(model: bytes | str | os.PathLike[str], sample: ArrayLike) -> list[LayerOutput]:
    """Run a model on one sample with TensorFlow Lite Micro, and keep what each layer gives.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model of one input that :func:`tinyml_labs.compiler.compile_model` compiles.
    sample : array
        As many values as the input has, in its dtype.

    Returns
    -------
    list of LayerOutput
        In the order in which the compiled model runs them.

    Raises
    ------
    ValueError
        For a model that does not compile, several inputs, another number of values or another dtype.
    RuntimeError
        If TensorFlow Lite Micro does not run it, with what it said.
    """
    _need_tflm()
    parsed = read_model(model)
    given = np.asarray(sample)
    if len(parsed.inputs) != 1 or given.size != parsed.inputs[0].size or given.dtype != parsed.inputs[0].dtype:
        wanted = ", ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in parsed.inputs)
        raise ValueError(f"The sample is {given.dtype} {list(given.shape)}, and the model takes {wanted}.")
    layers = _layers(parsed.data)
    found = iter(_run(parsed, given, [parsed.tensors[number] for *_, numbers in layers for number in numbers]))
    made = []
    for index, op, name, numbers in layers:
        parts = [next(found) for _ in numbers]
        values = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in parts])
        made.append(LayerOutput(index=index, op=op, name=name, values=values))
    return made


@lru_cache(maxsize=4)
def _layers(data: bytes) -> tuple[tuple[int, str, str, tuple[int, ...]], ...]:
    """Number, op, name and output tensors of each layer that the compiled model shows."""
    from tinyml_labs.compiler import compile_model

    operators = read_model(data).operators
    rows = []
    for layer in compile_model(data).layers:
        rows.append((layer.index, layer.op, layer.name, operators[layer.index].outputs))
    return tuple(rows)


def _need_tflm() -> None:
    from tinyml_labs.inference import tflm_available

    if not tflm_available():
        raise ValueError(
            "What the layers should give is TensorFlow Lite Micro's to say, and its wheel exists for Linux on x86-64 "
            "alone. The outputs can be compared without it."
        )


def _run(model: ModelFile, sample: NDArray[Any], tensors: list[Tensor]) -> list[NDArray[Any]]:
    """In a process of its own: what kills TensorFlow Lite Micro kills nobody else."""
    request = io.BytesIO()
    numbers = np.array([tensor.index for tensor in tensors])
    shaped = sample.reshape(model.inputs[0].shape)
    np.savez(request, model=np.frombuffer(model.data, np.uint8), sample=shaped, tensors=numbers)
    done = subprocess.run(
        child_program(__name__), input=request.getvalue(), capture_output=True, check=False, timeout=600
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"TensorFlow Lite Micro did not run the model: {said[-1] if said else done.returncode}")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        return [found[str(k)].astype(tensor.dtype).reshape(tensor.shape) for k, tensor in enumerate(tensors)]


def main() -> int:
    """The child's side: a model, a sample and numbers of tensors in, the tensors out."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what the runtime prints must not get between
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as request:
        data, sample, tensors = request["model"].tobytes(), request["sample"], request["tensors"]
    from tflite_micro.python.tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    size = max(2**20, 20 * len(data), 64 * sample.size)
    interpreter: Any = None
    while interpreter is None:
        try:
            interpreter = runtime.Interpreter.from_bytes(data, arena_size=size, intrepreter_config=keep)
        except RuntimeError:
            size *= 4
            if size > _MOST_BYTES:
                raise
    interpreter.set_input(sample, 0)
    interpreter.invoke()
    found = {str(k): interpreter.GetTensor(int(number), 0)["tensor_data"] for k, number in enumerate(tensors)}
    body = io.BytesIO()
    np.savez(body, **found)
    answers.write(body.getvalue())
    answers.flush()
    return 0

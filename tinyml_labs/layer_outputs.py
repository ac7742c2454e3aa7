"""What each layer of a model gives, by TensorFlow Lite Micro: what the layers on a board are held against.

>>> from tinyml_labs.layer_outputs import layer_outputs
>>> [each.op for each in layer_outputs("sine_int8.tflite", sample)]  # doctest: +SKIP
['FULLY_CONNECTED', 'FULLY_CONNECTED', 'FULLY_CONNECTED']
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.inference.tflm_tensors import keep_tensors, need_tflm
from tinyml_labs.model_file import read_model


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
        If the compiler does not know an op of it.
    InferenceError
        If TensorFlow Lite Micro is not installed here.
    """
    need_tflm()
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
    InferenceError
        If TensorFlow Lite Micro is not installed here, or does not run it, with what it said.
    """
    parsed = read_model(model)
    given = np.asarray(sample)
    if len(parsed.inputs) != 1 or given.size != parsed.inputs[0].size or given.dtype != parsed.inputs[0].dtype:
        wanted = ", ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in parsed.inputs)
        raise ValueError(f"The sample is {given.dtype} {list(given.shape)}, and the model takes {wanted}.")
    layers = _layers(parsed.data)
    shaped = given.reshape(parsed.inputs[0].shape)
    found = iter(keep_tensors(parsed, [shaped], [number for *_, numbers in layers for number in numbers]))
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

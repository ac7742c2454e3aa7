"""Arrays to the bytes of a model's tensors and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.link.descriptions import ModelInfo


def rows_of(inputs: ArrayLike, model: ModelInfo) -> NDArray[np.uint8]:
    """Check the inputs against the model, and give each sample as a row of bytes."""
    if len(model.inputs) != 1:
        raise ValueError(f"This model has {len(model.inputs)} inputs; the link sends models of one input.")
    tensor = model.inputs[0]
    window = tensor.shape[1:] if tensor.shape and tensor.shape[0] == 1 else tensor.shape
    array = np.asarray(inputs)
    if array.ndim == 0 or array.shape[1:] != window:
        raise ValueError(
            f"The model on the board takes (samples, {', '.join(map(str, window))}), and this array is {array.shape}."
        )
    if array.dtype != np.dtype(tensor.dtype):
        raise TypeError(
            f"The model on the board takes {tensor.dtype}, and this array is {array.dtype}. "
            "Quantize first: inference.quantize(x, scale, zero_point)."
        )
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return np.frombuffer(little.tobytes(), np.uint8).reshape(len(array), tensor.nbytes)


def outputs_of(raw: bytes, count: int, model: ModelInfo) -> Any:
    """Cut the board's bytes, those of all outputs for each sample, into an array an output."""
    table = np.frombuffer(raw, np.uint8).reshape(count, sum(tensor.nbytes for tensor in model.outputs))
    outputs, start = [], 0
    for tensor in model.outputs:
        part = table[:, start : start + tensor.nbytes].tobytes()
        shape = tensor.shape[1:] if tensor.shape and tensor.shape[0] == 1 else tensor.shape
        dtype = np.dtype(tensor.dtype)
        outputs.append(np.frombuffer(part, dtype.newbyteorder("<")).astype(dtype).reshape(count, *shape))
        start += tensor.nbytes
    return outputs[0] if len(outputs) == 1 else tuple(outputs)

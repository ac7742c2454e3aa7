"""What a model takes and gives, and whether an array is that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.model_file import Tensor

__all__ = ["TensorInfo", "check_inputs", "describe_tensor", "split_inputs"]


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """What an input or output of a model looks like.

    Attributes
    ----------
    index : int
    name : str
    shape : tuple of int
        With the batch of 1 in front.
    dtype : numpy.dtype
    scale, zero_point : float, int
        ``real = scale * (integer - zero_point)``; scale is 0.0 where the tensor is not quantized.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    scale: float
    zero_point: int

    @property
    def window_shape(self) -> tuple[int, ...]:
        """The shape of one sample: ``shape`` without its batch of 1."""
        return self.shape[1:] if self.shape and self.shape[0] == 1 else self.shape


def describe_tensor(tensor: Tensor) -> TensorInfo:
    """Describe an input or output as it stands in the file."""
    return TensorInfo(
        index=tensor.index,
        name=tensor.name,
        shape=tensor.shape,
        dtype=np.dtype(tensor.dtype),
        scale=tensor.scale,
        zero_point=tensor.zero_point,
    )


def split_inputs(inputs: ArrayLike | Sequence[ArrayLike], tensors: Sequence[TensorInfo]) -> list[Any]:
    """Give what a caller passed as a list, one entry an input; ValueError where their numbers differ."""
    if len(tensors) == 1:
        return [inputs]
    if not isinstance(inputs, (list, tuple)) or len(inputs) != len(tensors):
        names = ", ".join(f"{t.name!r} {list(t.shape)}" for t in tensors)
        raise ValueError(
            f"This model has {len(tensors)} inputs ({names}): give a list of as many arrays, in this order."
        )
    return list(inputs)


def check_inputs(inputs: ArrayLike | Sequence[ArrayLike], tensors: Sequence[TensorInfo]) -> list[NDArray[Any]]:
    """Give each input as a contiguous array (samples, \\*window) of the model's dtype.

    Raises
    ------
    ValueError, TypeError
        If a shape or dtype is not the model's, or the inputs differ in their number of samples.
    """
    arrays = []
    for given, tensor in zip(split_inputs(inputs, tensors), tensors, strict=True):
        array = np.asarray(given)
        if array.shape[1:] != tensor.window_shape or array.ndim == 0:
            raise ValueError(
                f"Input {tensor.name!r} takes (samples, {', '.join(map(str, tensor.window_shape))}), "
                f"and this array is {array.shape}. For one window, add a dimension in front: x[None]."
            )
        if array.dtype != tensor.dtype:
            hint = (
                "predict() takes real values; or quantize(x, scale, zero_point) first."
                if tensor.scale and array.dtype.kind == "f"
                else f"Use x.astype('{tensor.dtype.name}') if the values are right."
            )
            raise TypeError(f"Input {tensor.name!r} is {tensor.dtype}, and this array is {array.dtype}. {hint}")
        arrays.append(np.ascontiguousarray(array))
    lengths = {len(a) for a in arrays}
    if len(lengths) > 1:
        raise ValueError(f"Every input needs as many samples; these have {[len(a) for a in arrays]}.")
    return arrays

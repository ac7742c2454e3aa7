"""Read what a .tflite file holds: operators, tensors, weights and their quantization. Needs no TensorFlow.

A .tflite file is a FlatBuffer with the identifier ``TFL3``, laid out as TensorFlow's ``schema.fbs`` says. A
damaged file gives a ``ValueError`` with the reason. Introduced in ``01_hello_world.ipynb``.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from tinyml_labs import tflite_schema as schema

_SCHEMA_VERSION = 3
_LARGEST_RANK = 8
_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive (.keras, .zip, .npz)"),
    (b"\x89HDF", "an HDF5 file (.h5)"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a Git LFS pointer: the model itself was not downloaded"),
    (b"<", "a web page or XML"),
)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor of a model.

    ``type_name`` is the schema's name of the type ("INT8", "FLOAT32", "STRING", ...); ``dtype`` is NumPy's,
    ``object`` for types without numbers (STRING, RESOURCE, VARIANT). ``scales`` and ``zero_points`` are empty
    where the tensor is not quantized, hold one entry where it is quantized per tensor, and one for each slice
    along ``quantized_dimension`` where it is quantized per channel: ``real = scale * (stored - zero_point)``.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    type_name: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantized_dimension: int = 0
    data: bytes | None = field(default=None, repr=False)
    is_variable: bool = False

    @property
    def is_constant(self) -> bool:
        """True for weights, biases and other content that stands in the file."""
        return self.data is not None

    @property
    def scale(self) -> float:
        """The scale of a tensor quantized per tensor; 0.0 for any other."""
        return self.scales[0] if len(self.scales) == 1 else 0.0

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor quantized per tensor; 0 for any other."""
        return self.zero_points[0] if len(self.scales) == 1 and self.zero_points else 0

    @property
    def size(self) -> int:
        """How many values the tensor has; an open dimension (-1) counts as 1."""
        return math.prod(1 if side < 0 else side for side in self.shape)

    @property
    def shape_text(self) -> str:
        """The shape as people write it: ``1×96×96×3``; ``scalar`` where there are no dimensions."""
        return "×".join(str(side) for side in self.shape) or "scalar"

    @property
    def nbytes(self) -> int:
        """Bytes of the content: as stored where it stands in the file, else values times bytes a value."""
        return len(self.data) if self.data is not None else self._bytes_by_shape()

    def _bytes_by_shape(self) -> int:
        if self.dtype == object:
            return 0
        return (self.size + 1) // 2 if self.type_name == "INT4" else self.size * self.dtype.itemsize

    def values(self) -> npt.NDArray[Any]:
        """Return the constant content as a read-only array, as stored: not dequantized.

        Returns
        -------
        ndarray
            Of ``shape`` and ``dtype``.

        Raises
        ------
        ValueError
            Where the content is not in the file, or NumPy cannot hold its type (INT4, BFLOAT16, STRING).
        """
        if self.data is None:
            raise ValueError(
                f"Tensor {self.index} ({self.name}) has no content in the file: it is filled when the model "
                "runs. Ask for a tensor with is_constant."
            )
        if self.dtype == object or self.type_name in ("INT4", "BFLOAT16"):
            raise ValueError(
                f"Tensor {self.index} ({self.name}) is {self.type_name}, which NumPy cannot hold. "
                "Its bytes are in .data."
            )
        return np.frombuffer(self.data, self.dtype.newbyteorder("<")).reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One step of a model.

    ``name`` is the schema's name ("FULLY_CONNECTED"), or "CUSTOM" with the name in ``custom_code``.
    ``inputs`` and ``outputs`` are tensor indices; -1 is an optional input that was left out (a layer without
    bias). ``options`` are the settings by their name in the schema: ``{"padding": "SAME", "stride_w": 2}``.
    """

    index: int
    name: str
    custom_code: str = ""
    version: int = 1
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subgraph:
    """One graph of a model. Most models have one; loops, branches and streaming models have several."""

    name: str
    operators: tuple[Operator, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """What a .tflite file holds. ``operators``, ``tensors``, ``inputs``, ``outputs`` are subgraph 0's."""

    data: bytes = field(repr=False)
    sha256: str
    description: str
    subgraphs: tuple[Subgraph, ...]

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The steps of the first subgraph, in the order they run."""
        return self.subgraphs[0].operators

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors of the first subgraph."""
        return self.subgraphs[0].tensors

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the model takes."""
        return self.subgraphs[0].inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the model gives."""
        return self.subgraphs[0].outputs


def read_model(model: bytes | str | os.PathLike[str]) -> ModelFile:
    """Read a .tflite model.

    Parameters
    ----------
    model : bytes, str or PathLike
        The content of a .tflite file, or the path to one.

    Returns
    -------
    ModelFile

    Raises
    ------
    ValueError
        If it is not a .tflite file, or is cut short or damaged; the message says which and what to do.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> model = read_model("sine_int8.tflite")  # doctest: +SKIP
    >>> [operator.name for operator in model.operators]  # doctest: +SKIP
    ['FULLY_CONNECTED', 'FULLY_CONNECTED', 'FULLY_CONNECTED']
    """
    if isinstance(model, bytes | bytearray | memoryview):
        source, data = "The model", bytes(model)
    else:
        source, data = os.fspath(model), Path(model).read_bytes()
    _check_identifier(data, source)
    advice = f"It has {len(data):,} bytes. Convert, download or copy it again, and compare the size."
    try:
        description, subgraphs = _read_root(data)
    except schema.DamagedError as damage:
        raise ValueError(f"{source} is cut short or damaged: {damage}. {advice}") from None
    except (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        # What the generated reader raises when an offset points outside the file.
        raise ValueError(f"{source} is cut short or damaged: an offset leads out of it. {advice}") from error
    digest = hashlib.sha256(data).hexdigest()
    return ModelFile(data=data, sha256=digest, description=description, subgraphs=subgraphs)


def _check_identifier(data: bytes, source: str) -> None:
    if not data:
        raise ValueError(f"{source} is empty. Expected a .tflite file; was its conversion or download completed?")
    if data[4:8] != b"TFL3":
        kind = next((kind for start, kind in _OTHER_FILES if data.startswith(start)), "not a .tflite file")
        raise ValueError(
            f"{source} is {kind}: expected the identifier b'TFL3' at bytes 4 to 8, found {data[4:8]!r}. "
            "tinyml_labs.conversion.convert() makes a .tflite model from a Keras model."
        )


def _read_root(data: bytes) -> tuple[str, tuple[Subgraph, ...]]:
    root = tflite.Model.GetRootAs(data, 0)
    if root.Version() != _SCHEMA_VERSION:
        raise schema.DamagedError(f"its schema version is {root.Version()}, expected {_SCHEMA_VERSION}")
    budget = schema.Budget(len(data))
    codes = [_read_code(root.OperatorCodes(i)) for i in budget.items(root.OperatorCodesLength())]
    buffers = [_read_buffer(root.Buffers(i), data, budget) for i in budget.items(root.BuffersLength())]
    graphs = [root.Subgraphs(i) for i in budget.items(root.SubgraphsLength())]
    if not graphs:
        raise schema.DamagedError("it has no subgraph")
    return schema.text(root.Description()), tuple(_read_subgraph(g, codes, buffers, budget) for g in graphs)


def _read_code(code: Any) -> tuple[str, str, int]:
    name = schema.operator_name(code)
    return name, schema.text(code.CustomCode()) if name == "CUSTOM" else "", code.Version()


def _read_buffer(buffer: Any, data: bytes, budget: schema.Budget) -> bytes | None:
    array = buffer.DataAsNumpy()  # a view into the file, or the number 0 where there is none
    if not isinstance(array, int):
        budget.spend(array.size)
        return array.tobytes() or None
    start, length = buffer.Offset(), buffer.Size()  # models over 2 GB keep content behind the FlatBuffer
    content = data[start : start + length]
    if start > 1 and len(content) != length:
        raise schema.DamagedError("the content of a tensor goes on after the end of the file")
    return content or None if start > 1 else None


def _read_subgraph(
    graph: Any, codes: list[tuple[str, str, int]], buffers: list[bytes | None], budget: schema.Budget
) -> Subgraph:
    count = graph.TensorsLength()
    tensors = tuple(_read_tensor(i, graph.Tensors(i), buffers, budget) for i in budget.items(count))
    operators = tuple(
        _read_operator(i, graph.Operators(i), codes, count, budget) for i in budget.items(graph.OperatorsLength())
    )
    inputs = budget.numbers(graph.InputsAsNumpy)
    outputs = budget.numbers(graph.OutputsAsNumpy)
    for index in (*inputs, *outputs):
        if not 0 <= index < count:
            raise schema.DamagedError(f"an input or output is tensor {index} of {count}")
    return Subgraph(
        name=schema.text(graph.Name()),
        operators=operators,
        tensors=tensors,
        inputs=tuple(tensors[i] for i in inputs),
        outputs=tuple(tensors[i] for i in outputs),
    )


def _read_tensor(index: int, found: Any, buffers: list[bytes | None], budget: schema.Budget) -> Tensor:
    shape = budget.numbers(found.ShapeAsNumpy)
    if len(shape) > _LARGEST_RANK or any(side < -1 for side in shape):
        raise schema.DamagedError(f"tensor {index} has {len(shape)} dimensions: {shape[:_LARGEST_RANK]}")
    buffer = found.Buffer()
    if not 0 <= buffer < len(buffers):
        raise schema.DamagedError(f"tensor {index} has its content in buffer {buffer} of {len(buffers)}")
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantization = found.Quantization()
    if quantization is not None:
        scales = budget.numbers(quantization.ScaleAsNumpy)
        zero_points = budget.numbers(quantization.ZeroPointAsNumpy)
    type_name = schema.type_name(found.Type())
    tensor = Tensor(
        index=index,
        name=schema.text(found.Name()),
        shape=shape,
        dtype=schema.dtype(type_name),
        type_name=type_name,
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=quantization.QuantizedDimension() if quantization is not None else 0,
        data=buffers[buffer],
        is_variable=bool(found.IsVariable()),
    )
    countable = tensor.dtype != object and found.Sparsity() is None
    if tensor.data is not None and countable and len(tensor.data) != tensor._bytes_by_shape():
        raise schema.DamagedError(
            f"tensor {index} ({tensor.name}) has {len(tensor.data)} bytes where {type_name} {list(shape)} "
            f"takes {tensor._bytes_by_shape()}"
        )
    return tensor


def _read_operator(
    index: int, found: Any, codes: list[tuple[str, str, int]], tensors: int, budget: schema.Budget
) -> Operator:
    kind = found.OpcodeIndex()
    if not 0 <= kind < len(codes):
        raise schema.DamagedError(f"operator {index} is of kind {kind} of {len(codes)}")
    name, custom_code, version = codes[kind]
    inputs = budget.numbers(found.InputsAsNumpy)
    outputs = budget.numbers(found.OutputsAsNumpy)
    if not all(-1 <= i < tensors for i in (*inputs, *outputs)):
        raise schema.DamagedError(f"operator {index} ({name}) uses a tensor that is not among the {tensors}")
    return Operator(
        index=index,
        name=name,
        custom_code=custom_code,
        version=version,
        inputs=inputs,
        outputs=outputs,
        options=MappingProxyType(schema.operator_options(found, budget)),
    )

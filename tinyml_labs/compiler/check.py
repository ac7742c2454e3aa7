"""Does a compiled model give TensorFlow Lite Micro's bytes? Both are run on this computer, for the same inputs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyml_labs.compiler.host_program import HostProgram, build_program
from tinyml_labs.compiler.model import CompiledModel, compile_model
from tinyml_labs.inference.failures import InferenceError
from tinyml_labs.inference.tflm import TflmProcess
from tinyml_labs.inference.tflm_tensors import keep_tensors
from tinyml_labs.model_file import ModelFile, read_model


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first place where the two part: a value of a layer's output, for one of the inputs.

    ``layer`` is the operator's number in the file, -1 where only the model's output is known. ``position`` counts the
    output's values.
    """

    sample: int
    layer: int
    op: str
    name: str
    position: int
    found: float
    expected: float

    def __str__(self) -> str:
        where = f"layer {self.layer} ({self.op}{f' {self.name!r}' if self.name else ''})"
        return (
            f"sample {self.sample}, {where if self.layer >= 0 else 'output'}, value {self.position}: "
            f"{self.found:g}, TensorFlow Lite Micro has {self.expected:g}"
        )


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What :func:`check_model` found."""

    samples: int
    bytes_compared: int
    bytes_differ: int
    first_difference: Difference | None
    compiler: str

    @property
    def equal(self) -> bool:
        """True where not one byte differs."""
        return self.bytes_differ == 0

    def __str__(self) -> str:
        text = (
            f"{self.bytes_differ:,} of {self.bytes_compared:,} bytes differ from TensorFlow Lite Micro's "
            f"({self.samples:,} inputs, {self.compiler})"
        )
        return text if self.first_difference is None else f"{text}. First: {self.first_difference}"


def check_model(
    model: bytes | str | os.PathLike[str],
    *,
    inputs: npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | None = None,
    samples: int = 32,
    seed: int = 0,
    compiler: str = "auto",
) -> CheckReport:
    """Compile a model for this computer, run it, and compare its outputs with TensorFlow Lite Micro's.

    Parameters
    ----------
    model : bytes, str or PathLike
        A .tflite model.
    inputs : ndarray or sequence of ndarray, optional
        What to run it on: (samples, \\*shape) in the model's own type, one array an input. Default: random values,
        and constant ones at the type's ends.
    samples : int
        How many random inputs.
    seed : int
        Of the random inputs.
    compiler : str
        "auto", "zig", or the command of a C compiler.

    Returns
    -------
    CheckReport

    Raises
    ------
    ValueError
        If the model cannot be compiled, the inputs do not fit, or there is no C compiler.
    tinyml_labs.inference.InferenceError
        If TensorFlow Lite Micro is not installed (its wheel exists for Linux on x86-64 alone) or refuses the model.
    RuntimeError
        If the C compiler refuses the sources, or the program crashes.
    """
    compiled = compile_model(model)
    with build_program([compiled], compiler=compiler) as program:
        return compare(program, 0, model, inputs=inputs, samples=samples, seed=seed)


def compare(
    program: HostProgram,
    index: int,
    model: bytes | str | os.PathLike[str],
    *,
    inputs: npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | None = None,
    samples: int = 32,
    seed: int = 0,
) -> CheckReport:
    """Compare one model of a program that is already built; see :func:`check_model`."""
    parsed = read_model(model)
    arrays = _take_inputs(parsed, inputs) if inputs is not None else random_inputs(parsed, samples, seed)
    count = len(arrays[0])
    tflm = TflmProcess(parsed)
    try:
        expected, _ = tflm.run(arrays, count)
    finally:
        tflm.close()
    found = program.run(index, arrays)
    compared = differ = 0
    wrong: set[int] = set()
    for ours, theirs in zip(found, expected, strict=True):
        unequal = _rows(ours) != _rows(theirs)
        compared += unequal.size
        differ += int(unequal.sum())
        wrong |= set(np.flatnonzero(unequal.any(axis=1)).tolist())
    first = None
    if wrong:
        sample = min(wrong)
        first = _first_difference(program, index, parsed, [array[sample : sample + 1] for array in arrays], sample)
    return CheckReport(
        samples=count, bytes_compared=compared, bytes_differ=differ, first_difference=first, compiler=program.compiler
    )


def random_inputs(model: ModelFile, samples: int, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Return random inputs for a model, (samples, \\*shape) each; the last three are the type's ends and its zero."""
    random = np.random.default_rng(seed)
    arrays = []
    for tensor in model.inputs:
        shape = (samples, *tensor.shape)
        if tensor.dtype.kind == "f":
            array = random.normal(0, 2, shape).astype(tensor.dtype)
            ends = (-8.0, 8.0, 0.0)
        else:
            ends = (-128, 127, tensor.zero_point)
            array = random.integers(-128, 128, shape).astype(tensor.dtype)
        for row, value in zip(range(samples - 1, 0, -1), ends, strict=False):
            array[row] = value
        arrays.append(array)
    return arrays


def _take_inputs(model: ModelFile, inputs: npt.NDArray[Any] | Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    described = ", ".join(f"{tensor.dtype} (samples, {', '.join(map(str, tensor.shape))})" for tensor in model.inputs)
    if len(arrays) != len(model.inputs) or len({len(array) for array in arrays}) != 1 or not len(arrays[0]):
        raise ValueError(f"The model takes {described}; expected one array for each, of as many samples.")
    for array, tensor in zip(arrays, model.inputs, strict=True):
        if array.dtype != tensor.dtype or array[0].size != tensor.size:
            raise ValueError(f"An input is {array.dtype} {array.shape}; the model takes {described}.")
    return [array.reshape(len(array), *tensor.shape) for array, tensor in zip(arrays, model.inputs, strict=True)]


def _rows(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)


def _first_difference(
    program: HostProgram, index: int, model: ModelFile, inputs: list[npt.NDArray[Any]], sample: int
) -> Difference:
    """Go through the layers in the order they ran; without a difference there, name the output's."""
    compiled = program.models[index]
    outputs = {operator.index: list(operator.outputs) for operator in model.operators}
    order: list[tuple[int, int, bytes]] = []  # layer, tensor, what we have
    for layer, values in program.run_with_taps(index, inputs):
        order.append((layer, outputs[layer].pop(0), values))
    theirs = _all_tensors(model, inputs, [tensor for _, tensor, _ in order])
    for layer, tensor, values in order:
        described = model.tensors[tensor]
        ours = np.frombuffer(values, described.dtype)
        if tensor in theirs and (place := _first_unequal(ours, theirs[tensor])) is not None:
            found = _layer_of(compiled, layer)
            return Difference(
                sample=sample,
                layer=layer,
                op=found[0],
                name=found[1],
                position=place,
                found=float(ours[place]),
                expected=float(theirs[tensor].ravel()[place]),
            )
    return Difference(sample=sample, layer=-1, op="", name="", position=0, found=float("nan"), expected=float("nan"))


def _layer_of(compiled: CompiledModel, index: int) -> tuple[str, str]:
    layer = next(layer for layer in compiled.layers if layer.index == index)
    return layer.op, layer.name


def _first_unequal(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> int | None:
    size = ours.dtype.itemsize
    unequal = ours.view(np.uint8) != np.ascontiguousarray(theirs).ravel().view(np.uint8)
    return int(np.argmax(unequal)) // size if unequal.any() else None


def _all_tensors(
    model: ModelFile, inputs: list[npt.NDArray[Any]], wanted: Sequence[int]
) -> dict[int, npt.NDArray[Any]]:
    """Return TFLM's tensors after one inference; none where it cannot keep them."""
    try:
        found = keep_tensors(model, [array[0] for array in inputs], list(wanted))
    except InferenceError:
        return {}
    return dict(zip(wanted, found, strict=True))

"""Try something with a compiled model: a kernel of your own, a number that is off. What changes, and where first?

>>> from tinyml_labs.compiler.trials import change_number, try_model
>>> wrong = change_number(compiled, "layer4_multipliers", 0, 1.01)  # doctest: +SKIP
>>> print(try_model(wrong, model))  # doctest: +SKIP
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.compiler.check import random_inputs
from tinyml_labs.compiler.host_program import HostProgram, build_program
from tinyml_labs.compiler.model import CompiledModel, compile_model
from tinyml_labs.inference.tflm import TflmProcess, tflm_available
from tinyml_labs.layer_outputs import layer_outputs
from tinyml_labs.model_file import ModelFile, read_model

_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, kw_only=True)
class LayerTrial:
    """How one layer did: ``values`` that it gave, and how many of them ``differ`` from the reference's."""

    layer: int
    op: str
    name: str
    values: int
    differ: int


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """What :func:`try_model` found.

    Attributes
    ----------
    samples : int
    bytes_compared, bytes_differ : int
        Of the model's outputs.
    largest : float
        The largest difference of a value of these, in steps.
    reference : str
        Whose outputs are right.
    sample : int
        The one whose layers were looked at: the first whose output differs, else the first of all.
    layers : tuple of LayerTrial
        In the order in which they run, for that one sample.
    """

    samples: int
    bytes_compared: int
    bytes_differ: int
    largest: float
    reference: str
    sample: int
    layers: tuple[LayerTrial, ...]

    @property
    def first(self) -> LayerTrial | None:
        """The first layer that differs; None if none does."""
        return next((layer for layer in self.layers if layer.differ), None)

    def __str__(self) -> str:
        text = (
            f"{self.bytes_differ:,} of {self.bytes_compared:,} bytes differ from {self.reference} "
            f"({self.samples:,} inputs)"
        )
        if self.first is None:
            return text
        first = self.first
        return (
            f"{text}. Sample {self.sample} goes wrong in layer {first.layer} ({first.op}, {first.name!r}) first: "
            f"{first.differ:,} of its {first.values:,} values."
        )


def swap_kernel(compiled: CompiledModel, file: str, source: str) -> CompiledModel:
    """Put another implementation in a kernel's place.

    Parameters
    ----------
    compiled : CompiledModel
    file : str
        The kernel's C file, such as ``"fully_connected.c"``.
    source : str
        C99 that defines the functions of that file's header.

    Returns
    -------
    CompiledModel
        The same model, which brings its own kernel; to be run here, by :func:`try_model`.

    Raises
    ------
    ValueError
        If the model does not use that file.
    """
    if file not in compiled.kernels or not file.endswith(".c"):
        used = ", ".join(name for name in compiled.kernels if name.endswith(".c"))
        raise ValueError(f"{compiled.name} does not use the kernel file {file!r}; it uses {used}.")
    main = f"{compiled.name}.c"
    text = f'{compiled.sources[main]}\n#line 1 "your {file}"\n{source}\n'
    kernels = tuple(name for name in compiled.kernels if name != file)
    return replace(compiled, sources={**compiled.sources, main: text}, kernels=kernels)


def change_number(compiled: CompiledModel, array: str, position: int, factor: float) -> CompiledModel:
    """Make one number in the C wrong: :func:`change_source`, in a compiled model.

    Returns
    -------
    CompiledModel
        All the same but for this number.

    Raises
    ------
    ValueError
        See :func:`change_source`.
    """
    main = f"{compiled.name}.c"
    changed = change_source(compiled.sources[main], array, position, factor)
    return replace(compiled, sources={**compiled.sources, main: changed})


def change_source(text: str, array: str, position: int, factor: float) -> str:
    """Make one number in a compiled model's C wrong.

    Parameters
    ----------
    text : str
        Of ``<name>.c``.
    array : str
        The name in the C, such as ``"layer4_multipliers"``.
    position : int
        Of the number in the array.
    factor : float
        What it is multiplied by; the result is rounded.

    Returns
    -------
    str
        All the same but for this number.

    Raises
    ------
    ValueError
        If there is no such array or position, or the number stays what it was.
    """
    found = re.search(rf"\b{re.escape(array)}\[\d+\] = \{{([^\n]*//[^\n]*\n)?([^}}]*)\}};", text)
    if found is None:
        known = ", ".join(re.findall(r"\b(layer\d+_\w+)\[\d+\] =", text))
        raise ValueError(f"The C has no array {array!r}. It has: {known}.")
    numbers = list(_NUMBER.finditer(text, found.start(2), found.end(2)))
    if not 0 <= position < len(numbers):
        raise ValueError(f"{array} has {len(numbers)} numbers, from 0; there is no number {position}.")
    old = int(numbers[position][0])
    new = round(old * factor)
    if new == old:
        raise ValueError(f"{array}[{position}] is {old}, and times {factor:g} it still is. Take another factor.")
    return text[: numbers[position].start()] + str(new) + text[numbers[position].end() :]


def try_model(
    compiled: CompiledModel,
    model: bytes | str | os.PathLike[str],
    *,
    inputs: NDArray[Any] | None = None,
    samples: int = 16,
    seed: int = 0,
    compiler: str = "auto",
    reference: str = "auto",
) -> TrialReport:
    """Run a compiled model on this computer, changed or not, and hold it against what is right.

    Parameters
    ----------
    compiled : CompiledModel
        Of ``model``, perhaps with a changed source.
    model : bytes, str or PathLike
        The .tflite file, of one input and one output.
    inputs : ndarray, optional
        (samples, \\*shape) in the model's own type. Default: random ones.
    samples, seed : int
        Of the random inputs.
    compiler : str
        See :func:`tinyml_labs.compiler.check_model`.
    reference : str
        ``"tflm"``: TensorFlow Lite Micro; ``"kit"``: what the compiler makes of the file, unchanged; ``"auto"``: the
        first where it is installed (Linux on x86-64), else the second.

    Returns
    -------
    TrialReport

    Raises
    ------
    ValueError
        If the file is not the one that was compiled, the inputs do not fit, or there is no C compiler.
    RuntimeError
        If the C does not compile, with what the compiler says, or the program crashes.
    """
    parsed = read_model(model)
    if parsed.sha256 != compiled.sha256:
        raise ValueError(f"{compiled.name} was compiled from another file than this one, by their SHA-256.")
    if len(parsed.inputs) != 1 or len(parsed.outputs) != 1:
        raise ValueError(
            f"The model has {len(parsed.inputs)} inputs and {len(parsed.outputs)} outputs; expected one."
        )
    given = random_inputs(parsed, samples, seed)[0] if inputs is None else _take(parsed, inputs)
    with ExitStack() as stack:
        program = stack.enter_context(build_program([compiled], compiler=compiler))
        found = program.run(0, [given])[0]
        name, expected, layers_of = _find_reference(stack, parsed, compiled.name, given, compiler, reference)
        unequal = _rows(found) != _rows(expected)
        wrong = np.flatnonzero(unequal.any(axis=1))
        sample = int(wrong[0]) if len(wrong) else 0
        ours, theirs = _layers(program, given[sample : sample + 1]), layers_of(sample)
    steps = np.abs(found.astype(np.float64) - expected.astype(np.float64).reshape(found.shape))
    return TrialReport(
        samples=len(given),
        bytes_compared=unequal.size,
        bytes_differ=int(unequal.sum()),
        largest=float(steps.max()),
        reference=name,
        sample=sample,
        layers=_compare_layers(compiled, parsed, ours, theirs),
    )


def _take(model: ModelFile, inputs: NDArray[Any]) -> NDArray[Any]:
    tensor = model.inputs[0]
    if inputs.dtype != tensor.dtype or not len(inputs) or inputs[0].size != tensor.size:
        raise ValueError(
            f"The inputs are {inputs.dtype} {inputs.shape}; the model takes {tensor.dtype} (samples, "
            f"{', '.join(map(str, tensor.shape))})."
        )
    return inputs.reshape(len(inputs), *tensor.shape)


def _find_reference(
    stack: ExitStack, model: ModelFile, name: str, given: NDArray[Any], compiler: str, wanted: str
) -> tuple[str, NDArray[Any], Callable[[int], dict[int, bytes]]]:
    """Give whose outputs these are, the outputs, and a function for the layers of a sample."""
    if wanted not in ("auto", "tflm", "kit"):
        raise ValueError(f"reference is {wanted!r}; expected 'auto', 'tflm' or 'kit'.")
    if wanted == "tflm" or (wanted == "auto" and tflm_available()):
        tflm = TflmProcess(model)
        try:
            outputs = tflm.run([given], len(given))[0][0]
        finally:
            tflm.close()

        def layers_of(sample: int) -> dict[int, bytes]:
            return {each.index: each.raw for each in layer_outputs(model.data, given[sample])}

        return "TensorFlow Lite Micro's", outputs, layers_of
    program = stack.enter_context(build_program([compile_model(model.data, name=name)], compiler=compiler))
    outputs = program.run(0, [given])[0]
    return "the unchanged model's", outputs, lambda sample: _layers(program, given[sample : sample + 1])


def _layers(program: HostProgram, sample: NDArray[Any]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for layer, values in program.run_with_taps(0, [sample]):
        found[layer] = found.get(layer, b"") + values
    return found


def _compare_layers(
    compiled: CompiledModel, model: ModelFile, ours: dict[int, bytes], theirs: dict[int, bytes]
) -> tuple[LayerTrial, ...]:
    rows = []
    outputs = {operator.index: operator.outputs[0] for operator in model.operators}
    for layer in compiled.layers:
        if layer.index not in ours or layer.index not in theirs:
            continue
        size = model.tensors[outputs[layer.index]].dtype.itemsize
        here, there = (np.frombuffer(each[layer.index], np.uint8).reshape(-1, size) for each in (ours, theirs))
        rows.append(
            LayerTrial(
                layer=layer.index,
                op=layer.op,
                name=layer.name,
                values=len(here),
                differ=int((here != there).any(axis=1).sum()),
            )
        )
    return tuple(rows)


def _rows(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)

"""Estimate a model's cycles from its layers' shapes, where nothing can be counted.

Each kind of layer has a formula: so many cycles a multiply-accumulate, so many an output, and so on. The numbers are
fitted to counts of :mod:`tinyml_labs.core_counts` on random networks by ``benchmarks/fit_cycles.py``, which writes
``cycle_estimates.json``. How far they are off for networks that they were not fitted on is in the file, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import prod
from typing import Any

from tinyml_labs.compiler import CompiledModel
from tinyml_labs.compiler.model import CompiledLayer

PATHS = ("fast", "m0plus", "tflm_reference", "tflm_cmsis")
"""Kernels that there are formulas for: this kit's on a Cortex-M4F and a Cortex-M0+; on a Cortex-M4F, loops like those
of TensorFlow Lite Micro's reference kernels, and Arm's CMSIS-NN."""

_MULTIPLYING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Cycles, and between which numbers they are: ``low`` to ``high``. ``unknown_ops`` are counted as copying."""

    cycles: float
    low: float
    high: float
    unknown_ops: tuple[str, ...] = ()


def estimate_cycles(model: CompiledModel, path: str = "fast") -> Estimate:
    """Estimate the cycles of one inference, without any wait for memory.

    Parameters
    ----------
    model : CompiledModel
    path : str
        One of :data:`PATHS`.

    Raises
    ------
    ValueError
        If there is no such path.
    """
    fitted = _fitted(path)
    known = fitted["coefficients"]
    cycles = sum(apply_formulas(model, known))
    unknown = {layer.op for layer in model.layers if layer.function and layer.op not in known}
    low, high = fitted["ratios"]
    return Estimate(cycles=cycles, low=low * cycles, high=high * cycles, unknown_ops=tuple(sorted(unknown)))


def layer_kinds(model: CompiledModel) -> list[str]:
    """Give of each layer its op, and whether a convolution's weights could not be packed for the fast kernel."""
    packed = set()
    for text in "".join(model.sources.values()).split("static void layer")[1:]:
        if "TINYML_WEIGHTS_IN_PAIRS" in text:
            packed.add(int(re.match(r"\d+", text)[0]))  # type: ignore[index]
    kinds = []
    for layer in model.layers:
        kind = layer.op
        if kind == "CONV_2D" and layer.index not in packed:
            taps = layer.macs // prod(layer.output_shapes[0])
            kind += ", as in the file" if taps % 4 == 0 else ", portable"
        kinds.append(kind)
    return kinds


def apply_formulas(model: CompiledModel, known: Mapping[str, Mapping[str, float]]) -> list[float]:
    """Compute the cycles of each layer from coefficients by kind and term."""
    return [apply_formula(layer, kind, known) for layer, kind in zip(model.layers, layer_kinds(model), strict=True)]


def apply_formula(layer: CompiledLayer, kind: str, known: Mapping[str, Mapping[str, float]]) -> float:
    """Compute the cycles of one layer; see :func:`apply_formulas`."""
    if not layer.function:
        return 0.0
    names, values = layer_terms(layer)
    chosen = known.get(kind) or known.get(layer.op) or (known["other"] if names[0] == "inputs" else {})
    return sum(chosen.get(name, 0.0) * value for name, value in zip(names, values, strict=True))


def layer_terms(layer: CompiledLayer) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Give what a layer's cycles are proportional to: names and numbers.

    For a convolution: multiply-accumulates, outputs, numbers that are copied into patches (none if it is 1×1) and
    those of all patches, patches, and 1 for the call. For layers without weights: inputs, outputs, and 1.
    """
    outputs = sum(prod(shape) for shape in layer.output_shapes)
    if layer.op not in _MULTIPLYING:
        inputs = sum(prod(shape) for shape in layer.input_shapes)
        return ("inputs", "outputs", "call"), (inputs, outputs, 1)
    if layer.op != "CONV_2D":
        return ("macs", "outputs", "call"), (layer.macs, outputs, 1)
    channels = layer.output_shapes[0][-1]
    numbers = layer.macs / channels
    gathered = 0.0 if layer.macs == outputs * layer.input_shapes[0][-1] else numbers
    return ("macs", "outputs", "gathered", "numbers", "patches", "call"), (
        layer.macs,
        outputs,
        gathered,
        numbers,
        outputs / channels,
        1,
    )


def _fitted(path: str) -> dict[str, Any]:
    if path not in PATHS:
        raise ValueError(f"path={path!r} is not known; expected one of {', '.join(PATHS)}.")
    found: dict[str, Any] = _read()[path]
    return found


@cache
def _read() -> dict[str, Any]:
    text = resources.files("tinyml_labs").joinpath("cycle_estimates.json").read_text("utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


def code_bytes(compiled: CompiledModel, path: str = "fast") -> int:
    """Estimate the bytes of kernels, settings and calls, without weights."""
    fitted = _fitted(path)["code"]
    functions = {layer.function for layer in compiled.layers if layer.function}
    known = sum(fitted["functions"].get(name, fitted["function"]) for name in functions)
    return round(known + fitted["layer"] * sum(1 for layer in compiled.layers if layer.function) + fitted["start"])


def stack_bytes(path: str = "fast") -> int:
    """Give the deepest stack that has been measured."""
    return int(_fitted(path)["stack_bytes"])

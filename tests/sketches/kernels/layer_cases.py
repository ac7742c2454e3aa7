"""Layers with what has to come out of them, computed with NumPy in 64 bits, and as C sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.compiler.packing import pack_convolution
from tinyml_labs.compiler.scratch import convolution_scratch_bytes, depthwise_scratch_bytes

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution (kind "convolution" or "depthwise") or a fully connected layer (kind "dense"), and its input.

    weights: (out, height, width, in); depthwise: (height, width, out); dense: (out, in). input: (height, width,
    channels); dense: (batches, in). biases are as in the file, not folded. pads are of the top and the left.
    """

    name: str
    kind: str
    input: Int8
    weights: Int8
    biases: Int32
    multipliers: Int32
    shifts: Int8
    output_shape: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    input_zero_point: int = 0
    output_zero_point: int = 0
    low: int = -128
    high: int = 127
    in_pairs: bool = True
    known_output: Int8 | None = field(default=None)

    @property
    def outputs(self) -> int:
        return self.weights.shape[-1] if self.kind == "depthwise" else len(self.weights)

    @property
    def macs(self) -> int:
        if self.kind == "dense":
            return len(self.input) * self.weights.size
        return self.output_shape[0] * self.output_shape[1] * self.weights.size


def requantize(sums: NDArray[np.int64], multiplier: NDArray, shift: NDArray) -> NDArray[np.int64]:
    """Round twice, as gemmlowp does; what does not fit 32 bits wraps before the product."""
    shifted = (sums << np.maximum(shift, 0)).astype(np.int32).astype(np.int64)
    product = shifted * multiplier
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    total = product + nudge
    high = np.where(total >= 0, total >> 31, -((-total) >> 31))  # C's division cuts off
    exponent = np.maximum(-shift, 0).astype(np.int64)
    half_up = (np.abs(high) + ((1 << exponent) >> 1)) >> exponent
    return np.where(high >= 0, half_up, -half_up)


def expected_output(layer: Layer) -> Int8:
    """What TensorFlow Lite Micro's arithmetic gives."""
    values = layer.input.astype(np.int64) - layer.input_zero_point
    weights = layer.weights.astype(np.int64)
    if layer.kind == "dense":
        sums = values @ weights.T
    else:
        kernel = weights.shape[1:3] if layer.kind == "convolution" else weights.shape[:2]
        rows, columns = layer.output_shape
        reach = [
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(layer.output_shape, layer.strides, kernel, layer.dilations, strict=True)
        ]
        padded = np.zeros(
            (*(p + max(r, n) for p, r, n in zip(layer.pads, reach, values.shape, strict=False)), values.shape[2]),
            np.int64,
        )
        padded[layer.pads[0] : layer.pads[0] + values.shape[0], layer.pads[1] : layer.pads[1] + values.shape[1]] = (
            values
        )
        sums = np.zeros((rows, columns, layer.outputs), np.int64)
        for y in range(kernel[0]):
            for x in range(kernel[1]):
                top, left = y * layer.dilations[0], x * layer.dilations[1]
                seen = padded[top :: layer.strides[0], left :: layer.strides[1]][:rows, :columns]
                if layer.kind == "convolution":
                    sums += seen @ weights[:, y, x].T
                else:
                    sums += np.repeat(seen, layer.outputs // seen.shape[2], axis=2) * weights[y, x]
    scaled = requantize(sums + layer.biases, layer.multipliers.astype(np.int64), layer.shifts.astype(np.int64))
    return np.clip(scaled + layer.output_zero_point, layer.low, layer.high).astype(np.int8)


def folded_biases(layer: Layer) -> NDArray[np.int64]:
    axes = (0, 1) if layer.kind == "depthwise" else tuple(range(1, layer.weights.ndim))
    return layer.biases - layer.input_zero_point * layer.weights.astype(np.int64).sum(axis=axes)


def scratch_bytes(layer: Layer) -> int:
    if layer.kind == "convolution":
        return convolution_scratch_bytes(layer.weights[0].size, layer.outputs)
    if layer.kind == "depthwise":
        return depthwise_scratch_bytes(
            layer.weights.shape[:2],
            layer.strides,
            layer.dilations,
            layer.output_shape,
            layer.input.shape[2],
            layer.outputs,
        )
    return 0


def c_array(kind: str, name: str, values: Iterable[int]) -> str:
    # -2147483648 is no literal in C
    numbers = ", ".join(f"({v + 1} - 1)" if v == -(2**31) else str(v) for v in map(int, values))
    return f"static const {kind} {name}[] = {{{numbers}}};"


def write_layers(layers: Iterable[Layer], *, fold: bool = True) -> str:
    """Write a C source of all of them for run_cases.c; with fold=False, the biases as in the file."""
    lines, cases = ['#include "layer_case.h"'], []
    for index, layer in enumerate(layers):
        packed = pack_convolution(layer.weights) if layer.kind == "convolution" and layer.in_pairs else None
        weights = layer.weights.ravel() if packed is None else packed
        expected = expected_output(layer) if layer.known_output is None else layer.known_output
        biases = (folded_biases(layer) if fold else layer.biases).astype(np.int32)
        for kind, name, values in [
            ("int8_t", "weights", weights),
            ("int32_t", "biases", biases),
            ("int32_t", "multipliers", layer.multipliers),
            ("int8_t", "shifts", layer.shifts),
            ("int8_t", "input", layer.input.ravel()),
            ("int8_t", "expected", expected.ravel()),
        ]:
            lines.append(c_array(kind, f"{name}_{index}", values))
        arrays = [f"{name}_{index}" for name in ("weights", "biases", "multipliers", "shifts")]
        settings = dict(zip(("weights", "biases", "multipliers", "shifts"), arrays, strict=True)) | {
            "input_zero_point": layer.input_zero_point, "output_zero_point": layer.output_zero_point,
            "low": layer.low, "high": layer.high,
        }  # fmt: skip
        if layer.kind == "dense":
            settings |= {"batches": len(layer.input), "inputs": layer.input.shape[1], "outputs": layer.outputs,
                         "scales": len(layer.multipliers)}  # fmt: skip
            struct, kind = "tinyml_fully_connected", "FULLY_CONNECTED"
        else:
            depthwise = layer.kind == "depthwise"
            kernel = layer.weights.shape[:2] if depthwise else layer.weights.shape[1:3]
            for word, pair in [("input", layer.input.shape[:2]), ("output", layer.output_shape), ("kernel", kernel),
                               ("stride", layer.strides), ("dilation", layer.dilations)]:  # fmt: skip
                settings |= {f"{word}_height": pair[0], f"{word}_width": pair[1]}
            settings |= {
                "pad_top": layer.pads[0], "pad_left": layer.pads[1],
                "input_channels": layer.input.shape[2], "output_channels": layer.outputs,
                "depth_multiplier": layer.outputs // layer.input.shape[2] if depthwise else 0,
                "layout": "TINYML_WEIGHTS_AS_IN_FILE" if packed is None else "TINYML_WEIGHTS_IN_PAIRS",
            }  # fmt: skip
            struct, kind = "tinyml_convolution", "DEPTHWISE_CONVOLUTION" if depthwise else "CONVOLUTION"
        inside = ", ".join(f".{name} = {value}" for name, value in settings.items())
        lines.append(f"static const {struct} layer_{index} = {{{inside}}};")
        cases.append(
            f'  {{"{layer.name}", {kind}, &layer_{index}, input_{index}, expected_{index}, sizeof input_{index}, '
            f"sizeof expected_{index}, {scratch_bytes(layer)}}},"
        )
    lines += [
        "const layer_case layer_cases[] = {",
        *cases,
        "};",
        f"const uint32_t layer_case_count = {len(cases)};",
        "",
    ]
    return "\n".join(lines)

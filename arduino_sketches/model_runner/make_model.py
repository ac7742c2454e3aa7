"""Write model.cpp, the model of the sketch model_runner: ``python make_model.py [MODEL.tflite]``.

Without a file it is the bundled sine model. For models of int8 dense layers alone, such as those of
``01_hello_world``; the arithmetic is ``fully_connected.h``.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml_labs import datasets
from tinyml_labs.c_literals import number, numbers
from tinyml_labs.model_file import ModelFile, Operator, Tensor, read_model

HERE = Path(__file__).parent
_BOUNDS = {"NONE": (-math.inf, math.inf), "RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def main() -> None:
    """Write model.cpp beside this script."""
    content = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else datasets.load_reference_model("sine")
    target = HERE / "model.cpp"
    part = target.with_suffix(".part")
    part.write_text(model_source(content), encoding="utf-8")
    part.replace(target)


def model_source(content: bytes) -> str:
    """Return the C++ source of a model.

    Parameters
    ----------
    content : bytes
        A ``.tflite`` model whose operators are all FULLY_CONNECTED in int8, each with the one before as its input.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the model has anything else, with what was found.
    """
    model = read_model(content)
    layers = [_layer(model, index) for index in range(len(model.operators))]
    if not layers:
        raise ValueError("The model has no operators.")
    widest = max(layer.outputs.size for layer in layers)
    inputs, outputs = model.inputs[0], model.outputs[0]
    lines = [
        "// Made by make_model.py: do not change it by hand.",
        f"// {len(content):,} bytes as a .tflite file, SHA-256 {model.sha256}",
        '#include "model.h"',
        "",
        '#include "fully_connected.h"',
        "",
        "using namespace tinyml;",
        "",
        *(line for layer in layers for line in layer.constants()),
        "static const FullyConnected kLayers[] = {",
        *(f"    {layer.initializer()}," for layer in layers),
        "};",
        "",
        "static const uint8_t kSha256[32] = {",
        _byte_lines(bytes.fromhex(model.sha256)),
        "};",
        f"static const uint32_t kInputShape[] = {numbers(inputs.shape)};",
        f"static const uint32_t kOutputShape[] = {numbers(outputs.shape)};",
        f"static const TensorLayout kInput = {_tensor_layout(inputs, 'kInputShape')};",
        f"static const TensorLayout kOutput = {_tensor_layout(outputs, 'kOutputShape')};",
        "",
        f"static int8_t input[{inputs.size}];",
        f"static int8_t values[2][{widest}];  // of the layer before, and of the layer",
        f"static uint8_t output[{outputs.size}];",
        "",
        "static const char* invoke(void*) {",
        "  const int8_t* from = input;",
        "  int8_t* to = values[0];",
        "  for (const FullyConnected& layer : kLayers) {",
        "    run_fully_connected(layer, from, to);",
        "    from = to;",
        "    to = to == values[0] ? values[1] : values[0];",
        "  }",
        "  memcpy(output, from, sizeof output);",
        "  return nullptr;",
        "}",
        "",
        "const Model kModel = {",
        "    kSha256, sizeof input + sizeof values + sizeof output, &kInput, 1, &kOutput, 1,",
        "    reinterpret_cast<uint8_t*>(input), sizeof input, output, sizeof output, invoke, nullptr,",
        "};",
    ]
    return "\n".join(lines) + "\n"


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a positive real number as ``multiplier / 2**31 * 2**shift``, as TensorFlow Lite does.

    >>> quantize_multiplier(0.25)
    (1073741824, -1)
    """
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


class _Layer:
    def __init__(self, index: int, operator: Operator, tensors: tuple[Tensor, ...]) -> None:
        self.index = index
        source, weights = (tensors[i] for i in operator.inputs[:2])
        bias = tensors[operator.inputs[2]] if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
        self.source, self.weights, self.outputs = source, weights, tensors[operator.outputs[0]]
        self.low, self.high = _clamp(operator.options["fused_activation_function"], self.outputs)
        _check(index, source, weights, self.outputs, bias)
        count = weights.shape[0]
        self.biases = bias.values().tolist() if bias is not None else [0] * count
        scales = [quantize_multiplier(real) for real in _real_multipliers(source, weights, self.outputs)]
        self.multipliers, self.shifts = zip(*scales, strict=True)

    def constants(self) -> list[str]:
        k = self.index
        return [
            *_array("int8_t", f"kWeights{k}", self.weights.values().ravel().tolist(), self.weights.shape_text),
            *_array("int32_t", f"kBiases{k}", self.biases),
            *_array("int32_t", f"kMultipliers{k}", self.multipliers),
            *_array("int8_t", f"kShifts{k}", self.shifts),
            "",
        ]

    def initializer(self) -> str:
        k, (outputs, inputs) = self.index, self.weights.shape
        zero_points = (self.source.zero_point, self.outputs.zero_point)
        settings = (inputs, outputs, len(self.multipliers), *zero_points, self.low, self.high)
        return f"{{kWeights{k}, kBiases{k}, kMultipliers{k}, kShifts{k}, {', '.join(map(str, settings))}}}"


def _layer(model: ModelFile, index: int) -> _Layer:
    operator = model.operators[index]
    if operator.name != "FULLY_CONNECTED":
        raise ValueError(
            f"Operator {index} is {operator.name}; this sketch runs FULLY_CONNECTED alone. Export the model for "
            "TensorFlow Lite Micro instead: tinyml_labs.export."
        )
    before = model.inputs[0].index if index == 0 else model.operators[index - 1].outputs[0]
    if operator.inputs[0] != before or (
        index == len(model.operators) - 1 and operator.outputs[0] != model.outputs[0].index
    ):
        raise ValueError(f"Operator {index} does not follow the one before: the layers have to be a chain.")
    return _Layer(index, operator, model.tensors)


def _check(index: int, source: Tensor, weights: Tensor, output: Tensor, bias: Tensor | None) -> None:
    types = {source.type_name, weights.type_name, output.type_name}
    if types != {"INT8"} or not weights.is_constant:
        raise ValueError(
            f"Layer {index} has tensors of {', '.join(sorted(types))}; expected INT8. Convert it with precision int8."
        )
    if bias is not None and (bias.type_name != "INT32" or not bias.is_constant):
        raise ValueError(f"Layer {index} has a bias of {bias.type_name}; expected constants of INT32.")
    if any(weights.zero_points) or (source.size, output.size) != weights.shape[::-1]:
        raise ValueError(
            f"Layer {index} takes {source.shape_text} and gives {output.shape_text} by weights of "
            f"{weights.shape_text}; expected a batch of 1 and weights with zero point 0."
        )


def _real_multipliers(source: Tensor, weights: Tensor, output: Tensor) -> list[float]:
    """As TFLM has them: for one scale the product is rounded to float32 first, for one a channel it is not."""
    if len(weights.scales) == 1:
        product = np.float32(source.scale) * np.float32(weights.scale)
        return [float(product) / float(np.float32(output.scale))]
    scales = [float(np.float32(scale)) for scale in weights.scales]
    return [float(np.float32(source.scale)) * scale / float(np.float32(output.scale)) for scale in scales]


def _clamp(activation: str, output: Tensor) -> tuple[int, int]:
    if activation not in _BOUNDS:
        raise ValueError(f"The activation {activation} is none of {', '.join(_BOUNDS)}.")
    low, high = _BOUNDS[activation]
    scale = np.float32(output.scale)

    def quantized(real: float) -> int:
        return output.zero_point + math.floor(float(np.float32(real) / scale) + 0.5)

    return (
        max(-128, quantized(low)) if math.isfinite(low) else -128,
        min(127, quantized(high)) if math.isfinite(high) else 127,
    )


def _tensor_layout(tensor: Tensor, shape: str) -> str:
    return f"{{DType::int8, {number(tensor.scale)}, {tensor.zero_point}, {len(tensor.shape)}, {shape}}}"


def _array(kind: str, name: str, values: Sequence[int], remark: str = "") -> list[str]:
    """Lines of an array in flash, at most 100 characters wide."""
    start = f"static const {kind} {name}[] TINYML_FLASH = {{"
    text = ", ".join(map(str, values))
    if len(start) + len(text) <= 100 and not remark:
        return [f"{start}{text}}};"]
    return [start + (f"  // {remark}" if remark else ""), _fill(text + ","), "};"]


def _byte_lines(data: bytes) -> str:
    return _fill(", ".join(f"0x{byte:02x}" for byte in data) + ",")


def _fill(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="    ")


if __name__ == "__main__":
    main()

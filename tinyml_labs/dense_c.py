"""A model of dense layers as C++: its weights, and the few lines that run it without TensorFlow Lite Micro.

>>> from tinyml_labs.dense_c import model_source
>>> text = model_source("gestures_int8.tflite")  # doctest: +SKIP

The arithmetic is that of ``fully_connected.h`` and ``softmax.h`` in the Arduino library TinyMLLabs, whose bytes are
those of TensorFlow Lite Micro. For other layers there is :mod:`tinyml_labs.export`.
"""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Sequence

import numpy as np

from tinyml_labs.c_literals import check_identifier, number, numbers
from tinyml_labs.model_file import ModelFile, Operator, Tensor, read_model

_BOUNDS = {"NONE": (-math.inf, math.inf), "RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
_MOST_SCORES = 255
_INPUT_BITS = 26  # the exponent of exp() in softmax.h is a number of 2**-26


def model_source(
    model: bytes | str | os.PathLike[str],
    *,
    header: str = "model.h",
    name: str = "kModel",
    made_by: str = "tinyml_labs.dense_c",
    check: Sequence[str] = (),
) -> str:
    """Return the C++ source of a model.

    Parameters
    ----------
    model : bytes, str or PathLike
        A ``.tflite`` model of FULLY_CONNECTED in int8, each with the one before as its input, and at the end perhaps
        a SOFTMAX.
    header : str
        What the source includes: a file that includes ``TinyMLLabs.h`` and declares the model,
        ``extern const tinyml::Model NAME``.
    name : str
        The model's name in C++.
    made_by : str
        For the first line: whose work this is, so that nobody changes it by hand.
    check : sequence of str
        Lines behind the header's, such as a check that the header is of this model.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the model has anything else, with what was found.
    """
    check_identifier(name, "The model's name")
    parsed = read_model(model)
    layers, softmax = _read_layers(parsed)
    widest = max(layer.outputs.size for layer in layers)
    inputs, outputs = parsed.inputs[0], parsed.outputs[0]
    last = ["  run_softmax(kSoftmax, from, to);", "  from = to;"] if softmax is not None else []
    lines = [
        f"// Made by {made_by}: do not change it by hand.",
        f"// {len(parsed.data):,} bytes as a .tflite file, SHA-256 {parsed.sha256}",
        f'#include "{header}"',
        *check,
        "",
        "using namespace tinyml;",
        "",
        *(line for layer in layers for line in layer.constants()),
        "static const FullyConnected kLayers[] = {",
        *(f"    {layer.initializer()}," for layer in layers),
        "};",
        *([] if softmax is None else [f"static const Softmax kSoftmax = {softmax_initializer(*softmax)};"]),
        "",
        "static const uint8_t kSha256[32] = {",
        _fill(", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(parsed.sha256)) + ","),
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
        *last,
        "  memcpy(output, from, sizeof output);",
        "  return nullptr;",
        "}",
        "",
        f"const Model {name} = {{",
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


def softmax_initializer(source: Tensor, beta: float) -> str:
    """Return the ``Softmax`` of ``softmax.h`` for its input: ``{multiplier, shift, smallest, size}``.

    Parameters
    ----------
    source : Tensor
        The softmax's input.
    beta : float
        The factor in the exponent; 1 in every network of Keras.

    Raises
    ------
    ValueError
        For a scale that TensorFlow Lite Micro does not take either, or more than 255 scores.
    """
    real = float(np.float32(beta)) * float(np.float32(source.scale)) * 2**_INPUT_BITS
    if not real > 1:
        raise ValueError(
            f"The softmax's input has the scale {source.scale:g}: its values never differed in calibration, so that "
            "every score is the same, and TensorFlow Lite Micro stops at it. Train the model before it is converted, "
            "and calibrate with real windows."
        )
    if source.size > _MOST_SCORES:
        raise ValueError(f"The softmax has {source.size} scores; {_MOST_SCORES} is the most that softmax.h takes.")
    multiplier, shift = quantize_multiplier(min(real, 2.0**31 - 1))
    smallest = -math.floor(31 * 2**_INPUT_BITS / 2**shift)
    return f"{{{multiplier}, {shift}, {max(smallest, -256)}, {source.size}}}"  # int8 values differ by 255 at most


def _read_layers(model: ModelFile) -> tuple[list[_Layer], tuple[Tensor, float] | None]:
    """Give the dense layers, and the input and beta of the softmax at the end, if there is one."""
    operators = list(model.operators)
    softmax = operators.pop() if operators and operators[-1].name == "SOFTMAX" else None
    for index, found in enumerate(operators):
        if found.name != "FULLY_CONNECTED":
            raise ValueError(
                f"Operator {index} is {found.name}; there are kernels for FULLY_CONNECTED, and a SOFTMAX at the end. "
                "Export the model for TensorFlow Lite Micro instead: tinyml_labs.export."
            )
    if not operators:
        raise ValueError("The model has no dense layer (FULLY_CONNECTED).")
    _check_chain(model)
    layers = [_Layer(index, found, model.tensors) for index, found in enumerate(operators)]
    if softmax is None:
        return layers, None
    scores = model.outputs[0]
    if (scores.type_name, scores.scale, scores.zero_point) != ("INT8", 1 / 256, -128):
        raise ValueError(
            f"The softmax gives {scores.type_name} with scale {scores.scale:g} and zero point {scores.zero_point}; "
            "expected INT8, 1/256 and -128. Convert the model with precision int8."
        )
    return layers, (layers[-1].outputs, float(softmax.options["beta"]))


def _check_chain(model: ModelFile) -> None:
    before = model.inputs[0].index
    for index, found in enumerate(model.operators):
        if found.inputs[0] != before:
            raise ValueError(f"Operator {index} does not follow the one before: the layers have to be a chain.")
        before = found.outputs[0]
    if before != model.outputs[0].index or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"The model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, and its last operator gives "
            f"tensor {before}; expected one of each, and the output behind the last layer."
        )


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


def _fill(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="    ")

"""Models of one or two ops, made by hand in a millisecond: for tests that need a .tflite and no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """A tensor to build. ``scale`` 0 leaves the quantization out."""

    name: str
    shape: Sequence[int]
    type_name: str = "INT8"
    scale: float | Sequence[float] = 0.0
    zero_point: int | Sequence[int] = 0
    quantized_dimension: int = 0
    data: npt.NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class OperatorSpec:
    """An operator to build; ``options`` are the fields of the table ``kind``, as the builder spells them."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    kind: str = ""
    options: Mapping[str, int | float | bool] = field(default_factory=dict)
    custom_code: str = ""
    version: int = 1


def build_model(
    tensors: Sequence[TensorSpec],
    operators: Sequence[OperatorSpec],
    *,
    inputs: Sequence[int],
    outputs: Sequence[int],
    description: str = "made by hand",
) -> bytes:
    """Write a .tflite model of one subgraph."""
    builder = flatbuffers.Builder(1024)
    contents = [b""] + [t.data.tobytes() for t in tensors if t.data is not None]  # buffer 0 is always empty
    buffers = _table_list(builder, [_buffer(builder, content) for content in contents])
    numbers = iter(range(1, len(contents)))
    tensor_list = _table_list(
        builder, [_tensor(builder, t, next(numbers) if t.data is not None else 0) for t in tensors]
    )
    code_list = _table_list(builder, [_operator_code(builder, o) for o in operators])
    operator_list = _table_list(builder, [_operator(builder, i, o) for i, o in enumerate(operators)])
    input_list, output_list = _numbers(builder, inputs), _numbers(builder, outputs)
    name = builder.CreateString("main")
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_list)
    tflite.SubGraphAddInputs(builder, input_list)
    tflite.SubGraphAddOutputs(builder, output_list)
    tflite.SubGraphAddOperators(builder, operator_list)
    tflite.SubGraphAddName(builder, name)
    subgraphs = _table_list(builder, [tflite.SubGraphEnd(builder)])
    text = builder.CreateString(description)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, code_list)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddDescription(builder, text)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def dense_int8(inputs: int = 4, units: int = 3, seed: int = 0) -> bytes:
    """Make an int8 dense layer with random weights: (1, inputs) -> (1, units)."""
    random = np.random.default_rng(seed)
    tensors = [
        TensorSpec(name="input", shape=(1, inputs), scale=0.05, zero_point=3),
        TensorSpec(
            name="dense/weights",
            shape=(units, inputs),
            scale=0.02,
            data=random.integers(-127, 128, (units, inputs)).astype(np.int8),
        ),
        TensorSpec(
            name="dense/bias",
            shape=(units,),
            type_name="INT32",
            scale=0.05 * 0.02,
            data=random.integers(-1000, 1000, units).astype(np.int32),
        ),
        TensorSpec(name="dense/BiasAdd", shape=(1, units), scale=0.1, zero_point=-7),
    ]
    dense = OperatorSpec(
        name="FULLY_CONNECTED", inputs=(0, 1, 2), outputs=(3,), kind="FullyConnectedOptions", version=4
    )
    return build_model(tensors, [dense], inputs=(0,), outputs=(3,))


def quantize_dequantize(scale: float, zero_point: int, output: str = "FLOAT32") -> bytes:
    """Make float32 -> QUANTIZE -> int8, and back by DEQUANTIZE unless ``output`` is "INT8". Eight values."""
    tensors = [
        TensorSpec(name="input", shape=(1, 8), type_name="FLOAT32"),
        TensorSpec(name="quantized", shape=(1, 8), scale=scale, zero_point=zero_point),
        TensorSpec(name="output", shape=(1, 8), type_name="FLOAT32"),
    ]
    operators = [
        OperatorSpec(name="QUANTIZE", inputs=(0,), outputs=(1,), kind="QuantizeOptions"),
        OperatorSpec(name="DEQUANTIZE", inputs=(1,), outputs=(2,), kind="DequantizeOptions", version=2),
    ]
    if output == "INT8":
        return build_model(tensors[:2], operators[:1], inputs=(0,), outputs=(1,))
    return build_model(tensors, operators, inputs=(0,), outputs=(2,))


def window_classifier(
    length: int,
    channels: int,
    classes: int = 4,
    *,
    input_scale: float = 0.02,
    input_zero_point: int = -3,
    more_axes: int = 0,
    gain: float = 4.0,
    seed: int = 0,
) -> bytes:
    """Make an int8 dense layer and softmax over whole windows: (1, length, channels) -> (1, classes).

    The logits of windows that use the input's range differ by about ``gain``. ``more_axes`` of length 1 follow the
    channels.
    """
    random = np.random.default_rng(seed)
    size = length * channels
    weight_scale = gain / (64 * input_scale * 64 * np.sqrt(size))
    tensors = [
        TensorSpec(
            name="window",
            shape=(1, length, channels, *[1] * more_axes),
            scale=input_scale,
            zero_point=input_zero_point,
        ),
        TensorSpec(
            name="dense/weights",
            shape=(classes, size),
            scale=weight_scale,
            data=random.integers(-127, 128, (classes, size)).astype(np.int8),
        ),
        TensorSpec(
            name="dense/bias",
            shape=(classes,),
            type_name="INT32",
            scale=input_scale * weight_scale,
            data=np.zeros(classes, np.int32),
        ),
        TensorSpec(name="logits", shape=(1, classes), scale=gain / 32, zero_point=4),
        TensorSpec(name="scores", shape=(1, classes), scale=1 / 256, zero_point=-128),
    ]
    operators = [
        OperatorSpec(name="FULLY_CONNECTED", inputs=(0, 1, 2), outputs=(3,), kind="FullyConnectedOptions", version=4),
        OperatorSpec(
            name="SOFTMAX", inputs=(3,), outputs=(4,), kind="SoftmaxOptions", options={"Beta": 1.0}, version=2
        ),
    ]
    return build_model(tensors, operators, inputs=(0,), outputs=(4,))


def custom_op(code: str) -> bytes:
    """Make a model of one custom op, such as ``"edgetpu-custom-op"`` or one that nobody has."""
    tensors = [
        TensorSpec(name="input", shape=(1, 4), scale=0.1),
        TensorSpec(name="output", shape=(1, 4), scale=0.1),
    ]
    operators = [OperatorSpec(name="CUSTOM", inputs=(0,), outputs=(1,), custom_code=code)]
    return build_model(tensors, operators, inputs=(0,), outputs=(1,))


def softmax_int8(input_scale: float = 0.1, classes: int = 4) -> bytes:
    """Make an int8 softmax over ``classes`` values."""
    tensors = [
        TensorSpec(name="logits", shape=(1, classes), scale=input_scale),
        TensorSpec(name="scores", shape=(1, classes), scale=1 / 256, zero_point=-128),
    ]
    softmax = OperatorSpec(
        name="SOFTMAX", inputs=(0,), outputs=(1,), kind="SoftmaxOptions", options={"Beta": 1.0}, version=2
    )
    return build_model(tensors, [softmax], inputs=(0,), outputs=(1,))


def degenerate_softmax(input_scale: float = 1e-30) -> bytes:
    """Make a softmax whose input never moved in calibration, as in an untrained network: TFLM aborts."""
    return softmax_int8(input_scale)


def builtin_op(name: str) -> bytes:
    """Make a model of one built-in op without options, float32 to float32: for ops that TFLM lacks."""
    tensors = [
        TensorSpec(name="input", shape=(1, 4), type_name="FLOAT32"),
        TensorSpec(name="output", shape=(1, 4), type_name="FLOAT32"),
    ]
    return build_model(tensors, [OperatorSpec(name=name, inputs=(0,), outputs=(1,))], inputs=(0,), outputs=(1,))


def _buffer(builder: flatbuffers.Builder, content: bytes) -> int:
    vector = 0
    if content:
        builder.StartVector(1, len(content), 16)
        builder.head = builder.Head() - len(content)
        builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if content:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _tensor(builder: flatbuffers.Builder, spec: TensorSpec, buffer: int) -> int:
    name, shape = builder.CreateString(spec.name), _numbers(builder, spec.shape)
    scales = np.atleast_1d(np.asarray(spec.scale, np.float32))
    quantization = 0
    if scales.any():
        zero_points = np.broadcast_to(np.asarray(spec.zero_point, np.int64), scales.shape)
        scale_list, zero_list = (
            builder.CreateNumpyVector(scales),
            builder.CreateNumpyVector(zero_points.copy()),
        )
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale_list)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_list)
        tflite.QuantizationParametersAddQuantizedDimension(builder, spec.quantized_dimension)
        quantization = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, getattr(tflite.TensorType, spec.type_name))
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quantization:
        tflite.TensorAddQuantization(builder, quantization)
    return int(tflite.TensorEnd(builder))


def _operator_code(builder: flatbuffers.Builder, spec: OperatorSpec) -> int:
    custom = builder.CreateString(spec.custom_code) if spec.custom_code else 0
    number = getattr(tflite.BuiltinOperator, spec.name)
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    if custom:
        tflite.OperatorCodeAddCustomCode(builder, custom)
    tflite.OperatorCodeAddVersion(builder, spec.version)
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    return int(tflite.OperatorCodeEnd(builder))


def _operator(builder: flatbuffers.Builder, index: int, spec: OperatorSpec) -> int:
    options = 0
    if spec.kind:
        getattr(tflite, f"{spec.kind}Start")(builder)
        for key, value in spec.options.items():
            getattr(tflite, f"{spec.kind}Add{key}")(builder, value)
        options = getattr(tflite, f"{spec.kind}End")(builder)
    inputs, outputs = _numbers(builder, spec.inputs), _numbers(builder, spec.outputs)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, index)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, spec.kind))
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def _numbers(builder: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, np.int32)))


def _table_list(builder: flatbuffers.Builder, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())

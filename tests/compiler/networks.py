"""Random small networks, an operator each, several side by side in one .tflite: what the compiler is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tflite
from tiny_models import OperatorSpec, TensorSpec, build_model

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


class Branches:
    """Operators that do not know of each other, each with inputs and outputs of the model."""

    def __init__(self, random: Any) -> None:
        """Draw from a seed, or from what has the methods of NumPy's generator."""
        self.random = np.random.default_rng(random) if isinstance(random, int) else random
        self.tensors: list[TensorSpec] = []
        self.operators: list[OperatorSpec] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []

    def add(self, shape: Sequence[int], *, scale: Any = 0.0, zero_point: int = 0, **more: Any) -> int:
        more.setdefault("type_name", "INT8" if np.any(scale) else "FLOAT32")
        name = f"tensor{len(self.tensors)}"
        self.tensors.append(TensorSpec(name=name, shape=tuple(shape), scale=scale, zero_point=zero_point, **more))
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int], **more: Any) -> int:
        self.inputs.append(self.add(shape, **(more or self.quantities())))
        return self.inputs[-1]

    def output(self, shape: Sequence[int], **more: Any) -> int:
        self.outputs.append(self.add(shape, **(more or self.quantities())))
        return self.outputs[-1]

    def integers(self, values: Sequence[Any]) -> int:
        data = np.array(values, np.int32)
        return self.add(data.shape, type_name="INT32", data=data)

    def quantities(self, low: float = 0.005, high: float = 0.2) -> dict[str, Any]:
        zero_point = int(self.random.choice([-128, 127, 0, self.random.integers(-128, 128)]))
        return {"scale": float(np.exp(self.random.uniform(np.log(low), np.log(high)))), "zero_point": zero_point}

    def number(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def chance(self) -> bool:
        return bool(self.random.random() < 0.5)

    def activation(self) -> int:
        return int(getattr(tflite.ActivationFunctionType, str(self.random.choice(ACTIVATIONS))))

    def bytes_of(self, shape: Sequence[int]) -> np.ndarray:
        values = self.random.integers(-127, 128, shape)
        return np.where(self.random.random(shape) < 0.1, self.random.choice([-127, 127]), values).astype(np.int8)

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], kind: str = "", **options: Any
    ) -> None:
        self.operators.append(
            OperatorSpec(name=name, inputs=tuple(inputs), outputs=tuple(outputs), kind=kind, options=options)
        )

    def build(self) -> bytes:
        return build_model(self.tensors, self.operators, inputs=self.inputs, outputs=self.outputs)


def build_network(op: str, seed: int, branches: int = 6) -> bytes:
    """Make a model of several random branches of one operator."""
    network = Branches(seed)
    for _ in range(branches):
        MAKERS[op](network)
    return network.build()


def _same_side(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "SAME" else (size - reach) // stride + 1


def _weighted(n: Branches, shape: tuple[int, ...], axis: int, inputs: float) -> tuple[int, int, float]:
    """Add weights and biases; also give a scale that the output may have."""
    channels = shape[axis]
    scale: Any = 0.02
    if n.chance():
        scale = np.exp(n.random.uniform(np.log(0.002), np.log(0.05), channels)).astype(np.float32)
    weights = n.add(shape, scale=scale, quantized_dimension=axis, data=n.bytes_of(shape))
    size = np.prod(shape) / channels
    biases = -1
    if n.random.random() < 0.8:
        data = n.random.integers(-3000, 3000, channels).astype(np.int32)
        biases = n.add((channels,), type_name="INT32", scale=float(inputs) * 0.02, data=data)
    return weights, biases, float(inputs) * 0.02 * 60 * np.sqrt(size) / 3


def _convolution(n: Branches, *, depthwise: bool) -> None:
    padding = "SAME" if n.chance() else "VALID"
    kernel, stride = (n.number(1, 3), n.number(1, 4)), (n.number(1, 2), n.number(1, 3))
    dilation = (n.number(1, 2), 1) if stride == (1, 1) else (1, 1)
    size = (n.number(5, 8), n.number(5, 7))
    channels = n.number(1, 6)
    outputs = channels * n.number(1, 3) if depthwise else n.number(1, 7)
    source = n.input((1, *size, channels))
    shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, channels)
    weights, biases, scale = _weighted(n, shape, 3 if depthwise else 0, n.tensors[source].scale)
    sides = [_same_side(*each, padding) for each in zip(size, kernel, stride, dilation, strict=True)]
    target = n.output((1, *sides, outputs), scale=scale, zero_point=n.quantities()["zero_point"])
    more = {"DepthMultiplier": outputs // channels} if depthwise else {}
    n.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [source, weights, biases] if biases >= 0 else [source, weights],
        [target],
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        Padding=getattr(tflite.Padding, padding),
        StrideH=stride[0],
        StrideW=stride[1],
        DilationHFactor=dilation[0],
        DilationWFactor=dilation[1],
        FusedActivationFunction=n.activation(),
        **more,
    )


def _fully_connected(n: Branches) -> None:
    batches, inputs, outputs = n.number(1, 3), n.number(1, 33), n.number(1, 9)
    source = n.input((batches, inputs))
    weights, biases, scale = _weighted(n, (outputs, inputs), 0, n.tensors[source].scale)
    target = n.output((batches, outputs), scale=scale, zero_point=n.quantities()["zero_point"])
    n.operator(
        "FULLY_CONNECTED",
        [source, weights, biases],
        [target],
        "FullyConnectedOptions",
        FusedActivationFunction=n.activation(),
        KeepNumDims=n.chance(),
    )


def _pool(n: Branches, op: str) -> None:
    padding = "SAME" if n.chance() else "VALID"
    size, window = (n.number(4, 9), n.number(4, 8)), (n.number(1, 4), n.number(1, 4))
    stride, channels = (n.number(1, 3), n.number(1, 3)), n.number(1, 5)
    quantities = n.quantities()
    sides = [_same_side(*each, 1, padding) for each in zip(size, window, stride, strict=True)]
    source = n.input((1, *size, channels), **quantities)
    n.operator(
        op,
        [source],
        [n.output((1, *sides, channels), **quantities)],
        "Pool2DOptions",
        Padding=getattr(tflite.Padding, padding),
        StrideH=stride[0],
        StrideW=stride[1],
        FilterHeight=window[0],
        FilterWidth=window[1],
        FusedActivationFunction=n.activation(),
    )


def _mean(n: Branches) -> None:
    shape = (1, n.number(1, 9), n.number(1, 9), n.number(1, 7))
    axes = [[1, 2], [2, 1], [1], [3], [2], [-1, 1], [2, 3]][n.number(0, 6)]
    keep = n.chance()
    taken = {axis % 4 for axis in axes}
    full = [1 if axis in taken else side for axis, side in enumerate(shape)]
    target = full if keep else [side for axis, side in enumerate(shape) if axis not in taken]
    source = n.input(shape)
    n.operator("MEAN", [source, n.integers(axes)], [n.output(target)], "ReducerOptions", KeepDims=keep)


def _elementwise(n: Branches, op: str) -> None:
    shape = [1, n.number(1, 5), n.number(1, 5), n.number(1, 6)]
    other = list(shape)
    kind = n.number(0, 4)
    if kind == 1:
        other = [1]
    elif kind == 2:
        other = shape[3:]
    elif kind == 3:
        other[n.number(1, 3)] = 1
    pair = [tuple(shape), tuple(other)]
    if n.chance():
        pair.reverse()
    first = n.input(pair[0])
    second = n.input(pair[1]) if n.chance() else n.add(pair[1], **n.quantities(), data=n.bytes_of(pair[1]))
    target = n.output(shape, **n.quantities(0.02, 0.5))
    n.operator(op, [first, second], [target], f"{op.title()}Options", FusedActivationFunction=n.activation())


def _unary(n: Branches, op: str, kind: str = "", **options: Any) -> None:
    shape = (1, 4, 64)
    target = n.quantities()
    if op == "LOGISTIC":
        target = {"scale": 1 / 256, "zero_point": -128}
    elif op == "TANH":
        target = {"scale": 1 / 128, "zero_point": 0}
    n.operator(op, [n.input(shape)], [n.output(shape, **target)], kind, **options)


def _hard_swish(n: Branches) -> None:
    source = n.quantities(0.02, 0.1)
    target = {"scale": source["scale"] * n.random.uniform(0.3, 2), "zero_point": n.number(-128, 127)}
    n.operator("HARD_SWISH", [n.input((1, 256), **source)], [n.output((1, 256), **target)], "HardSwishOptions")


def _softmax(n: Branches) -> None:
    shape = [(1, n.number(1, 12)), (n.number(1, 4), n.number(2, 30))][n.number(0, 1)]
    beta = float(n.random.choice([1.0, 0.5, 3.0]))
    target = n.output(shape, scale=1 / 256, zero_point=-128)
    n.operator("SOFTMAX", [n.input(shape, **n.quantities(0.002, 1.0))], [target], "SoftmaxOptions", Beta=beta)


def _to_int8(n: Branches) -> None:
    n.operator(
        "QUANTIZE", [n.input((1, 50), scale=0.0)], [n.output((1, 50), **n.quantities(0.02))], "QuantizeOptions"
    )


def _to_float(n: Branches) -> None:
    n.operator("DEQUANTIZE", [n.input((1, 50))], [n.output((1, 50), scale=0.0)], "DequantizeOptions")


def _pad(n: Branches) -> None:
    shape = (1, n.number(1, 5), n.number(1, 5), n.number(1, 4))
    before = np.array([[0, 0], *[[n.number(0, 2), n.number(0, 2)] for _ in range(3)]])
    target = tuple(int(side + pair.sum()) for side, pair in zip(shape, before, strict=True))
    quantities = n.quantities()
    inputs = [n.input(shape, **quantities), n.integers(before)]
    name, kind = "PAD", "PadOptions"
    if n.chance():
        name, kind = "PADV2", "PadV2Options"
        inputs.append(n.add((1,), **quantities, data=n.bytes_of((1,))))
    n.operator(name, inputs, [n.output(target, **quantities)], kind)


def _concatenation(n: Branches) -> None:
    axis, quantities = n.number(1, 3), n.quantities()
    shape = [1, n.number(1, 4), n.number(1, 4), n.number(1, 4)]
    inputs, total = [], 0
    for position in range(n.number(2, 4)):
        shape[axis] = n.number(1, 4)
        total += shape[axis]
        constant = position > 0 and n.random.random() < 0.3
        inputs.append(
            n.add(shape, **quantities, data=n.bytes_of(shape)) if constant else n.input(list(shape), **quantities)
        )
    shape[axis] = total
    signed = axis - 4 if n.chance() else axis
    n.operator("CONCATENATION", inputs, [n.output(shape, **quantities)], "ConcatenationOptions", Axis=signed)


def _split(n: Branches) -> None:
    axis, pieces, quantities = n.number(1, 3), n.number(2, 3), n.quantities()
    shape = [1, n.number(1, 4), n.number(1, 4), n.number(1, 4)]
    piece = list(shape)
    shape[axis] *= pieces
    source = n.input(shape, **quantities)
    outputs = [n.output(list(piece), **quantities) for _ in range(pieces)]
    n.operator("SPLIT", [n.integers([axis]), source], outputs, "SplitOptions", NumSplits=pieces)


def _split_v(n: Branches) -> None:
    axis, quantities = n.number(1, 3), n.quantities()
    sizes = [n.number(1, 3) for _ in range(n.number(2, 3))]
    shape = [1, n.number(1, 4), n.number(1, 4), n.number(1, 4)]
    shape[axis] = sum(sizes)
    source = n.input(list(shape), **quantities)
    outputs = []
    for size in sizes:
        shape[axis] = size
        outputs.append(n.output(list(shape), **quantities))
    n.operator(
        "SPLIT_V", [source, n.integers(sizes), n.integers([axis])], outputs, "SplitVOptions", NumSplits=len(sizes)
    )


def _strided_slice(n: Branches) -> None:
    shape = [1, n.number(3, 7), n.number(3, 7), n.number(3, 5)]
    begins, ends, strides, counts = [0], [1], [1], [1]
    masks = {"BeginMask": 0, "EndMask": 0, "ShrinkAxisMask": 0}
    for axis, side in enumerate(shape[1:], 1):
        stride = int(n.random.choice([1, 2, -1]))
        begin, end = (n.number(0, side - 2), side) if stride > 0 else (side - 1, n.number(0, side - 2))
        if n.chance():
            masks["BeginMask"] |= 1 << axis
            begin = 0 if stride > 0 else side - 1
        if n.chance():
            masks["EndMask"] |= 1 << axis
            end = side if stride > 0 else -1
        count = len(range(begin, end, stride))
        begins.append(begin - side if n.chance() else begin)
        ends.append(0 if end < 0 else end)
        strides.append(stride)
        counts.append(count)
    quantities = n.quantities()
    inputs = [n.input(shape, **quantities), *(n.integers(values) for values in (begins, ends, strides))]
    n.operator("STRIDED_SLICE", inputs, [n.output(counts, **quantities)], "StridedSliceOptions", **masks)


def _transpose(n: Branches) -> None:
    shape = [n.number(1, 4) for _ in range(4)]
    order = n.random.permutation(4).tolist()
    quantities = n.quantities()
    target = n.output([shape[axis] for axis in order], **quantities)
    n.operator("TRANSPOSE", [n.input(shape, **quantities), n.integers(order)], [target], "TransposeOptions")


def _rename(n: Branches, op: str) -> None:
    """A renamed tensor goes on into a RELU, so that the renaming lies between two layers."""
    quantities = n.quantities()
    shape = {"RESHAPE": (1, 6, 4), "SQUEEZE": (24,), "EXPAND_DIMS": (1, 1, 24)}[op]
    source = n.input((1, 24) if op != "SQUEEZE" else (1, 1, 24), **quantities)
    renamed = n.add(shape, **quantities)
    inputs = [source] if op == "SQUEEZE" else [source, n.integers(list(shape) if op == "RESHAPE" else [1])]
    n.operator(op, inputs, [renamed], f"{op.title().replace('_', '')}Options")
    n.operator("RELU", [renamed], [n.output(shape)])


def _float_fully_connected(n: Branches) -> None:
    inputs, outputs = n.number(1, 40), n.number(1, 9)
    weights = n.add((outputs, inputs), data=n.random.normal(0, 1, (outputs, inputs)).astype(np.float32))
    biases = n.add((outputs,), data=n.random.normal(0, 1, outputs).astype(np.float32))
    source, target = n.input((1, inputs), scale=0.0), n.output((1, outputs), scale=0.0)
    options = {"FusedActivationFunction": n.activation()}
    n.operator("FULLY_CONNECTED", [source, weights, biases], [target], "FullyConnectedOptions", **options)


def _float_elementwise(n: Branches, op: str) -> None:
    shape = (1, 3, 4, 5)
    other = shape if n.chance() else (1, 1, 1, 5)
    inputs = [n.input(shape, scale=0.0), n.input(other, scale=0.0)]
    n.operator(
        op, inputs, [n.output(shape, scale=0.0)], f"{op.title()}Options", FusedActivationFunction=n.activation()
    )


def _float_pool(n: Branches, op: str) -> None:
    padding = "SAME" if n.chance() else "VALID"
    source, side = n.input((1, 6, 6, 3), scale=0.0), 3
    side = _same_side(6, 3, 2, 1, padding)
    options = {"Padding": getattr(tflite.Padding, padding), "FusedActivationFunction": n.activation()}
    options |= {"StrideH": 2, "StrideW": 2, "FilterHeight": 3, "FilterWidth": 3}
    n.operator(op, [source], [n.output((1, side, side, 3), scale=0.0)], "Pool2DOptions", **options)


def _float_softmax(n: Branches) -> None:
    source, target = n.input((2, 7), scale=0.0), n.output((2, 7), scale=0.0)
    n.operator("SOFTMAX", [source], [target], "SoftmaxOptions", Beta=1.0)


MAKERS: dict[str, Callable[[Branches], None]] = {
    "CONV_2D": lambda n: _convolution(n, depthwise=False),
    "DEPTHWISE_CONV_2D": lambda n: _convolution(n, depthwise=True),
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": lambda n: _pool(n, "AVERAGE_POOL_2D"),
    "MAX_POOL_2D": lambda n: _pool(n, "MAX_POOL_2D"),
    "MEAN": _mean,
    "ADD": lambda n: _elementwise(n, "ADD"),
    "SUB": lambda n: _elementwise(n, "SUB"),
    "MUL": lambda n: _elementwise(n, "MUL"),
    "LOGISTIC": lambda n: _unary(n, "LOGISTIC"),
    "TANH": lambda n: _unary(n, "TANH"),
    "RELU": lambda n: _unary(n, "RELU"),
    "RELU6": lambda n: _unary(n, "RELU6"),
    "LEAKY_RELU": lambda n: _unary(n, "LEAKY_RELU", "LeakyReluOptions", Alpha=float(n.random.choice([0.1, 0.3, 2]))),
    "HARD_SWISH": _hard_swish,
    "QUANTIZE": lambda n: _unary(n, "QUANTIZE", "QuantizeOptions"),
    "QUANTIZE from float32": _to_int8,
    "DEQUANTIZE": _to_float,
    "SOFTMAX": _softmax,
    "PAD": _pad,
    "CONCATENATION": _concatenation,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    "RESHAPE": lambda n: _rename(n, "RESHAPE"),
    "SQUEEZE": lambda n: _rename(n, "SQUEEZE"),
    "EXPAND_DIMS": lambda n: _rename(n, "EXPAND_DIMS"),
    "FULLY_CONNECTED float32": _float_fully_connected,
    "ADD float32": lambda n: _float_elementwise(n, "ADD"),
    "SUB float32": lambda n: _float_elementwise(n, "SUB"),
    "MUL float32": lambda n: _float_elementwise(n, "MUL"),
    "AVERAGE_POOL_2D float32": lambda n: _float_pool(n, "AVERAGE_POOL_2D"),
    "MAX_POOL_2D float32": lambda n: _float_pool(n, "MAX_POOL_2D"),
    "SOFTMAX float32": _float_softmax,
}

"""Networks of random shapes and weights, to fit and to check estimates of cycles."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from tiny_models import OperatorSpec, TensorSpec, build_model

MOST_MACS = 1_500_000


@dataclass
class _Network:
    """What has been put together so far."""

    random: np.random.Generator
    shape: tuple[int, ...]
    tensors: list[TensorSpec] = field(default_factory=list)
    operators: list[OperatorSpec] = field(default_factory=list)
    last: int = 0

    def tensor(self, **what) -> int:
        self.tensors.append(TensorSpec(name=f"t{len(self.tensors)}", **what))
        return len(self.tensors) - 1

    def activation(self, shape: tuple[int, ...], zero_point: int | None = None) -> int:
        zero = int(self.random.integers(-128, 100)) if zero_point is None else zero_point
        return self.tensor(shape=shape, scale=0.1, zero_point=zero)

    def append(self, name: str, inputs: list[int], shape: tuple[int, ...], kind: str, zero_point=None, **options):
        output = self.activation(shape, zero_point)
        version = {"SOFTMAX": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4}.get(name, 2)
        self.operators.append(
            OperatorSpec(name=name, inputs=inputs, outputs=(output,), kind=kind, options=options, version=version)
        )
        self.last, self.shape = output, shape

    def weights(self, shape: tuple[int, ...], channels: int, dimension: int, *, extreme: bool = False) -> list[int]:
        taps = int(np.prod(shape)) // channels
        scales = (0.5 + self.random.random(channels)) * 0.02 / np.sqrt(taps)
        values = np.clip(self.random.normal(0, 35, shape), -127, 127).astype(np.int8)  # as trained weights lie
        if extreme:  # two that cannot be packed into one 16-bit number
            values[:2].reshape(2, -1)[:, 0] = -128
        biases = self.random.integers(-2000, 2000, channels).astype(np.int32)
        where = {"quantized_dimension": dimension}
        zeros = [0] * channels
        weights = self.tensor(shape=shape, scale=scales.tolist(), zero_point=zeros, data=values, **where)
        bias = self.tensor(
            shape=(channels,), type_name="INT32", scale=(0.1 * scales).tolist(), zero_point=zeros, data=biases
        )
        return [weights, bias]


def random_network(seed: int, layers: int = 10) -> bytes:
    """Make an int8 .tflite: convolutions, depthwise ones, sums and pools in random order, dense ones, a softmax."""
    random = np.random.default_rng(seed)
    side = int(random.choice([16, 24, 32, 40]))
    network = _Network(random, (1, side, int(random.choice([10, 16, side])), int(random.choice([1, 3, 4, 8]))))
    network.last = network.activation(network.shape)
    for _ in range(layers):
        kind = random.choice(["conv", "conv", "conv", "depthwise", "depthwise", "add", "pool"])
        {"conv": _convolution, "depthwise": _depthwise, "add": _add, "pool": _pool}[str(kind)](network)
    size = int(np.prod(network.shape))
    network.append("RESHAPE", [network.last], (1, size), "ReshapeOptions", network.tensors[network.last].zero_point)
    for units in (int(random.integers(8, 80)), int(random.integers(2, 20))):
        parts = network.weights((units, network.shape[1]), 1, 0)
        bias = network.tensors[parts[1]]
        network.tensors[parts[1]] = TensorSpec(
            name=bias.name, shape=(units,), type_name="INT32", scale=bias.scale, zero_point=0,
            data=random.integers(-2000, 2000, units).astype(np.int32),
        )  # fmt: skip
        network.append("FULLY_CONNECTED", [network.last, *parts], (1, units), "FullyConnectedOptions")
    network.append("SOFTMAX", [network.last], network.shape, "SoftmaxOptions", -128, Beta=1.0)
    last = network.tensors[-1]
    network.tensors[-1] = TensorSpec(name=last.name, shape=last.shape, scale=1 / 256, zero_point=-128)
    return build_model(network.tensors, network.operators, inputs=(0,), outputs=(network.last,))


def _convolution(network: _Network) -> None:
    random, (_, height, width, inputs) = network.random, network.shape
    kernel = (
        (1, 1)
        if random.random() < 0.4
        else tuple(int(k) for k in random.choice([1, 3, 5] if min(height, width) > 9 else [1, 3], 2))
    )
    outputs = int(random.choice([4, 8, 12, 16, 24, 32, 48, 64, 65]))
    stride = int(random.choice([1, 1, 2])) if min(height, width) >= 10 else 1
    while height * width * inputs * outputs * kernel[0] * kernel[1] // stride**2 > MOST_MACS and outputs > 4:
        outputs //= 2
    parts = network.weights((outputs, *kernel, inputs), outputs, 0, extreme=random.random() < 0.15)
    shape = (1, -(-height // stride), -(-width // stride), outputs)
    network.append("CONV_2D", [network.last, *parts], shape, "Conv2DOptions", StrideH=stride, StrideW=stride,
                   DilationHFactor=1, DilationWFactor=1)  # fmt: skip


def _depthwise(network: _Network) -> None:
    random, (_, height, width, channels) = network.random, network.shape
    kernel, stride = (3, 3) if random.random() < 0.8 else (5, 3), int(random.choice([1, 1, 2]))
    stride = stride if min(height, width) >= 10 else 1
    parts = network.weights((1, *kernel, channels), channels, 3)
    shape = (1, -(-height // stride), -(-width // stride), channels)
    network.append("DEPTHWISE_CONV_2D", [network.last, *parts], shape, "DepthwiseConv2DOptions", StrideH=stride,
                   StrideW=stride, DepthMultiplier=1, DilationHFactor=1, DilationWFactor=1)  # fmt: skip


def _add(network: _Network) -> None:
    network.append("ADD", [network.last, network.last], network.shape, "AddOptions")


def _pool(network: _Network) -> None:
    _, height, width, channels = network.shape
    if min(height, width) < 10:
        return
    name = str(network.random.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    shape = (1, height // 2, width // 2, channels)
    network.append(name, [network.last], shape, "Pool2DOptions", network.tensors[network.last].zero_point,
                   StrideH=2, StrideW=2, FilterHeight=2, FilterWidth=2, Padding=1)  # fmt: skip

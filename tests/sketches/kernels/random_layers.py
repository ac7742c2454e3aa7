"""Layers with random shapes, numbers and settings, among them those that kernels get wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
from layer_cases import Layer

_EXTREMES = (-128, -127, 127)


def _int8(random: np.random.Generator, shape: tuple[int, ...], *, extreme: bool, lowest: int) -> np.ndarray:
    if extreme:
        return np.maximum(random.choice(_EXTREMES, shape), lowest).astype(np.int8)
    return random.integers(lowest, 128, shape).astype(np.int8)


def random_layer(random: np.random.Generator, kind: str, name: str, **fixed: object) -> Layer:
    """Make one; ``fixed`` has any of kernel, strides, dilations, size, channels, outputs, same, extreme."""

    def pick(what: str, *choices: object) -> object:
        return fixed[what] if what in fixed else choices[random.integers(len(choices))]

    extreme = pick("extreme", False, False, False, True)
    channels = pick("channels", 1, 2, 3, 4, 5, 7, 8, 12, 16)
    outputs = pick("outputs", 1, 2, 3, 4, 5, 8, 11, 16)
    zero_points = [int(random.choice([-128, 127, 0, random.integers(-128, 128)])) for _ in range(2)]
    lowest = -128 if pick("lowest", False, True) else -127
    if kind == "dense":
        given = _int8(
            random, (pick("size", 1, 1, 2), pick("inputs", 1, 7, 8, 9, 13, 16, 17, 40)), extreme=extreme, lowest=-128
        )
        weights = _int8(random, (outputs, given.shape[1]), extreme=extreme, lowest=lowest)
        taps, shape = given.shape[1], {}
    else:
        kernel = pick("kernel", (1, 1), (3, 3), (3, 3), (2, 3), (5, 1), (1, 4))
        strides = pick("strides", (1, 1), (1, 1), (2, 2), (1, 2), (2, 1), (3, 3))
        dilations = pick("dilations", (1, 1), (1, 1), (1, 1), (2, 2), (2, 1))
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        size = [int(r + random.integers(0, 7)) for r in reach]
        size = list(fixed.get("size", size))
        if pick("same", True, False):
            places = [-(-n // s) for n, s in zip(size, strides, strict=True)]
            pads = [max(0, (p - 1) * s + r - n) // 2 for p, s, r, n in zip(places, strides, reach, size, strict=True)]
        else:
            places = [(n - r) // s + 1 for n, s, r in zip(size, strides, reach, strict=True)]
            pads = [0, 0]
        given = _int8(random, (*size, channels), extreme=extreme, lowest=-128)
        if kind == "depthwise":
            outputs = channels * pick("multiplier", 1, 1, 1, 2, 3)
        sides = (*kernel, outputs) if kind == "depthwise" else (outputs, *kernel, channels)
        weights = _int8(random, sides, extreme=extreme, lowest=lowest)
        taps = kernel[0] * kernel[1] * (1 if kind == "depthwise" else channels)
        shape = {"output_shape": tuple(places), "strides": strides, "dilations": dilations, "pads": tuple(pads)}
    scales = 1 if kind == "dense" and pick("one_scale", False, True) else outputs
    usual = -round(np.log2(taps) / 2 + 7)
    shifts = random.integers(usual - 1, usual + 2, scales)
    return Layer(
        name=name,
        kind=kind,
        input=given,
        weights=weights,
        biases=random.integers(-4000, 4000, outputs).astype(np.int32),
        multipliers=random.integers(1 << 30, 2**31, scales).astype(np.int32),
        shifts=shifts.astype(np.int8),
        input_zero_point=zero_points[0],
        output_zero_point=zero_points[1],
        in_pairs=bool(pick("in_pairs", True, True, True, False)),
        **shape,
    )


def at_its_edges(random: np.random.Generator, layer: Layer) -> Layer:
    """Give a layer multipliers, shifts, biases and bounds at the edges of what there is."""
    scales = len(layer.multipliers)
    multipliers = random.choice([0, 1 << 30, (1 << 30) + 1, 2**31 - 1, 1518500250], scales)
    shifts = random.choice([-31, -30, -23, -22, -21, -12, -2, -1, 0, 1], scales)
    biases = random.choice([-(2**30), 2**30, 2**30 - 1, -(2**30) + 2**20, 2**29, -(2**24), 0, 5], layer.outputs)
    bounds = [(-128, 127), (layer.output_zero_point, 127), (-100, 90), (3, 3)][random.integers(4)]
    return dataclasses.replace(
        layer,
        multipliers=multipliers.astype(np.int32),
        shifts=shifts.astype(np.int8),
        biases=biases.astype(np.int32),
        low=bounds[0],
        high=bounds[1],
    )


def with_halves(random: np.random.Generator, layer: Layer) -> Layer:
    """Give a layer small weights and divisors of 4 to 16: many results are halves, which have to be rounded right."""
    return dataclasses.replace(
        layer,
        weights=random.integers(-1, 2, layer.weights.shape).astype(np.int8),
        biases=random.integers(-50, 50, layer.outputs).astype(np.int32),
        multipliers=np.full_like(layer.multipliers, 1 << 30),
        shifts=random.integers(-3, 0, len(layer.shifts)).astype(np.int8),
    )


def make_layers(seed: int, count: int) -> list[Layer]:
    """Make ``count`` of each kind, a third with numbers at their edges, and shapes with paths of their own."""
    random = np.random.default_rng(seed)
    layers = []
    for index in range(count):
        for kind in ("convolution", "depthwise", "dense"):
            layer = random_layer(random, kind, f"{kind}_{index}")
            change = (None, with_halves, at_its_edges)[index % 3]
            layers.append(change(random, layer) if change else layer)
    for places in range(1, 10):  # four places at a time, and what is left
        for channels in (4, 8, 12, 16, 20):  # the loop of the weights is entered at each of four places
            settings = {"kernel": (1, 1), "strides": (1, 1), "same": True, "size": (1, places), "channels": channels}
            name = f"pointwise_{places}_{channels}"
            layers.append(
                random_layer(random, "convolution", name, outputs=5, in_pairs=True, lowest=False, **settings)
            )
    for rows, columns in [(1, 1), (1, 2), (2, 1), (3, 3), (4, 5), (7, 4)]:
        for strides in [(1, 1), (2, 2), (2, 1), (1, 2)]:
            settings = {
                "kernel": (3, 3),
                "dilations": (1, 1),
                "strides": strides,
                "size": (rows, columns),
                "same": True,
            }
            name = f"depthwise_{rows}x{columns}_{strides[0]}{strides[1]}"
            layer = random_layer(random, "depthwise", name, channels=6, multiplier=1, **settings)
            layers.append(at_its_edges(random, layer) if rows == 4 else with_halves(random, layer))
    return layers

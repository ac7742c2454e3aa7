"""Weights in pairs, read back by hand; constants of channels without weights."""

from __future__ import annotations

import numpy as np
import pytest
from layer_cases import requantize

from tinyml_labs.compiler.packing import pack_convolution, settle_constant_channels


@pytest.mark.parametrize("shape", [(2, 1, 1, 4), (6, 3, 3, 3), (1, 3, 3, 5), (5, 1, 1, 1), (4, 2, 2, 8)])
def test_packed_weights_can_be_read_back(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(5).integers(-127, 128, shape).astype(np.int8)
    packed = pack_convolution(weights)
    assert packed is not None
    taps = weights[0].size
    whole = -(-taps // 4) * 4
    assert packed.size == len(weights) * whole
    rows = weights.reshape(len(weights), taps)
    for channel, position in np.ndindex(rows.shape):
        if channel == len(weights) - 1 and channel % 2 == 0:
            found = int(packed[channel * whole + position])
        else:
            quad, place = divmod(position, 4)
            at = channel // 2 * 2 * whole + quad * 8 + [0, 4, 2, 6][place]
            number = int(np.frombuffer(packed[at : at + 2].tobytes(), "<i2")[0])
            first = (number + 128) % 256 - 128
            found = first if channel % 2 == 0 else (number - first) // 256
        assert found == rows[channel, position]


def test_what_does_not_fit_stays_as_it_is() -> None:
    weights = np.zeros((2, 1, 1, 4), np.int8)
    weights[0, 0, 0, 2] = -1
    weights[1, 0, 0, 2] = -128
    assert pack_convolution(weights) is None
    weights[0, 0, 0, 2] = 0
    assert pack_convolution(weights) is not None
    many = np.full((2, 1, 1, 260), 127, np.int8)
    assert pack_convolution(many) is None
    assert pack_convolution(many[..., :256]) is not None


def test_other_weights_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"int16 of shape \(2, 3\).*int8 of shape \(outputs, height, width, inputs\)"
    ):
        pack_convolution(np.zeros((2, 3), np.int16))


def test_channels_without_weights_keep_their_result() -> None:
    random = np.random.default_rng(6)
    count = 400
    weights = random.integers(-3, 4, (3, 3, count)).astype(np.int8)
    weights[..., : count // 2] = 0
    biases = (random.integers(-(2**31), 2**31, count) >> random.integers(0, 31, count)).astype(np.int32)
    multipliers = random.integers(1 << 30, 2**31, count).astype(np.int32)
    shifts = random.integers(-31, 1, count).astype(np.int8)
    settled = settle_constant_channels(weights, biases, multipliers, shifts, channel_axis=-1)
    for before, after in zip((biases, multipliers, shifts), settled, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(before[count // 2 :], after[count // 2 :])
    for zero_point in (-128, 0, 127):
        results = [
            np.clip(requantize(*(np.asarray(part[: count // 2], np.int64) for part in parts)) + zero_point, -128, 127)
            for parts in ((biases, multipliers, shifts), settled)
        ]
        np.testing.assert_array_equal(*results)
    assert np.abs(settled[0][: count // 2]).max() <= 1024

"""Quantize and dequantize against the QUANTIZE and DEQUANTIZE kernels of the board, and at their edges."""

import numpy as np
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs import inference
from tinyml_labs.inference import dequantize, quantize


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "zero_point"), [(0.1, -128), (0.0244801156, 5), (1 / 256, 127), (3.7, 0), (1e-4, 1)]
)
def test_equals_the_kernels_of_the_board(tflm: None, scale: float, zero_point: int) -> None:
    """Ties, halves, their neighbours, the range and far beyond it: 0 differences.

    Beyond 2**31 steps the kernel's cast is undefined in C++ (x86 and Arm differ), so that is left out.
    """
    scale = float(np.float32(scale))
    steps = np.arange(-300, 300, dtype=np.float32)
    ties = np.concatenate([(steps + 0.5) * np.float32(scale), steps * np.float32(scale)])
    values = np.concatenate([ties, np.nextafter(ties, np.inf), np.nextafter(ties, -np.inf), [1e5, -1e5, 0.0, -0.0]])
    values = np.resize(values, (len(values) // 8 + 1, 8)).astype(np.float32)
    model = tiny_models.quantize_dequantize(scale, zero_point, "INT8")
    ours = quantize(values, scale, zero_point)
    np.testing.assert_array_equal(ours, inference.run(model, values, "tflm"))
    both_ways = inference.run(tiny_models.quantize_dequantize(scale, zero_point), values, "tflm")
    np.testing.assert_array_equal(dequantize(ours, scale, zero_point), both_ways)


def test_rounds_ties_away_from_zero_and_saturates() -> None:
    assert quantize([0.5, 1.5, -0.5, -1.5, 0.49999997], 1.0, 0).tolist() == [1, 2, -1, -2, 0]
    assert quantize([1e30, -1e30, np.inf, -np.inf], 1.0, 0).tolist() == [127, -128, 127, -128]
    assert quantize([300.0, -1.0], 1.0, 0, np.uint8).tolist() == [255, 0]
    assert quantize([1e9, -40000.0], 1.0, 0, np.int16).tolist() == [32767, -32768]


def test_does_not_wrap() -> None:
    """np.int8(127) - np.int8(-128) is -1; a board says 255."""
    assert dequantize(np.array([127], np.int8), 1.0, -128).tolist() == [255.0]


@settings(max_examples=200)
@given(st.integers(-128, 127), st.floats(2.0**-20, 1024, width=32), st.integers(-128, 127))
def test_integers_survive_the_way_to_real_and_back(q: int, scale: float, zero_point: int) -> None:
    real = dequantize(np.array([q], np.int8), scale, zero_point)
    assert quantize(real, scale, zero_point).tolist() == [q]


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_has_to_be_positive(scale: float) -> None:
    with pytest.raises(ValueError, match="scale is .*positive"):
        quantize([1.0], scale, 0)
    with pytest.raises(ValueError, match="scale is .*positive"):
        dequantize(np.array([1], np.int8), scale, 0)


def test_nan_and_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="2 of 3 values are NaN"):
        quantize([np.nan, 1.0, np.nan], 0.1, 0)
    with pytest.raises(TypeError, match="takes integers.*float64"):
        dequantize([1.0], 0.1, 0)

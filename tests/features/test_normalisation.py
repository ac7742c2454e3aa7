"""Normalisation against float32 arithmetic that is none of NumPy's."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.features import Normalisation


def as_float(value: float) -> float:
    """Round to a C `float`. A double's sum, difference or product, rounded so, is what `float` arithmetic gives."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def as_c(x: float, mean: float, inverse_scale: float, limit: float) -> float:
    value = as_float(as_float(x - mean) * inverse_scale)
    return -limit if value < -limit else limit if value > limit else value


floats = st.floats(-(2.0**60), 2.0**60, width=32)
scales = st.one_of(st.just(0.0), st.floats(2.0**-60, 2.0**60, width=32))


@settings(deadline=None)
@given(st.lists(st.tuples(floats, floats, scales), min_size=1, max_size=8), st.sampled_from([8.0, 0.1, 1e30]))
def test_equals_float_arithmetic_bit_by_bit(rows: list[tuple[float, float, float]], limit: float) -> None:
    x, mean, scale = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    stored = Normalisation(mean=mean, scale=scale, limit=limit).to_dict()
    expected = [
        as_c(*values, stored["limit"])
        for values in zip(x.tolist(), stored["mean"], stored["inverse_scale"], strict=True)
    ]
    found = Normalisation(mean=mean, scale=scale, limit=limit).apply(x)
    assert found.dtype == np.float32
    assert found.tobytes() == np.array(expected, np.float32).tobytes()
    inverse = [as_float(1 / value) if value else 0.0 for value in scale.tolist()]
    assert stored["inverse_scale"] == inverse


def test_training_data_become_standard() -> None:
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(5000, 3)) * [0.01, 5, 1000] + [1, -300, 1e4]).astype(np.float32)
    normalisation = Normalisation.fit(values)
    for column in range(3):  # sums of Python's doubles
        numbers = values[:, column].tolist()
        mean = sum(numbers) / 5000
        deviation = (sum((number - mean) ** 2 for number in numbers) / 5000) ** 0.5
        assert normalisation.mean[column] == np.float32(mean)
        assert normalisation.scale[column] == pytest.approx(deviation, rel=1e-6)
    found = normalisation.apply(values)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e-39, 1 / 3, 16777217.0, 3e38])
@pytest.mark.parametrize("count", [7, 100_003])
def test_a_constant_column_becomes_0(constant: float, count: int) -> None:
    values = np.full((count, 2), constant)
    values[:, 1] = np.arange(count)
    normalisation = Normalisation.fit(values)
    assert normalisation.scale[0] == 0 and normalisation.inverse_scale[0] == 0
    middle = (count - 1) / 2
    other = np.array([[constant, middle], [constant / 2 + 1, middle], [-5e7, middle]])
    assert normalisation.apply(other).tolist() == [[0, 0], [0, 0], [0, 0]]


def test_what_only_float64_tells_apart_is_constant() -> None:
    values = np.array([[1.0], [1.0 + 1e-12], [1.0]])
    assert Normalisation.fit(values).apply(values).tolist() == [[0], [0], [0]]


def test_a_scale_without_a_reciprocal_counts_as_0() -> None:
    normalisation = Normalisation(mean=[0, 0], scale=[1e-39, 1.2e-38])
    assert normalisation.inverse_scale[0] == 0 and 8e37 < normalisation.inverse_scale[1] < 9e37
    assert normalisation.apply([1e30, 1e30]).tolist() == [0, 8]


def test_values_are_clipped() -> None:
    values = [[0.0], [2.0]]
    assert Normalisation.fit(values).apply([[9.0], [9.5], [-1e38], [-7.0]]).ravel().tolist() == [8, 8, -8, -8]
    assert Normalisation.fit(values, limit=3).apply([[9.0], [3.5]]).ravel().tolist() == [3, 2.5]


def test_applies_to_windows_and_to_one_row() -> None:
    windows = np.arange(24).reshape(2, 4, 3)  # whole numbers
    normalisation = Normalisation.fit(windows.reshape(-1, 3))
    found = normalisation.apply(windows)
    assert found.shape == (2, 4, 3) and found.dtype == np.float32
    np.testing.assert_array_equal(found[1, 2], normalisation.apply(windows[1, 2]))
    assert normalisation.apply(np.empty((0, 3))).shape == (0, 3)


def test_comes_back_from_json_to_the_last_bit() -> None:
    rng = np.random.default_rng(2)
    made = Normalisation.fit(rng.normal(size=(50, 4)) * [1e-6, 1, 1e6, 0], limit=0.1)
    again = Normalisation.from_dict(json.loads(json.dumps(made.to_dict())))
    for name in ("mean", "scale", "inverse_scale"):
        assert getattr(made, name).dtype == np.float32
        assert getattr(made, name).tobytes() == getattr(again, name).tobytes()
    assert again.limit == made.limit == float(np.float32(0.1))
    assert again.to_dict() == made.to_dict()
    without = {name: value for name, value in made.to_dict().items() if name != "inverse_scale"}
    assert Normalisation.from_dict(without).to_dict() == made.to_dict()


def test_stored_values_that_do_not_fit_are_refused() -> None:
    stored = Normalisation(mean=[1, 2], scale=[3, 4]).to_dict()
    with pytest.raises(ValueError, match="has no 'scale'; found mean, limit"):
        Normalisation.from_dict({"mean": [1], "limit": 8})
    with pytest.raises(ValueError, match="inverse_scale is not 1 / scale: one of them was edited"):
        Normalisation.from_dict({**stored, "scale": [3, 5]})
    with pytest.raises(ValueError, match="inverse_scale is not"):
        Normalisation.from_dict({**stored, "inverse_scale": [1]})


def test_arrays_cannot_change_later() -> None:
    mean = np.zeros(2, np.float32)
    normalisation = Normalisation(mean=mean, scale=[1, 1])
    mean[0] = 5
    assert normalisation.mean[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        normalisation.scale[0] = 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 2.0]], r"shape \(1, 2\), expected \(N, F\).*two rows"),
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\).*reshape\(-1, channels\)"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        ([[1.0, 2.0], [1.0, np.nan]], "values holds 1 values that are NaN.*the first in feature 1"),
        ([[np.inf, 2.0], [1.0, np.nan]], "values holds 2 values .*feature 0"),
        ([[1e39], [1.0]], "too large for float32"),
        ([["a"], ["b"]], "expected real numbers"),
    ],
)
def test_training_data_that_cannot_be_are_refused(values: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Normalisation.fit(values)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 2.0, 3.0]], r"shape \(1, 3\), expected \(..., 2\)"),
        (1.0, r"shape \(\)"),
        ([1.0, np.nan], "x holds 1 values that are NaN, .*the first in feature 1"),
        ([-np.inf, 1.0], "x holds 1 values .*feature 0"),
        ([1.0, 1e39], "x holds 1 values .* too large for float32"),
        ([-3e38, 1.0], "x holds 1 values .* too large for float32"),  # once the mean is subtracted
    ],
)
def test_features_that_cannot_be_are_refused(x: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Normalisation(mean=[1e38, 0], scale=[0, 1]).apply(x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [1, 2, 3]}, "mean has 3 values and scale 2"),
        ({"mean": [[1, 2]]}, r"mean has shape \(1, 2\), expected \(F,\)"),
        ({"mean": [], "scale": []}, r"mean has shape \(0,\)"),
        ({"scale": [1, -2]}, "scale of feature 1 is -2, expected 0 or more"),
        ({"scale": [1, np.inf]}, "scale holds 1 values"),
        ({"mean": [np.nan, 1]}, "mean holds 1 values"),
        ({"limit": 0}, "limit is 0, expected a number above 0"),
        ({"limit": np.nan}, "limit is nan"),
        ({"limit": np.inf}, "limit is inf"),
        ({"limit": 1e39}, r"limit is 1e\+39"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Normalisation(**{"mean": [0, 0], "scale": [1, 1], **change})

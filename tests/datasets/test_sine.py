import numpy as np
import pytest

from tinyml_labs.datasets import load_sine

PARTS = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test")


def test_split_shapes_and_dtypes():
    data = load_sine(samples=1000)
    assert [getattr(data, part).shape for part in PARTS] == [(600, 1)] * 2 + [(200, 1)] * 4
    assert {getattr(data, part).dtype for part in PARTS} == {np.dtype("float32")}


def test_values_are_a_sine_with_the_noise_that_was_asked_for():
    data = load_sine(samples=20_000, noise=0.1, seed=3)
    assert data.x_train.min() >= 0
    assert float(data.x_train.max()) <= 2 * np.pi
    residual = data.y_train - np.sin(data.x_train)
    assert abs(residual.mean()) < 0.005
    assert residual.std() == pytest.approx(0.1, rel=0.03)
    clean = load_sine(samples=100, noise=0)
    np.testing.assert_allclose(clean.y_test, np.sin(clean.x_test), atol=1e-6)


def test_same_seed_same_points():
    first, again, other = load_sine(seed=1), load_sine(seed=1), load_sine(seed=2)
    assert all(np.array_equal(getattr(first, part), getattr(again, part)) for part in PARTS)
    assert not np.array_equal(first.x_train, other.x_train)


def test_no_point_is_in_two_parts():
    data = load_sine(samples=500)
    assert len(np.unique(np.concatenate([data.x_train, data.x_validation, data.x_test]))) == 500


@pytest.mark.parametrize("settings", [{"samples": 4}, {"noise": -0.1}, {"noise": float("nan")}])
def test_impossible_settings_are_errors(settings):
    with pytest.raises(ValueError, match="expected"):
        load_sine(**settings)

import numpy as np
import pytest

from tinyml_labs.calibration import choose_calibration


def choose(shape=(3,), **data):
    return choose_calibration(["x"], [shape], **data)


def uniform(low=0.0, high=1.0, shape=(500, 3), seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def test_the_subset_is_seeded_and_holds_the_extremes_of_each_input():
    first, second = uniform(-1, 1, (1000, 3)), uniform(0, 9, (1000, 2), seed=1)
    draw = {"training_data": (first, second), "samples": 20}
    chosen = choose_calibration(["a", "b"], [(3,), (2,)], **draw)
    assert [part.shape for part in chosen] == [(20, 3), (20, 2)]
    for part, whole in zip(chosen, (first, second), strict=True):
        assert part.dtype == np.float32
        assert (part.min(), part.max()) == (np.float32(whole.min()), np.float32(whole.max()))
    rows = [int(np.flatnonzero((first.astype(np.float32) == row).all(1))[0]) for row in chosen[0]]
    assert np.array_equal(second[rows].astype(np.float32), chosen[1]), "the parts of a sample stay together"
    again = choose_calibration(["a", "b"], [(3,), (2,)], **draw)
    assert all(np.array_equal(*pair) for pair in zip(chosen, again, strict=True))
    other = choose_calibration(["a", "b"], [(3,), (2,)], seed=1, **draw)
    assert not np.array_equal(chosen[0], other[0])


def test_small_data_are_used_whole():
    data = uniform(shape=(30, 3))
    assert np.array_equal(choose(training_data=data)[0], data.astype(np.float32))


def test_integers_become_floats_of_the_same_value():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1), dtype=np.uint8)
    (chosen,) = choose((4, 4, 1), calibration=images)
    assert chosen.dtype == np.float32
    assert np.array_equal(chosen, images)


def test_no_data_is_an_error_that_teaches():
    with pytest.raises(ValueError, match="int8 needs data to calibrate with.*training_data=x_train"):
        choose()


@pytest.mark.parametrize(
    ("found", "expected", "message"),
    [
        ((500, 4), (3,), r"shape \(500, 4\), expected \(N, 3\)"),
        ((3,), (3,), "That is one sample"),
        ((50, 8, 8), (8, 8, 1), "last axis of length 1 is missing"),
        ((50, 3, 1), (3,), r"one axis of length 1 too many: array\[\.\.\., 0\]"),
        ((10, 32, 8, 8, 1), (8, 8, 1), "It seems to hold batches"),
        ((50, 64), (8, 8, 1), "reshape it as the training data were"),
        ((9, 3), (3,), "holds 9 samples, expected at least 10"),
        ((0, 3), (3,), "holds 0 samples, expected at least 10"),
    ],
)
def test_shapes_and_numbers(found, expected, message):
    with pytest.raises(ValueError, match=message):
        choose(expected, calibration=uniform(shape=found))


@pytest.mark.parametrize("dtype", [complex, str, object])
def test_dtypes_that_are_no_real_numbers(dtype):
    with pytest.raises(TypeError, match="expected real numbers"):
        choose(calibration=uniform().astype(dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(bad):
    data = uniform()
    data[7, 1] = bad
    with pytest.raises(ValueError, match=r"holds 1 values that are NaN or infinite, the first at index \(7, 1\)"):
        choose(training_data=data)


def test_values_that_are_all_equal():
    with pytest.raises(ValueError, match="Every value of calibration for input 'x' is 0"):
        choose(calibration=np.zeros((50, 3)))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0, 255, "0.* to 25.* too wide.*255 times as large"),
        (0, 1 / 255, "too narrow.*255 times too small"),
        (0, 0.5, "from .* to 0.5, expected about .* to 1, .* too narrow.*leave out calibration"),
        (0.3, 1, "too narrow"),
        (-1, 1, "too wide"),
        (0, 1.5, "too wide"),
    ],
)
def test_ranges_that_are_not_the_training_datas(low, high, message):
    ends = np.array([[low, high, low]] * 2, float)
    calibration = np.concatenate([uniform(low, high), ends])
    training = np.concatenate([uniform(0, 1, (5000, 3)), [[0, 1, 0.5]]])
    with pytest.raises(ValueError, match=message):
        choose(training_data=training, calibration=calibration)


def test_ranges_that_fit():
    training = uniform(0, 1, (5000, 3))
    choose(training_data=training, calibration=uniform(0.04, 0.95))
    choose(training_data=training, calibration=uniform(-0.05, 1.05))
    training[17, 2] = 4.0  # a lone outlier need not be in the calibration
    choose(training_data=training, calibration=uniform(0, 1))


def test_several_inputs():
    names, shapes = ["a", "b"], [(3,), (2,)]
    with pytest.raises(ValueError, match="has 1 array, but the model has 2 inputs: a, b"):
        choose_calibration(names, shapes, training_data=uniform())
    with pytest.raises(ValueError, match="differ in length .a: 500, b: 400"):
        choose_calibration(names, shapes, training_data=(uniform(), uniform(shape=(400, 2))))
    with pytest.raises(ValueError, match="for input 'b' has shape"):
        choose_calibration(names, shapes, training_data=[uniform(), uniform()])
    assert choose(training_data=(uniform(),))[0].shape == (200, 3)
    assert choose(training_data=uniform().tolist())[0].shape == (200, 3)


def test_too_few_samples_asked_for():
    with pytest.raises(ValueError, match="samples is 3, expected at least 10"):
        choose(training_data=uniform(), samples=3)

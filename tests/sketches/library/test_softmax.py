"""The library's softmax has the bytes of TensorFlow Lite Micro: on this computer and on a Cortex-M4."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_models
from cpp_programs import run_program
from numpy.typing import NDArray

from tinyml_labs import inference
from tinyml_labs.dense_c import softmax_initializer
from tinyml_labs.model_file import read_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

SCALES = [1e-7, 0.001, 0.0123, 0.1, 0.1234567, 0.5, 1.0, 3.7, 20.0, 1e6]
CLASSES = [1, 2, 11, 100, 255]


def rows_of(classes: int, count: int, seed: int) -> NDArray[np.int8]:
    """Rows all over the range, rows whose values are near each other, and the extremes."""
    random = np.random.default_rng(seed)
    wild = random.integers(-128, 128, (count // 2, classes))
    near = random.integers(-128, 128, (count // 2, 1)) + random.integers(-12, 13, (count // 2, classes))
    rows = np.concatenate([wild, near]).clip(-128, 127).astype(np.int8)
    rows[0], rows[1], rows[2], rows[3] = 127, -128, -128, 127
    rows[2, 0], rows[3, -1] = 127, -128
    return rows


def softmax(model: bytes, rows: NDArray[np.int8]) -> NDArray[np.int8]:
    """Run softmax.h with the constants that the generator writes for this model."""
    constants = softmax_initializer(read_model(model).inputs[0], 1.0).strip("{}").split(", ")
    return np.frombuffer(run_program("softmax", *constants, given=rows.tobytes()), np.int8).reshape(rows.shape)


@pytest.mark.parametrize("scale", SCALES)
def test_rows_all_over_the_range(scale: float) -> None:
    for classes in CLASSES:
        model, rows = tiny_models.softmax_int8(scale, classes), rows_of(classes, 400, classes)
        np.testing.assert_array_equal(softmax(model, rows), inference.run(model, rows, "tflm"))


@pytest.mark.parametrize("scale", [0.0625, 0.2])
def test_ten_thousand_rows_of_eleven_classes(scale: float) -> None:
    model, rows = tiny_models.softmax_int8(scale, 11), rows_of(11, 10_000, 3)
    found = softmax(model, rows)
    np.testing.assert_array_equal(found, inference.run(model, rows, "tflm"))
    assert len(np.unique(found)) > 200


def test_each_difference_of_two_scores() -> None:
    """For two classes the difference is all that counts: every one there is, at scales that fill the shifts."""
    rows = np.stack([np.full(256, 127), np.arange(-128, 128)], axis=1).astype(np.int8)
    for exponent in range(-24, 8):
        for factor in (1.0, 1.37):
            model = tiny_models.softmax_int8(factor * 2.0**exponent, 2)
            np.testing.assert_array_equal(softmax(model, rows), inference.run(model, rows, "tflm"))


@pytest.mark.parametrize(("scale", "classes", "message"), [(1e-9, 4, "has the scale 1e-09"), (0.1, 256, "255 is")])
def test_what_it_does_not_take(scale: float, classes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        softmax_initializer(read_model(tiny_models.softmax_int8(scale, classes)).inputs[0], 1.0)

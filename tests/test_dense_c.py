"""Models become C++, or are refused with the reason. What the C++ computes is tested in tests/sketches/library."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import datasets
from tinyml_labs.dense_c import model_source, quantize_multiplier


def test_header_name_and_author_are_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "sine.tflite"
    path.write_bytes(datasets.load_reference_model("sine"))
    source = model_source(path, header="my_settings.h", name="kMine", made_by="a test", check=["#if 0", "#endif"])
    lines = source.splitlines()
    assert lines[0] == "// Made by a test: do not change it by hand."
    assert lines[2:5] == ['#include "my_settings.h"', "#if 0", "#endif"]
    assert "const Model kMine = {" in lines
    assert "Softmax" not in source
    assert max(map(len, lines)) <= 118


def test_a_softmax_has_its_constants() -> None:
    """Scale 0.125: times 2^26 that is 2^23, which is 2^30 / 2^31 * 2^24."""
    source = model_source(tiny_models.window_classifier(5, 3, classes=4, gain=4.0))
    assert "static const Softmax kSoftmax = {1073741824, 24, -124, 4};" in source


@pytest.mark.parametrize(
    ("real", "expected"), [(0.5, (2**30, 0)), (1.0, (2**30, 1)), (3.0, (3 * 2**29, 2)), (2.0**-40, (0, 0))]
)
def test_multipliers(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected


def dense_and_softmax(output: TensorSpec, first_input: int = 2) -> bytes:
    """Two tensors nobody uses, and a softmax behind a tensor that the caller chooses."""
    tensors = [
        TensorSpec(name="input", shape=(1, 4), scale=0.1),
        TensorSpec(name="weights", shape=(4, 4), scale=0.1, data=tiny_models.np.eye(4, dtype="int8")),
        TensorSpec(name="logits", shape=(1, 4), scale=0.1),
        output,
    ]
    operators = [
        OperatorSpec(name="FULLY_CONNECTED", inputs=(0, 1, -1), outputs=(2,), kind="FullyConnectedOptions"),
        OperatorSpec(
            name="SOFTMAX", inputs=(first_input,), outputs=(3,), kind="SoftmaxOptions", options={"Beta": 1.0}
        ),
    ]
    return tiny_models.build_model(tensors, operators, inputs=(0,), outputs=(3,))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (tiny_models.softmax_int8(), "no dense layer"),
        (tiny_models.quantize_dequantize(0.1, 0), "Operator 0 is QUANTIZE; there are kernels for FULLY_CONNECTED"),
        (b"no model", "tflite|short"),
        (
            dense_and_softmax(TensorSpec(name="scores", shape=(1, 4), scale=1 / 128, zero_point=-128)),
            "softmax gives INT8 with scale 0.0078125",
        ),
        (
            dense_and_softmax(TensorSpec(name="scores", shape=(1, 4), scale=1 / 256, zero_point=-128), first_input=0),
            "Operator 1 does not follow",
        ),
        (tiny_models.window_classifier(3, 1, gain=1e-8), "has the scale"),
    ],
)
def test_other_models_are_refused_with_the_reason(model: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_source(model)


def test_a_name_that_is_none_in_cpp() -> None:
    with pytest.raises(ValueError, match="The model's name is 'my model'"):
        model_source(datasets.load_reference_model("sine"), name="my model")

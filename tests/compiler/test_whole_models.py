"""Whole models: the labs' own and public ones give TensorFlow Lite Micro's bytes, in no more memory than it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from networks import Branches
from real_inputs import real_inputs

from tinyml_labs import datasets
from tinyml_labs.arena import measure_arena
from tinyml_labs.compiler import check_model, compile_model
from tinyml_labs.compiler.check import compare
from tinyml_labs.compiler.host_program import HostProgram, build_program
from tinyml_labs.datasets.bundled import read_checked

REFERENCES = ("sine", "gestures", "keywords", "people")
PUBLIC = (
    "tflm/hello_world_int8.tflite",
    "tflm/hello_world_float.tflite",
    "tflm/micro_speech_quantized.tflite",
    "tflm/person_detect.tflite",
    "mlperf_tiny/keyword_spotting/kws_ref_model.tflite",
    "mlperf_tiny/visual_wake_words/vww_96_int8.tflite",
    "mlperf_tiny/image_classification/pretrainedResnet_quant.tflite",
    "mlperf_tiny/image_classification/pretrainedResnet.tflite",
    "mlperf_tiny/anomaly_detection/ad01_int8.tflite",
    "mlperf_tiny/anomaly_detection/ad01_fp32.tflite",
)


def reference_model(name: str) -> bytes:
    return read_checked("people", "person_int8.tflite") if name == "people" else _load(name)


def _load(name: str) -> bytes:
    return datasets.load_reference_model(name)


@pytest.fixture(scope="module")
def references(tflm: None) -> Iterator[HostProgram]:
    with build_program([compile_model(reference_model(name), name=name) for name in REFERENCES]) as program:
        yield program


@pytest.fixture(scope="module")
def public(tflm: None, real_data: Path) -> Iterator[HostProgram]:
    models = [compile_model(real_data / "models" / file, name=name_of(file)) for file in PUBLIC]
    with build_program(models, flags=("-O2", "-ffp-contract=off")) as program:
        yield program


def name_of(file: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", Path(file).stem.lower())


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_reference_model_gives_the_bytes_of_tflm(references: HostProgram, name: str) -> None:
    report = compare(references, REFERENCES.index(name), reference_model(name), samples=16)
    assert report.equal, str(report)


@pytest.mark.slow
def test_photographs_give_the_bytes_of_tflm(references: HostProgram) -> None:
    pictures = datasets.load_photographs().images[:24]
    inputs = (pictures.reshape(len(pictures), 96, 96, 1).astype(np.int16) - 128).astype(np.int8)
    report = compare(references, REFERENCES.index("people"), reference_model("people"), inputs=inputs)
    assert report.samples == len(pictures)
    assert report.equal, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_arena_is_no_larger_than_that_of_tflm(tflm: None, name: str) -> None:
    model = reference_model(name)
    assert compile_model(model).arena_bytes <= measure_arena(model).estimate_32bit_bytes


@pytest.mark.slow
@pytest.mark.parametrize("file", PUBLIC)
def test_public_model_gives_the_bytes_of_tflm(public: HostProgram, real_data: Path, file: str) -> None:
    report = compare(public, PUBLIC.index(file), real_data / "models" / file, samples=8)
    assert report.equal, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("file", PUBLIC)
def test_arena_of_a_public_model(tflm: None, real_data: Path, file: str) -> None:
    path = real_data / "models" / file
    assert compile_model(path).arena_bytes <= measure_arena(path).estimate_32bit_bytes


@pytest.mark.slow
@pytest.mark.parametrize("file", PUBLIC)
def test_public_model_on_what_was_recorded(public: HostProgram, real_data: Path, file: str) -> None:
    inputs = real_inputs(file, real_data)
    if inputs is None:
        assert "hello_world" in file  # takes a number, and all of them are tried elsewhere
        return
    assert inputs.std() > 5
    report = compare(public, PUBLIC.index(file), real_data / "models" / file, inputs=inputs)
    assert report.samples == len(inputs)
    assert report.equal, str(report)


def test_a_multiplier_off_by_one_is_found_where_it_is(tflm: None) -> None:
    """The negative control: the last bit of one number in the second layer. Each odd sum is there a tie to round."""
    half = {"scale": 0.5, "zero_point": 0}
    n = Branches(0)
    raised = n.add((1, 8), **half)
    n.operator("RELU", [n.input((1, 8), **half)], [raised])
    weights = n.add((4, 8), scale=0.5, data=n.random.integers(-2, 3, (4, 8)).astype(np.int8))
    n.operator("FULLY_CONNECTED", [raised, weights, -1], [n.output((1, 4), **half)], "FullyConnectedOptions")
    model = n.build()
    compiled = compile_model(model, name="wrong")
    right = "layer1_multipliers[1] = {\n    1073741824,"
    assert right in compiled.sources["wrong.c"]
    compiled.sources["wrong.c"] = compiled.sources["wrong.c"].replace(right, right.replace("824,", "823,"))
    with build_program([compiled]) as program:
        report = compare(program, 0, model)
    assert 0 < report.bytes_differ < report.bytes_compared
    assert report.first_difference is not None
    assert (report.first_difference.layer, report.first_difference.op) == (1, "FULLY_CONNECTED")
    assert abs(report.first_difference.found - report.first_difference.expected) == 1
    assert "layer 1 (FULLY_CONNECTED" in str(report)


def test_check_model_says_what_it_compared(tflm: None) -> None:
    model = datasets.load_reference_model("sine")
    report = check_model(model, inputs=np.arange(-128, 128, dtype=np.int8).reshape(256, 1))
    assert (report.samples, report.bytes_compared, report.bytes_differ, report.equal) == (256, 256, 0, True)
    assert "0 of 256 bytes differ from TensorFlow Lite Micro's" in str(report)
    with pytest.raises(ValueError, match=r"the model takes int8 \(samples, 1, 1\)"):
        check_model(model, inputs=np.zeros((4, 1), np.float32))

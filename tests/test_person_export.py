"""The person sketch's files are those of the classifier, and parts that do not fit each other are refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_people
from compiled_models import compile_and_run as compile_and_run_source
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import inference
from tinyml_labs.features import ImageSettings
from tinyml_labs.person_classifier import PersonClassifier, load_reference_person_classifier
from tinyml_labs.person_export import export_person_classifier

COMPILED = ["person_settings.h", "person_model.h", "person_model.c", "person_model_board.cpp"]
BY_LIBRARY = ["person_settings.h", *(f"person_model_{part}" for part in (
    "data.h", "data.c", "settings.h", "ops.h", "tflm.cpp"))]  # fmt: skip

PROBE = """#include <cstdio>
#include "person_settings.h"
using namespace person;
int main() {
  static Detector detector(kSettings, kPersonModel);
  printf("%d %d %d %d %d\\n", detector.valid(), kWidth, kHeight, static_cast<int>(kCrop), kClasses);
  printf("%s\\n%s\\n", kLabelList, kLabels[kSettings.detected]);
  const tinyml::SmootherSettings& s = kSettings.smoothing;
  printf("%d %d %d %u\\n", s.threshold, s.release, s.hold_off, static_cast<unsigned>(s.background));
  for (int i = 0; i < 32; ++i) printf("%02x", kPersonModel.sha256[i]);
  printf("\\n%.9g %d\\n", kPersonModel.inputs[0].scale, static_cast<int>(kPersonModel.inputs[0].zero_point));
  for (size_t i = 0; i < kPersonModel.input_bytes; ++i) kPersonModel.input[i] = static_cast<uint8_t>(i + 7);
  const char* fault = kPersonModel.invoke(kPersonModel.context);
  printf("%s\\n", fault ? fault : "");
  for (size_t i = 0; i < kPersonModel.output_bytes; ++i) printf("%d ", kPersonModel.output[i]);
}
"""


def pooled_classifier() -> PersonClassifier:
    """A classifier whose model has more than dense layers and a softmax: the mean of four fields, and a line."""
    tensors = [
        TensorSpec(name="picture", shape=(1, 96, 96, 1), scale=1.0, zero_point=-128),
        TensorSpec(name="pooled", shape=(1, 1, 2, 1), scale=1.0, zero_point=-128),
        TensorSpec(name="weights", shape=(2, 2), scale=0.01, data=np.array([[9, -9], [-9, 9]], np.int8)),
        TensorSpec(name="bias", shape=(2,), type_name="INT32", scale=0.01, data=np.zeros(2, np.int32)),
        TensorSpec(name="logits", shape=(1, 2), scale=0.1, zero_point=4),
        TensorSpec(name="scores", shape=(1, 2), scale=1 / 256, zero_point=-128),
    ]
    pool = {"Padding": 1, "StrideW": 48, "StrideH": 96, "FilterWidth": 48, "FilterHeight": 96}
    operators = [
        OperatorSpec(
            name="AVERAGE_POOL_2D", inputs=(0,), outputs=(1,), kind="Pool2DOptions", options=pool, version=2
        ),
        OperatorSpec(name="FULLY_CONNECTED", inputs=(1, 2, 3), outputs=(4,), kind="FullyConnectedOptions", version=4),
        OperatorSpec(
            name="SOFTMAX", inputs=(4,), outputs=(5,), kind="SoftmaxOptions", options={"Beta": 1.0}, version=2
        ),
    ]
    return PersonClassifier(model=tiny_models.build_model(tensors, operators, inputs=(0,), outputs=(5,)))


def export(classifier: PersonClassifier, folder: Path, engine: str = "auto") -> list[str]:
    made = export_person_classifier(classifier, folder, engine=engine, arena_bytes=24576)
    return [path.name for path in made]


def probed(model: bytes) -> list[int]:
    """What TensorFlow Lite Micro (elsewhere: LiteRT) makes of the probe's input, as bytes."""
    tensor = inference.load(model).inputs[0]
    size = int(np.prod(tensor.shape))
    given = (np.arange(size) + 7).astype(np.uint8).view(np.int8).reshape(1, *tensor.shape[1:])
    return inference.run(model, given).view(np.uint8).ravel().tolist()


def compile_and_run(folder: Path, source: str = PROBE) -> str:
    return compile_and_run_source(folder, source)


def test_the_same_classifier_gives_the_same_bytes(tmp_path: Path) -> None:
    for made, engine in ((tiny_people.tiny_classifier(), "auto"), (pooled_classifier(), "tflm")):
        first, second = (
            export_person_classifier(made, tmp_path / name, engine=engine, arena_bytes=24576)
            for name in ("first", "second")
        )
        assert [file.name for file in first] == [file.name for file in second]
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
        assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(file.name for file in first)


@pytest.mark.slow
def test_the_compiled_settings_are_the_classifiers(tmp_path: Path) -> None:
    """Once compiled, and once by a library, whose stand-in gives back the first inputs."""
    dense = replace(tiny_people.tiny_classifier(), image=ImageSettings(crop="whole"), detected="no_person")
    for made, engine, crop in ((dense, "auto", 1), (pooled_classifier(), "tflm", 0)):
        assert export(made, tmp_path, engine) == (COMPILED if engine == "auto" else BY_LIBRARY)
        said = compile_and_run(tmp_path).split("\n")
        assert said[0] == f"1 96 96 {crop} 2"
        assert said[1:3] == ["no_person,person", made.detected]
        smoother = made.smoother
        levels = (smoother.threshold, smoother.release, smoother.hold_off, smoother.background_mask)
        assert tuple(map(int, said[3].split())) == levels
        assert said[4] == hashlib.sha256(made.model).hexdigest()
        assert said[5].split() == ["1", "-128"]
        assert said[6] == ""
        outputs = np.array(said[7].split(), np.uint8)
        assert outputs.tolist() == ([7, 8] if engine == "tflm" else probed(made.model))


@pytest.mark.slow
def test_the_reference_compiles(tmp_path: Path) -> None:
    reference = load_reference_person_classifier()
    export_person_classifier(reference, tmp_path)
    said = compile_and_run(tmp_path).split("\n")
    assert said[:3] == ["1 96 96 0 2", "no_person,person", "person"]
    assert said[4] == hashlib.sha256(reference.model).hexdigest()
    assert said[6] == ""
    assert np.array(said[7].split(), np.uint8).tolist() == probed(reference.model)


@pytest.mark.slow
def test_an_arena_that_is_too_small_is_told(tmp_path: Path) -> None:
    export_person_classifier(pooled_classifier(), tmp_path, engine="tflm", arena_bytes=1024)
    assert "the arena is too small: export with a larger arena_bytes." in compile_and_run(tmp_path)


@pytest.mark.slow
def test_files_of_two_exports_do_not_compile(tmp_path: Path) -> None:
    for engine, first, second in (
        ("compiled", tiny_people.tiny_classifier(), tiny_people.tiny_classifier(seed=1)),
        ("tflm", pooled_classifier(), replace(pooled_classifier(), model=pooled_classifier().model + b"\0")),
    ):
        export(first, tmp_path, engine)
        settings = (tmp_path / "person_settings.h").read_bytes()
        export(second, tmp_path, engine)
        (tmp_path / "person_settings.h").write_bytes(settings)
        said = compile_and_run(tmp_path, "int main() {}")
        assert "person_settings.h is of another model: export both again" in said


def float_classifier() -> PersonClassifier:
    shape = (1, 96, 96, 1)
    model = tiny_models.build_model(
        [TensorSpec(name="a", shape=shape, type_name="FLOAT32"), TensorSpec(name="b", shape=(1, 2), scale=0.1)],
        [OperatorSpec(name="QUANTIZE", inputs=(0,), outputs=(1,))],
        inputs=(0,),
        outputs=(1,),
    )
    return PersonClassifier(model=model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (float_classifier, "The model's input is float32 1×96×96×1, expected one of int8"),
        (
            lambda: replace(tiny_people.tiny_classifier(), labels=("a,b", "person")),
            "The label 'a,b' is empty, there twice, or has a comma",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        export(make(), tmp_path / "sketch")
    assert not (tmp_path / "sketch").exists()

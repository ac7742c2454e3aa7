"""The person sketch's files are those of the classifier, and parts that do not fit each other are refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_people
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs.features import ImageSettings
from tinyml_labs.person_classifier import PersonClassifier, load_reference_person_classifier
from tinyml_labs.person_export import export_person_classifier

REPOSITORY = Path(__file__).parents[1]
LIBRARY = REPOSITORY / "arduino_sketches" / "libraries" / "TinyMLLabs" / "src"
SKETCH = REPOSITORY / "arduino_sketches" / "person_detector"
TFLM = REPOSITORY / "tests" / "sketches" / "stand_ins" / "tflm"

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


def export(classifier: PersonClassifier, folder: Path) -> list[str]:
    return [path.name for path in export_person_classifier(classifier, folder, arena_bytes=16384)]


def compile_and_run(folder: Path, source: str = PROBE) -> str:
    if shutil.which("g++") is None:
        words = "g++ is not installed: sudo apt-get install g++"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    (folder / "probe.cpp").write_text(source)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{LIBRARY}", f"-I{folder}", f"-I{TFLM}"]
    shutil.copy(SKETCH / "tflm_model.cpp", folder)  # away from the headers of the sketch's own model
    files = [*folder.glob("*.cpp"), *folder.glob("*.c")]
    done = subprocess.run(
        ["g++", *flags, *files, "-o", folder / "probe"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return done.stderr
    return subprocess.run([folder / "probe"], capture_output=True, text=True, check=True).stdout


def test_the_same_classifier_gives_the_same_bytes(tmp_path: Path) -> None:
    for made in (tiny_people.tiny_classifier(), pooled_classifier()):
        first, second = (
            export_person_classifier(made, tmp_path / name, arena_bytes=16384) for name in ("first", "second")
        )
        assert [file.name for file in first] == [file.name for file in second]
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
        assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(file.name for file in first)


@pytest.mark.slow
def test_the_compiled_settings_are_the_classifiers(tmp_path: Path) -> None:
    """Once with a model of dense layers, which is C++ by itself, and once with one that a library runs."""
    dense = replace(tiny_people.tiny_classifier(), image=ImageSettings(crop="whole"), detected="no_person")
    for made, files, crop in (
        (dense, ["person_settings.h", "person_model.cpp"], 1),
        (pooled_classifier(), ["person_settings.h", *(f"person_model_{part}" for part in (
            "data.h", "data.c", "settings.h", "ops.h"))], 0),
    ):  # fmt: skip
        assert export(made, tmp_path) == files
        said = compile_and_run(tmp_path).split("\n")
        assert said[0] == f"1 96 96 {crop} 2"
        assert said[1:3] == ["no_person,person", made.detected]
        smoother = made.smoother
        levels = (smoother.threshold, smoother.release, smoother.hold_off, smoother.background_mask)
        assert tuple(map(int, said[3].split())) == levels
        assert said[4] == hashlib.sha256(made.model).hexdigest()
        assert said[5].split() == ["1", "-128"]
        assert said[6] == ""
        if made is not dense:
            assert said[7].split() == ["7", "8"]  # what the stand-in for the library gives


@pytest.mark.slow
def test_the_reference_compiles(tmp_path: Path) -> None:
    reference = load_reference_person_classifier()
    export_person_classifier(reference, tmp_path)
    said = compile_and_run(tmp_path).split("\n")
    assert said[:3] == ["1 96 96 0 2", "no_person,person", "person"]
    assert said[4] == hashlib.sha256(reference.model).hexdigest()
    assert said[6] == ""


@pytest.mark.slow
def test_an_arena_that_is_too_small_is_told(tmp_path: Path) -> None:
    export_person_classifier(pooled_classifier(), tmp_path, arena_bytes=1024)
    assert "the arena is too small: export with a larger arena_bytes." in compile_and_run(tmp_path)


@pytest.mark.slow
def test_files_of_two_exports_do_not_compile(tmp_path: Path) -> None:
    for first, second in (
        (tiny_people.tiny_classifier(), tiny_people.tiny_classifier(seed=1)),
        (pooled_classifier(), replace(pooled_classifier(), model=pooled_classifier().model + b"\0")),
    ):
        export(first, tmp_path)
        settings = (tmp_path / "person_settings.h").read_bytes()
        export(second, tmp_path)
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

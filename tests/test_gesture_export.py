"""The gesture sketch's settings are those of the classifier, and parts that do not fit each other are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from compiled_models import compile_and_run
from tiny_gestures import tiny_classifier

from tinyml_labs.features import MotionFeatureSettings, Normalisation
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.gesture_export import export_gesture_classifier

FILES = ["gesture_settings.h", "gesture_model.h", "gesture_model.c", "gesture_model_board.cpp"]


@pytest.fixture(scope="module")
def classifier() -> GestureClassifier:
    return tiny_classifier()


def test_the_same_classifier_gives_the_same_bytes(classifier: GestureClassifier, tmp_path: Path) -> None:
    first = export_gesture_classifier(classifier, tmp_path / "first")
    second = export_gesture_classifier(classifier, tmp_path / "second")
    assert [file.name for file in first] == FILES
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(FILES)


def test_an_export_removes_the_files_of_the_other_engine(classifier: GestureClassifier, tmp_path: Path) -> None:
    by_library = export_gesture_classifier(classifier, tmp_path, engine="tflm", arena_bytes=8192)
    assert sorted(tmp_path.iterdir()) == sorted(by_library)
    assert "gesture_model_tflm.cpp" in {path.name for path in by_library}
    assert [path.name for path in export_gesture_classifier(classifier, tmp_path)] == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_taps_and_engines(classifier: GestureClassifier, tmp_path: Path) -> None:
    export_gesture_classifier(classifier, tmp_path, taps=True)
    assert "#define GESTURE_MODEL_TAPS 1" in (tmp_path / "gesture_model.h").read_text()
    with pytest.raises(ValueError, match="Only a compiled model shows its layers"):
        export_gesture_classifier(classifier, tmp_path, engine="tflm", taps=True)
    with pytest.raises(ValueError, match="The engine is 'onnx', expected one of auto, compiled, tflm"):
        export_gesture_classifier(classifier, tmp_path, engine="onnx")


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 6])
def test_the_compiled_settings_are_the_classifiers(channels: int, tmp_path: Path) -> None:
    made = tiny_classifier(channels)
    export_gesture_classifier(made, tmp_path)
    said = compile_and_run(
        tmp_path,
        """#include <cstdio>
#include "gesture_settings.h"
using namespace gesture;
int main() {
  static Classifier classifier(kSettings, kGestureModel);
  printf("%d %zu %zu %zu %d %zu\\n", classifier.valid(), kLength, kSettings.stride, kChannels, kClasses, kFeatures);
  printf("%s\\n%s\\n", kLabelList, kLabels[kClasses - 1]);
  const tinyml::SmootherSettings& s = kSettings.smoothing;
  printf("%d %d %d %u\\n", s.threshold, s.release, s.hold_off, static_cast<unsigned>(s.background));
  for (float value : kBandEdgesHz) printf("%.9g ", value);
  printf("%.9g %.9g\\n", kSettings.rate_hz, kSettings.normalisation.limit);
  for (size_t i = 0; i < kFeatures; ++i) printf("%.9g %.9g ", kMean[i], kInverseScale[i]);
}
""",
    ).split("\n")
    count, smoother = len(made.normalisation.mean), made.smoother
    assert said[0] == f"1 {made.window.length} {made.window.stride} {channels} {len(made.labels)} {count}"
    assert said[1:3] == [",".join(made.labels), made.labels[-1]]
    levels = (smoother.threshold, smoother.release, smoother.hold_off, smoother.background_mask)
    assert tuple(map(int, said[3].split())) == levels
    expected = np.float32([*made.features.bands_hz, made.window.rate_hz, made.normalisation.limit])
    np.testing.assert_array_equal(np.array(said[4].split(), np.float32), expected)
    constants = np.array(said[5].split(), np.float32).reshape(-1, 2)
    np.testing.assert_array_equal(constants[:, 0], made.normalisation.mean)
    np.testing.assert_array_equal(constants[:, 1], made.normalisation.inverse_scale)


@pytest.mark.slow
def test_files_of_two_exports_do_not_compile(classifier: GestureClassifier, tmp_path: Path) -> None:
    export_gesture_classifier(classifier, tmp_path)
    settings = (tmp_path / "gesture_settings.h").read_bytes()
    export_gesture_classifier(tiny_classifier(seed=1), tmp_path)
    (tmp_path / "gesture_settings.h").write_bytes(settings)
    assert "gesture_settings.h is of another model: export both again" in compile_and_run(tmp_path, "int main() {}")


def changed(made: GestureClassifier, what: str) -> GestureClassifier:
    labels = list(made.labels)
    other = Normalisation(mean=made.normalisation.mean[1:], scale=made.normalisation.scale[1:])
    return {
        "channels": lambda: replace(made, channels=4),
        "rotation": lambda: replace(made, channels=6),
        "rate": lambda: replace(made, features=MotionFeatureSettings(rate_hz=100)),
        "normalisation": lambda: replace(made, normalisation=other),
        "bands": lambda: replace(made, features=MotionFeatureSettings(bands_hz=(1.0, 2.0, 5.0))),
        "inputs": lambda: replace(made, model=tiny_models.window_classifier(37, 1, classes=11)),
        "scores": lambda: replace(made, labels=made.labels[:-1], background=("idle",)),
        "comma": lambda: replace(made, labels=(*labels[:3], "a,b", *labels[4:])),
        "twice": lambda: replace(made, labels=(*labels[:3], "circle", *labels[4:])),
        "long": lambda: replace(made, labels=(*labels[:3], "a" * 200, *labels[4:])),
        "layers": lambda: replace(made, model=tiny_models.quantize_dequantize(0.1, 0, "INT8")),
    }[what]()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("channels", "channels is 4, expected 3"),
        ("rotation", "normalisation is for 38 values, and a window of 6 channels has 52 features"),
        ("rate", "windows are at 119 samples a second and the features at 100"),
        ("normalisation", "normalisation is for 37 values, and a window of 3 channels has 38 features"),
        ("bands", "normalisation is for 38 values, and a window of 3 channels has 31 features"),
        ("inputs", "The model takes 1×37×1, and a window of 3 channels has 38 features"),
        ("scores", "There are 10 labels, and the model gives 11 scores"),
        ("comma", "The label 'a,b' is empty, there twice, or has a comma"),
        ("twice", "The label 'circle' is empty, there twice"),
        ("long", "The labels are .* bytes together; a board can tell 255"),
        ("layers", "The model takes 1×8"),
    ],
)
def test_what_does_not_fit_is_refused(classifier: GestureClassifier, what: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        export_gesture_classifier(changed(classifier, what), tmp_path / "sketch")
    assert not (tmp_path / "sketch").exists()

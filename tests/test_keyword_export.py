"""The keyword sketch's files are those of the classifier, and parts that do not fit each other are refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_keywords
import tiny_models
from compiled_models import compile_and_run as compile_and_run_source
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import inference
from tinyml_labs.features import SpectrogramSettings, WindowSettings
from tinyml_labs.keyword_classifier import KeywordClassifier, load_reference_keyword_classifier
from tinyml_labs.keyword_export import export_keyword_classifier

COMPILED = ["keyword_settings.h", "keyword_model.h", "keyword_model.c", "keyword_model_board.cpp"]
BY_LIBRARY = ["keyword_settings.h", *(f"keyword_model_{part}" for part in (
    "data.h", "data.c", "settings.h", "ops.h", "tflm.cpp"))]  # fmt: skip

PROBE = """#include <cstdio>
#include "keyword_settings.h"
using namespace keyword;
int main() {
  static Classifier classifier(kSettings, kKeywordModel);
  printf("%d %zu %zu %zu %d %d\\n", classifier.valid(), kFrames, kSettings.stride, kChannels, kClasses, kEvery);
  printf("%s\\n%s\\n", kLabelList, kLabels[kClasses - 1]);
  const tinyml::SmootherSettings& s = kSettings.smoothing;
  printf("%d %d %d %u\\n", s.threshold, s.release, s.hold_off, static_cast<unsigned>(s.background));
  for (int i = 0; i < 32; ++i) printf("%02x", kKeywordModel.sha256[i]);
  printf("\\n%.9g %d\\n", kKeywordModel.inputs[0].scale, static_cast<int>(kKeywordModel.inputs[0].zero_point));
  for (size_t i = 0; i < kKeywordModel.input_bytes; ++i) kKeywordModel.input[i] = static_cast<uint8_t>(i + 7);
  const char* fault = kKeywordModel.invoke(kKeywordModel.context);
  printf("%s\\n", fault ? fault : "");
  for (size_t i = 0; i < kKeywordModel.output_bytes; ++i) printf("%d ", kKeywordModel.output[i]);
}
"""


def logistic_classifier() -> KeywordClassifier:
    """A classifier whose model has more than dense layers and a softmax."""
    size = 49 * 40
    tensors = [
        TensorSpec(name="frames", shape=(1, 49, 40, 1), scale=0.1, zero_point=-128),
        TensorSpec(name="weights", shape=(4, size), scale=0.01, data=np.ones((4, size), np.int8)),
        TensorSpec(name="bias", shape=(4,), type_name="INT32", scale=0.001, data=np.zeros(4, np.int32)),
        TensorSpec(name="logits", shape=(1, 4), scale=0.1, zero_point=4),
        TensorSpec(name="scores", shape=(1, 4), scale=1 / 256, zero_point=-128),
    ]
    operators = [
        OperatorSpec(name="FULLY_CONNECTED", inputs=(0, 1, 2), outputs=(3,), kind="FullyConnectedOptions", version=4),
        OperatorSpec(name="LOGISTIC", inputs=(3,), outputs=(4,)),
    ]
    return KeywordClassifier(model=tiny_models.build_model(tensors, operators, inputs=(0,), outputs=(4,)))


def export(classifier: KeywordClassifier, folder: Path, engine: str = "auto") -> list[str]:
    made = export_keyword_classifier(classifier, folder, engine=engine, arena_bytes=8192)
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
    for made, engine in ((tiny_keywords.tiny_classifier(), "auto"), (logistic_classifier(), "tflm")):
        first, second = (
            export_keyword_classifier(made, tmp_path / name, engine=engine, arena_bytes=8192)
            for name in ("first", "second")
        )
        assert [file.name for file in first] == [file.name for file in second]
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
        assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(file.name for file in first)


@pytest.mark.slow
def test_the_compiled_settings_are_the_classifiers(tmp_path: Path) -> None:
    """Once compiled, and once by a library, whose stand-in gives back the first inputs."""
    chosen = SpectrogramSettings(stride_ms=30)
    window = WindowSettings(rate_hz=chosen.rate_of_frames_hz, window_ms=1470, stride_ms=210)
    dense = replace(tiny_keywords.tiny_classifier(), spectrogram=chosen, window=window)
    for made, engine, scale in ((dense, "auto", 26.2 / 255), (logistic_classifier(), "tflm", 0.1)):
        assert export(made, tmp_path, engine) == (COMPILED if engine == "auto" else BY_LIBRARY)
        said = compile_and_run(tmp_path).split("\n")
        every = made.spectrogram.stride_ms // 10
        assert said[0] == f"1 49 {made.window.stride} 40 {len(made.labels)} {every}"
        assert said[1:3] == [",".join(made.labels), made.labels[-1]]
        smoother = made.smoother
        levels = (smoother.threshold, smoother.release, smoother.hold_off, smoother.background_mask)
        assert tuple(map(int, said[3].split())) == levels
        assert said[4] == hashlib.sha256(made.model).hexdigest()
        assert np.float32(said[5].split()[0]) == np.float32(scale) and said[5].split()[1] == "-128"
        assert said[6] == ""
        outputs = np.array(said[7].split(), np.uint8)
        assert outputs.tolist() == ([7, 8, 9, 10] if engine == "tflm" else probed(made.model))


@pytest.mark.slow
def test_the_reference_compiles(tmp_path: Path) -> None:
    reference = load_reference_keyword_classifier()
    export_keyword_classifier(reference, tmp_path)
    said = compile_and_run(tmp_path).split("\n")
    assert said[:3] == ["1 49 5 40 4 2", "silence,unknown,yes,no", "no"]
    assert said[4] == hashlib.sha256(reference.model).hexdigest()
    assert said[6] == ""
    assert np.array(said[7].split(), np.uint8).tolist() == probed(reference.model)


@pytest.mark.slow
def test_an_arena_that_is_too_small_is_told(tmp_path: Path) -> None:
    export_keyword_classifier(logistic_classifier(), tmp_path, engine="tflm", arena_bytes=1024)
    assert "the arena is too small: export with a larger arena_bytes." in compile_and_run(tmp_path)


@pytest.mark.slow
def test_files_of_two_exports_do_not_compile(tmp_path: Path) -> None:
    for engine, first, second in (
        ("compiled", tiny_keywords.tiny_classifier(), tiny_keywords.tiny_classifier(seed=1)),
        ("tflm", logistic_classifier(), replace(logistic_classifier(), model=logistic_classifier().model + b"\0")),
    ):
        export(first, tmp_path, engine)
        settings = (tmp_path / "keyword_settings.h").read_bytes()
        export(second, tmp_path, engine)
        (tmp_path / "keyword_settings.h").write_bytes(settings)
        said = compile_and_run(tmp_path, "int main() {}")
        assert "keyword_settings.h is of another model: export both again" in said


def float_classifier() -> KeywordClassifier:
    model = tiny_models.build_model(
        [TensorSpec(name="a", shape=(1, 1960), type_name="FLOAT32"), TensorSpec(name="b", shape=(1, 4), scale=0.1)],
        [OperatorSpec(name="QUANTIZE", inputs=(0,), outputs=(1,))],
        inputs=(0,),
        outputs=(1,),
    )
    return KeywordClassifier(model=model)


def long_classifier() -> KeywordClassifier:
    window = WindowSettings(rate_hz=50, window_ms=2040, stride_ms=100)
    return KeywordClassifier(model=tiny_models.window_classifier(102, 40, more_axes=1), window=window)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (float_classifier, "The model's input is float32 1×1960, expected one of int8"),
        (long_classifier, "The model takes 4080 values, and the sketch 4032 at most"),
        (
            lambda: replace(tiny_keywords.tiny_classifier(), labels=("silence", "unknown", "a,b", "no")),
            "The label 'a,b' is empty, there twice, or has a comma",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        export(make(), tmp_path / "sketch")
    assert not (tmp_path / "sketch").exists()

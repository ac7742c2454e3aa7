"""The board's way from frames to events against Python's: int8 inputs, windows, scores, events, byte by byte."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_keywords
from cpp_programs import FOLDER, SANITIZERS, SOURCES, STRICT, model_objects, require_compiler
from numpy.typing import NDArray
from toolchains import run_compiler

from tinyml_labs import inference
from tinyml_labs.features import SpectrogramSettings, WindowSettings, cut_windows, spectrogram, to_real
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.keyword_export import export_keyword_classifier
from tinyml_labs.smoothing import smooth_scores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

COMPILERS = {"g++": ("g++", *SANITIZERS), "clang++": ("clang", "-O2")}
GAP = np.full((1, 40), 65535, np.uint16)


def compile_classifier(classifier: KeywordClassifier, folder: Path, compiler: str = "g++") -> Path:
    export_keyword_classifier(classifier, folder)
    package, *flags = COMPILERS[compiler]
    command = [require_compiler(compiler, package), "-std=c++11", *STRICT, *flags, f"-I{SOURCES}", f"-I{folder}"]
    sources = [FOLDER / "keyword_classifier.cpp", folder / "keyword_model_board.cpp"]
    objects = model_objects(folder, "keyword_model", *flags)
    run_compiler([*command, *sources, *objects, "-o", folder / "classifier"])
    return folder / "classifier"


def run_classifier(program: Path, classifier: KeywordClassifier, frames: NDArray[np.uint16]) -> NDArray[np.void]:
    """Give a record a window."""
    done = subprocess.run([program], input=frames.astype("<u2").tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    inputs = classifier.window.length * 40
    row = [("inputs", "i1", inputs), ("scores", "i1", len(classifier.labels)), ("event", "<i4")]
    return np.frombuffer(done.stdout, row)


def expect(classifier: KeywordClassifier, frames: NDArray[np.uint16]) -> tuple[NDArray, NDArray, NDArray]:
    """Inputs, scores and events, as Python makes them."""
    tensor = inference.load(classifier.model).inputs[0]
    windows, _ = cut_windows(to_real(frames), classifier.window)
    inputs = inference.quantize(windows, tensor.scale, tensor.zero_point).reshape(len(windows), -1)
    scores = inference.run(classifier.model, inputs.reshape(-1, *tensor.shape[1:]), "tflm")
    return inputs, scores, smooth_scores(scores, classifier.smoother)


def assert_equal(found: NDArray[np.void], expected: tuple[NDArray, NDArray, NDArray]) -> None:
    for name, values in zip(("inputs", "scores", "event"), expected, strict=True):
        np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_bytes_are_pythons(compiler: str, tmp_path: Path) -> None:
    classifier = tiny_keywords.tiny_classifier()
    frames = spectrogram(tiny_keywords.room(30), classifier.spectrogram)
    expected = expect(classifier, frames)
    assert (expected[2] >= 0).sum() >= 5
    program = compile_classifier(classifier, tmp_path, compiler)
    assert_equal(run_classifier(program, classifier, frames), expected)


def test_every_raw_value_becomes_pythons_int8(tmp_path: Path) -> None:
    """All 65,535 of them, 40 a frame; so also what the front end never gives."""
    classifier = tiny_keywords.tiny_classifier()
    window = WindowSettings(rate_hz=50, window_ms=980, stride_ms=980)
    classifier = replace(classifier, window=window)
    frames = np.resize(np.arange(65535, dtype=np.uint16), (1666, 40))  # 34 windows
    program = compile_classifier(classifier, tmp_path)
    assert_equal(run_classifier(program, classifier, frames), expect(classifier, frames))


def test_no_window_and_no_average_goes_across_a_gap(tmp_path: Path) -> None:
    classifier = tiny_keywords.tiny_classifier()
    sounds = [tiny_keywords.room(seconds, seed) for seed, seconds in enumerate((7, 0.5, 9.3))]
    pieces = [spectrogram(sound, classifier.spectrogram) for sound in sounds]
    given = np.concatenate([pieces[0], GAP, pieces[1], GAP, pieces[2]])
    program = compile_classifier(classifier, tmp_path)
    expected = [expect(classifier, piece) for piece in (pieces[0], pieces[2])]
    joined = tuple(np.concatenate(parts) for parts in zip(*expected, strict=True))
    assert_equal(run_classifier(program, classifier, given), joined)


def test_with_frames_every_30_ms_and_other_strides(tmp_path: Path) -> None:
    chosen = SpectrogramSettings(stride_ms=30)
    classifier = replace(
        tiny_keywords.tiny_classifier(average_windows=1),
        spectrogram=chosen,
        window=WindowSettings(rate_hz=chosen.rate_of_frames_hz, window_ms=1470, stride_ms=210),
    )
    assert (classifier.window.length, classifier.window.stride) == (49, 7)
    frames = spectrogram(tiny_keywords.room(30), chosen)
    program = compile_classifier(classifier, tmp_path)
    assert_equal(run_classifier(program, classifier, frames), expect(classifier, frames))

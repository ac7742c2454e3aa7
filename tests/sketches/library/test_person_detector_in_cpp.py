"""The board's way from pictures to a state against Python's: pictures, int8 inputs, scores, states, byte by byte."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_people
from cpp_programs import FOLDER, SANITIZERS, SOURCES, STRICT, model_objects, require_compiler, run_lines
from numpy.typing import NDArray
from toolchains import run_compiler

from tinyml_labs import inference
from tinyml_labs.features import ImageSettings
from tinyml_labs.person_classifier import PersonClassifier
from tinyml_labs.person_export import export_person_classifier
from tinyml_labs.presence import Presence, track_presence
from tinyml_labs.smoothing import SmootherSettings

pytestmark = pytest.mark.slow

COMPILERS = {"g++": ("g++", *SANITIZERS), "clang++": ("clang", "-O2")}


def follow_the_rule(scores: list[int], window: int, threshold: int, release: int, hold_off: int) -> list[bool]:
    """The states by the words of presence.h, without a running sum."""
    states, present, changed_at = [], False, None
    for at in range(len(scores)):
        if at >= window - 1 and (changed_at is None or at - changed_at > hold_off):
            mean = np.mean(scores[at - window + 1 : at + 1])
            if (mean < release) if present else (mean >= threshold):
                present, changed_at = not present, at
        states.append(present)
    return states


@pytest.mark.parametrize(("window", "low", "high"), [(1, -128, 127), (4, -128, 127), (5, 0, 255), (255, -999, 999)])
def test_scores_become_states_by_the_rule(window: int, low: int, high: int) -> None:
    """The board's, the package's and the rule above: the same states, and the first two the same sums."""
    chance = random.Random(window)
    changes = 0
    for _ in range(20):
        step = chance.choice((1, (high - low) // 5))  # coarse scores are often just the threshold
        threshold = chance.randint(low, high) // step * step
        release = threshold - chance.choice((0, chance.randint(0, high - low) // step * step))
        numbers = (window, threshold, release, chance.choice((0, 1, 5, 30)))
        names = ("average_windows", "threshold", "release", "hold_off")
        presence = Presence(SmootherSettings(**dict(zip(names, numbers, strict=True)), background=()))
        lines: list[str] = []
        expected: list[str] = []
        level = (low + high) // 2
        for _ in range(3):
            piece = []
            for _ in range(500):
                level = min(high, max(low, level + chance.randint(-(high - low) // 3, (high - low) // 3)))
                piece.append(max(low, level // step * step))
            by_rule = follow_the_rule(piece, *numbers)
            for score, there in zip(piece, by_rule, strict=True):
                changed = presence.update(score)
                assert presence.present == there
                changes += changed
                lines.append(str(score))
                expected.append(f"{changed:d} {there:d} {presence.sum}")
            presence.reset()
            lines.append("reset")
        assert run_lines("presence", *numbers, given="\n".join(lines) + "\n") == expected
    assert changes > 20


def compile_classifier(classifier: PersonClassifier, folder: Path, compiler: str = "g++") -> Path:
    export_person_classifier(classifier, folder)
    package, *flags = COMPILERS[compiler]
    command = [require_compiler(compiler, package), "-std=c++11", *STRICT, *flags, f"-I{SOURCES}", f"-I{folder}"]
    sources = [FOLDER / "person_detector.cpp", folder / "person_model_board.cpp"]
    objects = model_objects(folder, "person_model", *flags)
    run_compiler([*command, *sources, *objects, "-o", folder / "detector"])
    return folder / "detector"


def run_detector(program: Path, classifier: PersonClassifier, pictures: NDArray[np.uint8]) -> NDArray[np.void]:
    """Give a record a picture."""
    done = subprocess.run([program], input=pictures.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    size = classifier.image.width * classifier.image.height
    row = [("picture", "u1", size), ("inputs", "i1", size), ("scores", "i1", len(classifier.labels))]
    return np.frombuffer(done.stdout, [*row, ("average", "<f4"), ("state", "<i4")])


def assert_equal(found: NDArray[np.void], classifier: PersonClassifier, pictures: NDArray[np.uint8]) -> int:
    """Compare with Python's way; give how often somebody came or went."""
    tensor = inference.load(classifier.model).inputs[0]
    small = classifier.inputs(pictures)
    inputs = inference.quantize(small, tensor.scale, tensor.zero_point)
    scores = inference.run(classifier.model, inputs, "tflm")
    sought = scores[:, classifier.detected_class]
    states = track_presence(sought, classifier.smoother).astype(np.int32)
    changes = np.diff(states, prepend=0) != 0
    for name, values in (("picture", small), ("inputs", inputs), ("scores", scores)):
        np.testing.assert_array_equal(found[name], values.reshape(len(values), -1), name)
    np.testing.assert_array_equal(found["state"], states + 2 * changes)
    width = classifier.smoother.average_windows
    means = np.convolve(sought.astype(np.float64), np.full(width, 1 / width), "valid")
    np.testing.assert_allclose(found["average"][width - 1 :], (means + 128) / 256, atol=1e-5)
    return int(changes.sum())


@pytest.mark.usefixtures("tflm")
@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_bytes_are_pythons(compiler: str, tmp_path: Path) -> None:
    classifier, pictures = tiny_people.tiny_classifier(), tiny_people.pictures(60)
    program = compile_classifier(classifier, tmp_path, compiler)
    assert assert_equal(run_detector(program, classifier, pictures), classifier, pictures) >= 5


@pytest.mark.usefixtures("tflm")
def test_other_sizes_labels_and_scales_of_the_input(tmp_path: Path) -> None:
    """A model that was calibrated with pictures without white has another scale, and is right all the same."""
    model = tiny_models.window_classifier(
        48, 64, 3, input_scale=251 / 255, input_zero_point=-126, more_axes=1, gain=3
    )
    classifier = PersonClassifier(
        model=model,
        labels=("dog", "cat", "none"),
        detected="dog",
        image=ImageSettings(width=64, height=48, crop="whole"),
        smoothing={**tiny_people.SMOOTHING, "average_windows": 1},
    )
    pictures = tiny_people.pictures(30, seed=3)
    program = compile_classifier(classifier, tmp_path)
    assert_equal(run_detector(program, classifier, pictures), classifier, pictures)
    whole = replace(classifier, detected="cat")
    program = compile_classifier(whole, tmp_path)
    assert_equal(run_detector(program, whole, pictures), whole, pictures)

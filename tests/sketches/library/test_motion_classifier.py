"""The board's whole way from samples to events against Python's: windows, features, int8 inputs, scores, events."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from cpp_programs import FOLDER, SANITIZERS, SOURCES, STRICT, model_objects, require_compiler
from gesture_expectations import TOLERANCE
from numpy.typing import NDArray
from tiny_gestures import sitting, tiny_classifier

from tinyml_labs import inference
from tinyml_labs.features import cut_windows, motion_features
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.gesture_export import export_gesture_classifier
from tinyml_labs.smoothing import smooth_scores

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]


def run_classifier(
    classifier: GestureClassifier, pieces: list[NDArray[np.float32]], folder: Path
) -> NDArray[np.void]:
    """Run the library's classifier on samples, with a gap between two pieces; give a record a window."""
    export_gesture_classifier(classifier, folder)
    flags = ["-std=c++11", *SANITIZERS, *STRICT, f"-I{SOURCES}", f"-I{folder}"]
    files = [str(FOLDER / "motion_classifier.cpp"), str(folder / "gesture_model_board.cpp")]
    files += map(str, model_objects(folder, "gesture_model", *SANITIZERS))
    command = [require_compiler("g++", "g++"), *flags, *files, "-o", str(folder / "program")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    gap = np.full((1, classifier.channels), np.nan, np.float32)
    samples = np.concatenate([row for piece in pieces for row in (piece, gap)])
    ran = subprocess.run([str(folder / "program")], input=samples.tobytes(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[-4000:]
    count = len(classifier.normalisation.mean)
    record = [("features", "<f4", count), ("inputs", "i1", count), ("scores", "i1", len(classifier.labels))]
    found = np.frombuffer(ran.stdout, np.dtype([*record, ("event", "<i4")]))
    assert int(ran.stderr) > 100 * len(found)  # there is time for the sensor
    return found


@pytest.mark.parametrize("channels", [3, 6])
def test_a_sitting_with_a_gap(channels: int, tmp_path: Path) -> None:
    classifier = tiny_classifier(channels)
    samples = np.concatenate([sitting(seed).samples[:, :channels] for seed in range(5, 9)])
    pieces = [samples[:3001], samples[3050:]]
    found = run_classifier(classifier, pieces, tmp_path)

    windows = [cut_windows(piece, classifier.window)[0] for piece in pieces]
    features = motion_features(np.concatenate(windows), classifier.features)
    np.testing.assert_allclose(found["features"], features, rtol=0, atol=TOLERANCE)

    tensor = inference.load(classifier.model).inputs[0]
    normal = classifier.normalisation.apply(found["features"])
    np.testing.assert_array_equal(found["inputs"], inference.quantize(normal, tensor.scale, tensor.zero_point))
    inputs = inference.quantize(classifier.normalisation.apply(features), tensor.scale, tensor.zero_point)
    assert np.abs(inputs.astype(int) - found["inputs"]).max() <= 1  # rounding, where a value lies between two
    assert (inputs != found["inputs"]).mean() < 1e-3  # 2 of 520,752 on the bundled recordings

    scores = inference.run(classifier.model, found["inputs"].reshape(-1, *tensor.shape[1:]), "tflm")
    np.testing.assert_array_equal(found["scores"], scores)
    events = smooth_scores(found["scores"], classifier.smoother, resets={len(windows[0])})
    np.testing.assert_array_equal(found["event"], events)
    assert (events >= 0).sum() > 10

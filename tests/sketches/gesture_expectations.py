"""What the gesture classifier should make of a sitting that an IMU plays round and round: what Python makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs import inference
from tinyml_labs.features import cut_windows, motion_features
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.model_file import read_model
from tinyml_labs.smoothing import smooth_scores

TOLERANCE = 5e-5  # of a feature
ROUNDS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """A sitting that is played round and round, and what the classifier makes of it."""

    classifier: GestureClassifier
    samples: NDArray[np.float32]
    features: NDArray[np.float32]
    scores: NDArray[np.int8]
    events: NDArray[np.int64]
    sure: NDArray[np.bool_]
    """Windows in which no feature is so near the edge of rounding that the board may have another byte."""

    def find(self, rows: NDArray[np.float32]) -> slice:
        """Find the windows whose features the board has sent."""
        first = int(np.abs(self.features - rows[0]).max(axis=1).argmin())
        return slice(first, first + len(rows))

    @property
    def texts(self) -> list[str]:
        """What the board says of each event: label and averaged probability."""
        width = self.classifier.smoother.average_windows
        texts = []
        for window in np.flatnonzero(self.events >= 0):
            label = self.events[window]
            average = self.scores[window - width + 1 : window + 1, label].astype(np.float64).mean()
            percent = int((average + 128) / 256 * 100 + 0.5)
            texts.append(f"{self.classifier.labels[label]} {percent // 100}.{percent % 100:02d}")
        return texts


def quantized(classifier: GestureClassifier, features: NDArray[np.float32]) -> NDArray[np.integer]:
    tensor = read_model(classifier.model).inputs[0]
    normal = classifier.normalisation.apply(features)
    return inference.quantize(normal, tensor.scale, tensor.zero_point).reshape(-1, *tensor.shape[1:])


def expect(classifier: GestureClassifier, samples: NDArray[np.float32]) -> Expected:
    windows, _ = cut_windows(np.tile(samples[:, : classifier.channels], (ROUNDS, 1)), classifier.window)
    features = motion_features(windows, classifier.features)
    inputs, below, above = (quantized(classifier, features + change) for change in (0, -TOLERANCE, TOLERANCE))
    sure = ((below == inputs) & (above == inputs)).reshape(len(inputs), -1).all(axis=1)
    scores = inference.run(classifier.model, inputs, "tflm")
    events = smooth_scores(scores, classifier.smoother)
    return Expected(
        classifier=classifier, samples=samples, features=features, scores=scores, events=events, sure=sure
    )

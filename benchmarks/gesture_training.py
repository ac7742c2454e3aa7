"""Networks that are trained on a part of other people's recordings and tested on the rest, by a fixed split."""

import numpy as np

from tinyml_labs import conversion, inference, models
from tinyml_labs.features import MotionFeatureSettings, Normalisation, motion_features
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.quiet import import_quietly

POINTS = 64  # of a stroke


def fine_tune(classifier: GestureClassifier, windows: np.ndarray, y: np.ndarray, seed: int) -> bytes:
    """Go on training the classifier's network on a person's own windows; give the int8 model.

    The weights are those of the .tflite file, made real numbers again. All its classes stay; those that the person
    has not recorded get no new examples.
    """
    keras = import_quietly("keras")
    keras.utils.set_random_seed(seed)
    x = classifier.inputs(windows)
    model = models.rebuild_dense(classifier.model, noise=0.3)
    models.train_classifier(model, x, y, epochs=30, batch_size=16, learning_rate=1e-3)
    return conversion.convert(model, training_data=x)


def to_stroke(points: np.ndarray) -> np.ndarray:
    """Give a stroke a fixed number of points, middle and size: float32 (POINTS, 2)."""
    centred = points - points.mean(axis=0)
    at = np.linspace(0, len(centred) - 1, POINTS)
    even = np.stack([np.interp(at, np.arange(len(centred)), axis) for axis in centred.T], axis=1)
    return (even / max(float(np.abs(even).max()), 1e-6)).astype(np.float32)


def vary_strokes(strokes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Turn, stretch and shear strokes a little, and draw parts of them faster."""
    count = len(strokes)
    angle, shear = random.normal(0, 0.2, (count, 1, 1)), random.normal(0, 0.12, (count, 1))
    turn = np.concatenate(
        [np.concatenate([np.cos(angle), -np.sin(angle)], 2), np.concatenate([np.sin(angle), np.cos(angle)], 2)], 1
    )
    varied = (strokes @ turn) * np.exp(random.normal(0, 0.12, (count, 1, 2)))
    varied[:, :, 0] += shear * varied[:, :, 1]
    pace = np.cumsum(np.exp(random.normal(0, 0.25, (count, 8))).repeat(POINTS // 8, 1), axis=1)
    pace = (pace - pace[:, :1]) / (pace[:, -1:] - pace[:, :1]) * (POINTS - 1)
    made = [
        np.stack([np.interp(at, np.arange(POINTS), stroke[:, axis]) for axis in (0, 1)], axis=1)
        for at, stroke in zip(pace, varied, strict=True)
    ]
    return (np.array(made) + random.normal(0, 0.01, strokes.shape)).astype(np.float32)


def train_strokes(strokes: np.ndarray, y: np.ndarray, classes: int) -> bytes:
    """Train a small convolution on strokes; give the int8 model, input (1, POINTS, 2, 1)."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    copies = 8
    x = np.concatenate([strokes, *(vary_strokes(strokes, random) for _ in range(copies))])[..., None]
    layers: list = [keras.Input((POINTS, 2, 1))]
    for filters, size in ((16, (7, 2)), (24, (5, 1)), (32, (5, 1))):
        layers += [
            keras.layers.Conv2D(filters, size, (2, 1), use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dropout(0.3), keras.layers.Dense(classes, activation="softmax")]
    model = keras.Sequential(layers)
    models.train_classifier(model, x, np.tile(y, copies + 1), epochs=16)
    return conversion.convert(model, training_data=x)


def train_on_features(
    windows: np.ndarray, y: np.ndarray, classes: int, settings: MotionFeatureSettings
) -> tuple[bytes, Normalisation]:
    """Train the lab's dense network on motion features of other windows; give the int8 model, and how to scale."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(0)
    features = motion_features(windows, settings)
    normalisation = Normalisation.fit(features, limit=4.0)
    x = normalisation.apply(features)
    model = models.build_gesture_dense(x.shape[1], classes)
    models.train_classifier(model, x, y, epochs=60, batch_size=8)
    return conversion.convert(model, training_data=x), normalisation


def nearest_three(training: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Give each sample the class that most of its three nearest neighbours have: a yardstick."""
    distances = ((x[:, None] - training[None]) ** 2).sum(axis=2)
    votes = y[np.argsort(distances, axis=1)[:, :3]]
    return np.array([np.bincount(row).argmax() for row in votes])


def predict(model: bytes, x: np.ndarray) -> np.ndarray:
    """Run an int8 model; give the class of each sample."""
    return inference.predict(model, x).argmax(axis=1)

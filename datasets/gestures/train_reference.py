"""Train gestures_int8.tflite and gestures.json, the gesture classifier that runs before you have trained one.

    python datasets/gestures/train_reference.py

The bundled data alone: 30 people to train with, 8 to test with. When the threshold of an event is chosen, eight of
the 30 stand aside; the final network learns from all. Seeded; another machine or TensorFlow version may round
otherwise and give a model that is a little different and as good.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinyml_labs import conversion, datasets, evaluation, inference, models
from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.features import (
    LabelledWindows,
    MotionFeatureSettings,
    Normalisation,
    WindowSettings,
    cut_labelled_windows,
    motion_features,
)
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.quiet import import_quietly
from tinyml_labs.streaming import stream_predict

SEED = 0
EPOCHS = 40
BATCH = 128
OTHER_WEIGHT = 8.0  # rather a gesture missed than a false alarm
CHANNELS = 3  # acceleration: the board of the next student may have no gyroscope
WINDOW = WindowSettings(rate_hz=119.0, window_ms=2000, stride_ms=250)
TRAINING_STRIDE = WindowSettings(rate_hz=119.0, window_ms=2000, stride_ms=126)  # more windows to learn from
FEATURES = MotionFeatureSettings(rate_hz=119.0)
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def cut(recordings: Any, data: datasets.GestureData) -> LabelledWindows:
    """Cut windows of the channels that the model takes."""
    return cut_labelled_windows(recordings, TRAINING_STRIDE, data.labels, channels=slice(CHANNELS))


def train(recordings: Any, data: datasets.GestureData, smoothing: dict[str, float]) -> tuple[GestureClassifier, Any]:
    """Train on some recordings; give the int8 classifier and the Keras model."""
    import_quietly("keras").utils.set_random_seed(SEED)
    windows = cut(recordings, data)
    features = motion_features(windows.x, FEATURES)
    normalisation = Normalisation.fit(features, limit=4.0)
    x = normalisation.apply(features)
    model = models.build_gesture_dense(x.shape[1], len(data.labels))
    weights = {data.labels.index("other"): OTHER_WEIGHT}
    models.train_classifier(model, x, windows.y, epochs=EPOCHS, batch_size=BATCH, class_weight=weights)
    return GestureClassifier(
        model=conversion.convert(model, training_data=x),
        labels=data.labels,
        background=data.background,
        window=WINDOW,
        channels=CHANNELS,
        features=FEATURES,
        normalisation=normalisation,
        smoothing=smoothing,
    ), model


def count_events(classifier: GestureClassifier, recordings: Any) -> evaluation.EventReport:
    """Stream recordings through the classifier, and compare its events with what was done."""
    reports = []
    for recording in recordings:
        found = stream_predict(recording.samples, classifier.model, **classifier.stream_settings(), progress=False)
        reports.append(evaluation.evaluate_stream(found, recording.intervals, tolerance_s=1.5))
    return evaluation.pool_event_reports(reports)


def choose_threshold(data: datasets.GestureData, recordings: Any) -> float:
    """Find the lowest threshold without a false alarm, on people who were not trained on."""
    people = sorted({recording.subject for recording in recordings})
    aside = people[-8:]
    smoothing = {"average_windows": 4, "threshold": 0.0, "release": 0.5, "hold_off": 4}
    rest = [recording for recording in recordings if recording.subject not in aside]
    heard = [recording for recording in recordings if recording.subject in aside]
    classifier, _ = train(rest, data, {**smoothing, "threshold": 0.6})
    for threshold in THRESHOLDS:
        tried = replace(classifier, smoothing={**smoothing, "threshold": threshold})
        report = count_events(tried, heard)
        print(f"threshold {threshold}: {report.headline()}")
        if report.overall.false_alarms == 0:
            return threshold
    return THRESHOLDS[-1]


def main() -> None:
    """Write model and settings, and print how good they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().folder
    data = datasets.load_gestures()
    training, testing = data.split()
    threshold = choose_threshold(data, training)
    smoothing = {"average_windows": 4, "threshold": threshold, "release": 0.5, "hold_off": 4}
    classifier, model = train(training, data, smoothing)
    test = cut(testing, data)
    x = classifier.inputs(test.x)
    scores = {
        "float32": model.predict(x, verbose=0, batch_size=1000),
        "int8": inference.predict(classifier.model, x),
    }
    f1 = {name: evaluation.macro_f1(test.y, found.argmax(axis=1)) for name, found in scores.items()}
    report = count_events(classifier, testing)
    print(test)
    print(f"macro F1 of {len(data.test_subjects)} people not trained on: {f1}; {len(classifier.model):,} bytes")
    print(report.headline())
    if f1["int8"] < 0.95 or f1["float32"] - f1["int8"] > 0.01:
        raise SystemExit(
            f"Macro F1 {f1}: expected 0.95 for int8, and 0.01 less than float at most. Nothing was written."
        )
    write_with_checksum(folder / "gestures_int8.tflite", classifier.model)
    write_with_checksum(folder / "gestures.json", classifier.to_json().encode())


if __name__ == "__main__":
    main()

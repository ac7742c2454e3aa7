"""The gesture classifier on simulated people it has not seen and, with --real, on recordings of real ones.

    .venv/bin/python benchmarks/gestures.py [--real DIR] [--model FILE.tflite] [--no-training] [--json]

DIR has a labels.csv (path, label, person, rate_hz) and, by the first folder of a path, some of:

- xiao_continuous: one gesture over and over; windows of 2 s, the classifier as it is, and fine-tuned with two
  recordings a class;
- tflm_negative: anything but gestures; every event is a false alarm;
- punch_flex: one gesture a file, of about a second, by person;
- wand_digits: digits drawn in the air, two-dimensional strokes; a network of its own;
- basicmotions: sports with a smart watch; what the classifier makes of them, and a network of its own.

The classifier is never trained here, but for what is named "fine_tuned" and the two networks of their own, which
learn from a part of DIR by a fixed split. A model given with --model needs its settings beside it, as FILE's name
with .json; without them those of the reference are taken. Prints one JSON object with --json.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from gesture_recordings import RealRecording, read_folder
from gesture_training import fine_tune, nearest_three, predict, to_stroke, train_on_features, train_strokes

from tinyml_labs import datasets, evaluation, inference
from tinyml_labs.arena import measure_arena
from tinyml_labs.features import (
    MotionFeatureSettings,
    WindowSettings,
    cut_labelled_windows,
    cut_windows,
    motion_features,
)
from tinyml_labs.gesture_classifier import GestureClassifier, load_reference_classifier
from tinyml_labs.streaming import StreamPrediction, stream_predict

DRAWS = 5  # choices of the recordings to fine-tune with


def score(truth: np.ndarray, found: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """Count right answers, with the interval, by class, and what was taken for what."""
    right = int((truth == found).sum())
    low, high = evaluation.wilson_interval(right, len(truth))
    present = sorted(set(truth.tolist()))
    recall = {labels[k]: round(float((found[truth == k] == k).mean()), 4) for k in present}
    wrong = Counter((labels[a], labels[b]) for a, b in zip(truth, found, strict=True) if a != b)
    return {
        "accuracy": round(right / len(truth), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "balanced_accuracy": round(float(np.mean(list(recall.values()))), 4),
        "macro_f1": round(evaluation.macro_f1(truth, found), 4),
        "recall": recall,
        "counts": {labels[k]: int((truth == k).sum()) for k in present},
        "count": len(truth),
        "wrong": [f"{count} {a} taken for {b}" for (a, b), count in wrong.most_common(8)],
    }


def scores_of(classifier: GestureClassifier, windows: np.ndarray) -> np.ndarray:
    """Run the int8 model on windows; give dequantized scores."""
    return inference.predict(classifier.model, classifier.inputs(windows))


def stream(classifier: GestureClassifier, samples: np.ndarray) -> StreamPrediction:
    """Stream samples through the classifier and its smoother."""
    chosen = samples[:, : classifier.channels]
    return stream_predict(chosen, classifier.model, **classifier.stream_settings(), progress=False)


def measure_bundled(classifier: GestureClassifier) -> dict[str, Any]:
    """Simulated people that the reference was not trained on."""
    data = datasets.load_gestures()
    _, testing = data.split()
    settings = WindowSettings(rate_hz=classifier.window.rate_hz, window_ms=classifier.window.window_ms, stride_ms=126)
    test = cut_labelled_windows(testing, settings, data.labels)
    found = scores_of(classifier, test.x).argmax(axis=1)
    reports = [
        evaluation.evaluate_stream(stream(classifier, recording.samples), recording.intervals, tolerance_s=1.5)
        for recording in testing
    ]
    return {
        "data": f"synthetic, {len(data.test_subjects)} simulated people not trained on",
        **score(test.y, found, data.labels),
        "ambiguous_windows_left_out": test.ambiguous,
        "events": evaluation.pool_event_reports(reports).to_dict(),
    }


def windows_of(
    recordings: list[RealRecording], classifier: GestureClassifier, stride_ms: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut recordings that show one thing: windows, classes, and from which recording."""
    window = classifier.window
    settings = WindowSettings(rate_hz=window.rate_hz, window_ms=window.window_ms, stride_ms=stride_ms)
    x, y, source = [], [], []
    for number, recording in enumerate(recordings):
        cut, _ = cut_windows(recording.at(window.rate_hz), settings)
        x.append(cut)
        y.append(np.full(len(cut), classifier.labels.index(recording.label)))
        source.append(np.full(len(cut), number))
    return np.concatenate(x), np.concatenate(y), np.concatenate(source)


def measure_continuous(
    classifier: GestureClassifier, recordings: list[RealRecording], training: bool
) -> dict[str, Any]:
    """One gesture over and over: as it is, among the classes that are there alone, and fine-tuned."""
    x, y, source = windows_of(recordings, classifier, stride_ms=1000)
    scores = scores_of(classifier, x)
    present = sorted(set(y.tolist()))
    among = np.array(present)[scores[:, present].argmax(axis=1)]
    result: dict[str, Any] = {
        "data": f"real, {len(recordings)} recordings, {len({r.person for r in recordings})} person, never trained on",
        "as_it_is": score(y, scores.argmax(axis=1), classifier.labels),
        "among_these_classes_alone": score(y, among, classifier.labels),
    }
    if training:
        draws = [_fine_tuned(classifier, x, y, source, seed) for seed in range(DRAWS)]
        result["fine_tuned"] = {
            "how": f"two recordings a class to train with, the rest to test with; {DRAWS} choices of the two",
            "accuracy_mean": round(float(np.mean([draw["accuracy"] for draw in draws])), 4),
            "accuracy_least": min(draw["accuracy"] for draw in draws),
            "three_nearest_of_the_same_two_mean": round(float(np.mean([draw["yardstick"] for draw in draws])), 4),
            "first": draws[0],
        }
    return result


def _fine_tuned(
    classifier: GestureClassifier, x: np.ndarray, y: np.ndarray, source: np.ndarray, seed: int
) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    chosen = np.concatenate([random.permutation(np.unique(source[y == k]))[:2] for k in sorted(set(y.tolist()))])
    mine = np.isin(source, chosen)
    model = fine_tune(classifier, x[mine], y[mine], seed)
    found = predict(model, classifier.inputs(x[~mine]))
    yardstick = nearest_three(classifier.inputs(x[mine]), y[mine], classifier.inputs(x[~mine]))
    return {
        **score(y[~mine], found, classifier.labels),
        "trained_on_windows": int(mine.sum()),
        "bytes": len(model),
        "yardstick": round(float((yardstick == y[~mine]).mean()), 4),
    }


def measure_negatives(classifier: GestureClassifier, recordings: list[RealRecording]) -> dict[str, Any]:
    """Whatever is reported is a false alarm."""
    events = [(r.path, e) for r in recordings for e in stream(classifier, r.at(classifier.window.rate_hz)).events]
    seconds = sum(len(recording.samples) / recording.rate_hz for recording in recordings)
    low, high = evaluation.poisson_interval(len(events))
    return {
        "data": f"real, {len(recordings)} recordings, {seconds:.0f} s without a gesture, never trained on",
        "false_alarms": len(events),
        "a_minute": round(len(events) / seconds * 60, 3),
        "interval_95": [round(low / seconds * 60, 3), round(high / seconds * 60, 3)],
        "threshold": classifier.smoothing["threshold"],
        "events": [f"{path} at {event.time_s:.1f} s: {event.label}" for path, event in events],
    }


def measure_single(classifier: GestureClassifier, recordings: list[RealRecording]) -> dict[str, Any]:
    """One gesture a file, shorter than a window: its ends are held still to fill one."""
    length = classifier.window.length
    windows = []
    for recording in recordings:
        samples = recording.at(classifier.window.rate_hz)[:length]
        before = (length - len(samples)) // 2
        windows.append(np.pad(samples, ((before, length - len(samples) - before), (0, 0)), mode="edge"))
    scores = scores_of(classifier, np.array(windows))
    y = np.array([classifier.labels.index(recording.label) for recording in recordings])
    present = sorted(set(y.tolist()))
    among = np.array(present)[scores[:, present].argmax(axis=1)]
    people = np.array([recording.person for recording in recordings])
    return {
        "data": "real, cut at 2.5 g by the boards and padded to a window, never trained on",
        "by_person": {
            person: {
                "as_it_is": score(y[people == person], scores[people == person].argmax(axis=1), classifier.labels),
                "among_these_classes_alone": score(y[people == person], among[people == person], classifier.labels),
            }
            for person in sorted(set(people.tolist()))
        },
    }


def measure_strokes(recordings: list[RealRecording]) -> dict[str, Any]:
    """A network for strokes, tested on every third one of each class, and on the last third."""
    labels = tuple(sorted({recording.label for recording in recordings}))
    x = np.array([to_stroke(recording.samples) for recording in recordings])
    y = np.array([labels.index(recording.label) for recording in recordings])
    place = np.concatenate([np.arange(int((y == k).sum())) / int((y == k).sum()) for k in range(len(labels))])
    order = np.concatenate([np.arange(int((y == k).sum())) for k in range(len(labels))])
    result: dict[str, Any] = {"data": "real, trained and tested inside it; every stroke is answered, none rejected"}
    for name, test in (("every_third", order % 3 == 2), ("last_third", place >= 2 / 3)):
        model = train_strokes(x[~test], y[~test], len(labels))
        result[name] = {**score(y[test], predict(model, x[test][..., None]), labels), "bytes": len(model)}
        result[name]["arena_bytes"] = measure_arena(model).measured_bytes
    return result


def measure_sports(classifier: GestureClassifier, recordings: list[RealRecording], training: bool) -> dict[str, Any]:
    """How often sports are taken for a gesture, and the lab's features and network trained on them."""
    settings = classifier.window
    cut = [cut_windows(recording.at(settings.rate_hz), settings)[0] for recording in recordings]
    taken = Counter(
        (recording.label, classifier.labels[k])
        for recording, windows in zip(recordings, cut, strict=True)
        for k in scores_of(classifier, windows).argmax(axis=1)
    )
    events = sum(len(stream(classifier, recording.at(settings.rate_hz)).events) for recording in recordings)
    seconds = sum(len(recording.samples) / recording.rate_hz for recording in recordings)
    result: dict[str, Any] = {
        "data": "real, 10 samples a second, acceleration without gravity: not what the classifier was made for",
        "windows_taken_for": {f"{sport}: {label}": count for (sport, label), count in sorted(taken.items())},
        "events": events,
        "events_a_minute": round(events / seconds * 60, 3),
    }
    if training:
        labels = tuple(sorted({recording.label for recording in recordings}))
        rate = recordings[0].rate_hz
        motion = MotionFeatureSettings(rate_hz=rate, bands_hz=(0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0))
        length = min(len(recording.samples) for recording in recordings)
        x = np.array([recording.samples[:length] for recording in recordings], np.float32)
        y = np.array([labels.index(recording.label) for recording in recordings])
        test = np.concatenate([np.arange(int((y == k).sum())) >= (y == k).sum() / 2 for k in range(len(labels))])
        test = test[np.argsort(np.argsort(y, kind="stable"), kind="stable")]
        model, normalisation = train_on_features(x[~test], y[~test], len(labels), motion)
        found = predict(model, normalisation.apply(motion_features(x[test], motion)))
        result["own_network"] = {
            "how": "the first half of each sport's recordings to train with; people are not marked",
            **score(y[test], found, labels),
            "bytes": len(model),
        }
    return result


def load_classifier(path: Path | None) -> GestureClassifier:
    """Load a model with its settings, or the reference."""
    reference = load_reference_classifier()
    if path is None:
        return reference
    beside = path.with_suffix(".json")
    return GestureClassifier.from_json(
        path.read_bytes(), beside.read_text() if beside.exists() else reference.to_json()
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder with labels.csv")
    parser.add_argument("--model", type=Path, help=".tflite file; default: the reference model")
    parser.add_argument("--no-training", action="store_true", help="leave out what is trained on a part of DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_args()
    begin = time.perf_counter()
    classifier = load_classifier(chosen.model)
    training = not chosen.no_training
    result: dict[str, Any] = {
        "model": str(chosen.model or "reference"),
        "bytes": len(classifier.model),
        "arena_bytes": measure_arena(classifier.model).measured_bytes,
        "bundled": measure_bundled(classifier),
    }
    groups = read_folder(chosen.real) if chosen.real else {}
    for name, recordings in groups.items():
        if name in ("xiao_continuous", "punch_flex"):  # what it has no class for is counted, and left out
            unknown = Counter(recording.label for recording in recordings if recording.label not in classifier.labels)
            recordings = [recording for recording in recordings if recording.label in classifier.labels]
            if unknown:
                result[f"{name}_left_out"] = dict(unknown)
        if not recordings:
            continue
        if name == "xiao_continuous":
            result[name] = measure_continuous(classifier, recordings, training)
        elif name == "tflm_negative":
            result[name] = measure_negatives(classifier, recordings)
        elif name == "punch_flex":
            result[name] = measure_single(classifier, recordings)
        elif name == "wand_digits" and training:
            result[name] = measure_strokes(recordings)
        elif name == "basicmotions":
            result[name] = measure_sports(classifier, recordings, training)
    result["seconds"] = round(time.perf_counter() - begin, 1)
    if chosen.json:
        print(json.dumps(result, indent=2))
    else:
        print_short(result)


def print_short(result: dict[str, Any], indent: str = "") -> None:
    """Print accuracies, counts and rates, without the details."""
    for name, value in result.items():
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            print_short(value, indent + "  ")
        elif isinstance(value, (int, float, str)):
            print(f"{indent}{name}: {value}")


if __name__ == "__main__":
    main()

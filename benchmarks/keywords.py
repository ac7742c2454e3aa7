"""The keyword classifier on real voices it has never heard.

    .venv/bin/python benchmarks/keywords.py --real DIR [--model FILE.tflite | --fine-tune] [--json]

DIR has a labels.csv (path, label, word, speaker): `yes`, `no`, `_unknown_` (other words) and `_silence_` are scored;
clips of every other label are words that are no keyword either, and are counted as rejected or taken for one.
`_background_noise_` are long recordings of noise, for false alarms. Nothing is trained, unless --fine-tune is given:
then the reference network also goes on learning from 0 to 50 clips a class of half of the speakers, and is tested on
the other half. A model given with --model takes spectrograms of 49 x 40 and has the classes silence, unknown, yes,
no; its settings are FILE's name without `_int8`, with .json, or else those of the reference's kind.
Prints one JSON object with --json.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from keyword_training import measure_curve

from tinyml_labs import datasets, evaluation, inference, models
from tinyml_labs.arena import measure_arena
from tinyml_labs.features import Interval
from tinyml_labs.keyword_classifier import KeywordClassifier, load_reference_keyword_classifier
from tinyml_labs.streaming import StreamPrediction, stream_predict

CLASS_OF = {"_silence_": "silence", "_unknown_": "unknown"}
PAUSE_S = 1.5  # before and after an isolated keyword, of the noise that it is in
RECALL = 0.95
STREAM_S = 600
DRAWS = 3  # halves of the speakers to fine-tune on


def score(truth: np.ndarray, found: np.ndarray, speakers: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """Count right answers, with intervals, by class, and what was taken for what."""
    right = int((truth == found).sum())
    low, high = evaluation.wilson_interval(right, len(truth))
    recall = {label: round(float((found[truth == k] == k).mean()), 4) for k, label in enumerate(labels) if k in truth}
    wrong = Counter((labels[a], labels[b]) for a, b in zip(truth, found, strict=True) if a != b)
    return {
        "accuracy": round(right / len(truth), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "interval_95_by_speaker": interval_by_speaker(truth == found, speakers),
        "balanced_accuracy": round(float(np.mean(list(recall.values()))), 4),
        "macro_f1": round(evaluation.macro_f1(truth, found), 4),
        "recall": recall,
        "counts": {label: int((truth == k).sum()) for k, label in enumerate(labels)},
        "count": len(truth),
        "wrong": [f"{count} {a} taken for {b}" for (a, b), count in wrong.most_common(8)],
    }


def interval_by_speaker(right: np.ndarray, speakers: np.ndarray) -> list[float]:
    """Draw speakers, not clips, 2,000 times: clips of one speaker are no independent trials."""
    people = np.unique(speakers, return_inverse=True)[1]
    hits, clips = np.bincount(people, right), np.bincount(people)
    drawn = np.random.default_rng(0).integers(len(clips), size=(2000, len(clips)))
    shares = hits[drawn].sum(axis=1) / clips[drawn].sum(axis=1)
    return [round(float(share), 4) for share in np.quantile(shares, (0.025, 0.975))]


def measure_clips(classifier: KeywordClassifier, data: datasets.SpeechFiles, x: np.ndarray) -> dict[str, Any]:
    """Score isolated clips: the four classes, and what becomes of other words."""
    names = [CLASS_OF.get(label, label) for label in data.labels]
    found = inference.predict(classifier.model, x).argmax(axis=1)
    known = np.array([name in classifier.labels for name in names])
    truth = np.array([classifier.labels.index(name) for name in names if name in classifier.labels], int)
    speakers = np.array([name or f"clip {k}" for k, name in enumerate(data.speakers)])
    result: dict[str, Any] = {"data": f"{data.folder.resolve().name}: {len(set(data.speakers) - {''})} speakers"}
    if known.any():
        result |= score(truth, found[known], speakers[known], classifier.labels)
    if not known.all():
        words = np.array(data.labels)[~known]
        rejected = np.isin(found[~known], [classifier.labels.index(label) for label in classifier.background])
        low, high = evaluation.wilson_interval(int(rejected.sum()), len(rejected))
        result["other_words_rejected"] = {
            "share": round(float(rejected.mean()), 4),
            "interval_95": [round(low, 4), round(high, 4)],
            "count": len(rejected),
            "by_word": {word: round(float(rejected[words == word].mean()), 4) for word in sorted(set(words))},
        }
    return result


def compare_with_float(classifier: KeywordClassifier, x: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Count the clips for which the int8 reference and its network in real numbers give the same answer."""
    same = inference.predict(classifier.model, x).argmax(axis=1)
    same = same == models.load_reference_ds_cnn().predict(x, verbose=0).argmax(axis=1)
    scored = np.array([name in classifier.labels for name in names])
    result = {}
    for name, part in {"scored": same[scored], "other_words": same[~scored]}.items():
        if len(part):
            low, high = evaluation.wilson_interval(int(part.sum()), len(part))
            interval = [round(low, 4), round(high, 4)]
            result[name] = {"share": round(float(part.mean()), 4), "interval_95": interval, "count": len(part)}
    return result


def keywords_of(classifier: KeywordClassifier) -> list[str]:
    """Give the labels that are keywords."""
    return [label for label in classifier.labels if label not in classifier.background]


def put_into_pause(clip: np.ndarray) -> np.ndarray:
    """Put a clip between pauses of its own quieter end."""
    loudness = np.abs(clip.astype(int))
    quiet = clip[:1600] if loudness[:1600].mean() < loudness[-1600:].mean() else clip[-1600:]
    around = np.resize(np.concatenate([quiet, quiet[::-1]]), round(PAUSE_S * 16_000))
    return np.concatenate([around, clip, around])


def measure_stream(classifier: KeywordClassifier, data: datasets.SpeechFiles) -> dict[str, Any]:
    """Count found keywords, and false alarms in words that are none and in noises: as shipped, and at a recall.

    The second threshold is the highest that finds enough of these very keywords: an operating point, not a promise.
    LiteRT runs the model, at most a step off from the board's kernels and ten times as fast.
    """
    keywords = keywords_of(classifier)
    others = [number for number, label in enumerate(data.labels) if label not in (*keywords, "_silence_")]
    chosen = np.random.default_rng(0).permutation(np.array(others, int))[:STREAM_S]
    isolated, truth, heard = [], [], {}
    with inference.load(classifier.model, "litert") as model:

        def listen(sound: np.ndarray) -> StreamPrediction:
            return stream_predict(sound, model, **classifier.stream_settings(), progress=False)

        for number, label in enumerate(data.labels):
            if label in keywords:
                clip = data.read(number)
                isolated.append(listen(put_into_pause(clip)))
                begin = round(PAUSE_S * 16_000)
                truth.append([Interval(begin, begin + len(clip), label)])
        if len(chosen):
            heard["words"] = listen(np.concatenate([data.read(int(number)) for number in chosen]))
        if data.noise_paths:
            recorded = [data.read_noise(number) for number in range(len(data.noise_paths))]
            heard["noise"] = listen(np.concatenate(recorded))
    sweep = evaluation.sweep_thresholds(isolated, truth, background=classifier.background)
    reached = max(1 - point.miss_rate.value for point in sweep.points)
    thresholds = {
        "as_shipped": float(classifier.smoothing["threshold"]),
        f"at_{RECALL:.0%}_recall": sweep.choose(recall=min(RECALL, reached)).threshold,
    }
    result: dict[str, Any] = {"keywords": len(isolated), "other_words_in_a_row": len(chosen)}
    for name, level in thresholds.items():
        here = evaluation.sweep_thresholds(isolated, truth, thresholds=[level], background=classifier.background)
        result[name] = {"threshold": level, "recall": round(1 - here.points[0].miss_rate.value, 4)}
        result[name] |= {sound: count_alarms(found.with_threshold(level)) for sound, found in heard.items()}
    return result


def count_alarms(found: StreamPrediction) -> dict[str, Any]:
    """Count the events of a sound without keywords."""
    hours = found.seconds / 3600
    count = len(found.events)
    low, high = evaluation.poisson_interval(count)
    return {
        "seconds": round(3600 * hours, 1),
        "false_alarms": count,
        "an_hour": round(count / hours, 2),
        "interval_95": [round(low / hours, 2), round(high / hours, 2)],
    }


def load_classifier(path: Path | None) -> KeywordClassifier:
    """Load the reference, or a model with its own settings if it has any."""
    if path is None:
        return load_reference_keyword_classifier()
    settings = path.with_name(path.stem.removesuffix("_int8") + ".json")
    if settings.exists():
        return KeywordClassifier.from_json(path.read_bytes(), settings.read_text("utf-8"))
    return KeywordClassifier(model=path.read_bytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", type=Path, metavar="FILE.tflite")
    parser.add_argument("--no-stream", action="store_true", help="isolated clips alone")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--fine-tune", action="store_true", help="also learn from a part of DIR: some minutes")
    given = parser.parse_args()
    if given.fine_tune and given.model:
        parser.error("--fine-tune goes on from the reference network; leave out --model.")
    start = time.perf_counter()
    classifier = load_classifier(given.model)
    data = datasets.load_labelled_speech(given.real)
    x = classifier.inputs(data.read_all(), processes=2)
    names = [CLASS_OF.get(label, label) for label in data.labels]
    parts: dict[str, Callable[[], Any]] = {"arena_bytes": lambda: measure_arena(classifier.model).measured_bytes}
    if given.model is None:
        parts["int8_agrees_with_float"] = lambda: compare_with_float(classifier, x, names)
    if not given.no_stream and not set(keywords_of(classifier)).isdisjoint(data.labels):
        parts["stream"] = lambda: measure_stream(classifier, data)
    if given.fine_tune:
        parts["fine_tuned"] = lambda: measure_curve(classifier, data, names, DRAWS)
    result = {**measure_clips(classifier, data, x), "bytes": len(classifier.model)}
    for name, part in parts.items():
        try:
            result[name] = part()
        except (ValueError, inference.InferenceError) as error:  # the rest is worth having all the same
            result[name] = {"error": str(error)}
    result["seconds"] = round(time.perf_counter() - start, 1)
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""A person detector on real photographs that it has never seen.

    .venv/bin/python benchmarks/people.py --real DIR [--model FILE.tflite] [--compare FILE.tflite ...] [--json]

DIR has a labels.csv (path, label, group): pictures of the labels `person` and `no_person` are scored, those of any
other label (`tiny_person`: too small to count) are left out and counted. Each first folder of a path is a set with
figures of its own; a set of persons alone has a recall and no more. Pictures of one group (of one photograph or
person) are no independent trials: intervals "by_group" are drawn by groups. Nothing is trained.

Every picture goes the way of a camera's: the square in its middle (--crop whole: all of it, squeezed), grey, 96 x 96
by `features.image_input`; for a model that takes colours, red, green and blue each so. What stands beside the square
is not seen, as on the board: of a picture of 96 x 160 with a standing person in it, such as INRIA's, it is the middle
of the body, mostly without feet. An int8 model gets each pixel minus 128, as on a board, whatever its scale says.

--model is by default the reference of `datasets/people`; --labels are the outputs' names in the model's order.
Prints one JSON object with --json.
"""

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinyml_labs import evaluation, inference
from tinyml_labs.arena import measure_arena
from tinyml_labs.datasets.pictures import decode_picture, map_in_threads
from tinyml_labs.features.image import ImageSettings, image_input
from tinyml_labs.inference.quantization import dequantize

LISTING = "labels.csv"
CLASSES = ("no_person", "person")
DRAWS = 2000
_NEEDED = ("path", "label", "group")


def read_listing(folder: Path) -> list[dict[str, str]]:
    """Read the table of pictures."""
    with (folder / LISTING).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{folder / LISTING} has no column {missing[0]}; expected {', '.join(_NEEDED)}.")
        rows = list(reader)
    if not any(row["label"] in CLASSES for row in rows):
        raise ValueError(f"{folder / LISTING} lists no picture with a label of {' or '.join(CLASSES)}.")
    return rows


def make_input(picture: np.ndarray, settings: ImageSettings, channels: int) -> np.ndarray:
    """Make uint8 (1, 96, 96, channels) of a picture: grey, or each colour alone, in the same whole numbers."""
    if channels == 1:
        return image_input(picture, settings)
    colours = [picture[..., k] if picture.ndim == 3 else picture for k in range(3)]
    return np.concatenate([image_input(np.ascontiguousarray(colour), settings) for colour in colours], axis=-1)


def to_raw(pixels: np.ndarray, dtype: np.dtype, scale: float) -> np.ndarray:
    """Give pixels as a model takes them: minus 128 in int8, as they are in uint8, times a scale in float32."""
    if dtype == np.int8:
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    return pixels if dtype == np.uint8 else (pixels * np.float32(scale)).astype(np.float32)


def score_pictures(
    model: inference.Interpreter, pixels: np.ndarray, labels: tuple[str, ...], scale: float
) -> np.ndarray:
    """Run the model: the score of `person` for each picture, 0 to 1."""
    output = model.outputs[0]
    raw = model.run(to_raw(pixels, model.inputs[0].dtype, scale), progress=sys.stderr.isatty())
    raw = raw.reshape(len(pixels), -1)
    values = dequantize(raw, output.scale, output.zero_point) if output.scale else raw.astype(np.float32)
    if values.shape[1] == 1:
        return values[:, 0]
    if values.shape[1] != len(labels):
        raise ValueError(
            f"The model has {values.shape[1]} outputs; --labels names {len(labels)}: {', '.join(labels)}."
        )
    if values.min() < 0 or values.max() > 1:  # logits
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return values[:, labels.index("person")]


def find_auc(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Give the share of pairs, one with a person and one without, that the scores put in order; a tie is a half."""
    places = np.unique(scores, return_inverse=True)[1]
    with_person = np.bincount(places, weights * truth)
    without = np.bincount(places, weights * ~truth)
    below = np.cumsum(without) - without / 2
    pairs = with_person.sum() * without.sum()
    return float((with_person * below).sum() / pairs) if pairs else float("nan")


def find_balanced(right: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Give the mean of the recalls of both classes."""
    shares = [np.average(right[part], weights=weights[part]) for part in (truth, ~truth) if weights[part].sum()]
    return float(np.mean(shares)) if len(shares) == 2 else float("nan")


def interval_by_group(groups: np.ndarray, measure: Callable[[np.ndarray], float]) -> list[float]:
    """Draw groups, not pictures, 2,000 times; a measure gets how often each picture was drawn."""
    members = np.unique(groups, return_inverse=True)[1]
    drawn = np.random.default_rng(0).integers(members.max() + 1, size=(DRAWS, members.max() + 1))
    found = [measure(np.bincount(draw, minlength=members.max() + 1)[members]) for draw in drawn]
    return [round(float(value), 4) for value in np.nanquantile(found, (0.025, 0.975))]


def share(successes: int, count: int) -> dict[str, Any]:
    """Give a share with its interval."""
    low, high = evaluation.wilson_interval(successes, count)
    return {"share": round(successes / count, 4), "interval_95": [round(low, 4), round(high, 4)], "count": count}


def score_set(scores: np.ndarray, truth: np.ndarray, groups: np.ndarray, threshold: float) -> dict[str, Any]:
    """Count what is right in a set: ``truth`` is True where a person is."""
    right = (scores >= threshold) == truth
    once = np.ones(len(truth))
    accuracy = share(int(right.sum()), len(right))
    result: dict[str, Any] = {
        "accuracy": accuracy["share"],
        "interval_95": accuracy["interval_95"],
        "interval_95_by_group": interval_by_group(groups, lambda times: np.average(right, weights=times)),
        "recall": {
            name: share(int(right[part].sum()), int(part.sum()))
            for name, part in zip(CLASSES, (~truth, truth), strict=True)
            if part.any()
        },
        "count": len(truth),
        "groups": len(set(groups.tolist())),
    }
    if truth.any() and not truth.all():
        result["balanced_accuracy"] = round(find_balanced(right, truth, once), 4)
        result["balanced_interval_95_by_group"] = interval_by_group(
            groups, lambda times: find_balanced(right, truth, times)
        )
        result["auc"] = round(find_auc(scores, truth, once), 4)
        result["auc_interval_95_by_group"] = interval_by_group(groups, lambda times: find_auc(scores, truth, times))
    return result


class Pictures:
    """The pictures of a folder, read once for each kind of input."""

    def __init__(self, folder: Path) -> None:
        rows = read_listing(folder)
        self.folder = folder
        self.rows = [row for row in rows if row["label"] in CLASSES]
        self.sets = np.array([self._set_of(row) for row in self.rows])
        self.truth = np.array([row["label"] == "person" for row in self.rows])
        self.groups = np.array([row["group"] or row["path"] for row in self.rows])
        self.left_out = Counter((self._set_of(row), row["label"]) for row in rows if row["label"] not in CLASSES)
        self._made: dict[tuple[ImageSettings, int], np.ndarray] = {}

    def _set_of(self, row: dict[str, str]) -> str:
        first, _, rest = row["path"].partition("/")
        return first if rest else self.folder.resolve().name

    def inputs(self, settings: ImageSettings, channels: int) -> np.ndarray:
        """Give all pictures, uint8 (N, height, width, channels)."""

        def read(row: dict[str, str]) -> np.ndarray:
            path = self.folder / row["path"]
            return make_input(decode_picture(path.read_bytes(), str(path)), settings, channels)[0]

        key = (settings, channels)
        if key not in self._made:
            self._made[key] = np.array(map_in_threads(read, self.rows))
        return self._made[key]


def measure(model: bytes, pictures: Pictures, chosen: argparse.Namespace, labels: tuple[str, ...]) -> dict[str, Any]:
    """Measure one model on every set."""
    start = time.perf_counter()
    with inference.load(model) as loaded:
        shape = loaded.inputs[0].shape
        if len(shape) != 4 or shape[-1] not in (1, 3):
            raise ValueError(f"The model takes {shape}; expected pictures, (1, height, width, 1 or 3).")
        _, height, width, channels = shape
        pixels = pictures.inputs(ImageSettings(width=width, height=height, crop=chosen.crop), channels)
        scores = score_pictures(loaded, pixels, labels, chosen.scale)
        result: dict[str, Any] = {"input": [height, width, channels], "engine": loaded.engine}
    result |= {"labels": list(labels), "crop": chosen.crop, "threshold": chosen.threshold, "sets": {}}
    for name in dict.fromkeys(pictures.sets.tolist()):
        here = pictures.sets == name
        block = score_set(scores[here], pictures.truth[here], pictures.groups[here], chosen.threshold)
        if out := {label: count for (where, label), count in pictures.left_out.items() if where == name}:
            block["left_out"] = out
        result["sets"][name] = block
    result["bytes"] = len(model)
    try:
        result["arena_bytes"] = measure_arena(model).measured_bytes
    except (ValueError, inference.InferenceError) as error:  # the rest is worth having all the same
        result["arena_bytes"] = {"error": str(error)}
    result["seconds"] = round(time.perf_counter() - start, 1)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", type=Path, metavar="FILE.tflite", help="default: the reference")
    parser.add_argument("--compare", type=Path, nargs="+", default=[], metavar="FILE.tflite", help="more models")
    parser.add_argument("--labels", default=",".join(CLASSES), help="of the outputs in order (default: %(default)s)")
    parser.add_argument("--threshold", type=float, default=0.5, help="a person from this score on (default: 0.5)")
    parser.add_argument("--crop", choices=("square", "whole"), default="square")
    parser.add_argument("--scale", type=float, default=1 / 255, help="of pixels for float models (default: 1/255)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_args()
    labels = tuple(label.strip() for label in chosen.labels.split(","))
    if "person" not in labels:
        parser.error(f"--labels {chosen.labels} names no output person.")
    pictures = Pictures(chosen.real)
    if chosen.model:
        name, model = chosen.model.name, chosen.model.read_bytes()
        result = {"model": name, **measure(model, pictures, chosen, labels)}
    else:
        from tinyml_labs.person_classifier import load_reference_person_classifier

        reference = load_reference_person_classifier()
        result = {"model": "reference", **measure(reference.model, pictures, chosen, tuple(reference.labels))}
    if chosen.compare:
        result["compared"] = [
            {"model": path.name, **measure(path.read_bytes(), pictures, chosen, labels)} for path in chosen.compare
        ]
    print(json.dumps(result) if chosen.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

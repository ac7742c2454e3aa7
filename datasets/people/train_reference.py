"""Train the reference person detector: it sees grey, and learns to say what a network that sees colours says.

    python datasets/people/train_reference.py colour.zip PHOTOGRAPHS --folder round_1
    python datasets/people/train_reference.py colour.zip PHOTOGRAPHS --weights round_1/weights.npz --epochs 10

`colour.zip` is of `make_people.py --colour`. PHOTOGRAPHS is a folder of any photographs in colour, without labels:
README.md says which ours were. The teacher is the published network (`models.load_pretrained`); the student is the
same with its first kernels added up, which takes grey. For each picture the student has to give the teacher's score
and what the teacher's layers give; for a rendered one also its label. The statistics of the normalization stay those
of the teacher.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tinyml_labs import conversion, datasets, inference, models
from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.person_classifier import PersonClassifier
from tinyml_labs.quiet import import_quietly

HERE = Path(__file__).resolve().parent
TAPS = ("pointwise_3_relu", "pointwise_5_relu", "pointwise_7_relu", "pointwise_9_relu", "pointwise_11_relu",
        "pointwise_12_relu", "flatten")  # fmt: skip
GREY = np.array([0.299, 0.587, 0.114], np.float32)
BATCH, SHORT_SIDE = 64, 288


def read_rendered(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the training pictures in colour, (N, 96, 96, 3), and their labels, 1 for a person."""
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("people.csv").decode())))
        rows = [row for row in rows if row["part"] == "train"]
        pictures = [Image.open(io.BytesIO(archive.read(row["file"]))).convert("RGB") for row in rows]
        return np.stack([np.asarray(each) for each in pictures]), np.array([row["label"] == "person" for row in rows])


def read_photographs(folder: Path) -> list[NDArray[np.uint8]]:
    """Read all photographs below a folder, in colour, with a short side of 288 pixels at most."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
            with Image.open(path) as picture:
                colours = ImageOps.exif_transpose(picture).convert("RGB")
            scale = min(1, SHORT_SIDE / min(colours.size))
            found.append(np.asarray(colours.resize([round(side * scale) for side in colours.size])))
    return found


def cut(photograph: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Cut out a piece by chance, a little stretched, or the whole, and make it 96 x 96; half of them mirrored."""
    height, width = photograph.shape[:2]
    rows, columns = min(height, int(1.6 * width)), min(width, int(1.6 * height))
    if random.random() < 0.75:
        side, stretch = min(height, width) * random.uniform(0.35, 1), np.exp(random.uniform(-0.3, 0.3))
        rows, columns = int(min(height, side * stretch)), int(min(width, side / stretch))
    top, left = random.integers(0, height - rows + 1), random.integers(0, width - columns + 1)
    piece = Image.fromarray(photograph[top : top + rows, left : left + columns])
    way = Image.Resampling.BOX if columns > 96 else Image.Resampling.BILINEAR
    return np.asarray(piece.resize((96, 96), way))[:, :: random.choice((1, -1))]


def make_step(teacher: Any, student: Any, optimizer: Any, scales: list[float], weights: argparse.Namespace) -> Any:
    """Make the function that learns from a batch: pictures (B, 96, 96, 3), labels, and 1 where a label is known."""
    tensorflow, keras = import_quietly("tensorflow"), import_quietly("keras")

    def tapped(network: Any) -> Any:
        return keras.Model(network.inputs, [network.get_layer(name).output for name in TAPS] + [network.output])

    shown, seen = tapped(teacher), tapped(student)

    def log_odds(scores: Any) -> Any:
        logs = tensorflow.math.log(tensorflow.clip_by_value(scores, 1e-5, 1.0))
        return logs[:, 1] - logs[:, 0]

    @tensorflow.function
    def step(pictures: Any, labels: Any, known: Any) -> Any:
        per_picture = (tensorflow.shape(pictures)[0], 1, 1, 1)
        uniform = tensorflow.random.uniform
        grey = tensorflow.reduce_sum(pictures * GREY, -1, keepdims=True)
        mean = tensorflow.reduce_mean(grey, [1, 2, 3], keepdims=True)
        grey = (grey - mean) * uniform(per_picture, 0.75, 1.25) + mean + uniform(per_picture, -20, 20)
        grey += tensorflow.random.normal(tensorflow.shape(grey)) * uniform(per_picture, 0, 5)
        expected = shown(pictures, training=False)
        goal = log_odds(expected[-1])
        with tensorflow.GradientTape() as tape:
            given = seen(tensorflow.clip_by_value(grey, 0, 255), training=False)
            odds, entropy = log_odds(given[-1]), tensorflow.nn.sigmoid_cross_entropy_with_logits
            like_teacher = entropy(labels=tensorflow.sigmoid(goal / 2), logits=odds / 2)
            likeness = 4 * tensorflow.reduce_mean((1 - weights.doubt * known) * like_teacher)
            pairs = zip(expected[:-1], given[:-1], scales, strict=True)
            layers = tensorflow.add_n([tensorflow.reduce_mean((a - b) ** 2) / scale for a, b, scale in pairs])
            truth = tensorflow.reduce_sum(known * entropy(labels=labels, logits=odds))
            truth /= tensorflow.reduce_sum(known) + 1e-3
            loss = likeness + weights.layers * layers / len(TAPS) + weights.labels * truth
        gradients = tape.gradient(loss, student.trainable_variables)
        optimizer.apply_gradients(zip(gradients, student.trainable_variables, strict=True))
        return tensorflow.stack([likeness, layers / len(TAPS), truth])

    return step


def train(student: Any, given: argparse.Namespace) -> None:
    """Train in place."""
    keras, random = import_quietly("keras"), np.random.default_rng(given.seed)
    keras.utils.set_random_seed(given.seed)
    rendered, truth = read_rendered(given.colour)
    photographs = read_photographs(given.photographs)
    count = given.pieces
    pictures = np.concatenate([np.empty((count, 96, 96, 3), np.uint8), rendered])
    labels = np.concatenate([np.zeros(count), truth]).astype(np.float32)
    known = np.repeat([0, 1], [count, len(rendered)]).astype(np.float32)
    teacher = models.load_pretrained()
    inner = keras.Model(teacher.inputs, [teacher.get_layer(name).output for name in TAPS])
    pictures[:count] = [cut(photographs[k], random) for k in random.integers(0, len(photographs), count)]
    scales = [float(np.mean(layer**2)) for layer in inner.predict(pictures[:512].astype(np.float32), verbose=0)]
    batches = len(pictures) // BATCH
    rate = keras.optimizers.schedules.CosineDecay(given.rate, given.epochs * batches, alpha=0.02)
    step = make_step(teacher, student, keras.optimizers.Adam(rate), scales, given)
    for epoch in range(given.epochs):
        began, losses = time.monotonic(), []
        if epoch:
            pictures[:count] = [cut(photographs[k], random) for k in random.integers(0, len(photographs), count)]
        for chosen in random.permutation(len(pictures))[: batches * BATCH].reshape(batches, BATCH):
            batch, sure = pictures[chosen].astype(np.float32), known[chosen]
            mirrored = random.random(BATCH) < 0.5
            batch[mirrored] = batch[mirrored][:, :, ::-1]
            if random.random() < given.mixed:  # parts of two pictures in one: nobody knows its label
                place, sure = random.integers(16, 80), np.zeros(BATCH, np.float32)
                other = batch[random.permutation(BATCH)]
                part = (slice(None), slice(None), slice(place, None)) if random.random() < 0.5 else np.s_[:, place:]
                batch[part] = other[part]
            losses.append(step(batch, labels[chosen], sure).numpy())
        print(f"epoch {epoch + 1}: {np.mean(losses, axis=0).round(4)}, {time.monotonic() - began:.0f} s", flush=True)


def centre(student: Any) -> float:
    """Move the scores so that 0.5 is the threshold with the best balanced accuracy on the bundled photographs."""
    data = datasets.load_photographs()
    scores = student.predict(data.images.astype(np.float32), verbose=0)[:, 1].astype(np.float64)
    people, others = scores[data.labels == 1], scores[data.labels == 0]
    found = np.array([(np.mean(people >= score) + np.mean(others < score)) / 2 for score in scores])
    best = np.mean(scores[found >= found.max() - 0.01])  # the middle of those that are about as good
    layer = student.get_layer("scores")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias - np.array([0, np.log(best / (1 - best))], np.float32)])
    return float(best)


def main() -> None:
    """Train, quantize, and write the detector."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("colour", type=Path, help="rendered pictures in colour, of make_people.py --colour")
    parser.add_argument("photographs", type=Path, help="a folder of photographs in colour")
    parser.add_argument("--weights", type=Path, help="go on from an earlier round's weights.npz")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write (beside this script)")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--pieces", type=int, default=12_000, help="of photographs, in an epoch")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--layers", type=float, default=2.0, help="weight of what the teacher's layers give")
    parser.add_argument("--labels", type=float, default=1.0, help="weight of the labels of rendered pictures")
    parser.add_argument(
        "--doubt", type=float, default=0.5, help="how little the teacher counts where a label is known"
    )
    parser.add_argument("--mixed", type=float, default=0.3, help="share of batches of which each picture is of two")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    student = models.fold_biases(models.take_grey(models.load_pretrained()))
    if given.weights:
        with np.load(given.weights) as stored:
            student.set_weights([stored[f"arr_{k}"] for k in range(len(stored.files))])
    if given.epochs:
        train(student, given)
    given.folder.mkdir(parents=True, exist_ok=True)
    np.savez(given.folder / "weights.npz", *student.get_weights())
    print(f"threshold {centre(student):.3f}, now 0.5")
    people = datasets.load_people(part="train").images
    active = np.flatnonzero(models.measure_activity(student, people[:2000]) > 1e-6)
    small = models.drop_filters(student, active)
    model = conversion.convert(small, training_data=people[:500])
    classifier = PersonClassifier(model=model)
    write_with_checksum(given.folder / "person_int8.tflite", model)
    write_with_checksum(given.folder / "person.json", classifier.to_json().encode())
    test = datasets.load_people(part="test")
    right = inference.predict(model, test.images).argmax(axis=1) == test.labels
    print(f"{len(model):,} bytes, {len(active)} filters at the end; rendered test {right.mean():.3f}")


if __name__ == "__main__":
    main()

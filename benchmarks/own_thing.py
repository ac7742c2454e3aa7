"""Forty pictures of one's own, with and without a warm start: lab 04's last section, over several things and draws.

    .venv/bin/python benchmarks/own_thing.py [--draws N] [--json]

From the rendered pictures without people: twenty with the thing and twenty without to learn from, in ten variants
each; as many as there are of the thing, and as many others, to test. Both networks learn from the same.
"""

import argparse
import json

import numpy as np

from tinyml_labs import datasets, models
from tinyml_labs.quiet import import_quietly

THINGS = ("scooter", "horse", "rabbit", "chicken", "bulldog")


def vary(pictures: np.ndarray, labels: np.ndarray, copies: int, rng: np.random.Generator) -> tuple:
    """Move and mirror pictures, as the lab does."""
    padded = np.pad(pictures, ((0, 0), (10, 10), (10, 10), (0, 0)), mode="edge")
    out = np.empty((copies, *pictures.shape), np.uint8)
    for copy in out:
        for k, (top, left) in enumerate(rng.integers(0, 21, (len(pictures), 2))):
            copy[k] = padded[k, top : top + 96, left : left + 96, :][:, :: rng.choice((1, -1))]
    return out.reshape(-1, 96, 96, 1), np.tile(labels, copies)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    keras = import_quietly("keras")
    keras.utils.set_random_seed(1)
    train = datasets.load_people(part="train")
    empty = train.select(train.labels == 0)
    warm = models.take_grey(models.load_pretrained())
    middle = keras.layers.GlobalAveragePooling2D()(warm.get_layer("pointwise_7_relu").output)
    trunk = keras.Model(warm.input, middle)
    shares: dict[str, list[tuple[float, float]]] = {}
    for thing in THINGS:
        is_thing = np.char.startswith(empty.table["subject"], thing)
        for draw in range(given.draws):
            rng = np.random.default_rng(draw)
            with_it, without = (rng.permutation(np.flatnonzero(mask)) for mask in (is_thing, ~is_thing))
            few = np.concatenate([with_it[:20], without[:20]])
            rest = np.concatenate([with_it[20:], without[20 : len(with_it)]])
            x, y = vary(empty.images[few], is_thing[few].astype(int), 10, rng)
            top = keras.Sequential([keras.Input((128,)), keras.layers.Dense(2, activation="softmax")])
            models.train_classifier(top, trunk.predict(x, verbose=0), y, epochs=30, batch_size=16, learning_rate=0.01)
            alone = models.build_person_cnn()
            models.train_classifier(alone, x, y, epochs=5, batch_size=16)
            of_both = (
                top.predict(trunk.predict(empty.images[rest], verbose=0), verbose=0),
                alone.predict(empty.images[rest], verbose=0),
            )
            started, nothing = (float(np.mean(each.argmax(axis=1) == is_thing[rest])) for each in of_both)
            shares.setdefault(thing, []).append((started, nothing))
        if not given.json:
            print(thing, *(f"{a:.2f} ({b:.2f})" for a, b in shares[thing]), flush=True)
    pairs = np.array([pair for each in shares.values() for pair in each])
    means, wins = pairs.mean(axis=0).round(3), int((pairs[:, 0] > pairs[:, 1]).sum())
    if given.json:
        print(json.dumps({"warm": means[0], "nothing": means[1], "better": wins, "draws": len(pairs), "of": shares}))
    else:
        print(f"warm start {means[0]}, from nothing {means[1]}; better in {wins} of {len(pairs)} draws")


if __name__ == "__main__":
    main()

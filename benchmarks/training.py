"""What oneDNN's kernels save in training: the labs' networks with and without them, in processes of their own.

    .venv/bin/python benchmarks/training.py [--rounds N] [--json]

Each process trains a network once to build its graph, and then measures one epoch. The two ways take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

BATCH = 64
NETWORKS = ("plain, 48 pixels", "plain, 96 pixels", "MobileNet", "keywords", "gestures")


def build(name: str) -> tuple[object, int]:
    """Build a lab's network, and say how many samples make a second or more."""
    from tinyml_labs import models

    if name.startswith("plain"):
        return models.build_person_cnn(int(name.split()[1])), 2560
    if name == "MobileNet":
        return models.take_grey(models.load_pretrained()), 1280
    if name == "keywords":
        return models.build_ds_cnn(first_filters=16, filters=56, halve=True, dropout=0), 2560
    return models.build_gesture_conv(128, 3, 4), 10_240


def measure(name: str) -> None:
    """Print the seconds, of the clock and of the processors, that an epoch takes in this process."""
    from tinyml_labs import models

    network, count = build(name)
    random = np.random.default_rng(1)
    x = random.uniform(0, 255, (count, *network.input_shape[1:])).astype(np.float32)
    y = random.integers(0, network.output_shape[-1], count)
    models.train_classifier(network, x[:BATCH], y[:BATCH], epochs=1, batch_size=BATCH)
    began, busy = time.perf_counter(), time.process_time()
    network.fit(x, y, BATCH, 1, verbose=0)
    print(json.dumps([time.perf_counter() - began, time.process_time() - busy]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--network", choices=NETWORKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.network:
        measure(given.network)
        return
    found = {}
    for name in NETWORKS:
        ratios = []
        for _ in range(given.rounds):
            without, with_it = (
                json.loads(
                    subprocess.run(
                        [sys.executable, __file__, "--network", name],
                        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": switch},
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        check=True,
                    ).stdout.splitlines()[-1]
                )
                for switch in "01"
            )
            ratios.append([a / b for a, b in zip(with_it, without, strict=True)])
        clock, processors = (statistics.median(column) for column in zip(*ratios, strict=True))
        found[name] = {"clock": round(clock, 2), "processors": round(processors, 2)}
        if not given.json:
            print(f"{name:18} {clock:.2f} of the time, {processors:.2f} of the processors' time", flush=True)
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()

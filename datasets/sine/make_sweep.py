"""Make potentiometer_sweep.csv: a hand turns a knob, a 10-bit converter reads it. Seeded, synthetic.

    python datasets/sine/make_sweep.py

writes the file beside this script and its line in SHA256SUMS. README.md says what the recording does not
capture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinyml_labs.datasets.bundled import write_with_checksum

RATE_HZ = 50
SECONDS = 60
TOP_COUNT = 1023
SEED = 20240501


def hand_position(rng: np.random.Generator, time_s: np.ndarray) -> np.ndarray:
    """Where the knob is, 0 to 1: slow moves with a smooth start and stop, a few of them full sweeps, and pauses.

    Each move follows the minimum-jerk curve of T. Flash and N. Hogan, "The coordination of arm movements"
    (Journal of Neuroscience, 1985): 10 s^3 - 15 s^4 + 6 s^5 for s from 0 to 1.
    """
    # A full sweep up, down, and up in steps; then wandering; a full sweep back to close.
    targets = [1.0, 0.0, 0.28, 0.55, 0.83, 1.0, 0.35, 0.7, 0.12, 0.9, 0.45, 0.62, 0.2, 1.0, 0.0]
    position = np.full(time_s.shape, 0.02)
    here, now = 0.02, 0.8
    for target in targets:
        way = abs(target - here)
        duration = 0.8 + 4.2 * way * rng.uniform(0.85, 1.2)
        s = np.clip((time_s - now) / duration, 0.0, 1.0)
        position += (target - here) * (10 * s**3 - 15 * s**4 + 6 * s**5)
        here = target
        now += duration + rng.uniform(0.5, 1.6)
    return position


def tremor(rng: np.random.Generator, time_s: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """A hand's tremor, 8 to 11 Hz, about 0.1 % of the knob's range; weaker while the knob is still."""
    total = np.zeros_like(time_s)
    for frequency_hz in (8.1, 9.4, 10.7):
        total += np.sin(2 * np.pi * frequency_hz * time_s + rng.uniform(0, 2 * np.pi))
    return 0.0006 * total * (0.25 + 0.75 * moving)


def record() -> tuple[np.ndarray, np.ndarray]:
    """Return time in seconds and counts (integers, 0 to 1023), both of shape (3000,)."""
    rng = np.random.default_rng(SEED)
    time_s = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    position = hand_position(rng, time_s)
    speed = np.abs(np.gradient(position, time_s))
    knob = position + tremor(rng, time_s, np.minimum(speed / 0.05, 1.0))
    # The knob stops at both ends; the converter adds noise of about one count, and rounds.
    counts = np.clip(knob, 0.0, 1.0) * TOP_COUNT + rng.normal(0.0, 0.9, time_s.shape)
    return time_s, np.clip(np.rint(counts), 0, TOP_COUNT).astype(int)


def as_csv(time_s: np.ndarray, counts: np.ndarray) -> str:
    """Write the recording as the CSV that `load_signal_csv` takes."""
    head = (
        "# Synthetic recording of a potentiometer, made by make_sweep.py\n"
        f"# rate_hz: {RATE_HZ}\n# unit: counts\n# full_scale: 0 {TOP_COUNT}\n"
        "time_s,adc_counts\n"
    )
    return head + "".join(f"{t:.2f},{c}\n" for t, c in zip(time_s, counts, strict=True))


def main() -> None:
    """Write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().folder
    content = as_csv(*record()).encode("ascii")
    write_with_checksum(folder / "potentiometer_sweep.csv", content)
    print(f"{folder / 'potentiometer_sweep.csv'}: {RATE_HZ * SECONDS} samples, {len(content)} bytes")


if __name__ == "__main__":
    main()

"""What the checks of this lab use: six people's streams, made up, and `judge`."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from dataclasses import replace

import numpy as np

from tinyml_labs import evaluation
from tinyml_labs.features import WindowSettings
from tinyml_labs.grading.score_streams import Heard, make_score_stream, to_intervals

THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
GESTURES = ("circle", "punch", "wave", "flex")
LABELS = ("idle", "other", *GESTURES)
RATE = 100.0
SMOOTHING = {"average_windows": 4, "threshold": 0.6, "release": 0.5, "hold_off": 4}


def judge(streams, truths, threshold):
    """Return the report of all streams together, with this threshold."""
    reports = []
    for stream, done in zip(streams, truths, strict=True):
        reports.append(evaluation.evaluate_stream(stream.with_threshold(threshold), done, tolerance_s=1.5))
    return evaluation.pool_event_reports(reports)


def make_sitting(seed, seconds=80):
    """Let somebody do gestures for 80 s; return what a model says, and what was done.

    Some gestures are taken for another one, and now and then something looks like a gesture: more or less surely.
    """
    chance = np.random.default_rng(seed)
    done, heard, time_s = [], [], 3.0
    while time_s < seconds - 8:
        label, lasts = str(chance.choice(GESTURES)), chance.uniform(2.5, 4)
        seen = str(chance.choice(GESTURES)) if chance.random() < 0.25 else label
        done.append((label, time_s, time_s + lasts))
        heard.append(Heard(time_s, time_s + lasts, seen, chance.uniform(0.5, 1)))
        time_s += lasts + chance.uniform(3.5, 5)
        if chance.random() < 0.5:
            alarm = str(chance.choice(GESTURES))
            heard.append(Heard(time_s - 1.4, time_s + 0.2, alarm, chance.uniform(0.5, 0.99)))
            time_s += 2
    stream = make_score_stream(
        heard,
        seconds=float(seconds),
        rate_hz=RATE,
        labels=LABELS,
        background=("idle", "other"),
        window=WindowSettings(rate_hz=RATE, window_ms=2000, stride_ms=250),
        smoothing=SMOOTHING,
        seed=seed,
    )
    return stream, to_intervals(done, RATE)


six_streams, six_truths = map(list, zip(*map(make_sitting, range(6)), strict=True))

"""What the checks of this lab use: ten minutes with words, and what a model says about them, made up."""

import numpy as np

from tinyml_labs import evaluation
from tinyml_labs.features import SpectrogramSettings, WindowSettings
from tinyml_labs.grading.score_streams import Heard, make_score_stream, to_intervals

LABELS = ("silence", "unknown", "yes", "no")


def make_ten_minutes(seed):
    """Say words for ten minutes; return what a model says, and what was said.

    Some keywords are taken for the other, some other words for a keyword, and now and then noise is one.
    """
    chance = np.random.default_rng(seed)
    words, heard, time_s = [], [], 2.0
    while time_s < 595:
        label, lasts = str(chance.choice(("unknown", "unknown", "yes", "no"))), chance.uniform(0.4, 0.9)
        words.append((label, time_s, time_s + lasts))
        likely = {"yes": (0.85, 0.15), "no": (0.15, 0.85), "unknown": (0.5, 0.5)}[label]
        sure = chance.uniform(0.1, 1) if label != "unknown" else chance.uniform(0, 0.9)
        heard.append(Heard(time_s, time_s + lasts + 0.3, str(chance.choice(("yes", "no"), p=likely)), sure))
        time_s += lasts + chance.uniform(1, 4)
        if chance.random() < 0.15:
            heard.append(Heard(time_s, time_s + 0.8, str(chance.choice(("yes", "no"))), chance.uniform(0.2, 0.95)))
            time_s += 2
    found = make_score_stream(
        heard,
        seconds=600.0,
        rate_hz=16_000.0,
        labels=LABELS,
        background=("silence", "unknown"),
        window=WindowSettings(rate_hz=50, window_ms=980, stride_ms=100),
        smoothing={"average_windows": 3, "threshold": 0.8, "release": 0.5, "hold_off": 7},
        spectrogram=SpectrogramSettings(),
        seed=seed,
    )
    return found, to_intervals(words, 16_000)


found, said = make_ten_minutes(1)
sweep = evaluation.sweep_thresholds(found, said)

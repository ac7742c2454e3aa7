"""A gesture classifier of random weights: for tests that need one and no training."""

from __future__ import annotations

import tiny_models

from tinyml_labs.features import MotionFeatureSettings, Normalisation, WindowSettings, cut_windows, motion_features
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.simulation import BACKGROUND, GESTURES, Session, make_subject, simulate_session

PLAN = [("circle", 3.0), ("idle", 2.0), ("flick", 3.0), ("punch", 3.0), ("other", 3.0), ("wave", 3.0)]
LIMIT = 4.0


def sitting(seed: int = 5, rate_hz: float = 119.0) -> Session:
    """Half a minute of somebody who does six things."""
    return simulate_session(make_subject(seed), PLAN, rate_hz=rate_hz)


def tiny_classifier(channels: int = 3, *, seed: int = 0, rate_hz: float = 119.0) -> GestureClassifier:
    """Make one whose scores change often, and which has an event every few seconds."""
    window = WindowSettings(rate_hz=rate_hz, window_ms=2000, stride_ms=250)
    features = MotionFeatureSettings(rate_hz=rate_hz)
    windows, _ = cut_windows(sitting(3, rate_hz).samples[:, :channels], window)
    normalisation = Normalisation.fit(motion_features(windows, features), limit=LIMIT)
    model = tiny_models.window_classifier(
        len(normalisation.mean), 1, classes=len(GESTURES), input_scale=LIMIT / 127, gain=12, seed=seed
    )
    return GestureClassifier(
        model=model,
        labels=GESTURES,
        background=BACKGROUND,
        window=window,
        channels=channels,
        features=features,
        normalisation=normalisation,
        smoothing={"average_windows": 3, "threshold": 0.4, "release": 0.3, "hold_off": 4},
    )

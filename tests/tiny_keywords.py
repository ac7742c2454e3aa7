"""A keyword classifier of random weights, and sound for it: for tests that need one and no training."""

from __future__ import annotations

import wave
from functools import cache
from pathlib import Path

import numpy as np
import tiny_models

from tinyml_labs.features import SPECTROGRAM_CHANNELS, WindowSettings
from tinyml_labs.keyword_classifier import KeywordClassifier
from tinyml_labs.virtual import microphone

LOUDEST = 26.2


@cache
def tiny_classifier(seed: int = 0, average_windows: int = 3) -> KeywordClassifier:
    """Make one whose scores change often, and which has an event every few seconds of the virtual board's room."""
    window = WindowSettings(rate_hz=50, window_ms=980, stride_ms=100)
    model = tiny_models.window_classifier(
        window.length,
        SPECTROGRAM_CHANNELS,
        input_scale=LOUDEST / 255,
        input_zero_point=-128,
        more_axes=1,
        gain=10,
        seed=seed,
    )
    return KeywordClassifier(
        model=model, smoothing={"average_windows": average_windows, "threshold": 0.5, "release": 0.4, "hold_off": 4}
    )


def room(seconds: float, seed: int = 0) -> np.ndarray:
    """Sound of a made-up room, which does not repeat itself: int16 (n,)."""
    parts = [microphone.hear(1000 * seed + k) for k in range(int(seconds // microphone.LOOP_S) + 1)]
    return np.concatenate(parts)[: round(seconds * microphone.RATE_HZ)]


def write_wav(path: Path, samples: np.ndarray, rate_hz: int = 16000) -> Path:
    """Write mono PCM of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path

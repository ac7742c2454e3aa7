"""Streams of scores as a model would have given them, made up in a moment: checks need streams, and no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyml_labs.features import Interval, SpectrogramSettings, WindowSettings
from tinyml_labs.smoothing import SmootherSettings
from tinyml_labs.stream_prediction import StreamPrediction, decide

__all__ = ["Heard", "make_score_stream", "to_intervals"]

_SCALE, _ZERO_POINT = 1 / 256, -128  # of an int8 softmax
_DELAY_S = 0.3  # so long a window has to be in it before the score rises


class Heard(NamedTuple):
    """Something in a stream: from when to when, in seconds, and what the model takes it for, how surely (0 to 1)."""

    start_s: float
    end_s: float
    label: str
    score: float


def make_score_stream(
    heard: Sequence[Heard],
    *,
    seconds: float,
    rate_hz: float,
    labels: tuple[str, ...],
    background: tuple[str, ...],
    window: WindowSettings,
    smoothing: dict[str, float],
    spectrogram: SpectrogramSettings | None = None,
    seed: int = 0,
) -> StreamPrediction:
    """Make up what a model says about a stream in which this and that is heard, and else the background.

    Parameters
    ----------
    heard : sequence of Heard
        Where two overlap, the later one counts.
    seconds, rate_hz : float
        Of the stream.
    labels, background, window, spectrogram
        As a classifier has them.
    smoothing : dict
        ``average_windows``, ``threshold``, ``release`` (probabilities) and ``hold_off``.
    seed : int
        Of a little noise in the scores.

    Returns
    -------
    StreamPrediction
        Of int8 scores; ``model_sha256`` is empty, since there is no model.
    """
    random = np.random.default_rng(seed)
    length, stride = window.length, window.stride
    if spectrogram is not None:
        length, stride = spectrogram.samples(length), stride * spectrogram.samples_a_stride
    starts = np.arange(0, int(seconds * rate_hz) - length + 1, stride, dtype=np.int64)
    times_s = (starts + length) / rate_hz
    loud = np.zeros((len(starts), len(labels)))
    loud[:, labels.index(background[0])] = 0.94
    for one in heard:
        inside = (times_s >= one.start_s + _DELAY_S) & (times_s <= one.end_s + _DELAY_S)
        loud[inside] = (1 - one.score) / len(labels)
        loud[inside, labels.index(one.label)] = one.score
    loud = np.clip(loud + random.uniform(0, 0.04, loud.shape), 0, 1)
    outputs = np.clip(np.round(loud / _SCALE) + _ZERO_POINT, -128, 127).astype(np.int8)
    smoother = SmootherSettings.from_probabilities(
        average_windows=int(smoothing["average_windows"]),
        threshold=smoothing["threshold"],
        release=smoothing["release"],
        hold_off=int(smoothing["hold_off"]),
        background=[labels.index(label) for label in background],
        scale=_SCALE,
        zero_point=_ZERO_POINT,
    )
    return StreamPrediction(
        starts=starts,
        outputs=outputs,
        scores=((outputs.astype(np.float32) - _ZERO_POINT) * np.float32(_SCALE)),
        decisions=decide(outputs, smoother),
        resets=(),
        labels=labels,
        window=window,
        smoother=smoother,
        rate_hz=rate_hz,
        seconds=seconds,
        gaps=(),
        model_sha256="",
        spectrogram=spectrogram,
        scale=_SCALE,
        zero_point=_ZERO_POINT,
    )


def to_intervals(words: Sequence[tuple[str, float, float]], rate_hz: float) -> list[Interval]:
    """Turn (label, start, end), in seconds, into intervals of samples: the truth of a stream."""
    return [Interval(start=round(a * rate_hz), end=round(b * rate_hz), label=label) for label, a, b in words]

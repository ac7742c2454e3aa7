"""A whole recording in few numbers: what the widget draws of a take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture import Recording
from tinyml_labs.capture.images import to_rgb

COLUMNS = 800
IMAGES = 12
_PIXELS = 96


def outline_take(recording: Recording, columns: int = COLUMNS) -> tuple[dict[str, Any], bytes]:
    """Reduce a recording to what fits on a screen, and hides no spike and no gap.

    Parameters
    ----------
    recording : Recording
    columns : int
        How many columns at most.

    Returns
    -------
    description : dict
        Of a signal or sound: ``kind`` ``"wave"``, ``shape`` (columns, channels, 2), ``column_s`` (seconds a column,
        or None where no rate is known). Of images: ``kind`` ``"images"``, ``shape`` (images, rows, width).
    data : bytes
        Little-endian float32 lows and highs, NaN where samples are missing; or uint8 grey.
    """
    if recording.kind == "image":
        strip = outline_images(recording.samples)
        return {"kind": "images", "shape": list(strip.shape)}, strip.tobytes()
    per_column, lows_highs = outline_samples(recording.sample_numbers, recording.samples, columns)
    rate = recording.nominal_rate_hz or recording.measured_rate_hz
    column_s = per_column / rate if rate else None
    return {"kind": "wave", "shape": list(lows_highs.shape), "column_s": column_s}, lows_highs.astype("<f4").tobytes()


def outline_samples(
    numbers: NDArray[np.int64], samples: NDArray[Any], columns: int = COLUMNS
) -> tuple[int, NDArray[np.float32]]:
    """Give the smallest and the largest value of each channel, a column at a time.

    Parameters
    ----------
    numbers : array, (N,)
        The number of each sample, rising; missing ones are left out.
    samples : array, (N, channels)
    columns : int
        How many columns at most.

    Returns
    -------
    per_column : int
        Samples in a column.
    lows_highs : array, (columns, channels, 2), float32
        NaN in a column that has no sample.

    >>> outline_samples(np.array([0, 1, 2, 5]), np.array([[1], [7], [3], [5]]), columns=3)[1][:, 0].tolist()
    [[1.0, 7.0], [3.0, 3.0], [5.0, 5.0]]
    """
    channels = samples.shape[1]
    if not len(numbers):
        return 1, np.empty((0, channels, 2), np.float32)
    span = int(numbers[-1]) + 1
    per_column = max(1, math.ceil(span / columns))
    result = np.full((math.ceil(span / per_column), channels, 2), np.nan, np.float32)
    column = numbers // per_column
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    result[column[starts], :, 0] = np.minimum.reduceat(samples, starts)
    result[column[starts], :, 1] = np.maximum.reduceat(samples, starts)
    return per_column, result


def outline_images(images: NDArray[Any], count: int = IMAGES) -> NDArray[np.uint8]:
    """Give a few images, evenly spaced from the first to the last, small and grey: (images, rows, width)."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int))
    step = max(1, math.ceil(max(images.shape[1:]) / _PIXELS))
    small = images[chosen, ::step, ::step]
    if small.dtype == np.uint8:
        return small
    weighed = [to_rgb(image).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) for image in small]
    return np.array(weighed, np.float32).reshape(small.shape).astype(np.uint8)

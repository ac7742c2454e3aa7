"""A stream of samples to windows of one length, and what each window shows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class WindowSettings:
    """How a stream of samples is cut into windows.

    Parameters
    ----------
    rate_hz : float
        Samples a second.
    window_ms, stride_ms : float
        A window's length, and the time from the start of one to the start of the next, in milliseconds.

    Raises
    ------
    ValueError
        A value that is no positive number, or a length or stride of less than one sample.

    Examples
    --------
    >>> settings = WindowSettings(rate_hz=119, window_ms=1000, stride_ms=200)
    >>> settings.length, settings.stride
    (119, 24)
    """

    rate_hz: float
    window_ms: float
    stride_ms: float

    def __post_init__(self) -> None:
        for name, unit in (("rate_hz", "Hz"), ("window_ms", "milliseconds"), ("stride_ms", "milliseconds")):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}, expected a number of {unit} above 0.")
        for name, samples in (("window_ms", self.length), ("stride_ms", self.stride)):
            if samples < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g}, which is {samples} samples at {self.rate_hz:g} Hz, expected "
                    f"one at least: {1000 / self.rate_hz:.4g} ms or more."
                )

    @property
    def length(self) -> int:
        """A window's length in samples, rounded."""
        return round(self.rate_hz * self.window_ms / 1000)

    @property
    def stride(self) -> int:
        """The samples from the start of a window to the start of the next, rounded."""
        return round(self.rate_hz * self.stride_ms / 1000)


def cut_windows(samples: ArrayLike, settings: WindowSettings) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut samples into windows, as the board's `Windower` does.

    Window k holds the samples k * stride to k * stride + length - 1. Samples at the end that fill no window are left
    out. Windows know nothing of gaps: cut the recording there first (`Recording.segments()`), and each piece alone.

    Parameters
    ----------
    samples : array, (N, channels)
        Real numbers, of any unit.
    settings : WindowSettings

    Returns
    -------
    windows : float32 array, (W, length, channels)
        A copy. W is 0 where there are fewer samples than a window has.
    starts : int64 array, (W,)
        The first sample of each window.

    Raises
    ------
    ValueError
        Samples of another shape, or that are no real numbers.

    Examples
    --------
    >>> settings = WindowSettings(rate_hz=10, window_ms=400, stride_ms=300)
    >>> windows, starts = cut_windows(np.arange(8).reshape(8, 1), settings)
    >>> starts.tolist(), windows[:, :, 0].tolist()
    ([0, 3], [[0.0, 1.0, 2.0, 3.0], [3.0, 4.0, 5.0, 6.0]])
    """
    samples = np.asarray(samples)
    if samples.ndim != 2 or samples.shape[1] < 1:
        raise ValueError(
            f"samples has shape {samples.shape}, expected (N, channels). A single channel is samples.reshape(-1, 1)."
        )
    if samples.dtype.kind not in "biuf":
        raise ValueError(f"samples is of dtype {samples.dtype}, expected real numbers.")
    length, stride = settings.length, settings.stride
    if len(samples) < length:
        return np.empty((0, length, samples.shape[1]), np.float32), np.empty(0, np.int64)
    views = np.lib.stride_tricks.sliding_window_view(samples, length, axis=0)[::stride]
    windows = views.transpose(0, 2, 1).astype(np.float32, order="C")
    return windows, np.arange(len(windows), dtype=np.int64) * stride


@dataclass(frozen=True)
class Interval:
    """Where in a recording something lasts: from the sample `start` up to, but without, the sample `end`.

    Raises
    ------
    ValueError
        An end that is not after the start, or a start or end that is no whole number.
    """

    start: int
    end: int
    label: str

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not isinstance(value, Integral):
                raise ValueError(
                    f"{name} of the interval {self.label!r} is {value!r}, expected a whole number of samples: "
                    "round(seconds * rate_hz)."
                )
        if not self.end > self.start:
            raise ValueError(
                f"The interval {self.label!r} goes from sample {self.start} to {self.end}, expected an end after "
                "the start. The end is the first sample that is no more part of it."
            )

    def later(self, samples: int) -> Interval:
        """Give the same, so many samples later; earlier, if there are less than none."""
        return Interval(self.start + samples, self.end + samples, self.label)


def label_windows(
    starts: ArrayLike,
    length: int,
    intervals: Sequence[Interval],
    labels: Sequence[str],
    *,
    background: Collection[str] = ("idle", "other"),
    covered: float = 0.75,
    touch: float = 0.1,
    inside: float = 0.8,
    second: float = 0.2,
) -> NDArray[np.int64]:
    """Give each window the label of what it shows, or -1 where that is ambiguous.

    An interval of a background label is no gesture. An interval of any other label is one: a repeated gesture (one
    that goes on, such as shaking) if it is longer than the window, else a single gesture. A window has the label L

    1. if L is background, or a repeated gesture L is in the window, and at least `covered` of the window is inside
       intervals of L, and no gesture of another label takes more than `touch` of the window;
    2. or if at least `inside` of a single gesture L is in the window, and no gesture of another label has more than
       `second` of its own length in it.

    If both a gesture and background fit (a gesture of no more than `touch` of the window, with "idle" around it), it
    is the gesture. If two gestures fit, two backgrounds, or nothing, the window is ambiguous. Samples in no interval
    lie between gestures and have no label. Count ambiguous windows and report them; do not train on them, and do not
    score them.

    Parameters
    ----------
    starts : int array, (W,)
        The first sample of each window, from `cut_windows`.
    length : int
        A window's length in samples.
    intervals : sequence of Interval
        Of the same recording, in any order, counted from the same sample as `starts`. They may begin before the first
        window and end after the last.
    labels : sequence of str
        The classes.
    background : collection of str
        Labels that are never a gesture. Those that are not among `labels` are ignored.
    covered, touch, inside, second : float
        Shares, 0 to 1, as above.

    Returns
    -------
    int64 array, (W,)
        Index into `labels`, or -1.

    Raises
    ------
    ValueError
        An interval whose label is not among `labels`, labels twice, a share outside 0 to 1, a length below 1, or
        starts that are no whole numbers.

    Examples
    --------
    >>> intervals = [Interval(0, 300, "idle"), Interval(310, 360, "flick")]
    >>> label_windows([0, 100, 240, 300], 100, intervals, ["flick", "idle"]).tolist()
    [1, 1, -1, 0]
    """
    first = np.asarray(starts)
    if first.ndim != 1 or (first.size and first.dtype.kind not in "iu"):
        raise ValueError(
            f"starts has shape {first.shape} and dtype {first.dtype}, expected whole numbers of shape (W,), as "
            "cut_windows gives them."
        )
    _check_labels(intervals, labels, length)
    for name, share in (("covered", covered), ("touch", touch), ("inside", inside), ("second", second)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is {share}, expected a share between 0 and 1, such as 0.8.")
    first = first.astype(np.int64)
    quiet = {background} if isinstance(background, str) else set(background)
    place = {label: index for index, label in enumerate(labels)}
    shape = (len(labels), len(first))
    repeated, single, touched, visited = (np.zeros(shape, np.bool_) for _ in range(4))
    for interval in intervals:
        row = place[interval.label]
        if interval.label in quiet:
            continue
        size = interval.end - interval.start
        overlap = _overlap(first, length, interval.start, interval.end)
        if size > length:
            repeated[row] |= overlap > 0
        else:
            single[row] |= overlap / size >= inside  # a quotient: 4 / 5 >= 0.8, but 0.1 * 3 > 0.3
        touched[row] |= overlap / length > touch
        visited[row] |= overlap / size > second
    behind = np.array([label in quiet for label in labels])
    repeated[behind] = True
    fits = np.stack([_coverage(first, length, intervals, label) / length >= covered for label in labels])
    fits = (fits & repeated & ~_in_another_row(touched)) | (single & ~_in_another_row(visited))
    fits[behind] &= ~fits[~behind].any(axis=0)  # a gesture in front of the background is what the window shows
    return np.where(fits.sum(axis=0) == 1, fits.argmax(axis=0), -1).astype(np.int64)


def _check_labels(intervals: Sequence[Interval], labels: Sequence[str], length: int) -> None:
    if length < 1:
        raise ValueError(f"length is {length}, expected a window of one sample at least.")
    if isinstance(labels, str) or not len(labels) or len(set(labels)) != len(labels):
        raise ValueError(f"labels is {labels!r}, expected a list of different names, one at least.")
    unknown = sorted({interval.label for interval in intervals} - set(labels))
    if unknown:
        raise ValueError(
            f"There are intervals of {unknown[0]!r}, which is not among the labels {', '.join(labels)}. Add it, or "
            "give those intervals another label first, such as 'other'."
        )


def _overlap(first: NDArray[np.int64], length: int, start: int, end: int) -> NDArray[np.int64]:
    """The number of samples that each window shares with [start, end)."""
    return np.maximum(np.minimum(first + length, end) - np.maximum(first, start), 0)


def _coverage(first: NDArray[np.int64], length: int, intervals: Sequence[Interval], label: str) -> NDArray[np.int64]:
    """The number of samples of each window in intervals of a label; where intervals overlap, counted once."""
    count = np.zeros(len(first), np.int64)
    reached: int | None = None
    for start, end in sorted((interval.start, interval.end) for interval in intervals if interval.label == label):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            count += _overlap(first, length, begin, end)
            reached = end
    return count


def _in_another_row(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each row and column, whether another row has True in that column."""
    return (found.sum(axis=0) - found) > 0

"""Turn the scores of one window after the other into events: a gesture is one event, and not ten."""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["ScoreSmoother", "SmootherSettings", "smooth_scores"]

_RANGES = {
    "average_windows": (1, 255),
    "threshold": (-(2**31), 2**31 - 1),
    "release": (-(2**31), 2**31 - 1),
    "hold_off": (0, 65_535),
}
_LARGEST_SUM = 2**31 - 1
_LAST_BACKGROUND = 31  # the board keeps them as the bits of a number


@dataclass(frozen=True, kw_only=True)
class SmootherSettings:
    """When scores are an event. The levels are integers, in the quantized unit of the model's output.

    Attributes
    ----------
    average_windows : int, 1 to 255
        Over so many windows the scores are averaged.
    threshold : int
        An event needs an average of so much.
    release : int
        The same class can be an event again once its average was below this; at most the threshold.
    hold_off : int, 0 to 65535
        After an event, none in so many windows.
    background : tuple of int
        The classes that are never an event, such as "unknown" and "idle"; one number stands for itself.

    Raises
    ------
    ValueError
        For a number that the board's integers do not hold, or a release above the threshold.
    TypeError
        For a number that is not whole: a probability goes through :meth:`from_probabilities`.

    Notes
    -----
    The board's twin is ``SmootherSettings`` in ``tinyml/score_smoother.h``.
    """

    average_windows: int
    threshold: int
    release: int
    hold_off: int
    background: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            try:
                whole = operator.index(value)
            except TypeError:
                raise TypeError(
                    f"{name} is {value!r}, expected a whole number in the quantized unit. For probabilities there is "
                    "SmootherSettings.from_probabilities(...)."
                ) from None
            if not low <= whole <= high:
                raise ValueError(f"{name} is {whole}; it goes from {low} to {high}.")
            object.__setattr__(self, name, whole)  # NumPy's integers too become Python's
        object.__setattr__(self, "background", _class_numbers(self.background))
        if self.release > self.threshold:
            raise ValueError(
                f"release is {self.release} and threshold {self.threshold}; release is the threshold at "
                "most, so that what was an event can stay one."
            )
        for name in ("threshold", "release"):
            if abs(getattr(self, name)) * self.average_windows > _LARGEST_SUM:
                raise ValueError(
                    f"{name} is {getattr(self, name)}: {self.average_windows} times that does not fit 32 bits, in "
                    "which the board adds up."
                )

    @classmethod
    def from_probabilities(
        cls,
        *,
        average_windows: int,
        hold_off: int,
        scale: float,
        zero_point: int,
        threshold: float = 0.7,
        release: float = 0.5,
        background: int | Collection[int] = (),
        dtype: DTypeLike = np.int8,
    ) -> SmootherSettings:
        """Make settings from probabilities, in the unit of a model's output.

        A probability becomes the integer ``round(p / scale) + zero_point``, as ``inference.quantize`` rounds: the
        division is in float32, a tie goes away from zero, and what the type does not hold saturates. So the level
        is off by half a step at most (0.2 % for an int8 softmax).

        Parameters
        ----------
        average_windows, hold_off, background
            As in the class.
        scale, zero_point : float, int
            Of the model's output: ``model.outputs[0].scale`` and ``.zero_point``.
        threshold, release : float, 0 to 1
            Averages of the probability.
        dtype : numpy integer dtype
            Of the model's output.

        Raises
        ------
        ValueError
            For a probability outside of 0 to 1, or a scale that is not positive.

        Examples
        --------
        >>> settings = SmootherSettings.from_probabilities(
        ...     average_windows=3, hold_off=5, scale=1 / 256, zero_point=-128, threshold=0.7, release=0.5
        ... )
        >>> settings.threshold, settings.release
        (51, 0)
        """
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(
                f"scale is {scale!r}, expected a positive number: that of the model's quantized output. The smoother "
                "works on integers; convert the model to int8."
            )
        for name, value in (("threshold", threshold), ("release", release)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, expected a probability, from 0 to 1.")
        limits = np.iinfo(np.dtype(dtype))

        def quantized(probability: float) -> int:
            steps = float(np.float32(probability) / np.float32(scale))
            return min(limits.max, max(limits.min, math.floor(steps + 0.5) + zero_point))  # exact: a float64 has room

        return cls(
            average_windows=average_windows,
            threshold=quantized(threshold),
            release=quantized(release),
            hold_off=hold_off,
            background=_class_numbers(background),
        )

    @property
    def background_mask(self) -> int:
        """The background as the board has it: bit k is set if class k is never an event."""
        return sum(1 << k for k in self.background)

    def require_classes(self, count: int) -> None:
        """Refuse a model that does not have the classes of the background.

        Raises
        ------
        ValueError
        """
        if self.background and self.background[-1] >= count:
            raise ValueError(f"background is class {self.background[-1]}, and there are {count} classes, from 0 on.")

    def to_dict(self) -> dict[str, int]:
        """Give the settings by name, for the ``settings`` of :func:`tinyml_labs.export.export_c`.

        The background is there as ``background_mask``.
        """
        named = asdict(self)
        del named["background"]
        return {**named, "background_mask": self.background_mask}


def _class_numbers(numbers: int | Collection[int]) -> tuple[int, ...]:
    """Class numbers in order, each once; a single number stands for itself."""
    try:
        given = [operator.index(k) for k in (numbers if isinstance(numbers, Collection) else (numbers,))]
    except TypeError:
        raise TypeError(f"background is {numbers!r}, expected class numbers, such as (0, 10).") from None
    if any(not 0 <= k <= _LAST_BACKGROUND for k in given):
        raise ValueError(
            f"background is {numbers!r}; it is class numbers from 0 to {_LAST_BACKGROUND}, or () for none."
        )
    return tuple(sorted(set(given)))


class ScoreSmoother:
    """The board's ``ScoreSmoother``, in integers without any rounding: the same scores give the same events.

    1. Each update adds one score a class to the sum of the last ``average_windows`` scores; the oldest leaves. The
       first ``average_windows - 1`` updates since the start or :meth:`reset` are no events.
    2. If a class is latched and its sum < release * average_windows, it is latched no more.
    3. The best class is the one with the largest sum; of equals the first.
    4. None of the ``hold_off`` updates that follow an event is an event.
    5. It is an event if best is no background, is not latched, and its sum >= threshold * average_windows.
    6. The class of an event is latched, in place of the one before.

    Parameters
    ----------
    settings : SmootherSettings

    Examples
    --------
    >>> settings = SmootherSettings(average_windows=2, threshold=80, release=20, hold_off=0, background=(1,))
    >>> smoother = ScoreSmoother(settings)
    >>> [smoother.update(scores) for scores in [(0, 100), (90, 0), (90, 0), (90, 0), (-90, 90), (90, 0), (90, 0)]]
    [-1, -1, 0, -1, -1, -1, 0]

    Notes
    -----
    ``tinyml/score_smoother.h`` in the Arduino library holds the same rule in C++; the tests run both on the same
    scores.
    """

    def __init__(self, settings: SmootherSettings) -> None:
        self.settings = settings
        self._classes: int | None = None
        self.reset()

    def reset(self) -> None:
        """Forget all, as after a gap in the windows."""
        self._history: deque[list[int]] = deque(maxlen=self.settings.average_windows)
        self._sums: list[int] = [0] * (self._classes or 0)
        self._quiet = 0
        self._latched = -1

    def update(self, scores: ArrayLike) -> int:
        """Take the scores of the next window; give the class of the event that it is, or -1.

        Parameters
        ----------
        scores : array of int, (classes,)
            Raw scores of the quantized model.

        Raises
        ------
        TypeError
            For scores that are not integers.
        ValueError
            For another number of classes than before, a background that is no class, or scores whose sum does not
            fit the 32 bits of the board.
        """
        new = self._check(scores)
        settings, window = self.settings, self.settings.average_windows
        full = len(self._history) == window
        oldest = self._history[0] if full else [0] * len(new)
        self._sums = [total + score - old for total, score, old in zip(self._sums, new, oldest, strict=True)]
        self._history.append(new)
        if len(self._history) < window:
            return -1
        if self._latched >= 0 and self._sums[self._latched] < settings.release * window:
            self._latched = -1
        if self._quiet:
            self._quiet -= 1
            return -1
        best = self.best
        if best in settings.background or best == self._latched or self._sums[best] < settings.threshold * window:
            return -1
        self._latched, self._quiet = best, settings.hold_off
        return best

    @property
    def best(self) -> int:
        """The class with the largest sum; of equals the first. -1 before there are scores."""
        return self._sums.index(max(self._sums)) if self._sums else -1

    def sum(self, index: int) -> int:
        """Give the sum of a class's last ``average_windows`` scores, as the board has it."""
        return self._sums[index]

    def average(self, index: int) -> float:
        """Give the moving average of a class, in the quantized unit; NaN until there are enough windows."""
        full = len(self._history) == self.settings.average_windows
        return self._sums[index] / self.settings.average_windows if full else math.nan

    def _check(self, scores: ArrayLike) -> list[int]:
        array = np.asarray(scores)
        if array.dtype.kind not in "iu":
            raise TypeError(
                f"The scores are {array.dtype}, expected integers: the raw output of a quantized model "
                "(Interpreter.run, not predict)."
            )
        if array.ndim != 1 or not array.size or array.size > 255:
            raise ValueError(f"The scores have shape {array.shape}, expected (classes,): those of one window.")
        values: list[Any] = array.tolist()
        if self._classes is None:
            self.settings.require_classes(len(values))
            self._classes = len(values)
            self._sums = [0] * len(values)
        elif len(values) != self._classes:
            raise ValueError(f"There are {len(values)} scores, and there were {self._classes} before.")
        if max(map(abs, values)) * self.settings.average_windows > _LARGEST_SUM:
            raise ValueError(
                f"{self.settings.average_windows} scores of {max(values, key=abs)} do not fit 32 bits, in which the "
                "board adds up."
            )
        return values


def smooth_scores(
    scores: ArrayLike, settings: SmootherSettings, *, resets: Collection[int] = ()
) -> NDArray[np.int64]:
    """Run a :class:`ScoreSmoother` over the scores of a whole stream: to try settings without the model.

    Parameters
    ----------
    scores : int array, (W, classes)
        Raw scores of the windows, in their order.
    settings : SmootherSettings
    resets : collection of int
        Windows before which the smoother forgets all, since there is a gap.

    Returns
    -------
    int64 array, (W,)
        The class of the event that a window is, or -1.
    """
    rows = np.asarray(scores)
    if rows.ndim != 2:
        raise ValueError(f"scores has shape {rows.shape}, expected (windows, classes).")
    found = np.full(len(rows), -1, np.int64)
    if not len(rows):
        return found
    # The extremes say whether the board's integers hold them all.
    ScoreSmoother(settings).update(rows.flat[np.abs(rows.astype(np.int64)).argmax()] * np.ones_like(rows[0]))
    edges = sorted({0, len(rows), *(k for k in resets if 0 < k < len(rows))})
    for begin, end in pairwise(edges):
        for index, event in _find_events(rows[begin:end], settings):
            found[begin + index] = event
    return found


def _find_events(rows: NDArray[Any], settings: SmootherSettings) -> Iterator[tuple[int, int]]:
    """Give window and class of each event, by the rule of :class:`ScoreSmoother`; all sums are made at once."""
    window, filled = settings.average_windows, settings.average_windows - 1
    if len(rows) < window:
        return
    totals = np.concatenate([np.zeros_like(rows[:1], np.int64), np.cumsum(rows, axis=0, dtype=np.int64)])
    sums = totals[window:] - totals[:-window]
    best = sums.argmax(axis=1)
    loud = (sums.max(axis=1) >= settings.threshold * window) & ~np.isin(best, settings.background)
    latched, released_at, last = -1, 0, -1 - settings.hold_off
    for at in np.flatnonzero(loud).tolist():
        event = int(best[at])
        if at - last <= settings.hold_off or (event == latched and at < released_at):
            continue
        latched, last = event, at
        low = np.flatnonzero(sums[at + 1 :, event] < settings.release * window)
        released_at = at + 1 + int(low[0]) if len(low) else len(rows)
        yield at + filled, event

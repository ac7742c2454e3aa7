"""Turn the scores of one picture after the other into a state: somebody is there, or nobody."""

from __future__ import annotations

import math
import operator
from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.smoothing import SmootherSettings

__all__ = ["Presence", "track_presence"]

_LARGEST_SUM = 2**31 - 1


class Presence:
    """The board's ``Presence``, in integers without any rounding: the same scores give the same state.

    An event (:class:`tinyml_labs.smoothing.ScoreSmoother`) is over as soon as it has been told. A person stays; what
    one wants to know is when somebody comes and when nobody is there any more, and no flicker in between.

    1. Each update adds the score to the sum of the last ``average_windows`` scores; the oldest leaves. The first
       ``average_windows - 1`` updates since the start or :meth:`reset` change nothing: nobody is there.
    2. None of the ``hold_off`` updates that follow a change is a change.
    3. If nobody was there and the sum >= threshold * average_windows, somebody is. If somebody was and the sum <
       release * average_windows, nobody is.

    Parameters
    ----------
    settings : SmootherSettings
        A window is a picture here. Threshold and release are the two sides of the hysteresis; the background does
        not count, since there is one score only.

    Examples
    --------
    >>> settings = SmootherSettings(average_windows=2, threshold=80, release=20, hold_off=0, background=())
    >>> presence = Presence(settings)
    >>> [presence.update(score) for score in (100, 70, 50, 30, -10, 10, 90)]
    [False, True, False, False, True, False, False]

    Notes
    -----
    ``tinyml/presence.h`` in the Arduino library holds the same rule in C++; the tests run both on the same scores.
    """

    def __init__(self, settings: SmootherSettings) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget all, as after a gap in the pictures: nobody is there."""
        self._scores: deque[int] = deque(maxlen=self.settings.average_windows)
        self._sum = 0
        self._quiet = 0
        self._present = False

    @property
    def present(self) -> bool:
        """Whether somebody is there."""
        return self._present

    @property
    def sum(self) -> int:
        """The sum of the last ``average_windows`` scores, as the board has it."""
        return self._sum

    @property
    def average(self) -> float:
        """The moving average, in the quantized unit; NaN until there are enough pictures."""
        full = len(self._scores) == self.settings.average_windows
        return self._sum / self.settings.average_windows if full else math.nan

    def update(self, score: int) -> bool:
        """Take the score of the next picture.

        Parameters
        ----------
        score : int
            The raw score of what is looked for, of the quantized model.

        Returns
        -------
        bool
            Whether the state has changed: somebody came or went.

        Raises
        ------
        TypeError
            A score that is no integer.
        ValueError
            One so large that a sum does not fit the 32 bits of the board.
        """
        try:
            new = operator.index(score)
        except TypeError:
            raise TypeError(
                f"score is {score!r}, expected an integer: the raw output of a quantized model (Interpreter.run, not "
                "predict)."
            ) from None
        settings, window = self.settings, self.settings.average_windows
        if abs(new) * window > _LARGEST_SUM:
            raise ValueError(f"{window} scores of {new} do not fit 32 bits, in which the board adds up.")
        if len(self._scores) == window:
            self._sum -= self._scores[0]
        self._scores.append(new)
        self._sum += new
        if len(self._scores) < window:
            return False
        if self._quiet:
            self._quiet -= 1
            return False
        level = settings.release if self._present else settings.threshold
        if (self._sum >= level * window) == self._present:
            return False
        self._present = not self._present
        self._quiet = settings.hold_off
        return True


def track_presence(scores: ArrayLike, settings: SmootherSettings) -> NDArray[np.bool_]:
    """Run a :class:`Presence` over the scores of many pictures: to try settings without the model.

    Parameters
    ----------
    scores : int array, (N,)
        Raw scores of what is looked for, in their order: ``outputs[:, 1]``.
    settings : SmootherSettings

    Returns
    -------
    bool array, (N,)
        Whether somebody is there after each picture.

    Raises
    ------
    TypeError
        Scores that are no integers.
    ValueError
        Another shape, or scores too large for the board.
    """
    found = np.asarray(scores)
    if found.ndim != 1:
        raise ValueError(
            f"scores has shape {found.shape}, expected (pictures,): of one class, such as outputs[:, 1]."
        )
    presence = Presence(settings)
    states = np.zeros(len(found), np.bool_)
    for number, score in enumerate(found.tolist()):
        presence.update(score)
        states[number] = presence.present
    return states

"""What a detector of presence is worth: visits found, and alarms while nobody was there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.intervals import poisson_interval

__all__ = ["PresenceReport", "count_alarms"]


@dataclass(frozen=True, kw_only=True)
class PresenceReport:
    """What a detector's state was worth, visit by visit and alarm by alarm; :func:`count_alarms` says what counts.

    Attributes
    ----------
    visits, found, missed : int
        How often somebody came; in how many of these visits the detector said so, and in how many never.
    false_alarms : int
        How often it said that somebody is there, and nobody was.
    false_alarms_per_hour, low, high : float
        That divided by the length of the stream, and the ends of the rate's 95 % interval.
    median_delay_s : float
        From the beginning of a found visit until the detector says so; NaN if none was found.
    false_s : float
        For how long it said that somebody is there while nobody was: of false alarms, and of real ones that stayed
        on for too long or began too early. The grace does not count.
    seconds, grace_s : float
        How long the stream was; and how long after a visit the detector may still say that somebody is there.
    """

    visits: int
    found: int
    missed: int
    false_alarms: int
    false_alarms_per_hour: float
    low: float
    high: float
    median_delay_s: float
    false_s: float
    seconds: float
    grace_s: float

    def headline(self) -> str:
        """Say in one line how many visits were found, how fast, and how often there was nobody."""
        delay = f", {self.median_delay_s:.1f} s after they began (median)" if self.found else ""
        alarms = "1 false alarm" if self.false_alarms == 1 else f"{self.false_alarms} false alarms"
        return (
            f"{self.found} of {self.visits} visits found{delay}; {alarms} in {self.seconds / 60:.0f} min "
            f"({self.false_alarms_per_hour:.2g} an hour, 95 % interval {self.low:.2g} to {self.high:.2g}); "
            f"{self.false_s:.0f} s present without anybody there"
        )

    def __str__(self) -> str:
        """Show the headline."""
        return self.headline()


def count_alarms(present: ArrayLike, person: ArrayLike, rate_hz: float, *, grace_s: float = 2.0) -> PresenceReport:
    """Hold a detector's state against the truth.

    1. A visit is a row of pictures in which a person is there. It is **found** if the detector is present in one of
       them at least, also if it has been since before; else it is **missed**.
    2. An alarm is a row of pictures in which the detector is present. It is a **false alarm** if a person is in none
       of its pictures, and none was there in the ``grace_s`` before it began: a state that is averaged comes late.
    3. A detector that never lets go has no false alarm, if somebody comes once: so see ``false_s`` too.

    Parameters
    ----------
    present : bool array, (N,)
        The detector's state after each picture: :func:`tinyml_labs.presence.track_presence`.
    person : bool array, (N,)
        Whether a person is there: ``PictureStream.person``.
    rate_hz : float
        Pictures a second.
    grace_s : float
        How long after a visit an alarm is not false yet.

    Returns
    -------
    PresenceReport

    Raises
    ------
    TypeError
        Arrays that are not of bools.
    ValueError
        Other shapes, no pictures, or times that are none.

    Examples
    --------
    >>> person = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    >>> present = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 1], bool)
    >>> report = count_alarms(present, person, 2.0, grace_s=1.0)
    >>> report.found, report.false_alarms, report.median_delay_s, report.false_s
    (1, 1, 0.5, 0.5)

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    states, truth = np.asarray(present), np.asarray(person)
    for name, array in (("present", states), ("person", truth)):
        if array.dtype != np.bool_:
            raise TypeError(f"{name} is of dtype {array.dtype}, expected bool.")
    if states.shape != truth.shape or states.ndim != 1 or not len(states):
        raise ValueError(
            f"present has shape {states.shape} and person {truth.shape}, expected (N,) of both, not empty."
        )
    if not (math.isfinite(rate_hz) and rate_hz > 0 and math.isfinite(grace_s) and grace_s >= 0):
        raise ValueError(f"rate_hz is {rate_hz} and grace_s {grace_s}, expected more than 0 and 0 at least.")
    seconds = len(states) / rate_hz
    excused = truth.copy()
    for _, end in _runs(truth):
        # by 1e-9, so that 2 s at 0.1 Hz and its like do not fall to the wrong side of a rounding
        excused[end : end + math.floor(grace_s * rate_hz + 1e-9)] = True
    visits = _runs(truth)
    delays = [int(np.argmax(states[start:end])) / rate_hz for start, end in visits if states[start:end].any()]
    false_alarms = sum(not excused[start:end].any() for start, end in _runs(states))
    low, high = poisson_interval(false_alarms)
    return PresenceReport(
        visits=len(visits),
        found=len(delays),
        missed=len(visits) - len(delays),
        false_alarms=false_alarms,
        false_alarms_per_hour=3600 * false_alarms / seconds,
        low=3600 * low / seconds,
        high=3600 * high / seconds,
        median_delay_s=float(median(delays)) if delays else math.nan,
        false_s=int((states & ~excused).sum()) / rate_hz,
        seconds=seconds,
        grace_s=float(grace_s),
    )


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the begin and end of each row of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

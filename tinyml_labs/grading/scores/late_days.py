"""Late work: how many days late, which of them are free, what the others cost, and which attempt counts.

An example. Two labs, two free days in the course, 10 % a day after that::

    policy = LatePolicy(
        due={"01": datetime(2026, 11, 9, 23, 59, tzinfo=berlin), "02": datetime(2026, 11, 23, 23, 59, tzinfo=berlin)},
        late_days=2,
        percent_a_day=10,
    )

    lab   points   days late   free   points that count
    01    8        1           1      8
    02    10       3           1      8      (two days at 10 %)

Free days are spent in the order of the due dates, so a later lab never changes what an earlier one was worth.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

from tinyml_labs.grading.scores.result_states import ResultState, state_of
from tinyml_labs.grading.verdicts import SubmissionResult


@dataclass(frozen=True, kw_only=True)
class LatePolicy:
    """What lateness costs in a course.

    Attributes
    ----------
    due : datetime or mapping of str to datetime
        When work is due, with a time zone; for each lab by its name, or one time for all. A lab that is not
        named is never late. Work that comes exactly then is in time.
    grace_minutes : float
        How much later nobody minds, for slow uploads. It also holds at the end of each further day.
    late_days : int
        Free late days of each student over the whole course.
    percent_a_day : float
        What each late day costs that is not free: so many percent of the points that the work has earned. With
        100, late work earns nothing once the free days are spent.
    at_most_days : int or None
        Work that comes later than this earns nothing, free days or not.

    Raises
    ------
    ValueError
        If a time has no time zone, or a number makes no sense.
    """

    due: datetime | Mapping[str, datetime]
    grace_minutes: float = 0.0
    late_days: int = 0
    percent_a_day: float = 0.0
    at_most_days: int | None = None

    def __post_init__(self) -> None:
        for lab, due in self.due.items() if isinstance(self.due, Mapping) else [("", self.due)]:
            if due.utcoffset() is None:
                what = f"lab {lab}" if lab else "work"
                raise ValueError(
                    f"The time {due.isoformat(' ')} at which {what} is due has no time zone. "
                    'Add one, such as +01:00, or tzinfo=ZoneInfo("Europe/Berlin").'
                )
        if not (math.isfinite(self.grace_minutes) and self.grace_minutes >= 0):
            raise ValueError(f"grace_minutes is {self.grace_minutes}; 0 or more is expected.")
        if self.late_days < 0 or (self.at_most_days is not None and self.at_most_days < 0):
            raise ValueError(
                f"late_days is {self.late_days}, at_most_days is {self.at_most_days}; 0 or more is expected."
            )
        if not 0 <= self.percent_a_day <= 100:
            raise ValueError(f"percent_a_day is {self.percent_a_day}; 0 to 100 is expected.")
        if self.late_days and not self.percent_a_day:
            raise ValueError(
                f"late_days is {self.late_days}, but percent_a_day is 0, so a late day costs nothing. Set "
                "percent_a_day; 100 means that late work earns nothing once the free days are spent."
            )

    def due_of(self, lab: str) -> datetime | None:
        """Return when a lab is due; None if it never is."""
        return self.due.get(lab) if isinstance(self.due, Mapping) else self.due


@dataclass(frozen=True, kw_only=True)
class LabScore:
    """What one student's work in one lab is worth.

    Attributes
    ----------
    student, lab, attempt : str
        Whose work; which attempt counts.
    state : {"final", "waits", "not graded"}
        ``waits``: a person has to read a written answer. ``not graded``: the grader failed. Only ``final``
        points will not change.
    points : float
        What counts, after lateness.
    points_before : float
        Before lateness.
    max_points : float
        What could be earned.
    days_late, free_days : int
        How late, and how many free days that took.
    percent_off : float
        What lateness cost, in percent of `points_before`.
    time_known : bool
        Whether it is known when the work came. If not, it counts as in time.
    result : SubmissionResult
        The attempt that counts, with its exercises.
    """

    student: str
    lab: str
    attempt: str
    state: ResultState
    points: float
    points_before: float
    max_points: float
    days_late: int
    free_days: int
    percent_off: float
    time_known: bool
    result: SubmissionResult


def days_late(submitted: datetime, due: datetime, *, grace_minutes: float = 0.0) -> int:
    """Return how many days late something is: 0 in time, 1 up to the same time of the next day, and so on.

    A day ends when the clock on the wall says the same again, also when the clocks change: work due on Saturday
    at 23:59 is one day late until Sunday 23:59, though the last Sunday of October has 25 hours in Europe.

    Parameters
    ----------
    submitted, due : datetime
        With time zones; `due` in that of the course.
    grace_minutes : float, optional
        Added to the end of each day.
    """
    grace = timedelta(minutes=grace_minutes)

    def limit(days: int) -> datetime:
        return (due + timedelta(days=days) if days else due).astimezone(timezone.utc) + grace

    late = submitted.astimezone(timezone.utc) - limit(0)
    days = max(0, late.days - 1)  # a first guess, at least a change of the clocks too small
    while submitted.astimezone(timezone.utc) > limit(days):
        days += 1
    return days


def read_time(text: str) -> datetime | None:
    """Return a time in ISO 8601, in UTC if it names no zone; None if there is none or it cannot be read."""
    try:
        time = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        return (time if time.utcoffset() is not None else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def score_labs(
    results: Iterable[SubmissionResult],
    policy: LatePolicy | None = None,
    *,
    attempts: Literal["best", "last"] = "best",
) -> tuple[LabScore, ...]:
    """Return what each student's work in each lab is worth.

    Parameters
    ----------
    results : iterable of SubmissionResult
        Of all labs of the course and all attempts: free days are spent over the course.
    policy : LatePolicy, optional
        By default nothing is ever late.
    attempts : {"best", "last"}, optional
        Which attempt of a student counts: the one worth most after lateness (among equals the earlier one,
        which takes no more free days than the other), or the one that came last.

    Returns
    -------
    tuple of LabScore
        One for each student and lab that anything was handed in for, in the order of students and due dates. The
        same results give the same scores, in whatever order they come.

    Notes
    -----
    Free days are spent lab by lab, as they fall due, as far as they last, and only where they save points: work
    that has earned none, or that comes after ``at_most_days``, takes none.
    """
    if attempts not in ("best", "last"):
        raise ValueError(f"attempts is {attempts!r}; 'best' or 'last' is expected.")
    work: dict[str, dict[str, list[SubmissionResult]]] = {}
    for result in results:
        work.setdefault(result.student, {}).setdefault(result.lab, []).append(result)
    scores = []
    for student in sorted(work):
        left = policy.late_days if policy else 0
        for lab in sorted(work[student], key=lambda name: _place(name, policy)):
            tried = sorted(work[student][lab], key=_when)
            each = [_score(result, policy, left) for result in tried]
            score = each[-1] if attempts == "last" else _best(each)
            left -= score.free_days
            scores.append(score)
    return tuple(scores)


def _score(result: SubmissionResult, policy: LatePolicy | None, left: int) -> LabScore:
    due = policy.due_of(result.lab) if policy else None
    time = read_time(result.submitted_at)
    late = free = 0
    percent = 0.0
    if policy and due is not None and time is not None:
        late = days_late(time, due, grace_minutes=policy.grace_minutes)
        if policy.at_most_days is not None and late > policy.at_most_days:
            percent = 100.0
        else:
            free = min(late, left) if result.points > 0 else 0
            percent = min(100.0, policy.percent_a_day * (late - free))
            free = 0 if percent == 100.0 else free  # they would be lost on work that earns nothing even so
    return LabScore(
        student=result.student,
        lab=result.lab,
        attempt=result.attempt,
        state=state_of(result),
        points=result.points * (1 - percent / 100),
        points_before=result.points,
        max_points=result.max_points,
        days_late=late,
        free_days=free,
        percent_off=percent,
        time_known=time is not None,
        result=result,
    )


def _best(each: Sequence[LabScore]) -> LabScore:
    best = min(each, key=lambda score: -score.points)  # of equals the earlier one
    for other in each:  # an attempt that may still become better keeps the score open
        reach = other.max_points * (1 - other.percent_off / 100)
        if best.state == "final" and other.state != "final" and reach > best.points:
            best = replace(best, state=other.state)
    return best


def _place(lab: str, policy: LatePolicy | None) -> tuple[bool, float, str]:
    due = policy.due_of(lab) if policy else None
    return (due is None, due.timestamp() if due is not None else 0.0, lab)


def _when(result: SubmissionResult) -> tuple[float, list[str | int]]:
    # By time; where none is known, and among equal ones, by name, 2 before 10.
    time = read_time(result.submitted_at)
    name: list[str | int] = [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", result.attempt)]
    return (time.timestamp() if time is not None else -math.inf, name)

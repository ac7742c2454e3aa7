"""Points that a person gives: for a written answer, or in place of what the checks have given, with a reason.

They hold for what the person has read. So they outlive a new grading and a new version of the lab, and also
stand in a later attempt that repeats the answer word for word; where the student has changed the answer, the
new one waits to be read::

    attempt 1   "Because the window is 1 s."     2 of 3 points by hand
    graded again, with a mended check            2 of 3 points by hand
    attempt 2   "Because the window is 1 s."     2 of 3 points by hand
    attempt 3   "Because 50 samples are 1 s."    open again
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult


@dataclass(frozen=True, kw_only=True)
class HandMark:
    """A person's points for one exercise of one student.

    Attributes
    ----------
    lab, student, grade_id : str
        Which exercise, and whose.
    judged_sha256 : str
        What was read: see `judged_sha256`.
    points : float or None
        The points of the whole exercise; None withdraws earlier ones.
    comment : str
        For the student.
    reason : str
        Why the checks' points do not hold; empty for a written answer.
    given_by, given_at : str
        Who and when (ISO 8601, UTC); empty as long as the gradebook has not got it.
    """

    lab: str
    student: str
    grade_id: str
    judged_sha256: str
    points: float | None
    comment: str = ""
    reason: str = ""
    given_by: str = ""
    given_at: str = ""


MarkKey = tuple[str, str, str, str]  # lab, student, grade_id, judged_sha256


def storable(text: str) -> str:
    """Return a name or a remark as text that SQLite can keep.

    A file name that is not valid text holds lone surrogates in Python; they become ``\\udc80`` and the like.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def judged_sha256(result: SubmissionResult, exercise: ExerciseResult) -> str:
    """Return the SHA-256 (hex) of what a person reads to judge an exercise.

    That is the student's text in it; where there is none (a model, a recording, an empty answer) the whole of
    what was handed in.
    """
    if not exercise.code:
        return result.file_sha256
    return hashlib.sha256(exercise.code.encode("utf-8", "surrogatepass")).hexdigest()


def is_written(exercise: ExerciseResult) -> bool:
    """Whether a person has to give the points: nothing in it is checked by a program."""
    return any(check.verdict == "by hand" and check.max_points > 0 for check in exercise.checks)


def mark_key(result: SubmissionResult, exercise: ExerciseResult) -> MarkKey:
    """Return what a `HandMark` for this exercise is found by."""
    names = (storable(result.lab), storable(result.student), storable(exercise.grade_id))
    return (*names, judged_sha256(result, exercise))


def with_hand_points(result: SubmissionResult, marks: Mapping[MarkKey, HandMark]) -> SubmissionResult:
    """Return a result with the points that persons have given.

    A written answer gets them. Elsewhere what the checks found stays as it is, and one more row (``written``,
    ``by hand``, of 0 points) holds the difference and the reason.
    """
    exercises = tuple(_marked(exercise, marks.get(mark_key(result, exercise))) for exercise in result.exercises)
    return replace(result, exercises=exercises)


def _marked(exercise: ExerciseResult, mark: HandMark | None) -> ExerciseResult:
    if mark is None or mark.points is None:
        return exercise
    open_checks = [i for i, check in enumerate(exercise.checks) if check.points is None]
    checks = list(exercise.checks)
    if len(open_checks) == len(checks) == 1:
        checks[0] = replace(checks[0], points=mark.points, message=mark.comment or checks[0].message)
        return replace(exercise, checks=tuple(checks))
    for i in open_checks:
        checks[i] = replace(checks[i], points=0.0)
    difference = round(mark.points - sum(check.points or 0.0 for check in checks), 9)
    message = "\n".join(
        text for text in (f"Points by hand: {mark.reason}" if mark.reason else "", mark.comment) if text
    )
    checks.append(CheckResult(part="written", verdict="by hand", points=difference, max_points=0.0, message=message))
    return replace(exercise, checks=tuple(checks))

"""The outcome of grading, as plain data: what the grader finds, what the gradebook keeps, what feedback shows.

All text in here is plain text for the student: no hidden input, no path of the grading machine, no terminal
colours. It may hold whatever a student wrote, so a page that shows it has to escape it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Verdict = Literal[
    "ok",  # right
    "wrong",  # an assertion does not hold
    "open",  # not written yet: the stub is still there
    "error",  # the student's code raised an error
    "timeout",  # it took longer than it may
    "out of memory",
    "killed",  # its process ended, by itself or by the outer kill
    "not a notebook",  # no file, or a file that cannot be read as a notebook
    "cell missing",
    "cell duplicated",
    "by hand",  # a written answer: a person gives the points
    "not graded",  # the grader failed, or its machine: never the student's doing, and never a final score
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Part = Literal["visible", "hidden", "artefact", "recording", "written"]

_WORST_FIRST: tuple[Verdict, ...] = (
    "not graded", "not a notebook", "killed", "out of memory", "timeout", "cell missing", "cell duplicated",
    "error", "open", "wrong", "by hand", "ok",
)  # fmt: skip


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; ``ok`` if there are none."""
    return min(verdicts, key=_WORST_FIRST.index, default="ok")


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The outcome of one part of an exercise's check.

    Attributes
    ----------
    part : {"visible", "hidden", "artefact", "recording", "written"}
        ``visible``: what the student's notebook shows too. ``hidden``: the same function, other inputs.
    verdict : Verdict
        Only ``ok`` earns all points.
    points : float or None
        What was earned; None until a person has read a written answer.
    max_points : float
        What could be earned.
    message : str
        For the student, plain text; empty if there is nothing to say.
    trace : str
        Where the student's own code failed: only the lines of the student's cells.
    seconds : float
        How long the student's code took.
    """

    part: Part
    verdict: Verdict
    points: float | None
    max_points: float
    message: str = ""
    trace: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ExerciseResult:
    """The outcome of one exercise.

    Attributes
    ----------
    grade_id : str
        The name of its check cell (of the answer's cell, for a written one) in the source notebook.
    title : str
        The heading that it stands under.
    checks : tuple of CheckResult
        One for each part.
    code : str
        The student's cells, as handed in; of an artefact or a recording nothing.
    notes : tuple of str
        What was found and mended on the way, such as a check that the student had changed.
    """

    grade_id: str
    title: str
    checks: tuple[CheckResult, ...]
    code: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its parts."""
        return worst_of(check.verdict for check in self.checks)

    @property
    def points(self) -> float | None:
        """The sum of the parts' points; None while a part waits for a person."""
        earned = [check.points for check in self.checks]
        return None if any(p is None for p in earned) else float(sum(p for p in earned if p is not None))

    @property
    def max_points(self) -> float:
        """The sum of what the parts could earn."""
        return float(sum(check.max_points for check in self.checks))


@dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """The outcome of one submission.

    Attributes
    ----------
    student, lab, attempt : str
        Who handed in what; ``attempt`` is empty if there is only one.
    exercises : tuple of ExerciseResult
        All exercises of the lab, in its order, whatever was handed in.
    verdict : Verdict
        Of the submission: ``ok`` if it could be graded, else why not (``not a notebook``, ``not graded``).
    notes : tuple of str
        What holds for the whole submission: an old release, an old file format, graded without a sandbox.
    file_sha256, source_sha256 : str
        SHA-256 (hex) of what was handed in, and of what it was graded with.
    submitted_at : str
        ISO 8601 in UTC, such as ``2026-11-23T08:00:00+00:00``; empty if not known.
    sandboxed : bool
        Whether the student's code ran in a sandbox.
    seconds : float
        How long grading took.
    grader : str
        The version of the kit that graded it.
    """

    student: str
    lab: str
    attempt: str = ""
    exercises: tuple[ExerciseResult, ...]
    verdict: Verdict = "ok"
    notes: tuple[str, ...] = ()
    file_sha256: str = ""
    source_sha256: str = ""
    submitted_at: str = ""
    sandboxed: bool = True
    seconds: float = 0.0
    grader: str = field(default="")

    @property
    def points(self) -> float:
        """The sum of all points that are given so far."""
        return float(sum(check.points or 0.0 for exercise in self.exercises for check in exercise.checks))

    @property
    def max_points(self) -> float:
        """The sum of what could be earned."""
        return float(sum(exercise.max_points for exercise in self.exercises))

    @property
    def waits_for_a_person(self) -> bool:
        """Whether a written answer has no points yet."""
        return any(exercise.points is None for exercise in self.exercises)

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SubmissionResult:
        """Return what `to_dict` has written.

        Raises
        ------
        TypeError, KeyError
            If the data is of another shape.
        """
        exercises = tuple(
            ExerciseResult(
                **{
                    **exercise,
                    "checks": tuple(CheckResult(**check) for check in exercise["checks"]),
                    "notes": tuple(exercise["notes"]),
                }
            )
            for exercise in data["exercises"]
        )
        return cls(**{**data, "exercises": exercises, "notes": tuple(data["notes"])})

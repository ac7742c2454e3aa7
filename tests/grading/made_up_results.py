"""Results for the tests of gradebook and exports, as the grader would give them."""

from __future__ import annotations

import hashlib
from typing import Any

from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult, Verdict

LAB = "02_gestures"


def make_result(
    student: str = "ana",
    *,
    lab: str = LAB,
    attempt: str = "",
    points: float = 4.0,
    written: str | None = None,
    content: str = "first",
    source: str = "source 1",
    submitted_at: str = "2026-11-23T08:00:00+00:00",
    **changes: Any,
) -> SubmissionResult:
    """A lab with one checked exercise of 4 points and, if `written` is given, one of 3 for a person to read."""

    def right(all_points: bool) -> Verdict:
        return "ok" if all_points else "wrong"

    visible, hidden = min(points, 1.0), max(points - 1.0, 0.0)
    exercises = [
        ExerciseResult(
            grade_id="check_scale",
            title="Exercise 1: scale",
            code=f"def scale(x):\n    return x  # {content}\n",
            checks=(
                CheckResult(
                    part="visible", verdict="ok" if visible == 1 else "wrong", points=visible, max_points=1.0
                ),
                CheckResult(part="hidden", verdict="ok" if hidden == 3 else "wrong", points=hidden, max_points=3.0),
            ),
        )
    ]
    if written is not None:
        exercises.append(
            ExerciseResult(
                grade_id="why_normalise",
                title="Exercise 2: why?",
                code=written,
                checks=(CheckResult(part="written", verdict="by hand", points=None, max_points=3.0),),
            )
        )
    return SubmissionResult(
        **{
            "student": student,
            "lab": lab,
            "attempt": attempt,
            "exercises": tuple(exercises),
            "file_sha256": hashlib.sha256(f"{content}{written}{points}".encode()).hexdigest(),
            "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
            "submitted_at": submitted_at,
            "grader": "test",
            **changes,
        }
    )


def not_graded(result: SubmissionResult) -> SubmissionResult:
    """The same submission, with a machine that failed."""
    checks = (CheckResult(part="hidden", verdict="not graded", points=0.0, max_points=4.0, message="disk full"),)
    exercise = ExerciseResult(grade_id="check_scale", title="Exercise 1: scale", checks=checks)
    return SubmissionResult(
        **{**vars(result), "exercises": (exercise,), "verdict": "not graded", "notes": ("The machine failed.",)}
    )


def name_of(result: SubmissionResult) -> tuple[str, str, str, str, str]:
    """What `Gradebook.has` asks for."""
    return result.lab, result.student, result.attempt, result.file_sha256, result.source_sha256

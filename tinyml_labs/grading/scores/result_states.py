"""Whether the points of a result are the last word."""

from __future__ import annotations

from typing import Literal

from tinyml_labs.grading.verdicts import SubmissionResult

ResultState = Literal["final", "waits", "not graded"]


def state_of(result: SubmissionResult) -> ResultState:
    """Return ``not graded`` if the grader failed anywhere, ``waits`` if a person has to read, else ``final``."""
    checks = [check.verdict for exercise in result.exercises for check in exercise.checks]
    if "not graded" in (result.verdict, *checks):
        return "not graded"
    return "waits" if result.waits_for_a_person else "final"

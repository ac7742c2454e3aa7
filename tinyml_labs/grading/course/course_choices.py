"""What was chosen on the command line of ``tinyml-labs course``, as the things that it stands for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml_labs.grading.course.course_folder import CourseSettings, default_source, find_lab
from tinyml_labs.grading.verdicts import SubmissionResult

if TYPE_CHECKING:
    from tinyml_labs.grading.scores.gradebook import Gradebook
    from tinyml_labs.grading.scores.late_days import LabScore


def find_labs(chosen: argparse.Namespace) -> list[Path]:
    """Return the source notebooks of the labs that were named."""
    names = chosen.labs if hasattr(chosen, "labs") else [chosen.lab]
    return [find_lab(name, chosen.source) for name in names]


def gradebook_path(chosen: argparse.Namespace) -> Path:
    """Return where the gradebook is."""
    return Path(chosen.gradebook or chosen.course / "gradebook.sqlite")


def open_gradebook(chosen: argparse.Namespace, *, write: bool = False) -> Gradebook:
    """Open the gradebook; FileNotFoundError if there is none yet."""
    from tinyml_labs.grading.scores.gradebook import Gradebook

    path = gradebook_path(chosen)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no gradebook {path}. Grade a class first, or name --course or --gradebook."
        )
    return Gradebook(path, read_only=not write)


def results_of(book: Gradebook, lab: str) -> list[SubmissionResult]:
    """Return the results of a lab; ValueError if there are none."""
    results = book.results(lab)
    if not results:
        there = ", ".join(book.labs()) or "none"
        raise ValueError(f"The gradebook has no results of {lab} (it has: {there}). Grade it first.")
    return results


def score_all(book: Gradebook, settings: CourseSettings) -> tuple[LabScore, ...]:
    """Return everybody's scores in all labs, by the course's rule."""
    from tinyml_labs.grading.scores.late_days import score_labs

    results = (result for lab in book.labs() for result in book.results(lab))
    return score_labs(results, settings.policy(), attempts=settings.attempts)


def call_of(chosen: argparse.Namespace, step: str) -> str:
    """Return how to call a step for the same course: for texts that say what comes next."""
    text = f"tinyml-labs course {step}"
    if getattr(chosen, "course", Path("course")) != Path("course"):
        text += f" --course {chosen.course}"
    if getattr(chosen, "gradebook", None):
        text += f" --gradebook {chosen.gradebook}"
    if getattr(chosen, "source", default_source()) != default_source():
        text += f" --source {chosen.source}"
    return text

"""A few students of the sample class, written into a folder, for the tests of the course command and of the docs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyml_labs.grading.isolation import sandbox
from tinyml_labs.grading.made_up.sample_class import LAB, make_ordinary_samples
from tinyml_labs.grading.made_up.sample_submission import SampleSubmission, read_reference_answers, write_submission
from tinyml_labs.grading.student_copy import make_student_copy

SOURCE = Path(__file__).parents[2] / "notebooks" / f"{LAB}.ipynb"
PATIENT = ["--limit", "cell_seconds=30", "--limit", "call_seconds=30"]  # for machines that do other things too

needs_sandbox = pytest.mark.skipif(
    sandbox.find_sandbox() is None and os.environ.get("CI") != "true",  # there it fails
    reason=f"{sandbox.why_not()} (apt-get install bubblewrap)",
)


def write_small_class(folder: Path, *students: str) -> list[SampleSubmission]:
    """Write these students' submissions of lab 01."""
    samples = [s for s in make_ordinary_samples(read_reference_answers(SOURCE)) if s.student in students]
    assert {sample.student for sample in samples} == set(students)
    copy = make_student_copy(SOURCE.read_text(encoding="utf-8"), SOURCE.name).data
    for sample in samples:
        write_submission(sample, folder, LAB, copy)
    return samples


def lose_the_worker(hand_in, **_):
    """Grade nothing, and end the worker: in place of `grade_hand_in`."""
    os.kill(os.getpid(), 9)


def fail(hand_in, **_):
    """Grade nothing, as a broken grader."""
    raise RuntimeError("the grader is broken")

"""Find a student's work in the notebook that was handed in: which cell is the answer to which exercise.

A cell is known by its ``grade_id``. Where the metadata was lost on the way (pasted into another notebook, Colab),
by the cell's id, and then by the functions that it defines. Whatever else the notebook holds is not graded, but
looked at, so that a message can say "you have defined it in cell 7".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tinyml_labs.grading.assignment import Assignment
from tinyml_labs.grading.cell_finder import CellFinder, plain_text
from tinyml_labs.grading.hand_ins.hand_in_file import (
    HandInError,
    NotebookContent,
    clean_source,
    parse_notebook,
    read_plain_file,
)
from tinyml_labs.grading.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A student's work, cell by cell.

    Attributes
    ----------
    cells : dict of str to str
        The student's cells by ``grade_id``, as far as they were found.
    problems : dict of str to verdict
        Why a cell cannot be graded: ``cell missing``, ``cell duplicated``, ``error`` (too long).
    messages : dict of str to str
        For each problem a text for the student.
    cell_notes : dict of str to tuple of str
        What was found and mended, by the cell's ``grade_id``; also of checks.
    made_elsewhere : dict of str to int
        Names that other cells of the student's make, with the number of the cell (from 1, texts counted too).
    written : dict of str to str
        The written answers; empty if there is none.
    notes : tuple of str
        What holds for the whole notebook.
    verdict : verdict
        ``ok``, or ``not a notebook``; then nothing else is there.
    message : str
        Why it is no notebook.
    file_sha256 : str
        SHA-256 (hex) of the file; empty if it could not be read.
    release : str
        The release of the lab that it was made from, as far as it says so.
    """

    cells: dict[str, str] = field(default_factory=dict)
    problems: dict[str, Verdict] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    cell_notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made_elsewhere: dict[str, int] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    verdict: Verdict = "ok"
    message: str = ""
    file_sha256: str = ""
    release: str = ""


def read_submission(path: Path, assignment: Assignment, *, release: str | None = None) -> Submission:
    """Read a notebook that was handed in. Nothing in it can make this raise.

    Parameters
    ----------
    path : Path
        The student's file, under whatever name.
    assignment : Assignment
        The lab.
    release : str, optional
        The present release of the lab, if it is known already: to work it out takes seconds.

    Returns
    -------
    Submission
    """
    digest = ""
    try:
        data = read_plain_file(path, assignment.largest_notebook_mb * 1e6)
        digest = hashlib.sha256(data).hexdigest()
        content = parse_notebook(data, Path(path).name)
    except HandInError as error:
        return Submission(verdict="not a notebook", message=clean_source(str(error), 1000), file_sha256=digest)
    found = CellFinder(content, assignment)
    for solution in assignment.solutions:
        found.find_solution(solution)
    for task in assignment.written:
        found.find_answer(task)
    handed_out = _release_of(content)
    notes = [*content.notes, *_notes_on_release(handed_out, assignment, release)]
    if not handed_out or handed_out == (release or assignment.release):
        found.look_at_checks()
    return Submission(
        cells=found.cells,
        problems=found.problems,
        messages=found.messages,
        cell_notes={name: tuple(notes) for name, notes in found.notes.items()},
        made_elsewhere=found.names_made_elsewhere(),
        written=found.written,
        notes=tuple(notes),
        file_sha256=digest,
        release=handed_out,
    )


def _release_of(content: NotebookContent) -> str:
    own = content.metadata.get("tinyml_labs")
    release = own.get("release") if isinstance(own, dict) else None
    return clean_source(release, 64) if isinstance(release, str) else ""


def _notes_on_release(handed_out: str, assignment: Assignment, release: str | None) -> list[str]:
    if not handed_out or handed_out == (release or assignment.release):
        return []
    return [
        "This notebook was made from another release of the lab. It was graded with the checks of the present one."
    ]


def count_written(submission: Submission, assignment: Assignment) -> int:
    """Return how many exercises' cells hold more than the stub: which of a student's copies is the worked one."""
    return sum(not is_stub(submission.cells.get(s.grade_id, ""), s.stub) for s in assignment.solutions)


def is_stub(source: str, stub: str) -> bool:
    """Whether a cell is as it was handed out, or empty, whatever an editor did to blanks."""
    return plain_text(source) in ("", plain_text(stub))


def all_sources(submission: Submission, grade_ids: Iterable[str]) -> str:
    """Return the student's cells of an exercise as one text."""
    return "\n\n".join(submission.cells[grade_id] for grade_id in grade_ids if grade_id in submission.cells)

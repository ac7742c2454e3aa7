"""Written answers as a table to fill in: out as CSV, read by a person, and in again.

::

    key,student,attempt,exercise,title,answer,max points,points,comment
    r-5c0f…,ana,,why_normalise,Exercise 3: why normalise?,Because the …,3,,

The person fills in ``points`` and ``comment``; rows without points stay open. The key says which answer a row
is about. It is made from the answer's text, so points can never land on an answer that nobody has read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from tinyml_labs.grading.scores.csv_cells import (
    Row,
    TableError,
    number_cell,
    printable,
    read_number,
    read_table,
    safe_cell,
    write_table,
)
from tinyml_labs.grading.scores.hand_points import HandMark, is_written, judged_sha256
from tinyml_labs.grading.verdicts import ExerciseResult, SubmissionResult

COLUMNS = ("key", "student", "attempt", "exercise", "title", "answer", "max points", "points", "comment")

_LONGEST_ANSWER = 8_000  # characters; a cell of Excel holds 32,767
_LONGEST_COMMENT = 4_000
_MOST_ERRORS = 20


class RubricError(TableError):
    """A filled-in table has mistakes; the text names the row and the cell of each, and nothing was applied."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    result: SubmissionResult
    exercise: ExerciseResult

    @property
    def key(self) -> str:
        """Made of whose answer it is and what it says; it does not look like a number or a date."""
        judged = judged_sha256(self.result, self.exercise)
        names = [self.result.lab, self.result.student, self.result.attempt, self.exercise.grade_id, judged]
        return "r-" + hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]

    def cells(self, *, anonymous: bool) -> tuple[str, ...]:
        points = self.exercise.points
        comment = "" if points is None else self.exercise.checks[0].message
        return (
            self.key,
            "" if anonymous else safe_cell(self.result.student),
            "" if anonymous else safe_cell(self.result.attempt),
            safe_cell(self.exercise.grade_id),
            safe_cell(self.exercise.title),
            safe_cell(_bounded(self.exercise.code)),
            number_cell(self.exercise.max_points),
            number_cell(points),
            safe_cell(comment),
        )


def write_rubric(
    results: Iterable[SubmissionResult],
    path: str | os.PathLike[str],
    *,
    anonymous: bool = False,
    only_open: bool = False,
) -> int:
    """Write the written answers as a table, ordered by exercise, so that one reads all answers to a question.

    Parameters
    ----------
    results : iterable of SubmissionResult
        From `Gradebook.results`: answers that have points already show them.
    path : str or path
        The CSV file; UTF-8 with a byte order mark, as Excel needs it. Answers are cut after 8,000 characters, and a
        cell that a spreadsheet would run begins with an apostrophe.
    anonymous : bool, optional
        Leave out who wrote what. The key is enough to read the table back.
    only_open : bool, optional
        Leave out answers that have points.

    Returns
    -------
    int
        How many answers are in it.
    """
    answers = [a for a in _answers(results) if not (only_open and a.exercise.points is not None)]
    places: dict[str, int] = {}
    for answer in answers:
        places.setdefault(answer.exercise.grade_id, len(places))

    def order(answer: _Answer) -> tuple[int, str, str]:
        who = answer.key if anonymous else answer.result.student
        return places[answer.exercise.grade_id], who, answer.result.attempt

    rows = [answer.cells(anonymous=anonymous) for answer in sorted(answers, key=order)]
    write_table(path, [COLUMNS, *rows], marked=True)
    return len(rows)


def read_rubric(path: str | os.PathLike[str], results: Iterable[SubmissionResult]) -> list[HandMark]:
    """Read a table that a person has filled in.

    Parameters
    ----------
    path : str or path
        The CSV file, as `write_rubric` wrote it or as a spreadsheet saved it: with semicolons, ``2,5`` for 2.5, rows
        and columns in another order, more columns. Rows may be missing.
    results : iterable of SubmissionResult
        From `Gradebook.results`, now.

    Returns
    -------
    list of HandMark
        One for each row with points, for `Gradebook.set_all_points`.

    Raises
    ------
    RubricError
        If any cell is wrong; the text lists them all. Each row is checked to be about one answer: where a column
        was sorted alone, or a spreadsheet has rewritten a cell, the row does not fit together any more.
    TableError
        If the file is no table with the needed columns.
    """
    table = read_table(path)
    column = {name: table.need(name) for name in ("key", "max points", "points", "comment")}
    column |= {name: place for name in COLUMNS if (place := table.find(name)) is not None}
    answers = {answer.key: answer for answer in _answers(results)}
    marks: list[HandMark] = []
    wrong: list[str] = []
    seen: dict[str, str] = {}
    for row in table.rows:
        cells = {name: row.cells[place] for name, place in column.items()}
        if not any(cells[name].strip() for name in column):
            continue  # only in columns that a person has added
        found = _mark(row, cells, answers, seen)
        if isinstance(found, HandMark):
            marks.append(found)
        else:
            wrong += found
    if wrong:
        more = [f"… and {len(wrong) - _MOST_ERRORS} more"] if len(wrong) > _MOST_ERRORS else []
        raise RubricError(
            "\n  ".join([f"{table.path.name}: nothing was applied, for these reasons:", *wrong[:_MOST_ERRORS], *more])
        )
    return marks


def _answers(results: Iterable[SubmissionResult]) -> list[_Answer]:
    return [_Answer(result=r, exercise=e) for r in results for e in r.exercises if is_written(e)]


def _mark(row: Row, cells: dict[str, str], answers: dict[str, _Answer], seen: dict[str, str]) -> HandMark | list[str]:
    key = cells["key"].strip()
    answer = answers.get(key)
    if answer is None:
        return [
            f"{row.place}: the key {printable(key)!r} belongs to no answer of this lab. The student may have handed "
            "in another answer since, or the cell was changed. Write the table anew."
        ]
    if seen.setdefault(key, row.place) != row.place:
        return [f"{row.place}: the answer of {seen[key]} stands here again"]
    wrong = []
    known = dict(zip(COLUMNS, answer.cells(anonymous=False), strict=True))
    for name in ("student", "attempt", "exercise", "title", "answer"):
        if name in cells and cells[name].strip() and not _same(cells[name], known[name]):
            wrong.append(
                f"{row.place}: {name} is {_short(cells[name])}, but the key belongs to {_short(known[name])}. "
                "Was a column sorted alone? A cell that a spreadsheet has changed may also be emptied."
            )
    most = answer.exercise.max_points
    if read_number(cells["max points"]) != float(number_cell(most)):
        wrong.append(f"{row.place}: max points is {_short(cells['max points'])}, but {number_cell(most)} is expected")
    comment = printable(cells["comment"]).strip()
    if len(comment) > _LONGEST_COMMENT:
        wrong.append(
            f"{row.place}: the comment has {len(comment)} characters; at most {_LONGEST_COMMENT} are expected"
        )
    text = cells["points"].strip()
    points = read_number(text)
    if text and (points is None or not 0 <= points <= most):
        wrong.append(f"{row.place}: points is {_short(text)}, but a number from 0 to {number_cell(most)} is expected")
    if comment and not text:
        wrong.append(f"{row.place}: there is a comment but no points. Write points, 0 as well, or empty the comment.")
    if wrong or points is None:
        return wrong
    before = answer.exercise.points  # what was not touched comes back unrounded, and without the apostrophe
    if before is not None and text == known["points"]:
        points = before
    if before is not None and comment == known["comment"].strip():
        comment = answer.exercise.checks[0].message
    return HandMark(
        lab=answer.result.lab,
        student=answer.result.student,
        grade_id=answer.exercise.grade_id,
        judged_sha256=judged_sha256(answer.result, answer.exercise),
        points=points,
        comment=comment,
    )


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST_ANSWER:
        return text
    return f"{text[:_LONGEST_ANSWER]}\n… ({len(text) - _LONGEST_ANSWER} more characters)"


def _same(found: str, known: str) -> bool:
    if _letters(found) == _letters(known):
        return True
    number = read_number(found)  # a spreadsheet makes 7 of 007
    return number is not None and number == read_number(known)


def _letters(text: str) -> str:
    return "".join(printable(text).replace("'", "").split())


def _short(text: str) -> str:
    text = " ".join(printable(text).split())
    return repr(text if len(text) <= 40 else text[:39] + "…")

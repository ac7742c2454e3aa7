"""Scores for Canvas: a gradebook that the instructor exports there, filled in and imported again.

Canvas knows an assignment by the number behind its name, ``Lab 2 (4711)``, and a student by the column ``ID``.
Only Canvas has these numbers, so the way begins there: *Grades > Export > Export Entire Gradebook*. What it
reads is in its own source, ``lib/gradebook_importer.rb`` (https://github.com/instructure/canvas-lms) and in the
guide "How do I import grades in the Gradebook?" (https://community.instructure.com).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from tinyml_labs.grading.scores.csv_cells import (
    Row,
    Table,
    TableError,
    is_formula,
    number_cell,
    printable,
    read_number,
    read_table,
    safe_cell,
    write_table,
)
from tinyml_labs.grading.scores.export_reports import ExportReport, scaled_points, scores_of, why_open
from tinyml_labs.grading.scores.late_days import LabScore
from tinyml_labs.grading.scores.people_matching import Person, match_people, plain_name
from tinyml_labs.grading.scores.rosters import RosterEntry, known_by

_WITH_ID = re.compile(r"(?P<title>.*?)\s*\((?P<id>\d+)\)\s*", re.DOTALL)
_AS_TEXT = re.compile(r'="(?P<text>.*)"', re.DOTALL)  # how Canvas writes a name that begins with "="


def fill_canvas_gradebook(
    scores: Iterable[LabScore],
    lab: str,
    exported: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    assignment: str | None = None,
    roster: Sequence[RosterEntry] | None = None,
    rescale: bool = False,
    missing_as_zero: bool = False,
) -> ExportReport:
    """Write a CSV for Canvas's *Grades > Import*, from a gradebook that was exported there.

    ::

        Student,ID,SIS User ID,SIS Login ID,Section,Lab 2 (4711)
            Points Possible,,,,,8.00
        "López, Ana",901,7042311,ana,Monday,7.5

    Only this assignment's column is written, and only students with a score: what somebody has changed in Canvas
    since the export stays. People are found by ``SIS Login ID`` or ``SIS User ID``, as the work's name or on the
    roster, by the number that Canvas puts into the names of downloaded files, or by a name that only one of them has.

    Parameters
    ----------
    scores, lab
        As for `moodle_exports.export_moodle`.
    exported, path : str or path
        The gradebook from Canvas; the file to write.
    assignment : str, optional
        The assignment in Canvas: its name, ``Lab 2 (4711)``, or the number alone; by default the lab's name.
    roster : sequence of RosterEntry, optional
        Adds addresses, ids and names to what people are found by.
    rescale : bool, optional
        Whether to scale the points where Canvas's *Points Possible* are not the lab's.
    missing_as_zero : bool, optional
        Whether students who have handed in nothing get 0 points; else they are left out.

    Raises
    ------
    TableError
        If the file is no gradebook of Canvas, or has no such assignment, or several.
    ValueError
        If there are no scores of the lab, or the points possible are others and `rescale` is not set.
    """
    found = scores_of(scores, lab)
    table = read_table(exported)
    section = _last_of_student(table)
    column = _assignment(table, section, assignment or lab)
    possible = _points_possible(table, column)
    lab_points = max(score.max_points for score in found.values())
    if abs(possible - lab_points) > 0.005 and not rescale:
        raise ValueError(
            f"{table.headings[column]!r} has {number_cell(possible)} points in Canvas, lab {lab} has "
            f"{number_cell(lab_points)}. Set the points in Canvas, or let them be rescaled."
        )
    students = [row for row in table.rows if _is_student(row)]
    matching = match_people(known_by(found, roster), [_person(table, row) for row in students])
    student_at = {place: student for student, place in matching.found.items()}
    kept = [*range(section + 1), column]
    head = [row.cells for row in table.rows if not _is_student(row)]
    rows = [[cells[i] for i in kept] for cells in [table.headings, *head]]
    before = len(rows)
    left_out: dict[str, str] = {}
    for place, row in enumerate(students):
        score = found.get(student_at.get(place, ""))
        why = _why_not(row, column, score, missing_as_zero)
        if why:
            left_out[score.student if score is not None else f"{_name(row)} ({row.cells[1].strip()})"] = why
            continue
        cells = [_name(row), *row.cells[1:]]
        cells[column] = number_cell(0.0 if score is None else scaled_points(score, possible))
        rows.append([safe_cell(cells[i]) for i in kept])
    target = write_table(path, rows, separator=table.separator, marked=table.marked)
    return ExportReport(path=target, written=len(rows) - before, left_out=left_out, strangers=matching.strangers)


def _last_of_student(table: Table) -> int:
    headings = [heading.strip() for heading in table.headings]
    known = headings[:2] in (["Student", "ID"], ["LastName", "FirstName"])
    if not known or "Section" not in headings:
        raise TableError(
            f"{table.path.name} is no gradebook of Canvas: its first columns are "
            f"{', '.join(map(printable, headings[:5]))}; Student, ID, …, Section are expected. "
            "Export it with Grades > Export > Export Entire Gradebook."
        )
    if headings[0] == "LastName":
        raise TableError(
            f"{table.path.name} has last and first names in columns of their own. Switch off 'Split student names' "
            "in the gradebook's view and export it again."
        )
    return headings.index("Section")


def _assignment(table: Table, section: int, wanted: str) -> int:
    named = {i: match for i, text in enumerate(table.headings) if i > section and (match := _WITH_ID.fullmatch(text))}
    known = ", ".join(printable(table.headings[i].strip()) for i in named) or "none"
    same = [
        i
        for i, match in named.items()
        if wanted.strip() == match["id"] or plain_name(wanted) in (plain_name(match["title"]), plain_name(match[0]))
    ]
    if len(same) == 1:
        return same[0]
    if same:
        raise TableError(
            f"{table.path.name} has {len(same)} assignments {wanted!r}. Name the number of one: {known}."
        )
    raise TableError(f"{table.path.name} has no assignment {wanted!r}. Its assignments are: {known}.")


def _points_possible(table: Table, column: int) -> float:
    row = next((row for row in table.rows if "Points Possible" in row.cells[0]), None)
    text = row.cells[column].strip() if row is not None else ""
    points = read_number(text)
    if points is None:
        raise TableError(
            f"{table.path.name} has {text!r} as Points Possible of {table.headings[column]!r}; a number is expected."
        )
    return points


def _is_student(row: Row) -> bool:
    return bool(row.cells[1].strip())  # the rows of points and of posting have no ID


def _name(row: Row) -> str:
    as_text = _AS_TEXT.fullmatch(row.cells[0].strip())
    return as_text["text"] if as_text else row.cells[0].strip()


def _person(table: Table, row: Row) -> Person:
    columns = [table.find(heading) for heading in ("SIS Login ID", "SIS User ID", "Integration ID")]
    return Person(
        sure=tuple(row.cells[i] for i in columns if i is not None), number=row.cells[1].strip(), names=(_name(row),)
    )


def _why_not(row: Row, column: int, score: LabScore | None, missing_as_zero: bool) -> str:
    now = row.cells[column].strip()
    if score is None and not missing_as_zero:
        return "no submission"
    if score is not None and why_open(score):
        return why_open(score)
    if now == "EX":
        return "excused in Canvas"
    if now == "N/A":
        return "in Canvas the assignment is not given to this student"
    if is_formula(row.cells[1]):
        return f"a spreadsheet would run the ID {row.cells[1]!r}"
    return ""

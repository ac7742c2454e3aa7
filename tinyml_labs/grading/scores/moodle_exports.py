"""Scores for Moodle: its grade import, and the grading worksheet of an assignment.

The worksheet is the better way for an assignment: what comes by grade import counts as an override, and can no
longer be changed on the assignment's page (https://docs.moodle.org/en/Grade_import, note 1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from tinyml_labs.grading.scores.csv_cells import (
    TableError,
    is_formula,
    number_cell,
    read_number,
    read_table,
    safe_cell,
    write_table,
)
from tinyml_labs.grading.scores.export_reports import ExportReport, scaled_points, scores_of, why_open
from tinyml_labs.grading.scores.late_days import LabScore
from tinyml_labs.grading.scores.people_matching import Person, match_people
from tinyml_labs.grading.scores.rosters import RosterEntry, known_by, match_roster

_HEADINGS = {"email": "Email address", "id": "ID number", "username": "Username"}
_FEEDBACK = re.compile(r"feedback", re.IGNORECASE)


def export_moodle(
    scores: Iterable[LabScore],
    lab: str,
    path: str | os.PathLike[str],
    *,
    roster: Sequence[RosterEntry] | None = None,
    identifier: Literal["email", "id", "username"] = "email",
    column: str | None = None,
    out_of: float | None = None,
    missing_as_zero: bool = False,
) -> ExportReport:
    """Write a CSV for Moodle's *Grades > Import > CSV file*.

    Two columns: what Moodle knows people by, and the points. In Moodle, map the first one to the user field of
    the same name and the second one to the grade item.

    ::

        Email address,02
        ana@example.org,7.5

    Parameters
    ----------
    scores : iterable of LabScore
        From `late_days.score_labs`.
    lab : str
        Which lab.
    path : str or path
        The file.
    roster : sequence of RosterEntry, optional
        Who has which address and id; needed unless `identifier` is ``username``.
    identifier : {"email", "id", "username"}, optional
        What to know people by: the roster's ``email``, ``id`` or ``student``.
    column : str, optional
        The heading of the points; by default the lab's name.
    out_of : float, optional
        The grade item's maximum, if it is not the lab's: points are scaled to it. Moodle refuses a file with a
        grade above the maximum.
    missing_as_zero : bool, optional
        Whether those on the roster who have handed in nothing get 0 points; else they are left out.

    Raises
    ------
    ValueError
        If there are no scores of the lab, or the roster is missing.

    Notes
    -----
    Moodle drops the whole import over one person that it does not know, and over one grade that is too high, and
    compares addresses letter by letter (``check_user_exists`` and ``insert_grade_record`` in Moodle's
    ``grade/import/csv/classes/load_data.php``; https://docs.moodle.org/en/Grade_import). So whoever is not on
    the roster, or has no such entry there, is left out and reported, and nobody's identifier is ever changed:
    one that a spreadsheet would take for a formula is left out as well.
    """
    if identifier not in _HEADINGS:
        raise ValueError(f"identifier is {identifier!r}; one of {', '.join(_HEADINGS)} is expected.")
    if roster is None and identifier != "username":
        raise ValueError(f"To know people by their {identifier}, a roster with the column {identifier!r} is needed.")
    found = scores_of(scores, lab)
    if roster is None:
        roster = tuple(RosterEntry(student=student) for student in sorted(found))
    matching = match_roster(found, roster)
    student_at = {place: student for student, place in matching.found.items()}
    rows = [[_HEADINGS[identifier], safe_cell(column or lab)]]
    left_out: dict[str, str] = {}
    for place, entry in enumerate(roster):
        key = entry.student if identifier == "username" else getattr(entry, identifier)
        score = found.get(student_at.get(place, ""))
        if score is None and not missing_as_zero:
            left_out[entry.student] = "no submission"
        elif score is not None and why_open(score):
            left_out[entry.student] = why_open(score)
        elif not key:
            left_out[entry.student] = f"the roster has no {identifier}"
        elif is_formula(key):
            left_out[entry.student] = f"a spreadsheet would run the {identifier} {key!r}; enter this grade by hand"
        else:
            rows.append([key, number_cell(0.0 if score is None else scaled_points(score, out_of))])
    target = write_table(path, rows)
    return ExportReport(path=target, written=len(rows) - 1, left_out=left_out, strangers=matching.strangers)


def fill_moodle_worksheet(
    scores: Iterable[LabScore],
    lab: str,
    worksheet: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    roster: Sequence[RosterEntry] | None = None,
    rescale: bool = False,
    grade_heading: str = "Grade",
    maximum_heading: str = "Maximum Grade",
) -> ExportReport:
    """Fill in the grading worksheet of a Moodle assignment.

    In the assignment, switch on the feedback type *Offline grading worksheet*, download it with *Download grading
    worksheet*, and take the filled one back with *Upload grading worksheet*. It has a row a participant::

        Identifier,Full name,Email address,Status,Grade,Maximum Grade,…,Last modified (grade),Feedback comments
        Participant 1234,Ana López,ana@example.org,Submitted for grading,,8.00,…,-,

    People are found by the number of the participant, which Moodle's folders carry too, by the address or id on
    the roster, or by a name that only one of them has. Rows without a score stay as they are.

    Parameters
    ----------
    scores, lab, roster
        As for `export_moodle`; the roster is needed only if the submissions are not Moodle's own folders.
    worksheet, path : str or path
        The downloaded file; the file to write.
    rescale : bool, optional
        Whether to scale the points where the assignment's maximum is not the lab's.
    grade_heading, maximum_heading : str, optional
        What the columns are called, if Moodle does not speak English.

    Raises
    ------
    TableError
        If a column is missing.
    ValueError
        If there are no scores of the lab, or the maximum is another and `rescale` is not set.

    Notes
    -----
    Moodle reads the columns *Identifier*, *Grade*, *Last modified (grade)* and those of feedback
    (``mod/assign/feedback/offline/importgradeslib.php``). The feedback columns are left out here, so that feedback
    stays as it is, and every cell that a spreadsheet could run gets an apostrophe.
    """
    found = scores_of(scores, lab)
    table = read_table(worksheet)
    grade, most = table.need(grade_heading), table.need(maximum_heading)
    people = [_participant(row.cells, [grade, most]) for row in table.rows]
    matching = match_people(known_by(found, roster), people)
    student_at = {place: student for student, place in matching.found.items()}
    kept = [i for i, heading in enumerate(table.headings) if not _FEEDBACK.search(heading)]
    rows = [[table.headings[i] for i in kept]]
    left_out: dict[str, str] = {}
    written = 0
    for place, row in enumerate(table.rows):
        cells = [safe_cell(cell) for cell in row.cells]
        score = found.get(student_at.get(place, ""))
        if score is None:
            left_out[row.cells[1] or row.cells[0]] = "no submission"
        elif why_open(score):
            left_out[score.student] = why_open(score)
        else:
            out_of = read_number(row.cells[most])
            if out_of is None:
                raise TableError(
                    f"{table.path.name}, {row.place}: the maximum is {row.cells[most]!r}, but a number is expected. "
                    "Assignments that are graded by a scale cannot be filled in."
                )
            if abs(out_of - score.max_points) > 0.005 and not rescale:
                raise ValueError(
                    f"The assignment has {number_cell(out_of)} points in Moodle, lab {lab} has "
                    f"{number_cell(score.max_points)}. Set the maximum in Moodle, or let the points be rescaled."
                )
            cells[grade] = number_cell(scaled_points(score, out_of))
            written += 1
        rows.append([cells[i] for i in kept])
    target = write_table(path, rows, separator=table.separator, marked=table.marked)
    return ExportReport(path=target, written=written, left_out=left_out, strangers=matching.strangers)


def _participant(cells: Sequence[str], not_about_people: Sequence[int]) -> Person:
    # The first cell is "Participant 1234", in Moodle's language; the second one a name, if names are not hidden.
    number = re.search(r"(\d+)\s*$", cells[0])
    sure = tuple(cell for i, cell in enumerate(cells) if 1 < i < min(not_about_people))
    return Person(sure=sure, number=number[1] if number else "", names=(cells[1],))

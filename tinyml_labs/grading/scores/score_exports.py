"""Scores as tables: for the instructor, and for Moodle and Canvas.

The points of an export have at most two decimals. Nobody is dropped silently: who has no score in a file, and
work of people that are not on the roster, stand in the `ExportReport`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tinyml_labs.grading.scores.best_labs import CourseScore
from tinyml_labs.grading.scores.canvas_exports import fill_canvas_gradebook
from tinyml_labs.grading.scores.csv_cells import number_cell, safe_cell, write_table
from tinyml_labs.grading.scores.export_reports import ExportReport, why_open
from tinyml_labs.grading.scores.late_days import LabScore
from tinyml_labs.grading.scores.moodle_exports import export_moodle, fill_moodle_worksheet
from tinyml_labs.grading.scores.rosters import RosterEntry, match_roster

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ExportReport",
    "export_csv",
    "export_moodle",
    "fill_canvas_gradebook",
    "fill_moodle_worksheet",
    "score_frame",
]

_COLUMNS = (
    "student", "lab", "attempt", "state", "points", "points_before", "max_points", "days_late", "free_days",
    "percent_off", "time_known",
)  # fmt: skip


def score_frame(scores: Iterable[LabScore]) -> pd.DataFrame:
    """Return scores as a table: a row a student and lab.

    Returns
    -------
    pandas.DataFrame
        Columns ``student``, ``lab``, ``attempt``, ``state``, ``points``, ``points_before``, ``max_points``,
        ``days_late``, ``free_days``, ``percent_off``, ``time_known``, ``submitted_at``.
    """
    import pandas as pd

    rows = [[*(getattr(score, name) for name in _COLUMNS), score.result.submitted_at] for score in scores]
    return pd.DataFrame(rows, columns=[*_COLUMNS, "submitted_at"])


def export_csv(
    scores: Iterable[LabScore],
    path: str | os.PathLike[str],
    *,
    roster: Sequence[RosterEntry] | None = None,
    course: Iterable[CourseScore] = (),
) -> ExportReport:
    """Write all that there is: one row a student, for each lab its points, state, days late and exercises.

    ::

        student,name,email,id,note,02 (of 8),02 state,02 days late,02: check_scale (of 4),…
        ana,Ana López,ana@example.org,7042311,,7.5,,0,3.5,…
        ben,Ben Okri,ben@example.org,7042312,no submission,,no submission,,,…

    Parameters
    ----------
    scores : iterable of LabScore
        Of one lab or of several.
    path : str or path
        The file; UTF-8 with a byte order mark, so that Excel shows every name.
    roster : sequence of RosterEntry, optional
        Everybody on it gets a row; work of others stands in rows below.
    course : iterable of CourseScore, optional
        From `best_labs.best_labs`: adds the column ``course %``.
    """
    by_student: dict[str, dict[str, LabScore]] = {}
    for score in scores:
        by_student.setdefault(score.student, {})[score.lab] = score
    percents = {row.student: row for row in course}
    labs = sorted({lab for own in by_student.values() for lab in own})
    exercises = {lab: _exercises(own[lab] for own in by_student.values() if lab in own) for lab in labs}

    headings = ["student", *(["name", "email", "id"] if roster is not None else []), "note"]
    headings += ["course %"] if percents else []
    for lab in labs:
        most = max(own[lab].max_points for own in by_student.values() if lab in own)
        headings += [f"{lab} (of {number_cell(most)})", f"{lab} state", f"{lab} days late"]
        headings += [f"{lab}: {name} (of {number_cell(points)})" for name, points in exercises[lab].items()]

    matching = match_roster(by_student, roster or ())
    student_at = {place: student for student, place in matching.found.items()}
    people: list[tuple[str, list[str], str]] = []  # the student's scores, who it is, a note
    for place, entry in enumerate(roster or ()):
        student = student_at.get(place, "")
        people.append(
            (student, [entry.student, entry.name, entry.email, entry.id], "" if student else "no submission")
        )
    for student in sorted(matching.strangers):
        note = f"not on the roster: {matching.strangers[student]}" if roster is not None else ""
        people.append((student, [student, *([""] * 3 if roster is not None else [])], note))

    rows = [headings]
    for student, who, note in people:
        own = by_student.get(student, {})
        row = [*who, note]
        if percents:
            row.append(number_cell(percents[student].percent if student in percents else None))
        for lab in labs:
            row += _lab_cells(own.get(lab), list(exercises[lab]))
        rows.append(row)
    target = write_table(path, [[safe_cell(cell) for cell in row] for row in rows], marked=True)
    left_out = {who[0]: note for student, who, note in people if not student}
    for student, own in by_student.items():
        if why := "; ".join(f"{lab}: {why_open(own[lab])}" for lab in labs if lab in own and why_open(own[lab])):
            left_out[student] = why
    strangers = matching.strangers if roster is not None else {}
    return ExportReport(path=target, written=len(by_student), left_out=left_out, strangers=strangers)


def _exercises(scores: Iterable[LabScore]) -> dict[str, float]:
    found: dict[str, float] = {}
    for score in scores:
        for exercise in score.result.exercises:
            found[exercise.grade_id] = max(found.get(exercise.grade_id, 0.0), exercise.max_points)
    return found


def _lab_cells(score: LabScore | None, exercises: Sequence[str]) -> list[str]:
    if score is None:
        return ["", "no submission", "", *([""] * len(exercises))]
    points = {exercise.grade_id: exercise.points for exercise in score.result.exercises}
    late = number_cell(score.days_late) if score.time_known else "not known"
    total = None if score.state == "not graded" else score.points
    return [number_cell(total), why_open(score), late, *(number_cell(points.get(name)) for name in exercises)]

"""The rows of the gradebook: how a result and a person's points become one, and when they do not.

Every function works inside the transaction of the connection that it is given.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sql

from tinyml_labs.grading.scores.gradebook_tables import POINTS_BY_HAND, SUBMISSIONS
from tinyml_labs.grading.scores.hand_points import HandMark, MarkKey, storable
from tinyml_labs.grading.scores.result_states import state_of
from tinyml_labs.grading.verdicts import SubmissionResult


def latest_run(
    connection: sql.Connection, lab: str, student: str, attempt: str, file_sha256: str, source_sha256: str
) -> int | None:
    """Return the number of the last run that graded this file with this source to the end; None if none has."""
    c = SUBMISSIONS.c
    query = sql.select(sql.func.max(c.run)).where(
        c.lab == storable(lab),
        c.student == storable(student),
        c.attempt == storable(attempt),
        c.file_sha256 == file_sha256,
        c.source_sha256 == source_sha256,
        c.final,
    )
    return connection.execute(query).scalar_one()


def add_result(connection: sql.Connection, result: SubmissionResult, *, again: bool) -> bool:
    """Add a result, if it says anything new; return whether it did."""
    final = state_of(result) != "not graded"
    run = latest_run(connection, result.lab, result.student, result.attempt, result.file_sha256, result.source_sha256)
    if run is not None and not (again and final):
        return False
    if not final and _said_already(connection, result):
        return False
    connection.execute(
        SUBMISSIONS.insert().values(
            lab=storable(result.lab),
            student=storable(result.student),
            attempt=storable(result.attempt),
            file_sha256=result.file_sha256,
            source_sha256=result.source_sha256,
            run=0 if run is None else run + 1,
            final=final,
            verdict=result.verdict,
            points=result.points,
            max_points=result.max_points,
            submitted_at=result.submitted_at,
            recorded_at=_now(),
            result=json.dumps(result.to_dict()),
        )
    )
    return True


def marks_of(connection: sql.Connection, lab: str) -> dict[MarkKey, HandMark]:
    """Return the points by hand that hold in a lab: of several for the same work the last."""
    columns = [column for column in POINTS_BY_HAND.c if column.name != "id"]
    query = sql.select(*columns).where(POINTS_BY_HAND.c.lab == storable(lab)).order_by(POINTS_BY_HAND.c.id)
    marks = [HandMark(**row._mapping) for row in connection.execute(query)]
    return {(m.lab, m.student, m.grade_id, m.judged_sha256): m for m in marks}


def add_mark(connection: sql.Connection, mark: HandMark, by: str) -> bool:
    """Add a person's points, if they differ from those that hold; return whether they do."""
    row = {
        "lab": storable(mark.lab),
        "student": storable(mark.student),
        "grade_id": storable(mark.grade_id),
        "judged_sha256": mark.judged_sha256,
    }
    said = {"points": mark.points, "comment": storable(mark.comment), "reason": storable(mark.reason)}
    c = POINTS_BY_HAND.c
    query = sql.select(*(c[name] for name in said)).where(*(c[name] == value for name, value in row.items()))
    now = connection.execute(query.order_by(c.id.desc()).limit(1)).one_or_none()
    if (now is None and mark.points is None) or (now is not None and dict(now._mapping) == said):
        return False
    connection.execute(POINTS_BY_HAND.insert().values(**row, **said, given_by=storable(by), given_at=_now()))
    return True


def _said_already(connection: sql.Connection, result: SubmissionResult) -> bool:
    # A failure of the grader that repeats itself is one row, not one for each try.
    c = SUBMISSIONS.c
    same = {"lab": result.lab, "student": result.student, "attempt": result.attempt}
    query = sql.select(c.result).where(*(c[name] == storable(value) for name, value in same.items()))
    before = connection.execute(query.order_by(c.id.desc()).limit(1)).scalar_one_or_none()
    return before is not None and _without_times(json.loads(before)) == _without_times(result.to_dict())


def _without_times(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_times(value) for key, value in data.items() if key != "seconds"}
    return [_without_times(value) for value in data] if isinstance(data, (list, tuple)) else data


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")

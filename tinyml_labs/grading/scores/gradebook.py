"""The gradebook: every result of every submission, in one SQLite file that only the grader writes.

A run that was cut off continues where it was, since each submission is a transaction of its own and is found
again by what was graded with what::

    with Gradebook("gradebook.db") as book:
        for hand_in in hand_ins:
            if not book.has(lab, hand_in.student, hand_in.attempt, file_sha256, source_sha256):
                book.record(grade_hand_in(hand_in, notebook))

The same file graded with the same source is the same result, so recording it twice changes nothing. A new file,
a new attempt or a new version of the lab is a new row; the row that was recorded last counts, and none is ever
deleted. A result in which anything is ``not graded`` is kept, to be seen, but does not count as done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sql

from tinyml_labs.grading.scores import gradebook_rows as rows
from tinyml_labs.grading.scores.gradebook_lock import GradebookLocked, give_back, take_lock
from tinyml_labs.grading.scores.gradebook_tables import (
    POINTS_BY_HAND,
    SUBMISSIONS,
    GradebookError,
    connect,
    transaction,
)
from tinyml_labs.grading.scores.hand_points import HandMark, is_written, judged_sha256, storable, with_hand_points
from tinyml_labs.grading.verdicts import ExerciseResult, SubmissionResult

if TYPE_CHECKING:
    import pandas as pd

    from tinyml_labs.grading.scores.late_days import LatePolicy

__all__ = ["Gradebook", "GradebookError", "GradebookLocked"]


class Gradebook:
    """A gradebook in a file, a context manager.

    Parameters
    ----------
    path : str or path
        The SQLite file. A writer makes it if it is not there.
    read_only : bool, optional
        To look at it only, which can be done while a grader runs. A writer locks it for itself, from here until
        it is closed.

    Raises
    ------
    GradebookLocked
        If another process writes into it.
    GradebookError
        If the file cannot be used as a gradebook of this version.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = Path(path).absolute()
        self.read_only = read_only
        self._lock = None if read_only else take_lock(self.path)
        try:
            self._engine = connect(self.path, read_only=read_only)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the lock back. What was recorded is on the disk already."""
        if self._lock is not None:
            give_back(self._lock)
            self._lock = None
            self.read_only = True

    def has(self, lab: str, student: str, attempt: str, file_sha256: str, source_sha256: str) -> bool:
        """Whether this file has been graded with this source, so that there is nothing left to do."""
        with self._transaction() as connection:
            return rows.latest_run(connection, lab, student, attempt, file_sha256, source_sha256) is not None

    def record(self, result: SubmissionResult, *, again: bool = False) -> bool:
        """Keep a result, in one transaction.

        Parameters
        ----------
        result : SubmissionResult
            What the grader found.
        again : bool, optional
            Keep it as a new run though the same file has been graded with the same source before, for instance
            because the machine was too busy then. The earlier run stays in the history.

        Returns
        -------
        bool
            Whether a row was added.

        Raises
        ------
        GradebookError
            If the gradebook was opened for reading, or is closed.
        """
        self._must_write()
        with self._transaction() as connection:
            return rows.add_result(connection, result, again=again)

    def labs(self) -> list[str]:
        """Return the labs that there are results of, in the order of their names."""
        with self._transaction() as connection:
            return list(connection.execute(sql.select(SUBMISSIONS.c.lab).distinct().order_by("lab")).scalars())

    def results(self, lab: str, *, by_hand: bool = True) -> list[SubmissionResult]:
        """Return what counts now: for every student and every attempt the result that was recorded last.

        Parameters
        ----------
        lab : str
            Its name.
        by_hand : bool, optional
            Whether with the points that persons have given; see `hand_points.with_hand_points`.

        Returns
        -------
        list of SubmissionResult
            In the order of students and attempts. One that is not graded is among them.
        """
        c = SUBMISSIONS.c
        latest = sql.select(sql.func.max(c.id)).where(c.lab == storable(lab)).group_by(c.student, c.attempt)
        query = sql.select(c.id, c.result).where(c.id.in_(latest)).order_by(c.student, c.attempt)
        with self._transaction() as connection:
            found = [self._result(row.id, row.result) for row in connection.execute(query)]
            marks = rows.marks_of(connection, lab) if by_hand else {}
        return [with_hand_points(result, marks) for result in found]

    def history(self, lab: str, student: str) -> list[dict[str, Any]]:
        """Return everything that was ever recorded for a student in a lab, oldest first, as plain data.

        Each item has ``kind`` (``submission`` or ``points by hand``) and the columns of its row; of a submission
        without the whole result.
        """
        items: list[dict[str, Any]] = []
        with self._transaction() as connection:
            for kind, table in (("submission", SUBMISSIONS), ("points by hand", POINTS_BY_HAND)):
                columns = [column for column in table.c if column.name not in ("id", "result")]
                query = sql.select(*columns).where(table.c.lab == storable(lab), table.c.student == storable(student))
                items += [{"kind": kind, **row._mapping} for row in connection.execute(query.order_by(table.c.id))]
        return sorted(items, key=lambda item: item.get("recorded_at") or item["given_at"])

    def set_points(
        self,
        lab: str,
        student: str,
        grade_id: str,
        points: float | None,
        *,
        by: str,
        reason: str = "",
        comment: str = "",
        attempt: str | None = None,
    ) -> bool:
        """Give the points of an exercise by hand.

        Parameters
        ----------
        lab, student, grade_id : str
            Which exercise, and whose.
        points : float or None
            The points of the whole exercise, from 0 to its maximum. None withdraws points given before.
        by : str
            Who gives them.
        reason : str, optional
            Why; needed wherever a program has checked the exercise.
        comment : str, optional
            For the student.
        attempt : str, optional
            Which attempt was read; needed if there are several.

        Returns
        -------
        bool
            Whether anything changed.

        Raises
        ------
        GradebookError
            If there is no such exercise, the points are out of range, or the reason is missing.
        """
        result = self._only(lab, student, attempt)
        exercise = next((e for e in result.exercises if e.grade_id == grade_id), None)
        if exercise is None:
            known = ", ".join(e.grade_id for e in result.exercises) or "none"
            raise GradebookError(f"Lab {lab} has no exercise {grade_id!r}. There are: {known}.")
        _check_points(points, exercise)
        if not reason.strip() and not is_written(exercise):
            raise GradebookError(
                f"The checks give {student} {exercise.points or 0:g} of {exercise.max_points:g} points for "
                f"{grade_id}. To set others by hand, say why: a reason is missing."
            )
        mark = HandMark(
            lab=lab,
            student=student,
            grade_id=grade_id,
            judged_sha256=judged_sha256(result, exercise),
            points=points,
            comment=comment,
            reason=reason,
        )
        return self.set_all_points([mark], by=by) == 1

    def set_all_points(self, marks: Iterable[HandMark], *, by: str) -> int:
        """Give points by hand, all in one transaction: all of them are kept, or none.

        Returns
        -------
        int
            How many were new. Giving the same points with the same words again changes nothing.
        """
        self._must_write()
        if not by.strip():
            raise GradebookError("Points by hand need the name of the person who gives them.")
        with self._transaction() as connection:
            return sum(rows.add_mark(connection, mark, by) for mark in marks)

    def scores(
        self, lab: str, policy: LatePolicy | None = None, *, attempts: Literal["best", "last"] = "best"
    ) -> pd.DataFrame:
        """Return the scores of a lab as a table: one row a student, late days and points by hand included.

        The free late days are those of the course, so all its labs are looked at, not this one alone. See
        `late_days.score_labs` and `score_exports.score_frame`.
        """
        from tinyml_labs.grading.scores.late_days import score_labs
        from tinyml_labs.grading.scores.score_exports import score_frame

        scores = score_labs((r for name in self.labs() for r in self.results(name)), policy, attempts=attempts)
        return score_frame([score for score in scores if score.lab == lab])

    def _only(self, lab: str, student: str, attempt: str | None) -> SubmissionResult:
        found = [r for r in self.results(lab) if r.student == student]
        if not found:
            raise GradebookError(f"There is no result of {student!r} in lab {lab!r}.")
        if attempt is None and len(found) == 1:
            return found[0]
        for result in found:
            if result.attempt == attempt:
                return result
        names = ", ".join(repr(r.attempt) for r in found)
        raise GradebookError(f"{student} has these attempts at lab {lab}: {names}. Name the one that is meant.")

    def _result(self, row: int, text: str) -> SubmissionResult:
        try:
            return SubmissionResult.from_dict(json.loads(text))
        except (TypeError, KeyError, ValueError) as error:
            raise GradebookError(
                f"Row {row} of {self.path} was written by another release of the kit ({error}). Use that release."
            ) from error

    def _transaction(self) -> AbstractContextManager[sql.Connection]:
        return transaction(self._engine, self.path)

    def _must_write(self) -> None:
        if self.read_only:
            raise GradebookError(f"The gradebook {self.path} is open for reading only, or closed.")


def _check_points(points: float | None, exercise: ExerciseResult) -> None:
    if points is not None and not 0 <= points <= exercise.max_points:
        raise GradebookError(
            f"{points:g} points for {exercise.grade_id}, but it is worth 0 to {exercise.max_points:g}."
        )

"""Grade one hand-in: what a worker does, again and again, for a class.

    hand-in -> submission (the student's cells) -> exercise_grading (sandbox and checks) -> SubmissionResult
            -> hand_in_files (models, recordings)                                        -^

Whatever a student hands in, there is a result, and nothing is raised. What a worker can keep from one hand-in to the
next (the lab, and what its checks compare with) it keeps; of a student's work it keeps nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinyml_labs import __version__
from tinyml_labs.grading.assignment import (
    Assignment,
    AssignmentError,
    WrittenTask,
    read_assignment,
    source_fingerprint,
)
from tinyml_labs.grading.check_clock import TimeIsUp
from tinyml_labs.grading.check_namespace import make_check_namespace
from tinyml_labs.grading.exercise_grading import NOT_GRADED, LabChecks, grade_exercises
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.hand_ins.hand_in_files import fingerprint, grade_files
from tinyml_labs.grading.hand_ins.submission import Submission, count_written, read_submission
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.student_kernel import KernelStopped
from tinyml_labs.grading.outside_checks import prepare_parts
from tinyml_labs.grading.student_calls import CheckFault, NotPlain
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Part, SubmissionResult, Verdict

__all__ = ["grade_hand_in", "grade_reference"]

_WITHOUT_SANDBOX = "Graded without a sandbox: the code could do all that the grader's own account can do."
_ready: dict[tuple[Path, str], LabChecks] = {}  # of this process: one lab at a time


def grade_hand_in(
    hand_in: HandIn,
    assignment_path: str | Path,
    *,
    limits: Limits | None = None,
    unsafe: bool = False,
    release: str | None = None,
    known_recordings: Path | None = None,
) -> SubmissionResult:
    """Grade what one student handed in.

    Parameters
    ----------
    hand_in : HandIn
        From `collect.collect`.
    assignment_path : str or Path
        The source notebook.
    limits : Limits, optional
        By default the lab's own.
    unsafe : bool
        Whether to go on without a sandbox; the result says so.
    release : str, optional
        `Assignment.release`, if it is known: a worker takes three seconds to work it out.
    known_recordings : Path, optional
        The class's recordings, see `recording_checks`.

    Returns
    -------
    SubmissionResult
        Always. If the course or the machine is at fault, its verdict is ``not graded``, and the log says why.
    """
    started = time.monotonic()
    try:
        assignment = _read(Path(assignment_path))
        parts = _Parts(hand_in=hand_in, assignment=assignment)
        submission = _choose_submission(hand_in, assignment, release)
        chosen = limits or assignment.limits
        files: list[ExerciseResult] = []
        if not hand_in.problem:
            files = grade_files(hand_in, assignment, limits=chosen, unsafe=unsafe, known_recordings=known_recordings)
        if submission.verdict != "ok":
            return parts.result([*_without_work(assignment, submission), *files], submission, started=started)
        lab = _prepare(assignment, chosen, unsafe=unsafe)
        exercises, sandboxed = grade_exercises(lab, submission, limits=chosen, unsafe=unsafe)
        exercises = _in_order(assignment, [*exercises, *_grade_written(assignment, submission)])
        return parts.result([*exercises, *files], submission, sandboxed=sandboxed, started=started)
    except (Exception, KernelStopped, CheckFault, NotPlain, TimeIsUp) as error:
        logging.getLogger(__name__).error("%s was not graded", hand_in.student, exc_info=error)
        return _not_graded(hand_in, Path(assignment_path), error, started)


def grade_reference(
    assignment_path: str | Path, *, limits: Limits | None = None, unsafe: bool = False
) -> SubmissionResult:
    """Grade the source's own solutions: the proof that a lab can be graded, to be had before a class is.

    Parameters
    ----------
    assignment_path : str or Path
        The source notebook.
    limits, unsafe
        As in `grade_hand_in`.

    Returns
    -------
    SubmissionResult
        Of the student ``reference``. What is not ``ok`` in it is the course's fault, and the messages say what; do
        not show them to students.

    Raises
    ------
    AssignmentError
        If the source, or a file of its grading folder, cannot be used.
    NoSandbox
        If there is none, and `unsafe` is false.
    """
    started = time.monotonic()
    assignment = _read(Path(assignment_path))
    chosen = limits or assignment.limits
    lab = _prepare(assignment, chosen, unsafe=unsafe)
    submission = Submission(cells={solution.grade_id: solution.reference for solution in assignment.solutions})
    exercises, sandboxed = grade_exercises(lab, submission, limits=chosen, unsafe=unsafe, tell_faults=True)
    hand_in = HandIn(student="reference", notebook=assignment.path, folder=assignment.folder)
    parts = _Parts(hand_in=hand_in, assignment=assignment)
    return parts.result(exercises, submission, sandboxed=sandboxed, started=started)


def _read(path: Path) -> Assignment:
    for (known, sha256), lab in _ready.items():
        if known == path and sha256 == source_fingerprint(path):
            return lab.assignment
    return read_assignment(path)


def _prepare(assignment: Assignment, limits: Limits, *, unsafe: bool) -> LabChecks:
    """Return the lab's checks, made ready once a process."""
    key = (assignment.path, assignment.source_sha256)
    if key not in _ready:
        namespace = make_check_namespace(assignment, limits=limits, unsafe=unsafe)
        parts = {exercise.grade_id: prepare_parts(exercise) for exercise in assignment.exercises}
        _ready.clear()
        _ready[key] = LabChecks(assignment=assignment, namespace=namespace, parts=parts)
    return _ready[key]


def _choose_submission(hand_in: HandIn, assignment: Assignment, release: str | None) -> Submission:
    """Read the notebook; of several copies the one with most work in it."""
    if hand_in.problem:
        return Submission(verdict="not a notebook", message=hand_in.problem)
    paths = [*([hand_in.notebook] if hand_in.notebook else []), *hand_in.alternatives]
    found = [read_submission(path, assignment, release=release) for path in paths]
    readable = [one for one in found if one.verdict == "ok" and (hand_in.notebook or one.cells)]
    if not readable:
        missing = Submission(verdict="not a notebook", message=f"No notebook {assignment.lab}.ipynb was handed in.")
        return found[0] if found and found[0].verdict != "ok" else missing
    best = max(readable, key=lambda one: count_written(one, assignment))
    path = paths[next(position for position, one in enumerate(found) if one is best)]
    notes = list(best.notes)
    if len(paths) > 1:
        notes.append(
            f"There are {len(paths)} copies of the notebook. {path.name}, with the most work in it, is graded."
        )
    elif not hand_in.notebook:
        notes.append(f"{path.name} was taken for this lab's notebook: it has its exercises.")
    return replace(best, notes=tuple(notes))


def _without_work(assignment: Assignment, submission: Submission) -> list[ExerciseResult]:
    """Return a result for each exercise of a lab of which there is no readable notebook."""

    def failed(grade_id: str, title: str, parts: Sequence[tuple[Part, float]]) -> ExerciseResult:
        checks = [
            CheckResult(
                part=part, verdict=submission.verdict, points=0.0, max_points=most, message=submission.message
            )
            for part, most in parts
        ]
        return ExerciseResult(grade_id=grade_id, title=title, checks=tuple(checks))

    results = []
    for exercise in assignment.exercises:
        visible = (exercise.visible_points or 0.0) if exercise.hidden else exercise.points
        both: list[tuple[Part, float]] = [("visible", visible), ("hidden", exercise.points - visible)]
        kept = [(p, n) for p, n in both if (exercise.visible if p == "visible" else exercise.hidden).strip()]
        results.append(failed(exercise.grade_id, exercise.title, kept))
    results += [failed(task.grade_id, task.title, [("written", task.points)]) for task in assignment.written]
    return _in_order(assignment, results)


def _grade_written(assignment: Assignment, submission: Submission) -> list[ExerciseResult]:
    return [_to_be_read(task, submission) for task in assignment.written]


def _to_be_read(task: WrittenTask, submission: Submission) -> ExerciseResult:
    """Return a written answer for a person to read; an empty one needs nobody."""
    answer = submission.written.get(task.grade_id, "")
    verdict: Verdict = "by hand" if answer else submission.problems.get(task.grade_id, "open")
    message = "" if answer else submission.messages.get(task.grade_id, "Nothing is written here.")
    points = None if answer else 0.0
    check = CheckResult(part="written", verdict=verdict, points=points, max_points=task.points, message=message)
    return ExerciseResult(grade_id=task.grade_id, title=task.title, checks=(check,), code=answer)


def _in_order(assignment: Assignment, results: Sequence[ExerciseResult]) -> list[ExerciseResult]:
    return sorted(results, key=lambda result: assignment.order.index(result.grade_id))


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What every result of a hand-in has."""

    hand_in: HandIn
    assignment: Assignment

    def result(
        self,
        exercises: Sequence[ExerciseResult],
        submission: Submission,
        *,
        sandboxed: bool = True,
        started: float,
    ) -> SubmissionResult:
        """Put a result together."""
        is_incomplete = any(exercise.verdict == "not graded" for exercise in exercises)
        verdict = "not graded" if is_incomplete else submission.verdict
        notes = [*submission.notes, *([submission.message] if submission.message else [])]
        return SubmissionResult(
            student=self.hand_in.student,
            lab=self.assignment.lab,
            attempt=self.hand_in.attempt,
            exercises=tuple(exercises),
            verdict=verdict,
            notes=(*notes, *([] if sandboxed else [_WITHOUT_SANDBOX])),
            file_sha256=fingerprint(self.hand_in, self.assignment),
            source_sha256=self.assignment.source_sha256,
            submitted_at=self.hand_in.submitted_at,
            sandboxed=sandboxed,
            seconds=time.monotonic() - started,
            grader=__version__,
        )


def _not_graded(hand_in: HandIn, path: Path, error: BaseException, started: float) -> SubmissionResult:
    """Return that the course, the grader or the machine failed."""
    from tinyml_labs.grading.isolation.sandbox import NoSandbox

    told = isinstance(error, (NoSandbox, AssignmentError))
    return SubmissionResult(
        student=hand_in.student,
        lab=path.stem,
        attempt=hand_in.attempt,
        exercises=(),
        verdict="not graded",
        notes=(str(error) if told else NOT_GRADED,),
        submitted_at=hand_in.submitted_at,
        seconds=time.monotonic() - started,
        grader=__version__,
    )

"""Grade the exercises of one submission: the cells inside the sandbox, the checks outside, the points of each part.

All visible parts come first, then all hidden ones. After the first hidden part nothing that the student's code says
is shown any more, so a hidden input that it has kept cannot come out in the message of a later visible part.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tinyml_labs.grading.assignment import Assignment, Exercise
from tinyml_labs.grading.cell_names import functions_by_sight
from tinyml_labs.grading.check_messages import CheckPart, PartOutcome
from tinyml_labs.grading.check_namespace import CheckNamespace
from tinyml_labs.grading.hand_ins.submission import Submission, all_sources, is_stub
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.plain_values import PlainValueError
from tinyml_labs.grading.isolation.student_kernel import CellOutcome, KernelNotStarted, KernelStopped, StudentRaised
from tinyml_labs.grading.kernel_session import CourseCodeFailed, KernelSession, SessionEnded
from tinyml_labs.grading.missing_names import explain_missing_name
from tinyml_labs.grading.outside_checks import NOT_WRITTEN, run_part
from tinyml_labs.grading.pages.shown_text import clean_message
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult

NOT_GRADED = "This check could not be run. It is not your fault; it will be graded again."
_SAME_FOR_BOTH = ("not graded", "killed", "out of memory", "timeout", "open")  # of the visible part
_NOT_PYTHON = ("SyntaxError", "IndentationError", "TabError")


@dataclass(frozen=True, kw_only=True)
class LabChecks:
    """A lab, ready to grade many submissions: kept by a worker from one to the next."""

    assignment: Assignment
    namespace: CheckNamespace
    parts: Mapping[str, tuple[CheckPart, ...]]


@dataclass
class _Run:
    """One submission on its way through the checks."""

    lab: LabChecks
    submission: Submission
    session: KernelSession
    limits: Limits
    unsafe: bool
    tell_faults: bool
    ended_early: dict[str, PartOutcome]


def grade_exercises(
    lab: LabChecks, submission: Submission, *, limits: Limits, unsafe: bool, tell_faults: bool = False
) -> tuple[list[ExerciseResult], bool]:
    """Grade all exercises of a submission.

    Parameters
    ----------
    lab : LabChecks
    submission : Submission
    limits : Limits
    unsafe : bool
        Whether to go on without a sandbox.
    tell_faults : bool
        Whether a message says what is wrong with a check itself: for the lab's author, never for a student.

    Returns
    -------
    results : list of ExerciseResult
    sandboxed : bool

    Raises
    ------
    NoSandbox
        If there is none, and `unsafe` is false.
    """
    found: dict[str, dict[str, PartOutcome]] = {exercise.grade_id: {} for exercise in lab.assignment.exercises}
    with KernelSession(lab.assignment, _cells_to_run(submission), limits=limits, unsafe=unsafe) as session:
        run = _Run(lab, submission, session, limits, unsafe, tell_faults, {})
        for exercise in lab.assignment.exercises:
            own = found[exercise.grade_id]
            own["cell"] = _guarded(run, exercise, None)
            own |= {part.part: _grade_part(run, exercise, part, own) for part in _parts_of(run, exercise, "visible")}
        for exercise in lab.assignment.exercises:
            own = found[exercise.grade_id]
            own |= {part.part: _grade_part(run, exercise, part, own) for part in _parts_of(run, exercise, "hidden")}
        sandboxed = session.sandboxed
    return [_to_result(run, exercise, found[exercise.grade_id]) for exercise in lab.assignment.exercises], sandboxed


def _parts_of(run: _Run, exercise: Exercise, wanted: str) -> list[CheckPart]:
    return [part for part in run.lab.parts[exercise.grade_id] if part.part == wanted]


def _cells_to_run(submission: Submission) -> dict[str, str]:
    return {name: source for name, source in submission.cells.items() if name not in submission.problems}


def _grade_part(run: _Run, exercise: Exercise, part: CheckPart, before: Mapping[str, PartOutcome]) -> PartOutcome:
    """Grade one part, unless what came before it stands in its way."""
    if before["cell"].verdict != "ok":
        return (
            before["cell"] if part.part == "visible" or "visible" not in before else _without_details(before["cell"])
        )
    visible = before.get("visible")
    if visible and (visible.verdict in _SAME_FOR_BOTH or visible.concerns_cell):
        return _without_details(visible)
    return _guarded(run, exercise, part)


def _without_details(outcome: PartOutcome) -> PartOutcome:
    return replace(outcome, trace="", seconds=0.0)


def _guarded(run: _Run, exercise: Exercise, part: CheckPart | None) -> PartOutcome:
    """Run the cells of an exercise, and then a part of its check if one is given; say who is at fault if it fails."""
    problem = _find_problem(run.submission, run.lab.assignment, exercise)
    if problem:
        return problem
    try:
        return _run_part(run, exercise, part)
    except (CourseCodeFailed, KernelNotStarted) as error:
        return PartOutcome(verdict="not graded", fault=str(error))
    except KernelStopped as error:
        hidden = part is not None and part.part == "hidden"
        text = "The process that your code runs in has ended." if hidden else clean_message(str(error))
        return PartOutcome(verdict=error.verdict, message=text)


def _find_problem(submission: Submission, assignment: Assignment, exercise: Exercise) -> PartOutcome | None:
    """Return what stands in the way before anything runs: a cell that is missing, twice there, not written."""
    for name in exercise.solution_ids:
        if name in submission.problems:
            return PartOutcome(verdict=submission.problems[name], message=submission.messages.get(name, ""))
    stubs = {solution.grade_id: solution.stub for solution in assignment.solutions}
    if exercise.solution_ids and all(is_stub(submission.cells.get(n, ""), stubs[n]) for n in exercise.solution_ids):
        elsewhere = [name for name in exercise.functions if name in submission.made_elsewhere]
        hint = ""
        if elsewhere:
            cell = submission.made_elsewhere[elsewhere[0]]
            hint = f" Cell {cell} defines `{elsewhere[0]}`: put it into the cell of the exercise, which is graded."
        return PartOutcome(verdict="open", message=NOT_WRITTEN + hint)
    return None


def _run_part(run: _Run, exercise: Exercise, part: CheckPart | None) -> PartOutcome:
    session, assignment = run.session, run.lab.assignment
    kernel = session.kernel_for(exercise.solution_ids)
    broken = _find_broken_cell(run, exercise, tell=part is None)
    if broken:
        return broken
    if isinstance(kernel, SessionEnded):
        return PartOutcome(verdict=kernel.verdict, message=kernel.message)
    if part is None:
        return PartOutcome(verdict="ok")
    wanted = tuple(name for name in assignment.values if name in part.used)
    names = ", ".join(f"`{name}`" for name in wanted)
    try:
        values = session.fetch(kernel, wanted)
    except StudentRaised:
        return PartOutcome(verdict="error", message=f"The check looks at {names}, and not all of that is there.")
    except PlainValueError:
        text = f"The check looks at {names}: make them numbers, texts, lists, dicts or NumPy arrays."
        return PartOutcome(verdict="wrong", message=text)
    outcome = run_part(
        part,
        run.lab.namespace,
        kernel,
        functions=assignment.functions,
        values=values,
        limits=run.limits,
        unsafe=run.unsafe,
    )
    return _explain(run, exercise, part, outcome)


def _find_broken_cell(run: _Run, exercise: Exercise, *, tell: bool) -> PartOutcome | None:
    """Return what a cell itself ended in, if its check cannot be run for that."""
    for name in exercise.solution_ids:
        outcome = run.session.outcomes.get(name)
        if outcome is None or outcome.verdict == "ok":
            continue
        if outcome.verdict == "error" and outcome.error_type == "NotImplementedError":
            return PartOutcome(verdict="open", message=NOT_WRITTEN)
        if outcome.verdict == "error" and _may_define_all(run, exercise, outcome):
            if tell:
                run.ended_early[exercise.grade_id] = _of_cell(outcome, tell=True)
            continue
        return _of_cell(outcome, tell=tell)
    return None


def _may_define_all(run: _Run, exercise: Exercise, outcome: CellOutcome) -> bool:
    """Whether a cell that ends in an error may have made its functions before: a print of the student's own fails."""
    wanted = set(exercise.functions)
    defined = functions_by_sight(all_sources(run.submission, exercise.solution_ids))
    return bool(wanted) and wanted <= defined and outcome.error_type not in _NOT_PYTHON


def _of_cell(outcome: CellOutcome, *, tell: bool) -> PartOutcome:
    text = ": ".join(filter(None, [outcome.error_type, outcome.message]))
    line = f" (line {outcome.line})" if isinstance(outcome.line, int) else ""
    message = "The cell itself does not run to its end."
    return PartOutcome(
        verdict=outcome.verdict,
        message=clean_message(f"{message} {text}{line}", longest=1500) if tell else message,
        trace=clean_message(outcome.trace) if tell else "",
        seconds=outcome.seconds,
        concerns_cell=True,
    )


def _explain(run: _Run, exercise: Exercise, part: CheckPart, outcome: PartOutcome) -> PartOutcome:
    """Say more about what is not there: another exercise's function, the cell's own one, a name of another cell."""
    if outcome.verdict == "open" and "NotImplementedError" not in all_sources(run.submission, exercise.solution_ids):
        text = "Your code calls a function of another exercise that is not written yet. Write that one first."
        return replace(outcome, message=text)
    if outcome.missing_name in exercise.functions and exercise.grade_id in run.ended_early:
        return replace(run.ended_early[exercise.grade_id], seconds=outcome.seconds)
    text = explain_missing_name(outcome.missing_name, exercise, run.lab.assignment, run.submission)
    if not text and outcome.missing_name and part.part == "visible":
        text = f"{outcome.message} Is it misspelt, or made in a cell that you have deleted?"
    return replace(outcome, message=clean_message(text, longest=1500)) if text else outcome


def _to_result(run: _Run, exercise: Exercise, outcomes: Mapping[str, PartOutcome]) -> ExerciseResult:
    submission = run.submission
    every = ("visible", "hidden")
    notes = [
        note for name in (*exercise.solution_ids, exercise.grade_id) for note in submission.cell_notes.get(name, ())
    ]
    if exercise.grade_id in run.ended_early and not any(outcome.concerns_cell for outcome in outcomes.values()):
        notes.append("Below its functions the cell ends in an error. The functions are graded all the same.")
    all_right = all(outcome.verdict == "ok" for outcome in outcomes.values())
    checks = []
    for part in every:
        if part in outcomes:
            most = _most_points(exercise, part, both={*every} <= set(outcomes))
            outcome = outcomes[part]
            earned = outcome.verdict == "ok" and (exercise.visible_points is not None or all_right)
            checks.append(_to_check(exercise, part, outcome, most, earned=earned, tell_faults=run.tell_faults))
    return ExerciseResult(
        grade_id=exercise.grade_id,
        title=exercise.title,
        checks=tuple(checks),
        code=all_sources(submission, exercise.solution_ids),
        notes=tuple(dict.fromkeys(notes)),
    )


def _most_points(exercise: Exercise, part: str, *, both: bool) -> float:
    """Return what a part can earn; without points for the visible part, all hang on the last one."""
    if not both:
        return exercise.points
    visible = exercise.visible_points or 0.0
    return visible if part == "visible" else exercise.points - visible


def _to_check(
    exercise: Exercise, part: str, outcome: PartOutcome, most: float, *, earned: bool, tell_faults: bool
) -> CheckResult:
    message = outcome.message
    points: float | None = most if earned else 0.0
    if outcome.verdict == "not graded":
        points = None
        message = outcome.fault if tell_faults else NOT_GRADED
        logging.getLogger(__name__).error("%s, %s part, was not graded: %s", exercise.grade_id, part, outcome.fault)
    elif outcome.verdict == "ok" and not earned:
        message = "Right; but the points are given only if all of the check is."
    return CheckResult(
        part="visible" if part == "visible" else "hidden",
        verdict=outcome.verdict,
        points=points,
        max_points=most,
        message=message,
        trace=outcome.trace if part == "visible" else "",
        seconds=outcome.seconds,
    )

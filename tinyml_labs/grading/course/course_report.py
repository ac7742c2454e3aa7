"""What ``tinyml-labs course grade`` says: a line while it runs, a summary at its end, the same as JSON."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any, TextIO

from tinyml_labs.grading.course.course_grading import ClassRun
from tinyml_labs.grading.pages.class_figures import choose_attempts
from tinyml_labs.grading.scores.result_states import state_of
from tinyml_labs.grading.verdicts import VERDICTS, SubmissionResult

_MOST_NAMES = 6


def make_progress(stream: TextIO | None = None) -> Callable[[ClassRun], None]:
    """Return a function that shows how far a run is: a line that changes, or in a log file one now and then."""
    stream = stream or sys.stderr
    begin = time.monotonic()
    last_shown = 0
    on_terminal = stream.isatty()

    def show(run: ClassRun) -> None:
        nonlocal last_shown
        done = len(run.graded)
        step = 1 if on_terminal else max(1, math.ceil(run.to_do / 10))
        if done < run.to_do and done - last_shown < step:
            return
        last_shown = done
        passed = time.monotonic() - begin
        left = passed / done * (run.to_do - done) if done else 0.0
        line = f"{done} of {run.to_do} graded: {_write_points(run.graded)}"
        line += f"; about {write_time(left)} left" if done < run.to_do else f" ({write_time(passed)})"
        if on_terminal:
            stream.write("\r\x1b[K" + line[:110] + ("\n" if done == run.to_do else ""))
        else:
            stream.write(line + "\n")
        stream.flush()

    return show


def summarise_run(run: ClassRun, results: Sequence[SubmissionResult]) -> str:
    """Say what a run has done, how the class stands, and who needs a person.

    Parameters
    ----------
    run : ClassRun
        The run.
    results : sequence of SubmissionResult
        All of the lab in the gradebook, with points by hand.
    """
    now = f"{len(run.graded)} graded now" + (f", {run.already} graded before" if run.already else "")
    lines = [f"{run.lab}: {run.handed_in} handed in, {now}"]
    counted = choose_attempts(results)
    known = [result for result in counted if state_of(result) != "not graded"]
    if known:
        most = max(result.max_points for result in known)
        average = mean(result.points for result in known)
        students = "1 student" if len(counted) == 1 else f"{len(counted)} students"
        lines.append(f"  points     {_write_points(known)}; {students}, {average:.1f} of {most:g} on average")
    verdicts = Counter(exercise.verdict for result in counted for exercise in result.exercises)
    lines.append("  exercises  " + ", ".join(f"{verdicts[v]} {v}" for v in VERDICTS if verdicts[v]))
    for head, names in find_who_needs_a_person(results).items():
        lines.append(f"  look at    {head}: {_list_names(names)}")
    if not all(result.sandboxed for result in results):
        lines.append("  NOTE       graded without a sandbox (--unsafe): students' code ran with your rights")
    return "\n".join(lines)


def find_who_needs_a_person(results: Sequence[SubmissionResult]) -> dict[str, list[str]]:
    """Return, by what there is to do, the students whose submissions a person should look at."""
    found: dict[str, list[str]] = {}

    def add(head: str, result: SubmissionResult) -> None:
        found.setdefault(head, []).append(result.student)

    for result in choose_attempts(results):
        if state_of(result) == "not graded":
            add("not graded, the grader is at fault; grade again", result)
        elif result.verdict != "ok":
            add(result.verdict, result)
        elif result.waits_for_a_person:
            add("written answers wait to be read (course rubric)", result)
    return found


def run_to_dict(run: ClassRun, results: Sequence[SubmissionResult]) -> dict[str, Any]:
    """Return what `summarise_run` says as data for JSON."""
    return {
        "lab": run.lab,
        "handed_in": run.handed_in,
        "graded": len(run.graded),
        "graded_before": run.already,
        "verdicts": dict(run.count_verdicts()),
        "needs_a_person": find_who_needs_a_person(results),
        "grader_messages": dict(run.messages),
        "students": [
            {
                "student": result.student,
                "attempt": result.attempt,
                "verdict": result.verdict,
                "state": state_of(result),
                "points": result.points,
                "max_points": result.max_points,
                "sandboxed": result.sandboxed,
                "exercises": {exercise.grade_id: exercise.verdict for exercise in result.exercises},
            }
            for result in results
        ],
    }


def write_time(seconds: float) -> str:
    """Return a duration for people: ``40 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _write_points(results: Sequence[SubmissionResult]) -> str:
    full = sum(result.points >= result.max_points > 0 for result in results)
    none = sum(result.points == 0 for result in results)
    return f"{full} all points, {len(results) - full - none} some, {none} none"


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(dict.fromkeys(names[:_MOST_NAMES]))
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown

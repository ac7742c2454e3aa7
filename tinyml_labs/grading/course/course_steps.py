"""What each step of ``tinyml-labs course`` does; `course_command` has their options."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml_labs.grading.course.course_choices import (
    call_of,
    find_labs,
    gradebook_path,
    open_gradebook,
    results_of,
    score_all,
)
from tinyml_labs.grading.course.course_folder import (
    CourseSettings,
    merge_settings,
    read_settings,
    write_settings,
)
from tinyml_labs.grading.scores.result_states import state_of

if TYPE_CHECKING:
    from tinyml_labs.grading.course.course_grading import ClassRun
    from tinyml_labs.grading.isolation.limits import Limits
    from tinyml_labs.grading.pages.feedback import LateHandIn
    from tinyml_labs.grading.scores.gradebook import Gradebook
    from tinyml_labs.grading.workers.worker_pool import Certificates

NOT_ALL_GRADED = 3
"""Exit code of ``grade`` if the grader failed at a submission."""

_INTERRUPTED = 130


def release(chosen: argparse.Namespace) -> int:
    """Make the students' copies of labs."""
    from tinyml_labs.grading.course.course_release import release_lab

    target = chosen.to or chosen.course / "released"
    made = [release_lab(notebook, target) for notebook in find_labs(chosen)]
    if chosen.json:
        print(
            json.dumps([{"lab": r.lab, "path": str(r.path), "release": r.release, "action": r.action} for r in made])
        )
        return 0
    for released in made:
        extras = f", and {len(released.extras)} more files" if released.extras else ""
        print(f"{released.path}: {released.action}, release {released.release[:12]}{extras}")
    print("Hand these files out. Students' copies have no solutions and no hidden tests.")
    return 0


def grade(chosen: argparse.Namespace) -> int:
    """Grade a class; see `NOT_ALL_GRADED` for the exit code."""
    from tinyml_labs.grading.course.course_grading import grade_class
    from tinyml_labs.grading.course.course_report import make_progress, run_to_dict, summarise_run

    notebook = find_labs(chosen)[0]
    settings = _remember_settings(chosen, notebook.stem)
    runs: list[ClassRun] = []
    show = make_progress()

    def start(run: ClassRun) -> None:
        runs.append(run)
        where = f"on {chosen.scheduler}" if chosen.scheduler else "here"
        before = f", {run.already} of them graded before" if run.already else ""
        print(f"{run.lab}: {run.handed_in} handed in{before}. Grading {run.to_do} {where} ...", file=sys.stderr)

    try:
        run = grade_class(
            notebook,
            chosen.submissions,
            gradebook_path(chosen),
            workers=chosen.workers,
            scheduler=chosen.scheduler,
            certificates=_certificates(chosen),
            limits=_limits(chosen.limit, notebook),
            unsafe=chosen.unsafe,
            again=chosen.again,
            on_start=start,
            on_result=show,
        )
    except KeyboardInterrupt:
        done = len(runs[0].graded) + runs[0].already if runs else 0
        of = f" of {runs[0].handed_in}" if runs else ""
        print(
            f"\nInterrupted. {done}{of} are in the gradebook; the same command goes on from there.", file=sys.stderr
        )
        return _INTERRUPTED
    with open_gradebook(chosen) as book:
        results = book.results(run.lab)
    for student, message in run.messages.items():
        print(f"{student}: {message.strip().splitlines()[-1] if message.strip() else 'no result'}", file=sys.stderr)
    if chosen.json:
        print(json.dumps(run_to_dict(run, results), indent=2))
    else:
        print(summarise_run(run, results))
        for step in ("feedback", "overview"):
            print(f"  next       {call_of(chosen, f'{step} {chosen.lab}')}")
        if settings.due and not settings.due.get(run.lab):
            print(f"  note       {run.lab} has no due date in course.json; others have (--due)")
    return NOT_ALL_GRADED if any(state_of(result) == "not graded" for result in run.graded) else 0


def feedback(chosen: argparse.Namespace) -> int:
    """Write the students' pages."""
    from tinyml_labs.grading.pages.feedback import write_feedback

    lab = find_labs(chosen)[0].stem
    settings = read_settings(chosen.course)
    folder = chosen.to or chosen.course / "feedback" / lab
    with open_gradebook(chosen) as book:
        results = results_of(book, lab)
        late = _find_late(book, settings, lab)
    wanted = set(chosen.student or [])
    unknown = wanted - {result.student for result in results}
    if unknown:
        raise ValueError(f"There is no result of {', '.join(sorted(unknown))} in {lab}.")
    pages = [
        write_feedback(result, folder, course=settings.name, late=late.get((result.student, result.attempt)))
        for result in results
        if not wanted or result.student in wanted
    ]
    print(f"{folder}: {len(pages)} {'page' if len(pages) == 1 else 'pages'}, one for each submission of {lab}")
    waiting = sum(result.waits_for_a_person for result in results)
    if waiting:
        print(f"In {waiting} of them written answers wait to be read: {call_of(chosen, f'rubric {chosen.lab}')}")
    return 0


def overview(chosen: argparse.Namespace) -> int:
    """Write the instructor's page."""
    from tinyml_labs.grading.assignment import read_assignment
    from tinyml_labs.grading.pages.class_overview import write_overview

    assignment = read_assignment(find_labs(chosen)[0])
    lab = assignment.lab
    settings = read_settings(chosen.course)
    with open_gradebook(chosen) as book:
        results = results_of(book, lab)
        late = {student: one.days for (student, _), one in _find_late(book, settings, lab).items()}
    path = write_overview(
        lab,
        results,
        chosen.to or chosen.course / "overview" / f"{lab}.html",
        late=late,
        known={exercise.grade_id: [exercise.reference] for exercise in assignment.exercises},
        feedback_folder=chosen.course / "feedback" / lab,
        course=settings.name,
    )
    print(f"{path}: {len(results)} submissions. It shows names and points: it is for you, not for the class.")
    return 0


def _find_late(book: Gradebook, settings: CourseSettings, lab: str) -> Mapping[tuple[str, str], LateHandIn]:
    """Return how late each late submission was, and what it counts where that is the attempt that counts."""
    from tinyml_labs.grading.pages.feedback import LateHandIn

    found = {}
    for score in score_all(book, settings):
        if score.lab == lab and score.days_late > 0:
            counts = score.points if score.percent_off else None
            found[score.student, score.attempt] = LateHandIn(days=score.days_late, points=counts)
    return found


def _remember_settings(chosen: argparse.Namespace, lab: str) -> CourseSettings:
    """Keep what was said about late work in ``course.json``."""
    names = ("late_days", "percent_a_day", "grace_minutes", "attempts", "name")
    given = {name: getattr(chosen, name) for name in names}
    before = read_settings(chosen.course)
    settings = merge_settings(before, given, due={lab: chosen.due} if chosen.due else {})
    if settings != before:
        path = write_settings(chosen.course, settings)
        due = f" {lab} is due {settings.due[lab].replace('T', ' ')}." if chosen.due else ""
        print(f"{path}: the course's rules.{due}", file=sys.stderr)
    return settings


def _certificates(chosen: argparse.Namespace) -> Certificates | None:
    from tinyml_labs.grading.workers.worker_pool import Certificates

    if not chosen.certificates:
        return None
    authority, certificate, key = chosen.certificates
    return Certificates(authority=authority, certificate=certificate, key=key)


def _limits(pairs: list[str], notebook: Path) -> Limits | None:
    from tinyml_labs.grading.assignment import read_assignment
    from tinyml_labs.grading.isolation.limits import Limits

    if not pairs:
        return None
    limits = read_assignment(notebook).limits.to_dict()
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"--limit {pair}: expected NAME=VALUE, such as --limit call_seconds=30.") from None
        limits[name] = int(number) if equals and number.is_integer() else number
    return Limits.from_dict(limits)

"""``tinyml-labs course``: release a lab, grade a class, give feedback, hand on the scores."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinyml_labs.grading.course import course_marks, course_steps
from tinyml_labs.grading.course.course_folder import default_source


def add_course_command(commands: Any) -> None:
    """Add the command to the parser."""
    course = commands.add_parser(
        "course",
        help="for instructors: release labs, grade a class in a sandbox, give feedback, export scores",
        description="For instructors. LAB is a lab's name or the beginning of it: 02 is 02_gesture_recognition.",
    )
    steps = course.add_subparsers(dest="step", required=True, metavar="STEP")
    for add in (
        _add_release,
        _add_grade,
        _add_feedback,
        _add_overview,
        _add_rubric,
        _add_points,
        _add_export,
        _add_demo,
    ):
        add(steps)


def run_course(arguments: list[str]) -> int:
    """Run ``tinyml-labs course`` with these arguments; give the exit code, and raise what goes wrong."""
    parser = argparse.ArgumentParser(prog="tinyml-labs")
    add_course_command(parser.add_subparsers(dest="command", required=True))
    chosen = parser.parse_args(["course", *arguments])
    return int(chosen.run(chosen))


def _add_step(steps: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    step: argparse.ArgumentParser = steps.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    step.add_argument(
        "--course", type=Path, default=Path("course"), metavar="DIR", help="where the course's files are (course/)"
    )
    step.set_defaults(run=lambda chosen: _run(chosen, run))
    return step


def _add_source(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--source", type=Path, default=default_source(), metavar="DIR", help="the source notebooks (the kit's own)"
    )


def _add_gradebook(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--gradebook", type=Path, metavar="FILE", help="default: gradebook.sqlite in the course's folder"
    )


def _add_late(step: argparse.ArgumentParser) -> None:
    late = step.add_argument_group("late work (kept in course.json for all labs and steps)")
    late.add_argument("--due", metavar="TIME", help="when LAB is due, such as 2026-11-20T23:59 or …T23:59+01:00")
    late.add_argument("--late-days", type=int, metavar="N", help="free late days of each student over the course")
    late.add_argument("--percent-a-day", type=float, metavar="P", help="what each further late day costs")
    late.add_argument("--grace-minutes", type=float, metavar="M", help="how much later nobody minds")
    late.add_argument("--attempts", choices=("best", "last"), help="which attempt of a student counts")
    late.add_argument("--name", metavar="TEXT", help="the course's name, for the pages")


def _add_release(steps: Any) -> None:
    step = _add_step(
        steps,
        "release",
        "make the students' copies",
        course_steps.release,
    )
    step.add_argument("labs", nargs="+", metavar="LAB")
    step.add_argument("--to", type=Path, metavar="DIR", help="default: released/ in the course's folder")
    step.add_argument("--json", action="store_true", help="print JSON")
    _add_source(step)


def _add_grade(steps: Any) -> None:
    step = _add_step(steps, "grade", "grade what a class handed in, or go on where it was", course_steps.grade)
    step.add_argument("lab", metavar="LAB")
    step.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder: see docs/instructors.md")
    _add_gradebook(step)
    step.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    step.add_argument("--scheduler", metavar="URL", help="a dask scheduler, such as tls://host:8786")
    step.add_argument(
        "--certificates", nargs=3, type=Path, metavar=("CA", "CERT", "KEY"), help="PEM files for tls://"
    )
    step.add_argument("--again", action="store_true", help="grade also what the gradebook has")
    step.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="in place of the lab's own, such as call_seconds=30; a wrong name lists them all",
    )
    step.add_argument("--unsafe", action="store_true", help="without a sandbox: students' code runs with YOUR rights")
    step.add_argument("--json", action="store_true", help="print JSON")
    _add_late(step)
    _add_source(step)


def _add_feedback(steps: Any) -> None:
    step = _add_step(steps, "feedback", "write one HTML page a student, without the answers", course_steps.feedback)
    step.add_argument("lab", metavar="LAB")
    step.add_argument("--to", type=Path, metavar="DIR", help="default: feedback/LAB/ in the course's folder")
    step.add_argument("--student", action="append", metavar="NAME", help="only this one; as often as you like")
    _add_gradebook(step)
    _add_source(step)


def _add_overview(steps: Any) -> None:
    step = _add_step(
        steps,
        "overview",
        "write the class's page, for you",
        course_steps.overview,
    )
    step.add_argument("lab", metavar="LAB")
    step.add_argument("--to", type=Path, metavar="FILE", help="default: overview/LAB.html in the course's folder")
    _add_gradebook(step)
    _add_source(step)


def _add_rubric(steps: Any) -> None:
    step = _add_step(steps, "rubric", "written answers: out as a table to fill in, and in again", course_marks.rubric)
    step.add_argument("lab", metavar="LAB")
    way = step.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", type=Path, metavar="FILE", help="write the answers as a CSV file")
    way.add_argument("--in", dest="into", type=Path, metavar="FILE", help="read the points that you have filled in")
    step.add_argument("--by", default="", metavar="NAME", help="who has read them (needed with --in)")
    step.add_argument("--anonymous", action="store_true", help="leave out who wrote what")
    step.add_argument("--only-open", action="store_true", help="leave out what has points already")
    _add_gradebook(step)
    _add_source(step)


def _add_points(steps: Any) -> None:
    step = _add_step(steps, "points", "set the points of one exercise by hand, with a reason", course_marks.points)
    step.add_argument("lab", metavar="LAB")
    step.add_argument("student", metavar="STUDENT")
    step.add_argument("exercise", metavar="EXERCISE", help="its grade_id; a wrong one lists them")
    step.add_argument("points", metavar="POINTS", help="a number, or 'withdraw'")
    step.add_argument("--by", required=True, metavar="NAME", help="who gives them")
    step.add_argument("--reason", default="", metavar="TEXT", help="why; the student reads it")
    step.add_argument("--attempt", metavar="NAME", help="which, if there are several")
    _add_gradebook(step)
    _add_source(step)


def _add_export(steps: Any) -> None:
    step = _add_step(steps, "export", "write the scores as a table, for Moodle or for Canvas", course_marks.export)
    step.add_argument("labs", nargs="+", metavar="LAB")
    step.add_argument("--format", choices=("csv", "moodle", "canvas"), default="csv", help="default: csv")
    step.add_argument("--to", type=Path, metavar="FILE", help="default: exports/ in the course's folder")
    step.add_argument("--roster", type=Path, metavar="FILE", help="a CSV file: student, name, email, id")
    step.add_argument("--worksheet", type=Path, metavar="FILE", help="moodle: fill in this grading worksheet")
    step.add_argument("--identifier", choices=("email", "id", "username"), default="email", help="moodle (email)")
    step.add_argument("--exported", type=Path, metavar="FILE", help="canvas: the gradebook that you exported there")
    step.add_argument("--assignment", metavar="NAME", help="canvas: the assignment, if it is not called as the lab")
    step.add_argument("--rescale", action="store_true", help="scale the points to the platform's maximum")
    step.add_argument("--missing-as-zero", action="store_true", help="0 points for who has handed in nothing")
    step.add_argument("--best", type=int, metavar="N", help="csv: the course's percent, from the best N labs")
    _add_gradebook(step)
    _add_source(step)


def _add_demo(steps: Any) -> None:
    text = "release, grade and comment a made-up class, from perfect to hostile"
    step: argparse.ArgumentParser = steps.add_parser("demo-class", help=text, description=text[0].upper() + text[1:])
    step.add_argument(
        "folder", type=Path, nargs="?", default=Path("demo-class"), metavar="FOLDER", help="(demo-class/)"
    )
    step.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    step.add_argument("--all", action="store_true", help="with every hostile submission there is (minutes)")
    step.add_argument("--unsafe", action="store_true", help="without a sandbox, and then without the hostile ones")
    step.set_defaults(run=lambda chosen: _run(chosen, _demo))


def _run(chosen: argparse.Namespace, step: Callable[[argparse.Namespace], int]) -> int:
    """Run a step; tell the errors that instructors can mend in one line each, without a trace."""
    from sqlalchemy.exc import SQLAlchemyError

    from tinyml_labs.grading.scores.gradebook_tables import GradebookError

    try:
        return step(chosen)
    except (GradebookError, SQLAlchemyError) as error:
        if getattr(chosen, "traceback", False):
            raise
        print(f"tinyml-labs course {chosen.step}: {error}", file=sys.stderr)
        return 1


def _demo(chosen: argparse.Namespace) -> int:
    from tinyml_labs.grading.course.demo_class import run_demo_class

    return run_demo_class(chosen.folder, workers=chosen.workers, unsafe=chosen.unsafe, everything=chosen.all)

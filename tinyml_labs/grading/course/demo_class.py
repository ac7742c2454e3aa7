"""The whole of an instructor's work on a made-up class: release, grade, comment, look, hand on the scores."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from tinyml_labs.grading.course.course_folder import default_source, write_file
from tinyml_labs.grading.made_up.hostile_targets import Targets
from tinyml_labs.grading.made_up.sample_class import DUE, LAB, make_sample_class
from tinyml_labs.grading.made_up.sample_submission import SampleSubmission, find_surprises, read_reference_answers

_MADE_HERE = ".demo-class"
_LIMITS = ("start_seconds=120", "cell_seconds=6", "call_seconds=4", "total_seconds=30", "memory_mb=1024")


def run_demo_class(
    folder: Path, *, workers: int | None = None, unsafe: bool = False, everything: bool = False
) -> int:
    """Make a class in a folder and do with it what an instructor does, by the same commands.

    Parameters
    ----------
    folder : Path
        Made if missing; one of an earlier demonstration is made anew.
    workers : int, optional
        Processes.
    unsafe : bool, optional
        Without a sandbox; then the hostile submissions are left out, since they would do what they say.
    everything : bool, optional
        With all hostile submissions, not with one of each kind.

    Returns
    -------
    int
        The exit code: 0 if every submission got what it deserves.

    Raises
    ------
    FileExistsError
        If the folder holds something else.
    NoSandbox
        If there is no sandbox, and `unsafe` is not set.
    """
    from tinyml_labs.grading.assignment import read_assignment
    from tinyml_labs.grading.course.course_command import run_course
    from tinyml_labs.grading.isolation import sandbox
    from tinyml_labs.grading.scores.gradebook import Gradebook

    sandbox.require_sandbox(unsafe=unsafe)
    folder = _make_folder(folder)
    source, course, submissions = default_source() / f"{LAB}.ipynb", folder / "course", folder / "submissions"
    hostile = [] if unsafe else _choose_hostile(source, course, submissions, everything=everything)
    samples = make_sample_class(submissions, source=source, more=hostile)
    harm = "none of them hostile (--unsafe)" if unsafe else f"{len(hostile)} of them hostile or broken"
    print(f"{submissions}: {len(samples)} made-up submissions, {harm}.")

    same = ["--course", str(course)]
    grade = ["grade", "01", str(submissions), "--due", DUE, "--late-days", "1", "--percent-a-day", "10"]
    grade += ["--name", "A made-up class", *(["--workers", str(workers)] if workers else [])]
    grade += [part for limit in _LIMITS for part in ("--limit", limit)] + (["--unsafe"] if unsafe else [])
    for step in (["release", "01"], grade, ["feedback", "01"], ["overview", "01"], ["export", "01"]):
        shown = [part for part in step if part not in _LIMITS and part != "--limit"]
        print(f"\n$ tinyml-labs course {shlex.join([*shown, *same])}", flush=True)
        code = run_course([*step, *same])
        if code:
            return code

    with Gradebook(course / "gradebook.sqlite", read_only=True) as book:
        surprises = find_surprises(samples, book.results(LAB), read_assignment(source))
    print()
    if surprises:
        print("Not what they deserve:")
        print("\n".join(f"  {text}" for text in surprises))
        print("Time-outs alone: the machine was busy; try --workers 1. Else do not trust this machine's sandbox.")
        return 1
    print(f"All {len(samples)} submissions got what they deserve. Look at:")
    print(f"  {course / 'overview' / LAB}.html   the class, for you")
    print(f"  {course / 'feedback' / LAB}   what students get: ines rounds wrongly, tomasz learnt by heart")
    print(f"  {course / 'exports' / 'scores.csv'}   the scores")
    return 0


def _make_folder(folder: Path) -> Path:
    marker = folder / _MADE_HERE
    if folder.exists() and not marker.is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} holds something else. Name another folder: tinyml-labs course demo-class DIR"
        )
    if marker.is_file():
        for name in ("course", "submissions"):
            shutil.rmtree(folder / name, ignore_errors=True)
    write_file(marker, b"Made by `tinyml-labs course demo-class`, which makes it anew each time.\n")
    return folder


def _choose_hostile(source: Path, course: Path, submissions: Path, *, everything: bool) -> list[SampleSubmission]:
    from tinyml_labs.grading.made_up.hostile_submissions import choose_for_the_demo, make_hostile_samples

    targets = Targets(
        gradebook=str(course.absolute() / "gradebook.sqlite"),
        source=str(source),
        submissions=str(submissions.absolute()),
        folder=str(course.absolute()),
    )
    hostile = make_hostile_samples(read_reference_answers(source), targets)
    return hostile if everything else choose_for_the_demo(hostile)

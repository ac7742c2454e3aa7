"""Grading against running the same notebooks bare: one at a time, and a class on all cores with a worker killed.

    .venv/bin/python benchmarks/grading.py [--submissions 200] [--rounds 15] [--workers 2] [--json]

Bare is nbclient, which executes a filled-in notebook, checks and hidden tests included, in a plain kernel: no
sandbox, no limits, no points. Graded is `grade_hand_in`: the student's cells in the sandbox, the checks outside, and
verdicts. The lab is a light one, NumPy and three exercises, so that what counts is what grading adds. The ideal of a
class is the sum of its bare executions divided by the number of workers.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psutil

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.grade import grade_hand_in
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.verdicts import SubmissionResult
from tinyml_labs.grading.workers.worker_pool import JobReport, run_jobs

LAB = "light_lab"
QUIET = ["--log-level=ERROR"]
TASKS = {
    "mean_of": (
        "return float(np.mean(values))",
        "assert mean_of([1, 2, 3]) == 2, 'the mean of 1, 2, 3 is 2'",
        "for n in range(1, 20):\n    assert abs(mean_of(np.arange(n)) - (n - 1) / 2) < 1e-9",
    ),
    "quantize": (
        "return np.clip(np.round(np.asarray(values) / 0.5), -128, 127).astype(np.int8)",
        "assert quantize([0.5, 1.0]).tolist() == [1, 2], '0.5 is one step'",
        "for k in range(10):\n    assert quantize(np.array([k * 30.0])).tolist() == [min(127, k * 60)]",
    ),
    "energy": (
        "return float(np.sum(np.square(values)))",
        "assert energy([3, 4]) == 25, '9 and 16 are 25'",
        "for n in range(10):\n    assert energy(np.ones(n)) == n",
    ),
}
WRONG = {
    0: {},
    1: {"mean_of": "return 2.0"},  # the visible check by heart
    2: {"quantize": "return np.asarray(values) * 2"},  # floats, never clipped
    3: {"energy": "raise ValueError('not done')"},
    4: {},
}
POINTS = {0: 6.0, 1: 5.0, 2: 5.0, 3: 4.0, 4: 6.0}


def metadata(grade_id: str, **flags: bool | int) -> dict:
    fields = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    more = {"tinyml_labs": {"visible_points": 1}} if flags.get("grade") else {}
    return {"nbgrader": {**fields, "grade_id": grade_id, **flags}, **more}


def make_notebook(answers: dict[str, str], *, source: bool) -> dict:
    """Make the lab: the instructor's source, or what a student hands in, with hidden tests for the bare run."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook  # workers import this module, too

    cells = [
        new_markdown_cell("# A light lab", id="title"),
        new_code_cell("import numpy as np", id="setup"),
    ]
    for name, (right, visible, hidden) in TASKS.items():
        body = answers.get(name, right)
        if source:
            body = f"### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"
            hidden = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        cells += [
            new_markdown_cell(f"## Exercise: `{name}`", id=f"task-{name}"),
            new_code_cell(
                f'def {name}(values):\n    """Work it out."""\n    {body}',
                id=name,
                metadata=metadata(name, solution=True),
            ),
            new_code_cell(
                f"{visible}\n{hidden}",
                id=f"check-{name}",
                metadata=metadata(f"check_{name}", grade=True, locked=True, points=2),
            ),
        ]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=about)


def make_class(folder: Path, count: int) -> tuple[Path, list[HandIn]]:
    """Write the source and the hand-ins, of five kinds."""
    import nbformat

    source = folder / "course" / f"{LAB}.ipynb"
    source.parent.mkdir()
    nbformat.write(make_notebook({}, source=True), source)
    hand_ins = []
    for number in range(count):
        path = folder / "submitted" / f"student{number:03d}" / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(make_notebook(WRONG[number % len(WRONG)], source=False), path)
        hand_ins.append(HandIn(student=path.parent.name, notebook=path, folder=path.parent))
    return source, hand_ins


def run_bare(hand_in: HandIn) -> float:
    """Execute the notebook as it is; give the seconds."""
    import nbformat
    from nbclient import NotebookClient

    start = time.perf_counter()
    notebook = nbformat.read(hand_in.notebook, as_version=4)
    NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3", extra_arguments=QUIET).execute()
    seconds = time.perf_counter() - start
    errors = sum(o.output_type == "error" for cell in notebook.cells for o in cell.get("outputs", ()))
    assert (errors == 0) == (not WRONG[int(hand_in.student[-3:]) % len(WRONG)]), "the bare run finds the wrong ones"
    return seconds


def check(number: int, result: SubmissionResult) -> None:
    assert result.verdict == "ok", result.notes
    assert result.sandboxed
    assert result.points == POINTS[number % len(WRONG)], (number, result.points)


def measure_one_by_one(grade, hand_ins: list[HandIn], rounds: int) -> dict:
    """Run and grade the same notebooks in turn, in this process, which is warm."""
    run_bare(hand_ins[0])
    grade(hand_ins[0])
    bares, gradeds = [], []
    for number in range(rounds):
        k = number % len(hand_ins)
        bares.append(run_bare(hand_ins[k]))
        start = time.perf_counter()
        result = grade(hand_ins[k])
        gradeds.append(time.perf_counter() - start)
        check(k, result)
    ratios = [graded / bare for graded, bare in zip(gradeds, bares, strict=True)]
    return {
        "bare_s": round(statistics.median(bares), 3),
        "graded_s": round(statistics.median(gradeds), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": f"{min(ratios):.2f} to {max(ratios):.2f}",
        "notebooks": rounds,
    }


def kill_a_worker() -> int:
    """Kill one of our own worker processes; give its number."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
                return child.pid
    raise RuntimeError("no worker was found to kill")


def measure_class(grade, hand_ins: list[HandIn], workers: int, every: int) -> dict:
    """Grade the class with one worker killed on the way; run every so manieth bare, half before and half after."""
    chosen = hand_ins[::every]
    half = len(chosen) // 2
    bares = [run_bare(one) for one in chosen[:half]]
    reports: list[JobReport[HandIn, SubmissionResult]] = []
    killed = 0

    def note(report: JobReport[HandIn, SubmissionResult]) -> None:
        nonlocal killed
        reports.append(report)
        if not killed and len(reports) >= 0.4 * len(hand_ins):
            killed = kill_a_worker()

    start = time.perf_counter()
    run_jobs(grade, hand_ins, workers=workers, on_done=note)
    took = time.perf_counter() - start
    bares += [run_bare(one) for one in chosen[half:]]
    counts = Counter(report.number for report in reports)
    assert counts == Counter(range(len(hand_ins))), "each submission is graded once"
    assert killed
    assert {report.outcome for report in reports} == {"done"}
    for report in reports:
        check(report.number, report.result)
    ideal = statistics.mean(bares) * len(hand_ins) / workers
    return {
        "submissions": len(hand_ins),
        "workers": workers,
        "killed": 1,
        "done_again": sum(report.tries > 1 for report in reports),
        "took_s": round(took, 1),
        "bare_s_each": round(statistics.mean(bares), 3),
        "bare_measured": len(bares),
        "ideal_s": round(ideal, 1),
        "ratio": round(took / ideal, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=int, default=5, help="run every so manieth submission bare (1: all)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        source, hand_ins = make_class(Path(folder), chosen.submissions)
        grade = partial(grade_hand_in, assignment_path=source, release=read_assignment(source).release)
        results = {
            "one by one": measure_one_by_one(grade, hand_ins, chosen.rounds),
            "a class": measure_class(grade, hand_ins, chosen.workers, chosen.every),
        }
    results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps(results, indent=2))
        return
    for name, figures in results.items():
        print(f"{name:<12} {figures}")


if __name__ == "__main__":
    main()

"""A made-up class for the tests of feedback, overview and similarity: honest work in many forms, and copies.

Each answer is put together of forms that students use, with names and comments of their own; what is wrong with
it is drawn as well. Nothing is run: the results are what a grader would find.
"""

from __future__ import annotations

import random
from dataclasses import replace

from fake_answers import STUBS, rename, write_answer

from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult

LAB = "01_hello_world"
TITLES = {
    "check_quantize": "Exercise 1: quantize",
    "check_choose": "Exercise 2: choose_quantization",
    "check_gaps": "Exercise 3: find_gaps",
    "answer_why": "Exercise 4: why int8?",
}
OPEN = '    # Your code here, in place of the next line.\n    raise NotImplementedError("your code here")\n'
FIRST = (
    "Anna Ben Chiara David Elif Finn Giulia Hannah Ida Jonas Kofi Léa Mehmet Nora Oskar Pia Quentin Rosa Samir "
    "Tove Uma Viktor Wanda Xenia Yusuf Zoé"
)
LAST = "Abebe Bauer Costa Dahl Eriksen Fischer García Haddad Ito Jansen Kaya Lindqvist Müller Novák Okafor Peters"
HIDDEN_SAYS = "The hidden checks call `{name}` with other values. One gives a wrong result."
SAID = {
    "check_quantize": (
        ("wrong", "quantize(0.5, 0.1, 0) is 4, not 5: round, do not cut off"),
        ("wrong", "quantize(0.25, 0.1, 0) is 2, not 3: round, do not cut off"),
        ("wrong", "the result has dtype float64: turn it into int8 at the end"),
        ("error", "TypeError: 'float' object is not subscriptable (in quantize, line 4: q[0] = 1)"),
        ("error", "NameError: name 'npp' is not defined (in quantize, line 3: npp.clip(q))"),
    ),
    "check_choose": (
        ("wrong", "0 must be one of the steps: widen the range so that it holds 0"),
        ("error", "ZeroDivisionError: float division by zero (in choose_quantization, line 5)"),
        ("timeout", "It took longer than 10 s."),
    ),
    "check_gaps": (
        ("wrong", "find_gaps([1, 2, 5]) is [(2, 3)], not [(2, 2)]: count the missing ones, not the step"),
        ("error", "IndexError: index 7 is out of bounds for axis 0 with size 7 (in find_gaps, line 6)"),
        ("out of memory", "It needed more than 2048 MB."),
        ("killed", "Python ended."),
    ),
}
TRACE = """Traceback (most recent call last):
  Cell {name}, line 4, in {name}
    the_line_that_failed()
{said}"""


def make_student(number: int, draw: random.Random) -> str:
    first, last = FIRST.split(), LAST.split()
    return f"{first[number % len(first)]} {last[(number // len(first) + 5 * number) % len(last)]}_{1000 + number}"


def make_exercise(grade_id: str, draw: random.Random, *, skill: float = 0.75, code: str = "") -> ExerciseResult:
    """Return one exercise's outcome: visible part 1 point, hidden part 3."""
    name = TITLES[grade_id].partition(": ")[2]
    if grade_id == "answer_why":
        part = CheckResult(part="written", verdict="by hand", points=None, max_points=2)
        text = draw.choice(["Because a board has no", "It is smaller:", "The board's kernels use"]) + " float unit."
        return ExerciseResult(grade_id=grade_id, title=TITLES[grade_id], checks=(part,), code=text)
    if draw.random() < 0.06:
        checks = tuple(
            CheckResult(part=part, verdict="open", points=0, max_points=most, message="Not written yet.")
            for part, most in (("visible", 1), ("hidden", 3))
        )
        return ExerciseResult(grade_id=grade_id, title=TITLES[grade_id], checks=checks, code=STUBS[grade_id] + OPEN)
    code = code or write_answer(grade_id, draw)
    seconds = draw.lognormvariate(-5, 1)
    if draw.random() < skill:
        hidden_right = draw.random() < 0.85
        checks = (
            CheckResult(part="visible", verdict="ok", points=1, max_points=1, seconds=seconds),
            CheckResult(
                part="hidden",
                verdict="ok" if hidden_right else "wrong",
                points=3 if hidden_right else 0,
                max_points=3,
                message="" if hidden_right else HIDDEN_SAYS.format(name=name),
                seconds=2 * seconds,
            ),
        )
    else:
        verdict, message = draw.choice(SAID[grade_id])
        trace = TRACE.format(name=name, said=message.partition(" (in")[0]) if verdict == "error" else ""
        stopped = verdict in ("timeout", "out of memory", "killed")
        hidden_says = message if stopped else HIDDEN_SAYS.format(name=name)
        if verdict == "error":
            hidden_says = f"The hidden checks call `{name}` with other values. One stops with an error in line 4."
        seconds = 10.02 if verdict == "timeout" else seconds
        checks = (
            CheckResult(
                part="visible", verdict=verdict, points=0, max_points=1, message=message, trace=trace, seconds=seconds
            ),
            CheckResult(part="hidden", verdict=verdict, points=0, max_points=3, message=hidden_says, seconds=seconds),
        )
    notes = ("You had changed the check's cell. The instructor's was used.",) if draw.random() < 0.08 else ()
    return ExerciseResult(grade_id=grade_id, title=TITLES[grade_id], checks=checks, code=code, notes=notes)


def make_submission(number: int = 0, *, seed: int = 1, written: bool = True, skill: float = 0.75) -> SubmissionResult:
    draw = random.Random(1000 * seed + number)
    grade_ids = [*STUBS, "answer_why"] if written else list(STUBS)
    exercises = tuple(make_exercise(grade_id, draw, skill=skill) for grade_id in grade_ids)
    return SubmissionResult(
        student=make_student(number, draw),
        lab=LAB,
        exercises=exercises,
        file_sha256=f"{draw.getrandbits(256):064x}",
        source_sha256="ab" * 32,
        submitted_at=f"2026-11-{20 + number % 4}T{8 + number % 12:02d}:{number % 60:02d}:00+00:00",
        seconds=round(0.7 + draw.lognormvariate(-2, 0.7), 3),
        grader="0.9.0",
    )


def make_broken(number: int, verdict: str, note: str) -> SubmissionResult:
    """Return a submission that could not be graded at all."""
    points = None if verdict == "not graded" else 0
    exercises = tuple(
        ExerciseResult(
            grade_id=grade_id,
            title=TITLES[grade_id],
            checks=tuple(
                CheckResult(part=part, verdict=verdict, points=points, max_points=most)
                for part, most in (("visible", 1), ("hidden", 3))
            ),
        )
        for grade_id in STUBS
    )
    made = make_submission(number)
    return replace(made, exercises=exercises, verdict=verdict, notes=(note,), sandboxed=verdict == "not graded")


def make_class(size: int = 60, *, seed: int = 1, written: bool = True) -> list[SubmissionResult]:
    """Return honest work only, of students who differ in skill."""
    draw = random.Random(seed)
    return [
        make_submission(n, seed=seed, written=written, skill=min(0.98, max(0.2, draw.gauss(0.78, 0.2))))
        for n in range(size)
    ]


def copy_from(results: list[SubmissionResult], giver: int, taker: int, *, seed: int = 5) -> None:
    """Let one student hand in another's code under other names."""
    draw = random.Random(seed + taker)
    exercises = tuple(
        replace(mine, code=rename(theirs.code, draw)) if mine.grade_id in STUBS else mine
        for mine, theirs in zip(results[taker].exercises, results[giver].exercises, strict=True)
    )
    results[taker] = replace(results[taker], exercises=exercises)

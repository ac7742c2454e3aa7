"""The labs' exercises as plain code, answers to them, and a bare way to run the checks on an answer."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinyml_labs.grading.isolation.sandbox import find_sandbox, why_not

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SIDECARS = NOTEBOOKS / "grading"
ANSWERS = Path(__file__).with_name("lab_answers")
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)
LABS = sorted(path.name for path in SIDECARS.iterdir() if path.is_dir())


@dataclass(frozen=True)
class LabExercise:
    lab: str
    grade_id: str  # of the check
    solution_id: str
    function: str
    reference: str
    visible: str
    hidden: str
    points: float
    visible_points: float

    def __str__(self) -> str:
        return f"{self.lab[:3].rstrip('_')}-{self.grade_id}"


@dataclass(frozen=True)
class Answer:
    grade_id: str
    is_right: bool
    title: str
    source: str


def cells_of(lab: str) -> list[dict[str, Any]]:
    return json.loads((NOTEBOOKS / f"{lab}.ipynb").read_text("utf-8"))["cells"]


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@lru_cache
def exercises_of(lab: str) -> tuple[LabExercise, ...]:
    found = []
    for cell in cells_of(lab):
        grading = cell["metadata"].get("nbgrader", {})
        if grading.get("solution"):
            reference, solution_id = source_of(cell), grading["grade_id"]
        elif grading.get("grade"):
            source = source_of(cell)
            found.append(
                LabExercise(
                    lab=lab,
                    grade_id=grading["grade_id"],
                    solution_id=solution_id,
                    function=re.findall(r"^def (\w+)", reference, re.MULTILINE)[0],
                    reference=reference,
                    visible=HIDDEN.sub("", source),
                    hidden="".join(HIDDEN.findall(source)),
                    points=grading["points"],
                    visible_points=cell["metadata"]["tinyml_labs"]["visible_points"],
                )
            )
    return tuple(found)


def answers_of(lab: str) -> list[Answer]:
    """Read the answers of ``lab_answers/LAB.txt``: ``## check: right or wrong: what it does``, then the code."""
    found = []
    for part in re.split(r"^## ", (ANSWERS / f"{lab}.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head, source = part.split("\n", 1)
        grade_id, verdict, title = head.split(": ", 2)
        assert verdict in ("right", "wrong"), head
        found.append(Answer(grade_id, verdict == "right", title, source.strip() + "\n"))
    return found


def blank(exercise: LabExercise) -> str:
    return re.sub(
        r"^( *)### BEGIN SOLUTION.*?### END SOLUTION",
        r'\1raise NotImplementedError("your code here")',
        exercise.reference,
        flags=re.MULTILINE | re.DOTALL,
    )


def run_sidecar(lab: str, name: str) -> dict[str, Any]:
    path = SIDECARS / lab / name
    namespace: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), namespace)
    return namespace


@lru_cache
def names_for_checks(lab: str) -> dict[str, Any]:
    return run_sidecar(lab, "checks.py")


def load_answer(exercise: LabExercise, source: str) -> Callable[..., Any]:
    namespace = run_sidecar(exercise.lab, "kernel.py")
    exec(compile(source, "<answer>", "exec"), namespace)
    return namespace[exercise.function]


def require_sandbox() -> None:
    """Skip where a student's C cannot be run."""
    if find_sandbox() is None:
        words = f"no sandbox for a student's C: {why_not()} apt-get install bubblewrap"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)


def earned(exercise: LabExercise, function: Callable[..., Any]) -> tuple[bool, bool]:
    """Say whether the visible and the hidden part pass: no sandbox here, only what the checks can tell."""
    if exercise.function == "one_output_in_c":
        require_sandbox()
    outcome = []
    for part in (exercise.visible, exercise.hidden):
        names = names_for_checks(exercise.lab)
        shared = {key: names[key] for key in names if isinstance(names[key], ModuleType) or key == "__builtins__"}
        own = copy.deepcopy({key: names[key] for key in names if key not in shared})
        namespace = {**shared, **own, exercise.function: function}
        np.random.seed(0)  # for an answer that makes its own chance
        try:
            exec(compile(part, f"<{exercise.grade_id}>", "exec"), namespace)
            outcome.append(True)
        except Exception:
            outcome.append(False)
    return outcome[0], outcome[1]

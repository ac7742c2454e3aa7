"""A small lab with hidden tests and a written question, and what students hand in of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell
from sample_lab import check, code, grading, make_lab, prose, save, solution

from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.student_copy import make_student_copy

RIGHT = {
    "double": 'def double(x):\n    """Return twice x."""\n    return x + x',
    "quarter": "def quarter(x):\n    return np.asarray(x) / 4",
    "root": "def root(x):\n    if x < 0:\n        raise ValueError('below 0')\n    return x**0.5",
}
ROOT = '''def root(x):
    """Return the square root of x; a ValueError for what has none."""
    ### BEGIN SOLUTION
    if x < 0:
        raise ValueError(f"{x} has no root")
    return x ** 0.5
    ### END SOLUTION'''
CHECK_DOUBLE = """assert double(2) == 4, "double(2) is 4"
assert double(-3) == -6
### BEGIN HIDDEN TESTS
for value in (7, 123456.5, 1e300):
    assert double(value) == 2 * value, f"secret {value}"
### END HIDDEN TESTS"""
CHECK_QUARTER = """value = quarter(4)
assert value == 1, "a quarter of 4 is 1"
### BEGIN HIDDEN TESTS
assert quarter(np.arange(4.0)).tolist() == [0, 0.25, 0.5, 0.75], "secret"
### END HIDDEN TESTS"""
CHECK_ROOT = """assert root(9) == 3, "3 * 3 is 9"
try:
    root(-1)
except ValueError:
    pass
else:
    assert False, "a negative number has to give a ValueError"
### BEGIN HIDDEN TESTS
assert root(1522756) == 1234, "secret"
### END HIDDEN TESTS"""
POINTS = {"check_double": 3.0, "check_quarter": 2.0, "check_root": 2.0, "why": 2.0}


def points(cell: Any, most: float, visible: float | None = None) -> Any:
    cell.metadata["nbgrader"]["points"] = most
    if visible is not None:
        cell.metadata["tinyml_labs"] = {"visible_points": visible}
    return cell


def make_graded_lab() -> Any:
    lab = make_lab()
    double, quarter = (next(cell for cell in lab.cells if cell.id == name) for name in ("double", "quarter"))
    answer = new_markdown_cell("Because.", id="why", metadata=grading("why", grade=True, solution=True))
    lab.cells = [
        *lab.cells[:3],
        double,
        code("try-double", "double(21)"),
        points(check("check_double", CHECK_DOUBLE), 3, 1),
        prose("task-quarter", "## Exercise 2: quarter"),
        quarter,
        points(check("check_quarter", CHECK_QUARTER), 2),
        prose("task-root", "## Exercise 3: root"),
        solution("root", ROOT),
        points(check("check_root", CHECK_ROOT), 2, 1),
        prose("task-why", "## Question: why?"),
        points(answer, 2),
        code("run-checks", 'from tinyml_labs.grading import checks\n\nchecks.run_checks("01_lab")'),
    ]
    return lab


def save_lab(folder: Path, lab: Any = None, **files: str) -> Path:
    """Save a source notebook and the files of its grading folder, named ``kernel_py`` and so on."""
    path = save(lab or make_graded_lab(), folder / "notebooks" / "01_lab.ipynb")
    for name, text in files.items():
        file = path.parent / "grading" / "01_lab" / name.replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path


def make_copy(path: Path) -> dict[str, Any]:
    """Return a student's blank copy, as JSON."""
    content: dict[str, Any] = json.loads(make_student_copy(path.read_text(encoding="utf-8"), path.name).data)
    return content


def cell_of(content: Mapping[str, Any], cell_id: str) -> dict[str, Any]:
    return next(cell for cell in content["cells"] if cell["id"] == cell_id)


def fill_in(content: dict[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    for name, source in answers.items():
        cell_of(content, name)["source"] = source
    return content


def hand_in_of(
    folder: Path,
    content: Mapping[str, Any] | bytes,
    *,
    student: str = "ann",
    edit: Callable[[dict[str, Any]], None] | None = None,
) -> HandIn:
    """Write a student's notebook; `edit` changes it before."""
    path = folder / student / "01_lab.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content = json.loads(json.dumps(content))
        if edit:
            edit(content)
        path.write_text(json.dumps(content), encoding="utf-8")
    return HandIn(student=student, notebook=path, folder=path.parent)


def own_cell(text: str, cell_id: str = "own") -> dict[str, Any]:
    """Return a code cell that a student has added."""
    cell: dict[str, Any] = json.loads(json.dumps(nbformat.v4.new_code_cell(text, id=cell_id)))
    return cell

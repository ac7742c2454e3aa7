"""A small lab with two exercises, built cell by cell, for the tests of the students' copies and of the checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

DOUBLE = '''def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    secret_of_double = x + x
    return secret_of_double
    ### END SOLUTION'''
QUARTER = '''def quarter(x):
    """Return a quarter of x."""
    ### BEGIN SOLUTION
    secret_of_quarter = np.asarray(x) / 4
    return secret_of_quarter
    ### END SOLUTION'''
SECRETS = ("secret_of_double", "secret_of_quarter", "BEGIN SOLUTION", "END SOLUTION", "### ")


def grading(grade_id: str, *, grade: bool = False, solution: bool = False, locked: bool = False) -> dict[str, Any]:
    fields = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return {"nbgrader": fields | ({"points": 1} if grade else {})}


def prose(cell_id: str, text: str) -> Any:
    return new_markdown_cell(text, id=cell_id)


def code(cell_id: str, text: str, **metadata: Any) -> Any:
    return new_code_cell(text, id=cell_id, metadata=metadata)


def solution(grade_id: str, text: str) -> Any:
    return code(grade_id, text, **grading(grade_id, solution=True))


def check(grade_id: str, text: str) -> Any:
    return code(grade_id, text, **grading(grade_id, grade=True, locked=True))


def make_lab(*, title: str = "A small lab", double: str = DOUBLE) -> Any:
    """Return a notebook as an instructor's JupyterLab saves it: run, with outputs."""
    cells = [
        prose("title", f"# {title}"),
        code("setup", "import numpy as np"),
        prose("task-double", "## Exercise 1: `double`\n\nWrite it."),
        solution("double", double),
        code("try-double", "double(21)"),
        check("check_double", 'assert double(2) == 4, "double(2) is 4"\nassert double(-3) == -6'),
        prose("task-quarter", "## Exercise 2: quarter — ein Viertel\n\nWrite it."),
        solution("quarter", QUARTER),
        code("try-quarter", "quarter(np.ones(2))"),
        check("check_quarter", 'value = quarter(4)\nassert value == 1, "a quarter of 4 is 1"'),
        prose("prose-checks", "Which are open?"),
        code("run-checks", 'from tinyml_labs.grading import checks\n\nchecks.run_checks("01_lab")'),
    ]
    cells[1].execution_count = 7
    cells[1].outputs = [nbformat.v4.new_output("stream", text="a stale output\n")]
    cells[1].metadata["execution"] = {"iopub.execute_input": "2025-01-01T00:00:00Z"}
    metadata = {
        "kernelspec": {"display_name": "my-venv", "language": "python", "name": "my-venv"},
        "language_info": {"name": "python", "version": "3.11.7"},
    }
    return new_notebook(cells=cells, metadata=metadata)


def save(notebook: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((nbformat.writes(notebook) + "\n").encode())
    return path

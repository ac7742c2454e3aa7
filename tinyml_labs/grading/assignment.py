"""Read a lab's source notebook as the grader needs it: exercises, their checks in two parts, and what they run on.

    notebooks/02_gesture_recognition.ipynb             the source: solutions, checks with their hidden tests
    notebooks/grading/02_gesture_recognition/
        kernel.py     runs in the sandbox before the student's cells: imports, and what solutions may use
        checks.py     runs in the grader's process before the checks: what they compare with
        grading.json  limits, and the artefacts and recordings that the lab asks for

All three are optional. Without ``kernel.py`` or ``checks.py`` the notebook's own cells that are no exercise take
its place (`notebook_context`), so that a course made with nbgrader is graded as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tinyml_labs.grading.cell_regions import find_region_faults, grading_of, source_of, visible_part
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.lab_parts import (
    AssignmentError,
    Exercise,
    SolutionCell,
    WrittenTask,
    is_check,
    is_written,
    read_exercises,
    read_solutions,
    read_written,
)
from tinyml_labs.grading.notebook_context import find_context
from tinyml_labs.grading.student_copy import make_student_copy

__all__ = [
    "Assignment",
    "AssignmentError",
    "Exercise",
    "SolutionCell",
    "WrittenTask",
    "grading_folder",
    "read_assignment",
    "source_fingerprint",
]

LARGEST_NOTEBOOK_MB = 20.0
_KNOWN_SETTINGS = ("limits", "largest_notebook_mb", "artefacts", "recordings")


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """All that the grader needs of a lab.

    Attributes
    ----------
    lab : str
        Its name: the notebook's without ``.ipynb``.
    path : Path
        The source notebook.
    source_sha256 : str
        SHA-256 (hex) over the notebook and the files of its grading folder.
    exercises : tuple of Exercise
        In the notebook's order.
    written : tuple of WrittenTask
    solutions : tuple of SolutionCell
        In the notebook's order.
    kernel_code : str
        Runs in the sandbox before the student's cells.
    kernel_code_after : mapping of str to str
        Cells of the notebook that need a solution, by the name of the solution's cell that they come after.
    checks_code : str
        Runs in the grader's process before the checks.
    made_by_context : tuple of str
        Variables that ``kernel_code_after`` makes, and that a check needs from the sandbox.
    cell_names : frozenset of str
        All names that the notebook's cells make that are no exercise: what a student can have met there.
    released_checks : mapping of str to str
        The check cells as students have them.
    limits : Limits
        Of the student's process.
    largest_notebook_mb : float
        The largest file that is read.
    artefacts, recordings : tuple of mapping
        What else students hand in, as ``grading.json`` has it.
    order : tuple of str
        The names of checks and written tasks as they stand in the notebook.
    source : str
        The notebook's file.
    """

    lab: str
    path: Path
    source_sha256: str
    exercises: tuple[Exercise, ...]
    written: tuple[WrittenTask, ...]
    solutions: tuple[SolutionCell, ...]
    kernel_code: str
    kernel_code_after: Mapping[str, str]
    checks_code: str
    made_by_context: tuple[str, ...]
    cell_names: frozenset[str]
    released_checks: Mapping[str, str]
    limits: Limits
    largest_notebook_mb: float = LARGEST_NOTEBOOK_MB
    artefacts: tuple[Mapping[str, Any], ...] = ()
    recordings: tuple[Mapping[str, Any], ...] = ()
    order: tuple[str, ...] = ()
    source: str = field(default="", repr=False)

    @cached_property
    def release(self) -> str:
        """SHA-256 of the students' copy of this source. The first use imports nbgrader, which takes seconds."""
        return make_student_copy(self.source, self.path.name).release

    @property
    def folder(self) -> Path:
        """The folder of the lab's grading files, which need not be there."""
        return grading_folder(self.path)

    @property
    def functions(self) -> tuple[str, ...]:
        """All functions that students write in this lab."""
        return tuple(dict.fromkeys(name for cell in self.solutions for name in cell.functions))

    @property
    def values(self) -> tuple[str, ...]:
        """All variables that come from the sandbox: of students' cells, and of cells that need them."""
        every = [name for cell in self.solutions for name in cell.values]
        return tuple(dict.fromkeys([*every, *self.made_by_context]))


def grading_folder(notebook: Path) -> Path:
    """Return where the grading files of a source notebook lie."""
    return notebook.parent / "grading" / notebook.stem


def source_fingerprint(notebook: Path) -> str:
    """Return the SHA-256 (hex) over a source notebook and the files of its grading folder.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    total = hashlib.sha256(Path(notebook).read_bytes())
    folder = grading_folder(Path(notebook))
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__")) for part in inside.parts):
            data = path.read_bytes()
            total.update(f"\n{inside.as_posix()} {len(data)}\n".encode())
            total.update(data)
    return total.hexdigest()


def read_assignment(notebook: str | Path) -> Assignment:
    """Read a source notebook and the files of its grading folder.

    Parameters
    ----------
    notebook : str or Path
        The source, such as ``notebooks/02_gesture_recognition.ipynb``.

    Returns
    -------
    Assignment

    Raises
    ------
    AssignmentError
        If the notebook or one of the files cannot be graded with; the text names the cell.
    OSError
        If a file cannot be read.
    """
    path = Path(notebook)
    fingerprint = source_fingerprint(path)
    source = path.read_text(encoding="utf-8-sig")
    try:
        cells = json.loads(source)["cells"]
        faults = find_region_faults(cells)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AssignmentError(f"{path.name} is no notebook of format 4. Save it in JupyterLab.") from error
    if faults:
        raise AssignmentError("\n".join(f"{path.name}, {fault}" for fault in faults))
    settings = _read_settings(path)
    solutions = read_solutions(cells, path.name)
    exercises = read_exercises(cells, solutions, path.name)
    kernel_code, checks_code = (_read_program(path, name) for name in ("kernel.py", "checks.py"))
    context = find_context(cells, solutions)
    from_notebook = kernel_code is None and checks_code is None
    return Assignment(
        lab=path.stem,
        path=path,
        source_sha256=fingerprint,
        source=source,
        exercises=exercises,
        written=read_written(cells),
        order=tuple(str(grading_of(cell).get("grade_id")) for cell in cells if is_check(cell) or is_written(cell)),
        solutions=solutions,
        kernel_code=context.before if kernel_code is None else kernel_code,
        kernel_code_after=context.after if kernel_code is None else {},
        checks_code=context.before if checks_code is None else checks_code,
        made_by_context=context.made_inside if from_notebook else (),
        cell_names=context.all_names,
        released_checks={
            str(grading_of(cell)["grade_id"]): visible_part(source_of(cell)) for cell in cells if is_check(cell)
        },
        **settings,
    )


def _read_settings(path: Path) -> dict[str, Any]:
    """Read ``grading.json``."""
    file = grading_folder(path) / "grading.json"
    if not file.is_file():
        return {"limits": Limits()}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        unknown = sorted(set(content) - set(_KNOWN_SETTINGS))
        if unknown:
            raise ValueError(f"it has {', '.join(unknown)}; known are {', '.join(_KNOWN_SETTINGS)}")
        settings: dict[str, Any] = {"limits": Limits.from_dict(content.get("limits", {}))}
        if "largest_notebook_mb" in content:
            settings["largest_notebook_mb"] = float(content["largest_notebook_mb"])
        for key in ("artefacts", "recordings"):
            settings[key] = tuple(dict(entry) for entry in content.get(key, []))
            for entry in settings[key]:
                if not isinstance(entry.get("grade_id"), str) or not isinstance(entry.get("points"), (int, float)):
                    raise ValueError(f"each of its {key} needs a grade_id and points")
    except (ValueError, TypeError, AttributeError) as error:
        raise AssignmentError(
            f"{file} cannot be used: {error}. See docs/instructors.md for what it may hold."
        ) from error
    return settings


def _read_program(path: Path, name: str) -> str | None:
    file = grading_folder(path) / name
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    try:
        compile(text, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise AssignmentError(f"{file}, line {error.lineno}: {error.msg}. It has to be plain Python.") from error
    return text

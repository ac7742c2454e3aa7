"""A lab's source notebook in, the same notebook without its solutions out: no files, no clock, no chance.

The source carries nbgrader's cell metadata, and nbgrader's own preprocessors do the clearing and the locking,
so that instructors can open the course in nbgrader as well. Three things are added here: malformed regions are
found before anything is made, cell ids and metadata are the same on each build, and the code cells of an
exercise get the tag ``raises-exception``, so that *Run All Cells* goes past an exercise that is still open.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from tinyml_labs.grading.cell_regions import (
    CODE_STUB,
    TEXT_STUB,
    find_region_faults,
    grading_of,
    source_of,
)

__all__ = [
    "KEEP_RUNNING",
    "NotebookError",
    "StudentCopy",
    "find_region_faults",
    "grading_of",
    "make_student_copy",
    "source_of",
    "stable_id",
]

KEEP_RUNNING = "raises-exception"
"""The cell tag that makes JupyterLab, VS Code and nbclient go on after an error in that cell."""

_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LEFT_BY_RUNNING = ("collapsed", "execution", "ExecuteTime", "scrolled")


class NotebookError(ValueError):
    """A source notebook that cannot be released. The text names the notebook, the cell and the mend."""


@dataclass(frozen=True, kw_only=True)
class StudentCopy:
    """A student's copy, ready to be written.

    Attributes
    ----------
    data : bytes
        The file: UTF-8, line feeds at line ends on every system.
    release : str
        SHA-256 (hex) of what the students get. It changes with what students see, not with a solution. It
        also stands in the notebook's metadata as ``tinyml_labs.release``, where JupyterLab leaves it alone.
    """

    data: bytes
    release: str


def make_student_copy(source: str, name: str) -> StudentCopy:
    """Clear the solutions and the hidden tests of a source notebook and lock its checks.

    Parameters
    ----------
    source : str
        The notebook, JSON as in the ``.ipynb`` file.
    name : str
        The file's name, for error messages.

    Returns
    -------
    StudentCopy
        Equal bytes for equal sources.

    Raises
    ------
    NotebookError
        If it is no notebook of format 4, or an exercise in it is malformed (see `find_region_faults`).
    """
    import nbformat
    from nbgrader.preprocessors import (
        ClearHiddenTests,
        ClearMarkScheme,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )
    from traitlets.config import Config

    content = _read_source(source, name)
    _set_stable_ids(content["cells"])
    content["nbformat_minor"] = max(content.get("nbformat_minor", 0), 5)  # the first with cell ids
    try:
        nbformat.validate(nbformat.from_dict(content))
    except nbformat.ValidationError as error:
        raise NotebookError(f"{name} is no valid notebook: {error.message}. Mend it in JupyterLab.") from error
    notebook = nbformat.v4.to_notebook(content)
    faults = find_region_faults(notebook.cells)
    if faults:
        raise NotebookError("\n".join(f"{name}, {fault}" for fault in faults))

    _clear_traces_of_running(notebook)
    _tag_exercises(notebook.cells)
    config = Config()
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    for preprocessor in (ClearSolutions, ClearHiddenTests, ClearMarkScheme, LockCells, ComputeChecksums):
        notebook, _ = preprocessor(config=config).preprocess(notebook, {})

    release = hashlib.sha256(_to_bytes(notebook)).hexdigest()
    notebook.metadata["tinyml_labs"] = {"release": release}
    return StudentCopy(data=_to_bytes(notebook), release=release)


def stable_id(wish: str) -> str:
    """Return a text, such as a grade_id, as an id that the notebook format allows."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", wish)[:56]  # with room for a number


def _read_source(source: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads(source)
    except json.JSONDecodeError as error:
        raise NotebookError(f"{name} is no notebook: it is not JSON from line {error.lineno} on.") from error
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        found = content.get("nbformat") if isinstance(content, dict) else None
        raise NotebookError(f"{name} is no notebook of format 4 (found: {found}). Save it in JupyterLab.")
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotebookError(f"{name} is no notebook: it has no list of cells.")
    return content


def _set_stable_ids(cells: list[dict[str, Any]]) -> None:
    """Name graded cells after their grade_id, keep the source's other ids, derive what is missing."""
    taken: set[str] = set()
    for cell in sorted(cells, key=lambda cell: not grading_of(cell).get("grade_id")):  # grade_ids come first
        content = f"{cell.get('cell_type')}\n{source_of(cell)}"
        derived = "cell-" + hashlib.sha256(content.encode()).hexdigest()[:12]
        wish = str(grading_of(cell).get("grade_id") or cell.get("id") or derived)
        wish = stable_id(wish)
        cell_id, copies = wish, 1
        while cell_id in taken:
            copies += 1
            cell_id = f"{wish}-{copies}"
        taken.add(cell_id)
        cell["id"] = cell_id


def _clear_traces_of_running(notebook: Any) -> None:
    """Remove outputs, counts, timings and the writer's Python: running the source changes no release."""
    kept = {key: value for key, value in notebook.metadata.items() if key not in ("celltoolbar", "widgets")}
    notebook.metadata.clear()
    notebook.metadata.update(kept | {"kernelspec": dict(_KERNEL), "language_info": {"name": "python"}})
    for cell in notebook.cells:
        for key in _LEFT_BY_RUNNING:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None


def _tag_exercises(cells: list[Any]) -> None:
    """Tag every code cell of an exercise: the student's function, the trial, the checks."""
    waiting: list[Any] = []  # the function and what follows it, until their check is found
    for cell in cells:
        if cell.cell_type != "code":
            continue
        grading = grading_of(cell)
        if grading.get("solution"):
            waiting = [cell]
        elif grading.get("grade"):
            for part in [*waiting, cell]:
                tags = part.metadata.get("tags", [])
                part.metadata["tags"] = [*(tag for tag in tags if tag != KEEP_RUNNING), KEEP_RUNNING]
            waiting = []
        elif waiting:
            waiting.append(cell)


def _to_bytes(notebook: Any) -> bytes:
    import nbformat

    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return (text.rstrip("\n") + "\n").encode("utf-8")

"""Run all checks of a lab at once and say which exercises are still open.

Every lab has one cell for it, with the lab's own name::

    checks.run_checks("01_hello_world")

The checks are the notebook's locked cells, read from its file; they run on the variables of the notebook that
is open. One that fails does not stop the others, and nothing is raised, so *Run All Cells* comes to its end.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import linecache
import os
import re
import symtable
import sys
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tinyml_labs.grading.cell_regions import grading_of, source_of

State = Literal["passed", "open", "wrong", "error"]

_SIGNS: dict[State, tuple[str, str]] = {  # what the notebook shows: a sign, and JupyterLab's colour for it
    "passed": ("✓", "var(--jp-success-color1, #2e7d32)"),
    "open": ("○", "var(--jp-info-color1, #1976d2)"),
    "wrong": ("✗", "var(--jp-error-color1, #c62828)"),
    "error": ("!", "var(--jp-error-color1, #c62828)"),
}
_LONGEST_HINT = 600  # characters; NumPy's comparisons can be long


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """The outcome of one check.

    Attributes
    ----------
    grade_id : str
        The check cell's name in the notebook.
    title : str
        The heading of its exercise.
    state : {"passed", "open", "wrong", "error"}
        ``open``: not written yet, or a cell before it has not been run. ``wrong``: an assertion failed.
        ``error``: the student's code raised something else.
    hint : str
        What to do next; empty if passed.
    """

    grade_id: str
    title: str
    state: State
    hint: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckReport:
    """What `run_checks` found: a table in a notebook, plain text in a terminal.

    Attributes
    ----------
    notebook : str
        The file that the checks were read from.
    rows : tuple of CheckRow
        One for each check, in the notebook's order.
    """

    notebook: str
    rows: tuple[CheckRow, ...]

    @property
    def passed(self) -> tuple[str, ...]:
        """The titles of the exercises' checks that pass."""
        return self._titles("passed")

    @property
    def open(self) -> tuple[str, ...]:
        """The titles of those that are still to be written or run."""
        return self._titles("open")

    @property
    def failed(self) -> tuple[str, ...]:
        """The titles of those that are wrong or end in an error."""
        return tuple(row.title for row in self.rows if row.state in ("wrong", "error"))

    @property
    def summary(self) -> str:
        """One line: ``1 of 3 checks passed, 1 open, 1 wrong``."""
        if not self.rows:
            return "no checks in this notebook"
        counts = Counter(row.state for row in self.rows)
        rest = "".join(f", {counts[s]} {s}" for s in ("open", "wrong", "error") if counts[s])
        noun = "check" if len(self.rows) == 1 else "checks"
        return f"{counts['passed']} of {len(self.rows)} {noun} passed{rest}"

    def _titles(self, state: State) -> tuple[str, ...]:
        return tuple(row.title for row in self.rows if row.state == state)

    def __str__(self) -> str:
        lines = [f"{self.notebook}: {self.summary}"]
        for row in self.rows:
            lines.append(f"  {row.state:<7} {row.title}")
            lines += [f"          {line}" for line in row.hint.splitlines()]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cell = "text-align: left; vertical-align: top; padding: 4px 12px 4px 0"
        rows = []
        for row in self.rows:
            sign, colour = _SIGNS[row.state]
            rows.append(
                f'<tr><td style="{cell}">{html.escape(row.title)}</td>'
                f'<td style="{cell}; white-space: nowrap">'
                f'<strong style="color: {colour}" aria-hidden="true">{sign}</strong> {row.state}</td>'
                f'<td style="{cell}; white-space: pre-wrap">{html.escape(row.hint)}</td></tr>'
            )
        head = "".join(f'<th scope="col" style="{cell}">{t}</th>' for t in ("Exercise", "State", "Next"))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
        return f"<div><p><strong>{html.escape(self.summary)}</strong></p>{table}</div>"


def run_checks(
    notebook: str | os.PathLike[str] | None = None, *, namespace: dict[str, Any] | None = None
) -> CheckReport:
    """Run the check cells of a notebook on the variables that are defined now.

    Parameters
    ----------
    notebook : str or path, optional
        The lab's name, such as ``"01_hello_world"``; by default the notebook that is open.
    namespace : dict, optional
        The variables to check; by default those of the notebook. Each check gets a shallow copy of its own,
        so it leaves no names behind, but it can change an array or a list in place.

    Returns
    -------
    CheckReport
        Shown as a table if it is the last thing in a cell. A wrong answer is a row in it and raises nothing.

    Raises
    ------
    FileNotFoundError
        If the notebook's file is not found.
    ValueError
        If that file is not a notebook.
    """
    if namespace is None:
        namespace = _find_namespace()
    path = find_notebook(notebook, namespace=namespace)
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} cannot be read as a notebook. Save it, then run this again.") from error
    made_here = set().union(*(names_made_by(source_of(c)) for c in cells if c.get("cell_type") == "code"))
    rows = []
    for title, cell in find_checks(cells):
        source, grade_id = source_of(cell), str(grading_of(cell).get("grade_id", title))
        state, hint = _run_check(source, f"<check {grade_id}>", namespace, made_here)
        rows.append(CheckRow(grade_id=grade_id, title=title, state=state, hint=hint))
    return CheckReport(notebook=path.name, rows=tuple(rows))


def find_notebook(
    notebook: str | os.PathLike[str] | None = None, *, namespace: Mapping[str, Any] | None = None
) -> Path:
    """Find the file of the notebook that is open.

    A name stands for the lab: if the notebook that is open is another copy of it, such as
    ``01_hello_world.update-1.ipynb``, that copy is meant. JupyterLab and VS Code say which one is open; where
    nobody does, it is the file of that name, or the only notebook in the folder.

    Parameters
    ----------
    notebook : str or path, optional
        The lab's name or the notebook's file.
    namespace : mapping, optional
        The notebook's variables, where VS Code leaves the file's name.

    Returns
    -------
    Path
        An existing file.

    Raises
    ------
    FileNotFoundError
        If there is none, or more than one and nothing says which.
    """
    folder = Path.cwd()
    opened = _find_opened(folder, namespace or {})
    if notebook is not None:
        asked = Path(notebook)
        asked = asked if asked.suffix == ".ipynb" else asked.with_name(asked.name + ".ipynb")
        if opened and asked.parent == Path() and opened.stem.startswith(asked.stem):
            return opened
        if (folder / asked).is_file():
            return folder / asked
    if opened:
        return opened
    found = sorted(path for path in folder.glob("*.ipynb") if path.is_file())
    if len(found) == 1:
        return found[0]
    there = ", ".join(path.name for path in found) or "no notebook"
    wanted = f"{asked.name} is not in {folder}" if notebook is not None else f"Which notebook in {folder}?"
    raise FileNotFoundError(
        f'{wanted} (found there: {there}). Name the file that you work in: run_checks("my_notebook").'
    )


def _find_opened(folder: Path, namespace: Mapping[str, Any]) -> Path | None:
    """Ask VS Code (a variable), then JupyterLab (the kernel's environment, true until a file is renamed)."""
    for told in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(told, str) and told.endswith(".ipynb"):
            for path in (Path(told), folder / Path(told).name):
                if path.is_absolute() and path.is_file():
                    return path
    return None


def _find_namespace() -> dict[str, Any]:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else vars(sys.modules["__main__"])


def heading_of(source: str) -> str:
    """Return the last heading in a text cell, without its marks; empty if there is none."""
    headings = re.findall(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", source, re.MULTILINE)
    return re.sub(r"[`*]", "", headings[-1]) if headings else ""


def find_checks(cells: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the check cells with their titles: the heading that the exercise's function stands under."""
    checks = []
    heading = exercise = ""
    for cell in cells:
        grading, source = grading_of(cell), source_of(cell)
        if cell.get("cell_type") == "markdown":
            heading = heading_of(source) or heading
        elif cell.get("cell_type") != "code":
            continue
        elif grading.get("solution"):
            exercise = heading
        elif grading.get("grade"):
            checks.append((exercise or heading or str(grading.get("grade_id", "check")), cell))
    total, so_far = Counter(title for title, _ in checks), Counter[str]()
    numbered = []
    for title, cell in checks:
        so_far[title] += 1
        numbered.append((f"{title} ({so_far[title]} of {total[title]})" if total[title] > 1 else title, cell))
    return numbered


def _run_check(source: str, label: str, namespace: dict[str, Any], made_here: set[str]) -> tuple[State, str]:
    """Run one check cell and say how it went; only the keyboard's interrupt gets through."""
    try:
        code = compile(source, label, "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(code, dict(namespace))
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        return "open", "Not written yet. Write it, run its cell, then check again."
    except NameError as error:
        in_check = traceback.extract_tb(error.__traceback__)[-1].filename == label
        is_missing = (in_check or error.name in made_here) and not isinstance(error, UnboundLocalError)
        if is_missing:
            return "open", f"{error.name} is not there yet. Run the cell that makes it, then check again."
        return "error", _describe(error, namespace)
    except AssertionError as error:
        return "wrong", text_of(error) or quote_assertion(error, source, label)
    except BaseException as error:
        return "error", _describe(error, namespace)
    return "passed", ""


def quote_assertion(error: BaseException, source: str, label: str) -> str:
    """Make a hint of an assertion that has none: its own line."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == label]
    return f"This does not hold: {source.splitlines()[lines[-1] - 1].strip()}" if lines else ""


def _describe(error: BaseException, namespace: Mapping[str, Any]) -> str:
    text = text_of(error)
    return f"{type(error).__name__}{': ' if text else ''}{text}{_find_place(error, namespace)}"


def _find_place(error: BaseException, namespace: Mapping[str, Any]) -> str:
    """Say where in the student's own cells it happened: `` (in quantize, line 3: return x / scal)``."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals is namespace:
            text = linecache.getline(frame.f_code.co_filename, line).strip()
            place = f" (in {frame.f_code.co_name}, line {line}{': ' if text else ''}{text})"
    return place


def text_of(error: BaseException) -> str:
    """Return an error's text, at most some lines of it; empty if it has none."""
    try:
        text = str(error).strip()
    except Exception:  # an exception class of the student's own can do anything
        text = ""
    return text if len(text) <= _LONGEST_HINT else text[:_LONGEST_HINT] + " ..."


def names_made_by(source: str) -> set[str]:
    """Return the names that a cell makes: by import, def, class or assignment."""
    plain = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    try:
        symbols = symtable.symtable(plain, "<cell>", "exec").get_symbols()
    except (SyntaxError, ValueError):
        return set()  # the student is still at it
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}

"""The house rules that a source notebook keeps, each as one function that returns what is wrong."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from check_parts import asserts_in, hidden_part, names_made, names_needed, visible_part
from IPython.core.inputtransformer2 import TransformerManager

from tinyml_labs.grading.student_copy import KEEP_RUNNING, find_region_faults, grading_of, source_of

CODE_CELLS = (10, 25)  # of a lab; 00_start_here may have fewer
LONGEST_CELL = 25  # lines
LONGEST_MEDIAN = 8  # lines
MOST_WORDS = 2000  # of prose
HIDING_TAGS = {KEEP_RUNNING, "nbval-skip", "nbval-raises-exception", "skip-execution"}

_OPENING = {
    "goal": r"\bgoal\b",
    "prerequisites": r"\bprerequisites?\b",
    "minutes": r"\d+\s*minutes|\bminutes\b\W*\d+",
    "what you will have made": r"\byou will have made\b",
}
_ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/~<-])/(?:home|Users|work|tmp|root|usr|opt|mnt|media|var|etc|content|srv|private)\b"
    r"|\b[A-Z]:(?:\\{1,2}[A-Z][a-z]|/\w)|(?<![\w.])~/"
)
_SHELL_MAGICS = {"pip", "conda", "mamba", "system", "sx", "sc", "bash", "sh", "script", "cmd", "powershell", "!"}


def find_style_faults(nb: Any, name: str = "01_lab") -> list[str]:
    """Hold a source notebook to the house rules.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook, as read.
    name : str
        Its file name without ``.ipynb``; one that begins with ``00`` may be short and have no exercises.

    Returns
    -------
    list of str
        One line a fault; empty for a notebook that keeps all rules.
    """
    rules: list[Callable[[Any, str], list[str]]] = [
        _check_ids,
        _check_nothing_was_run,
        _check_opening,
        _check_sizes,
        _check_prose_before_code,
        _check_setup,
        _check_shell_and_tags,
        _check_paths,
        _check_exercises,
        _check_check_cells,
        _check_hidden_tests,
        _check_closing,
    ]
    return [fault for rule in rules for fault in rule(nb, name)]


def _is_code(cell: Any) -> bool:
    return bool(cell.cell_type == "code")


def _is_solution(cell: Any) -> bool:
    return _is_code(cell) and bool(grading_of(cell).get("solution"))


def _is_check(cell: Any) -> bool:
    return _is_code(cell) and bool(grading_of(cell).get("grade")) and not grading_of(cell).get("solution")


def _label(nb: Any, cell: Any) -> str:
    return f"cell {nb.cells.index(cell) + 1} ({cell.get('id', 'no id')})"


def _tree(cell: Any) -> ast.Module:
    """Parse a cell as IPython would, with magics and shell lines turned into calls."""
    try:
        return ast.parse(TransformerManager().transform_cell(source_of(cell)))
    except SyntaxError:
        return ast.parse("")  # the notebook does not run then, which its execution tells


def _code_cells(nb: Any) -> list[Any]:
    return [cell for cell in nb.cells if _is_code(cell)]


def _exercise_parts(nb: Any) -> list[Any]:
    """Return the cells that follow one another in an exercise: function, trial, checks."""
    parts = []
    inside = False
    for cell, following in zip(nb.cells, [*nb.cells[1:], None], strict=True):
        inside = _is_solution(cell) or (inside and _is_code(cell))
        if inside:
            parts.append(cell)
            inside = not _is_check(cell) or (following is not None and _is_check(following))
    return parts


def _check_ids(nb: Any, name: str) -> list[str]:
    ids = [cell.get("id") for cell in nb.cells]
    faults = [f"cell {number} has no id" for number, one in enumerate(ids, start=1) if not one]
    faults += [f"id {one!r} is used {count} times" for one, count in Counter(ids).items() if one and count > 1]
    if (nb.nbformat, nb.nbformat_minor) < (4, 5):
        faults.append("the format is older than 4.5, which has no cell ids")
    return faults


def _check_nothing_was_run(nb: Any, name: str) -> list[str]:
    faults = [f"{_label(nb, cell)} has outputs" for cell in _code_cells(nb) if cell.outputs]
    counted = [cell for cell in _code_cells(nb) if cell.execution_count is not None]
    return faults + [f"{_label(nb, cell)} has an execution count" for cell in counted]


def _check_opening(nb: Any, name: str) -> list[str]:
    if not nb.cells or nb.cells[0].cell_type != "markdown" or not source_of(nb.cells[0]).startswith("# "):
        return ["it does not open with a title ('# ...') in prose"]
    opening = source_of(nb.cells[0])
    missing = [what for what, pattern in _OPENING.items() if not re.search(pattern, opening, re.IGNORECASE)]
    return [f"its first cell does not tell: {what}" for what in missing]


def _check_sizes(nb: Any, name: str) -> list[str]:
    cells = _code_cells(nb)
    lengths = [len(visible_part(source_of(cell)).splitlines()) for cell in cells]  # of what students have to read
    fewest, most = (1 if name.startswith("00") else CODE_CELLS[0]), CODE_CELLS[1]
    faults = []
    if not fewest <= len(cells) <= most:
        faults.append(f"it has {len(cells)} code cells, not {fewest} to {most}")
    faults += [
        f"{_label(nb, cell)} has {length} lines, more than {LONGEST_CELL}"
        for cell, length in zip(cells, lengths, strict=True)
        if length > LONGEST_CELL
    ]
    faults += [f"{_label(nb, cell)} is empty" for cell in nb.cells if not source_of(cell).strip()]
    if lengths and median(lengths) > LONGEST_MEDIAN:
        faults.append(f"half of its code cells have more than {LONGEST_MEDIAN} lines (median {median(lengths)})")
    words = count_words(nb)
    if words >= MOST_WORDS:
        faults.append(f"it has {words} words of prose, not under {MOST_WORDS}")
    return faults


def count_words(nb: Any) -> int:
    """Count the words of a notebook's prose, without code blocks, HTML tags and the targets of links."""
    prose = "\n".join(source_of(cell) for cell in nb.cells if cell.cell_type == "markdown")
    prose = re.sub(r"```.*?```|<[^>]*>|\]\([^)]*\)", " ", prose, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’-]*", prose))


def _check_prose_before_code(nb: Any, name: str) -> list[str]:
    parts = [cell.get("id") for cell in _exercise_parts(nb)]
    faults = []
    for before, cell in zip([None, *nb.cells], nb.cells, strict=False):
        follows_on = cell.get("id") in parts and not _is_solution(cell)
        if _is_code(cell) and not follows_on and (before is None or before.cell_type != "markdown"):
            faults.append(f"{_label(nb, cell)} has no prose before it")
    return faults


def _check_setup(nb: Any, name: str) -> list[str]:
    cells = _code_cells(nb)
    if not cells:
        return []
    faults = []
    if not _imports(cells[0]):
        faults.append("its first code cell is no setup cell: it imports nothing")
    if not any("seed" in text.lower() for text in _names(cells[0])) and not _generators(cells[0], seeded=True):
        faults.append("its setup cell sets no seed")
    for cell in cells[1:]:
        if _imports(cell):
            faults.append(f"{_label(nb, cell)} imports; that belongs in the setup cell")
        if any(text in ("seed", "set_random_seed", "set_seed") for text in _called(cell)):
            faults.append(f"{_label(nb, cell)} sets a seed; that belongs in the setup cell")
    faults += [f"{_label(nb, cell)} makes random numbers without a seed" for cell in cells if _generators(cell)]
    return faults


def _imports(cell: Any) -> bool:
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(_tree(cell)))


def _names(cell: Any) -> set[str]:
    nodes = list(ast.walk(_tree(cell)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return names | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}


def _called(cell: Any) -> list[str]:
    functions = [node.func for node in ast.walk(_tree(cell)) if isinstance(node, ast.Call)]
    return [getattr(function, "attr", getattr(function, "id", "")) for function in functions]


def _generators(cell: Any, *, seeded: bool = False) -> bool:
    """Say whether a cell makes a NumPy generator, without a seed or with one."""
    calls = [node for node in ast.walk(_tree(cell)) if isinstance(node, ast.Call)]
    made = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "default_rng"]
    return any(bool(call.args or call.keywords) == seeded for call in made)


def _check_shell_and_tags(nb: Any, name: str) -> list[str]:
    faults = []
    for cell in nb.cells:
        hiding = HIDING_TAGS & set(cell.metadata.get("tags", []))
        if hiding or re.search(r"^#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION)", source_of(cell), re.MULTILINE):
            faults.append(f"{_label(nb, cell)} hides failures from the tests: {', '.join(hiding) or 'NBVAL comment'}")
        if _is_code(cell):
            faults += [f"{_label(nb, cell)} has a shell line: {line}" for line in _shell_lines(cell)]
    return faults


def _shell_lines(cell: Any) -> list[str]:
    found = []
    for node in ast.walk(_tree(cell)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        is_ipython = ast.unparse(node.func.value) == "get_ipython()"
        runs_shell = node.func.attr in ("system", "getoutput", "getoutputs") and is_ipython
        runs_magic = node.func.attr in ("run_line_magic", "run_cell_magic") and first in _SHELL_MAGICS
        if runs_shell or runs_magic or ast.unparse(node.func) in ("os.system", "os.popen"):
            found.append(str(first))
    return found


def _check_paths(nb: Any, name: str) -> list[str]:
    found = [(cell, _ABSOLUTE_PATH.search(source_of(cell))) for cell in nb.cells]
    return [f"{_label(nb, cell)} has an absolute path: {match[0]}" for cell, match in found if match]


def _check_exercises(nb: Any, name: str) -> list[str]:
    faults = find_region_faults(nb.cells)
    functions = [cell for cell in nb.cells if _is_solution(cell)]
    if not functions and not name.startswith("00"):
        faults.append("it has no exercise")
    for cell in functions:
        position = nb.cells.index(cell)
        before = nb.cells[position - 1] if position else None
        trial, check = [*nb.cells[position + 1 : position + 3], None, None][:2]
        if before is None or before.cell_type != "markdown" or not _names_exercise(before):
            faults.append(f"{_label(nb, cell)}: no task under a heading 'Exercise ...' stands directly before it")
        body = _tree(cell).body
        if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
            faults.append(f"{_label(nb, cell)}: an exercise's first cell is one function and nothing else")
        elif not ast.get_docstring(body[0]):
            faults.append(f"{_label(nb, cell)}: its function has no docstring")
        if "### BEGIN SOLUTION" not in source_of(cell):
            faults.append(f"{_label(nb, cell)}: its function has no '### BEGIN SOLUTION' ... '### END SOLUTION'")
        if trial is None or not _is_code(trial) or grading_of(trial):
            faults.append(f"{_label(nb, cell)}: no free trial cell follows it")
        if check is None or not _is_check(check):
            faults.append(f"{_label(nb, cell)}: no check cell follows its trial cell")
    return faults


def _names_exercise(cell: Any) -> bool:
    return bool(re.search(r"^#{2,6} .*\bexercise\b", source_of(cell), re.MULTILINE | re.IGNORECASE))


def _check_check_cells(nb: Any, name: str) -> list[str]:
    faults = []
    for cell in filter(_is_check, nb.cells):
        asserts = asserts_in(visible_part(source_of(cell)))  # a hidden one is never shown, so it needs no hint
        if not grading_of(cell).get("locked"):
            faults.append(f"{_label(nb, cell)}: a check cell is locked")
        if not str(grading_of(cell).get("grade_id", "")).startswith("check_"):
            faults.append(f"{_label(nb, cell)}: a check's grade_id begins with 'check_'")
        if not asserts:
            faults.append(f"{_label(nb, cell)} checks nothing: it has no assert")
        for node in asserts:
            if node.msg is None or (isinstance(node.msg, ast.Constant) and not str(node.msg.value).strip()):
                faults.append(f"{_label(nb, cell)}: no hint in: {ast.unparse(node)}")
    return faults


def _check_hidden_tests(nb: Any, name: str) -> list[str]:
    faults = []
    for cell in filter(_is_check, nb.cells):
        label, source, visible = _label(nb, cell), source_of(cell), visible_part(source_of(cell))
        hidden = hidden_part(source)
        points, shown = grading_of(cell).get("points"), cell.metadata.get("tinyml_labs", {}).get("visible_points")
        if not asserts_in(hidden):
            faults.append(f"{label}: no hidden tests ('### BEGIN HIDDEN TESTS' ...) with an assert")
        elif not source.startswith(visible.rstrip("\n")) or not source.rstrip().endswith("### END HIDDEN TESTS"):
            faults.append(f"{label}: hidden tests stand at the end of a check")
        if not isinstance(shown, (int, float)) or not isinstance(points, (int, float)) or not 0 < shown < points:
            faults.append(
                f"{label}: of its {points} points, tinyml_labs.visible_points are {shown}; expected a part of them"
            )
        borrowed = sorted(names_needed(hidden) & names_made(visible))
        if borrowed:
            faults.append(
                f"{label}: its hidden tests use {', '.join(borrowed)} of the visible ones; they run without them"
            )
    return faults


def _check_closing(nb: Any, name: str) -> list[str]:
    has_checks = any(map(_is_check, nb.cells))
    running = [cell for cell in _code_cells(nb) if "run_checks" in _called(cell)]
    faults = []
    if has_checks and len(running) != 1:
        faults.append(f"{len(running)} cells call run_checks, not one")
    faults += [
        f"{_label(nb, cell)}: call it as run_checks({name!r})"
        for cell in running
        if not re.search(rf"run_checks\(\s*['\"]{re.escape(name)}['\"]\s*\)", source_of(cell))
    ]
    last_parts = {"summary": r"\bsummary\b"} | ({} if name.startswith("00") else {"exercises": r"\bexercises?\b"})
    starts = []
    for what, pattern in last_parts.items():
        found = [
            position
            for position, cell in enumerate(nb.cells)
            if cell.cell_type == "markdown"
            and re.search(rf"^#{{2,6}} .*{pattern}", source_of(cell), re.MULTILINE | re.IGNORECASE)
        ]
        starts += found[:1]
        if not found:
            faults.append(f"it does not close with: {what} (no such heading)")
    closing = [cell.get("id") for cell in [*_exercise_parts(nb), *running]]
    for cell in nb.cells[min(starts, default=len(nb.cells)) :]:
        if _is_code(cell) and cell.get("id") not in closing:
            faults.append(f"{_label(nb, cell)} comes after the lab's close, and is no part of an exercise")
    return faults

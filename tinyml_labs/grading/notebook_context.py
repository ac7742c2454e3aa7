"""The cells of a notebook that are no exercise, as what the exercises run on: for labs without files of their own.

What needs no solution (imports, data) runs twice: in the sandbox before the student's cells, and in the grader's
process before the checks. What needs a solution, such as ``result = double(21)``, runs in the sandbox alone, after
the student's cell, and only if a later cell or a check uses what it makes; a check gets it from there as plain data.
So nothing in the grader's process is computed by a solution, neither the student's nor the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinyml_labs.grading.cell_names import CellNames, names_of, without_commands
from tinyml_labs.grading.cell_regions import source_of
from tinyml_labs.grading.lab_parts import SolutionCell, is_check, is_solution, is_written

_NO_NAMES = CellNames(
    **dict.fromkeys(("made", "functions", "classes", "imported", "used", "used_later"), frozenset())
)


@dataclass(frozen=True, kw_only=True)
class NotebookContext:
    """The code around the exercises.

    Attributes
    ----------
    before : str
        What needs no solution.
    after : mapping of str to str
        What needs one, by the name of the last solution's cell before it.
    made_inside : tuple of str
        Variables that ``after`` makes and a check uses.
    all_names : frozenset of str
        All names that these cells make, needed or not.
    """

    before: str
    after: Mapping[str, str]
    made_inside: tuple[str, ...]
    all_names: frozenset[str]


def find_context(cells: Sequence[Mapping[str, Any]], solutions: Iterable[SolutionCell]) -> NotebookContext:
    """Sort a source notebook's cells that are no exercise into what needs a solution and what does not."""
    names = [_names_or_none(cell) for cell in cells]
    from_solutions = {n for s in solutions for n in (*s.functions, *s.values, *s.classes)}
    before: list[str] = []
    dependent: list[int] = []
    for position, cell in enumerate(cells):
        if not _is_context(cell):
            continue
        own = names[position]
        if own.used & from_solutions:
            dependent.append(position)
            from_solutions |= own.made
        else:
            before.append(without_commands(source_of(cell)))
            # A function that calls a solution later: whoever calls it needs the solution as well.
            from_solutions |= own.functions if own.used_later & from_solutions else set()
    needed = _choose_needed(cells, names, dependent)
    after: dict[str, str] = {}
    last = ""
    for position, cell in enumerate(cells):
        if is_solution(cell):
            last = cell["metadata"]["nbgrader"]["grade_id"]
        elif position in needed and last:
            after[last] = "\n\n".join(filter(None, [after.get(last), without_commands(source_of(cell))]))
    in_checks = {n for p, cell in enumerate(cells) if is_check(cell) for n in names[p].used | names[p].used_later}
    made = {n for p in needed for n in names[p].made - names[p].functions - names[p].classes - names[p].imported}
    return NotebookContext(
        before="\n\n".join(text for text in before if text.strip()),
        after=after,
        made_inside=tuple(sorted(made & in_checks)),
        all_names=frozenset(n for cell, own in zip(cells, names, strict=True) if _is_context(cell) for n in own.made),
    )


def _is_context(cell: Mapping[str, Any]) -> bool:
    is_exercise = is_solution(cell) or is_check(cell) or is_written(cell)
    return cell.get("cell_type") == "code" and not is_exercise and "run_checks(" not in source_of(cell)


def _names_or_none(cell: Mapping[str, Any]) -> CellNames:
    """Return a cell's names; of a text, or of what is no Python, none."""
    if cell.get("cell_type") != "code":
        return _NO_NAMES
    try:
        return names_of(source_of(cell))
    except SyntaxError:
        return _NO_NAMES


def _choose_needed(
    cells: Sequence[Mapping[str, Any]], names: Sequence[CellNames], dependent: Iterable[int]
) -> frozenset[int]:
    """Choose the dependent cells that make something for a check, a solution or a chosen cell after them."""
    waiting, chosen = set(dependent), set[int]()
    wanted: set[str] = set()
    for position in reversed(range(len(cells))):
        own = names[position]
        if position in waiting:
            if not own.made & wanted:
                continue
            chosen.add(position)
        elif not (is_check(cells[position]) or is_solution(cells[position])):
            continue
        wanted |= own.used | own.used_later
    return frozenset(chosen)

"""The parts of a lab that are graded: cells that students fill in, the checks of these cells, written answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tinyml_labs.grading.cell_names import names_of
from tinyml_labs.grading.cell_regions import grading_of, hidden_part, source_of, stub_of, visible_part
from tinyml_labs.grading.checks import find_checks, heading_of
from tinyml_labs.grading.student_copy import stable_id

Cell = Mapping[str, Any]


class AssignmentError(ValueError):
    """A lab that cannot be graded as it stands. The text is for its author: file, cell, what to do."""


@dataclass(frozen=True, kw_only=True)
class SolutionCell:
    """A cell that students fill in.

    Attributes
    ----------
    grade_id, cell_id : str
        Its name in nbgrader's metadata, and its id in the students' copies.
    functions : tuple of str
        The functions that the reference solution defines.
    values, classes : tuple of str
        The variables and the classes that it makes.
    reference : str
        The reference solution.
    stub : str
        What the students' copy holds in its place.
    """

    grade_id: str
    cell_id: str
    functions: tuple[str, ...]
    values: tuple[str, ...]
    classes: tuple[str, ...]
    reference: str
    stub: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A check cell with the cells that it checks.

    Attributes
    ----------
    grade_id : str
        The check cell's name.
    title : str
        The heading of the exercise, numbered if it has several checks.
    solution_ids : tuple of str
        The cells that it checks, by their names.
    functions : tuple of str
        The functions that these cells define.
    reference : str
        The reference solutions of these cells.
    visible, hidden : str
        The two parts of the check; a hidden line keeps its number. Either may be empty.
    points : float
        For both parts.
    visible_points : float or None
        Points of the visible part alone. None: all or nothing for the cell, as nbgrader has it.
    """

    grade_id: str
    title: str
    solution_ids: tuple[str, ...]
    functions: tuple[str, ...]
    reference: str
    visible: str
    hidden: str
    points: float
    visible_points: float | None = None


@dataclass(frozen=True, kw_only=True)
class WrittenTask:
    """A question whose answer a person reads.

    Attributes
    ----------
    grade_id, title, cell_id : str
        Its name, the heading that it stands under, its id in the students' copies.
    points : float
        What a person can give.
    stub : str
        What the students' copy holds.
    is_task : bool
        Whether the answer stands in cells of the student's own after it (nbgrader's *manually graded task*).
    """

    grade_id: str
    title: str
    cell_id: str
    points: float
    stub: str
    is_task: bool = False


def is_solution(cell: Cell) -> bool:
    """Whether it is a code cell that students fill in and that a check looks at."""
    grading = grading_of(cell)
    return bool(cell.get("cell_type") == "code" and grading.get("solution") and not grading.get("grade"))


def is_check(cell: Cell) -> bool:
    """Whether it is a check cell."""
    grading = grading_of(cell)
    return bool(cell.get("cell_type") == "code" and grading.get("grade") and not grading.get("solution"))


def is_written(cell: Cell) -> bool:
    """Whether it is a question whose answer a person reads."""
    grading = grading_of(cell)
    return bool(grading.get("task") or (grading.get("grade") and grading.get("solution")))


def read_solutions(cells: Iterable[Cell], name: str) -> tuple[SolutionCell, ...]:
    """Read the cells that students fill in.

    Raises
    ------
    AssignmentError
        If one is no Python.
    """
    solutions = []
    for cell in filter(is_solution, cells):
        grade_id, source = str(grading_of(cell)["grade_id"]), source_of(cell)
        try:
            names = names_of(source)
        except SyntaxError as error:
            raise AssignmentError(f"{name}, cell {grade_id}, line {error.lineno}: {error.msg}. Mend it.") from error
        values = names.made - names.functions - names.classes - names.imported
        solution = SolutionCell(
            grade_id=grade_id,
            cell_id=stable_id(grade_id),
            functions=tuple(sorted(names.functions)),
            values=tuple(sorted(values)),
            classes=tuple(sorted(names.classes)),
            reference=source,
            stub=stub_of(source),
        )
        solutions.append(solution)
    return tuple(solutions)


def read_exercises(cells: list[Cell], solutions: Iterable[SolutionCell], name: str) -> tuple[Exercise, ...]:
    """Read the checks, each with the cells before it that it checks.

    Raises
    ------
    AssignmentError
        If a check cannot be run outside the student's process, or its points do not add up.
    """
    solutions = tuple(solutions)
    found = dict(_pair_checks(cells))
    exercises = []
    for title, cell in find_checks([dict(cell) for cell in cells]):
        grade_id, source = str(grading_of(cell)["grade_id"]), source_of(cell)
        own = tuple(solution for solution in solutions if solution.grade_id in found[grade_id])
        _refuse_classes(source, solutions, f"{name}, cell {grade_id}")
        exercise = Exercise(
            grade_id=grade_id,
            title=title,
            solution_ids=tuple(solution.grade_id for solution in own),
            functions=tuple(dict.fromkeys(function for solution in own for function in solution.functions)),
            reference="\n\n".join(solution.reference for solution in own),
            visible=visible_part(source),
            hidden=hidden_part(source),
            points=float(grading_of(cell)["points"]),
            visible_points=_read_visible_points(cell, f"{name}, cell {grade_id}"),
        )
        exercises.append(exercise)
    return tuple(exercises)


def read_written(cells: Iterable[Cell]) -> tuple[WrittenTask, ...]:
    """Read the questions whose answers a person reads."""
    tasks = []
    heading = ""
    for cell in cells:
        grading, source = grading_of(cell), source_of(cell)
        is_code = cell.get("cell_type") == "code"
        heading = heading if is_code else heading_of(source) or heading
        if is_written(cell):
            grade_id = str(grading["grade_id"])
            task = WrittenTask(
                grade_id=grade_id,
                title=heading or grade_id,
                cell_id=stable_id(grade_id),
                points=float(grading["points"]),
                stub=stub_of(source, is_code=is_code),
                is_task=bool(grading.get("task")),
            )
            tasks.append(task)
    return tuple(tasks)


def _pair_checks(cells: Iterable[Cell]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each check's name and those of the solutions since the check before; several checks share them."""
    own: list[str] = []
    was_checked = False
    for cell in cells:
        grade_id = str(grading_of(cell).get("grade_id"))
        if is_solution(cell):
            own = [grade_id] if was_checked else [*own, grade_id]
            was_checked = False
        elif is_check(cell):
            was_checked = True
            yield grade_id, tuple(own)


def _refuse_classes(source: str, solutions: Iterable[SolutionCell], place: str) -> None:
    names = names_of(source)
    for solution in solutions:
        for made in solution.classes:
            if made in names.used | names.used_later:
                raise AssignmentError(
                    f"{place} uses the class {made} of cell {solution.grade_id}. Checks run outside the student's "
                    "process, and an object of a student's class stays inside: let the solution have a function "
                    "that uses the class and returns plain values, and check that."
                )


def _read_visible_points(cell: Cell, place: str) -> float | None:
    own = cell["metadata"].get("tinyml_labs")
    visible = own.get("visible_points") if isinstance(own, Mapping) else None
    if visible is None:
        return None
    points = grading_of(cell)["points"]
    if isinstance(visible, bool) or not isinstance(visible, (int, float)) or not 0 <= visible <= points:
        raise AssignmentError(
            f"{place}: its metadata tinyml_labs.visible_points is {visible!r}; it has to be a number from 0 to the "
            f"cell's points, {points:g}."
        )
    return float(visible)

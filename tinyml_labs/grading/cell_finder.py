"""Look for a lab's cells in a student's notebook: by ``grade_id``, by the cell's id, by what a cell defines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyml_labs.grading.assignment import Assignment, SolutionCell, WrittenTask
from tinyml_labs.grading.cell_names import functions_by_sight, names_by_sight
from tinyml_labs.grading.cell_regions import grading_of
from tinyml_labs.grading.hand_ins.hand_in_file import NotebookContent, clean_source
from tinyml_labs.grading.verdicts import Verdict

LONGEST_CELL = 100_000
"""Characters of a student's cell that are graded; a cell written by hand has some thousands."""
_LONGEST_ANSWER = 50_000

Cell = Mapping[str, Any]


class CellFinder:
    """Looks for the cells of an assignment in a student's notebook."""

    def __init__(self, content: NotebookContent, assignment: Assignment) -> None:
        self.all = list(content.cells)
        self.assignment = assignment
        self.cells: dict[str, str] = {}
        self.problems: dict[str, Verdict] = {}
        self.messages: dict[str, str] = {}
        self.notes: dict[str, list[str]] = {}
        self.written: dict[str, str] = {}
        self.taken: set[int] = set()
        solutions, written = assignment.solutions, assignment.written
        answers = {cell.grade_id for cell in solutions} | {task.grade_id for task in written}
        self.known = answers | set(assignment.released_checks)

    def find_solution(self, wanted: SolutionCell) -> None:
        """Find the one cell that is the answer, or say why there is none."""
        positions = self._positions_by_grade_id(wanted.grade_id, is_code=True)
        if not positions:
            positions = self._positions_without_grade_id(wanted)
        source = self._choose(wanted.grade_id, positions, wanted.stub)
        if source is None:
            return
        self.taken.update(positions)
        if len(source) > LONGEST_CELL:
            self._fail(
                wanted.grade_id,
                "error",
                f"This cell has {len(source):,} characters; at most {LONGEST_CELL:,} are graded. "
                "Write the function itself into it, without data.",
            )
        self.cells[wanted.grade_id] = clean_source(source, LONGEST_CELL)

    def find_answer(self, wanted: WrittenTask) -> None:
        """Find a written answer; of several, all are kept for the person who reads them."""
        positions = self._positions_by_grade_id(wanted.grade_id) or self._positions_by_id(wanted.cell_id)
        self.taken.update(positions)
        texts = [self.all[position]["source"] for position in positions]
        if wanted.is_task:
            texts = [self._text_after(position) for position in positions]
        answers = dict.fromkeys(text.strip() for text in texts if text.strip() != wanted.stub.strip())
        answer = clean_source("\n\n".join(answers), _LONGEST_ANSWER)
        self.written[wanted.grade_id] = answer
        if not positions:
            self._fail(wanted.grade_id, "cell missing", "The cell for this answer is not in your notebook.")

    def look_at_checks(self) -> None:
        """Note the checks that are not as they were handed out; they are graded with the course's own."""
        for grade_id, released in self.assignment.released_checks.items():
            sources = [self.all[position]["source"] for position in self._positions_by_grade_id(grade_id)]
            if any(plain_text(source) != plain_text(released) for source in sources):
                self._note(
                    grade_id, "The check of this exercise was changed. It was graded with the course's own check."
                )

    def names_made_elsewhere(self) -> dict[str, int]:
        """Return the names that the student's other code cells make, with the first cell that makes each."""
        names: dict[str, int] = {}
        for position, cell in enumerate(self.all):
            if cell["cell_type"] == "code" and position not in self.taken and self._grade_id(cell) not in self.known:
                for name in names_by_sight(cell["source"][:LONGEST_CELL]):
                    names.setdefault(name, position + 1)
        return names

    def _choose(self, grade_id: str, positions: list[int], stub: str) -> str | None:
        """Return the text of the only candidate, of equal ones, or of the only one that is more than the stub."""
        sources = list(dict.fromkeys(self.all[position]["source"] for position in positions))
        numbers = ", ".join([*(str(position + 1) for position in positions[:5]), *(["…"] if positions[5:] else [])])
        if not sources:
            own = next(solution for solution in self.assignment.solutions if solution.grade_id == grade_id)
            functions = " or ".join(f"`{name}`" for name in own.functions)
            also = f", and no other cell defines {functions}" if functions else ""
            text = (
                f"The cell of this exercise is not in your notebook{also}. Take a fresh copy of the lab, write your "
                "answer into the exercise's own cell there, and hand that in."
            )
            self._fail(grade_id, "cell missing", text)
            return None
        if len(sources) == 1:
            if len(positions) > 1:
                self._note(
                    grade_id, f"This cell is there {len(positions)} times (cells {numbers}), each time the same."
                )
            return sources[0]
        written = [source for source in sources if plain_text(source) != plain_text(stub)]
        if len(written) == 1:
            self._note(
                grade_id, f"This cell is there {len(positions)} times (cells {numbers}); one is written, and graded."
            )
            return written[0]
        self.taken.update(positions)
        text = (
            f"The cell of this exercise is there {len(positions)} times (cells {numbers}), each time with other "
            "contents, and nobody but you can say which one counts. Delete the others."
        )
        self._fail(grade_id, "cell duplicated", text)
        return None

    def _positions_by_grade_id(self, grade_id: str, *, is_code: bool = False) -> list[int]:
        return [
            position
            for position, cell in enumerate(self.all)
            if self._grade_id(cell) == grade_id and (cell["cell_type"] == "code" or not is_code)
        ]

    def _positions_by_id(self, cell_id: str) -> list[int]:
        return [
            position
            for position, cell in enumerate(self.all)
            if cell["id"] == cell_id and position not in self.taken and self._grade_id(cell) not in self.known
        ]

    def _positions_without_grade_id(self, wanted: SolutionCell) -> list[int]:
        """Find a cell whose metadata was lost: by its id, else by what it defines."""
        code = [
            position
            for position, cell in enumerate(self.all)
            if cell["cell_type"] == "code" and position not in self.taken and self._grade_id(cell) not in self.known
        ]
        by_id = [position for position in code if self.all[position]["id"] == wanted.cell_id]
        if by_id:
            self._note(wanted.grade_id, "This cell has lost its mark as an exercise; it was found by its cell id.")
            return by_id
        functions = set(wanted.functions)
        by_name = [
            p for p in code if functions and functions <= functions_by_sight(self.all[p]["source"][:LONGEST_CELL])
        ]
        if by_name:
            names = ", ".join(f"`{name}`" for name in wanted.functions)
            self._note(
                wanted.grade_id,
                f"This cell has lost its mark as an exercise; it was found because it defines {names}.",
            )
        return by_name

    def _text_after(self, position: int) -> str:
        """Return the student's cells after a task, up to the next cell of the course that is graded."""
        texts = []
        for cell in self.all[position + 1 :]:
            if self._grade_id(cell):
                break
            texts.append(cell["source"])
        return "\n\n".join(texts)

    def _grade_id(self, cell: Cell) -> str:
        grade_id = grading_of(cell).get("grade_id")
        return grade_id if isinstance(grade_id, str) else ""

    def _note(self, grade_id: str, text: str) -> None:
        self.notes.setdefault(grade_id, []).append(text)

    def _fail(self, grade_id: str, verdict: Verdict, message: str) -> None:
        self.problems[grade_id] = verdict
        self.messages[grade_id] = message


def plain_text(source: str) -> str:
    """Return a cell's text without what an editor changes by itself: blanks at line ends, empty lines around."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())

"""Say where a name is that a student's code misses: in another cell of theirs, or of the lab."""

from __future__ import annotations

from tinyml_labs.grading.assignment import Assignment, Exercise
from tinyml_labs.grading.hand_ins.submission import Submission


def explain_missing_name(name: str, exercise: Exercise, assignment: Assignment, submission: Submission) -> str:
    """Return what to do about a name that is not defined; empty if nothing is known of it.

    Parameters
    ----------
    name : str
        As the NameError has it; empty if there was none.
    exercise : Exercise
        The exercise whose check failed.
    assignment : Assignment
    submission : Submission
        Says what the student's other cells make.
    """
    if name in exercise.functions:
        line = _definition_of(exercise, name)
        return f"The cell does not define `{name}`. Keep the line `{line}` as it was handed out."
    if name in assignment.cell_names:
        return (
            f"Your code uses `{name}`, which another cell of the lab makes. An exercise is graded by itself: work "
            "with what the function is given, and import in the cell what it needs."
        )
    if name in submission.made_elsewhere:
        cell = submission.made_elsewhere[name]
        return (
            f"Your code uses `{name}`, which you have made in another cell (cell {cell}). Only the exercise's own "
            f"cell is graded: put `{name}` into it."
        )
    return ""


def _definition_of(exercise: Exercise, name: str) -> str:
    beginnings = (f"def {name}(", f"async def {name}(")
    lines = [line for line in exercise.reference.splitlines() if line.startswith(beginnings)]
    return lines[0] if lines else f"def {name}(...):"

"""What the pages say for each verdict: a sign, words, and what a student can do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Part, Verdict, worst_of

Tone = Literal["good", "open", "bad", "calm"]


@dataclass(frozen=True, kw_only=True)
class VerdictWords:
    """How a verdict is shown.

    Attributes
    ----------
    sign : str
        One character that every font has. It never stands without `words`.
    words : str
        For the student, short.
    next_step : str
        What to do, where the check itself has said nothing.
    tone : {"good", "open", "bad", "calm"}
        The colour.
    """

    sign: str
    words: str
    next_step: str = ""
    tone: Tone = "bad"


VERDICT_WORDS: dict[Verdict, VerdictWords] = {
    "ok": VerdictWords(sign="✓", words="right", tone="good"),
    "wrong": VerdictWords(
        sign="✗", words="not right yet", next_step="Try your function on a small case that you can do by hand."
    ),
    "open": VerdictWords(
        sign="○",
        words="not written yet",
        tone="open",
        next_step="The cell still holds the line that stands there for your code.",
    ),
    "error": VerdictWords(
        sign="!", words="stops with an error", next_step="Run the cell by itself and read the last line of the error."
    ),
    "timeout": VerdictWords(
        sign="!",
        words="took too long",
        next_step="Look for a loop that does not end, or for work that is done again and again.",
    ),
    "out of memory": VerdictWords(
        sign="!",
        words="needed too much memory",
        next_step="Look for an array that is far larger than you meant, or a list that grows without end.",
    ),
    "killed": VerdictWords(
        sign="!",
        words="ended before it had an answer",
        next_step="The code ended Python itself, or was stopped from outside. Leave out exit() and the like.",
    ),
    "not a notebook": VerdictWords(
        sign="!",
        words="no notebook that can be read",
        next_step="Open your file in JupyterLab, save it, and hand in the file that ends in .ipynb.",
    ),
    "cell missing": VerdictWords(
        sign="○",
        words="its cell is missing",
        tone="open",
        next_step="Write in the cell that is made for it. A new copy of the lab has it: copy your code into that.",
    ),
    "cell duplicated": VerdictWords(
        sign="!",
        words="its cell is there twice",
        next_step="Keep the one that you mean, delete the other, and hand in again.",
    ),
    "by hand": VerdictWords(
        sign="…", words="read by a person", tone="calm", next_step="Your instructor reads this and gives the points."
    ),
    "not graded": VerdictWords(
        sign="–",
        words="not graded yet",
        tone="calm",
        next_step="Grading did not get through. This is not your doing, and your instructor has to do it again.",
    ),
}

_PART_WORDS: dict[Part, str] = {
    "visible": "Check in your notebook",
    "hidden": "Same function, other values",
    "artefact": "Your file",
    "recording": "Your recording",
    "written": "Your text",
}


_PART_WORDS_OF_COURSE: dict[Part, str] = {
    "visible": "Visible check",
    "hidden": "Hidden check",
    "artefact": "File",
    "recording": "Recording",
    "written": "Written answer",
}


def name_part(part: Part, *, for_course: bool = False) -> str:
    """Return what a student, or the instructor, calls a part of a check: ``Check in your notebook``."""
    return (_PART_WORDS_OF_COURSE if for_course else _PART_WORDS)[part]


def is_given_by_hand(check: CheckResult) -> bool:
    """Whether a part only adds or takes points that a person has decided on: nothing was to be earned by it."""
    return check.part == "written" and check.verdict == "by hand" and check.max_points == 0


def waits_for_a_person(exercise: ExerciseResult) -> bool:
    """Whether a written answer has no points yet."""
    return any(check.verdict == "by hand" and check.points is None for check in exercise.checks)


def words_of(check: CheckResult) -> VerdictWords:
    """Return how a part of a check is shown; a written answer that has its points is no longer open.

    Parameters
    ----------
    check : CheckResult

    Returns
    -------
    VerdictWords
    """
    if check.verdict == "by hand" and check.points is not None:
        return VerdictWords(sign="✓", words="read", tone="calm")
    return VERDICT_WORDS[check.verdict]


def words_of_exercise(exercise: ExerciseResult) -> VerdictWords:
    """Return how an exercise is shown: as the worst of its parts, points by hand left aside."""
    checks = [check for check in exercise.checks if not is_given_by_hand(check)]
    verdict = worst_of(check.verdict for check in checks)
    return next((words_of(check) for check in checks if check.verdict == verdict), VERDICT_WORDS[verdict])


def write_points(points: float | None) -> str:
    """Return points as a person writes them: ``3``, ``2.5``, ``1.33``; ``–`` while there are none."""
    if points is None:
        return "–"
    return f"{round(points, 2) + 0.0:.2f}".rstrip("0").rstrip(".")  # + 0.0: there is no "-0"

"""What an export wrote, and whom it left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinyml_labs.grading.scores.csv_cells import printable
from tinyml_labs.grading.scores.late_days import LabScore

_WHY_OPEN = {"waits": "a written answer waits to be read", "not graded": "not graded yet"}


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an export wrote.

    Attributes
    ----------
    path : Path
        The file.
    written : int
        How many students have a score in it.
    left_out : dict of str to str
        Who has none in it, and why.
    strangers : dict of str to str
        Names that work was handed in under, of which nobody was found, and why.
    """

    path: Path
    written: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    strangers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.path}: the scores of {self.written} {'student' if self.written == 1 else 'students'}"]
        for head, people in (("without a score", self.left_out), ("not found", self.strangers)):
            lines += [f"  {head}: {printable(who)}: {why}" for who, why in people.items()]
        return "\n".join(lines)


def scores_of(scores: Iterable[LabScore], lab: str) -> dict[str, LabScore]:
    """Return the scores of one lab by student.

    Raises
    ------
    ValueError
        If there is none; the text names the labs that there are scores of.
    """
    scores = list(scores)
    found = {score.student: score for score in scores if score.lab == lab}
    if not found:
        labs = ", ".join(sorted({score.lab for score in scores})) or "none"
        raise ValueError(f"There are no scores of lab {lab!r}. There are scores of: {labs}.")
    return found


def why_open(score: LabScore) -> str:
    """Return why a score cannot be handed on yet; empty if it can."""
    return _WHY_OPEN.get(score.state, "")


def scaled_points(score: LabScore, out_of: float | None) -> float:
    """Return the points, or so much of `out_of` as they are of the lab's points."""
    if out_of is None:
        return score.points
    return score.points / score.max_points * out_of if score.max_points else 0.0

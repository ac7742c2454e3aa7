"""A course's score from the best of its labs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinyml_labs.grading.scores.late_days import LabScore


@dataclass(frozen=True, kw_only=True)
class CourseScore:
    """What one student's labs are worth together.

    Attributes
    ----------
    student : str
        Whose.
    percent : float
        The mean of the labs that count, each in percent of its points.
    counted : tuple of str
        The labs that count.
    final : bool
        Whether no score of theirs, or of a lab left out, can still change.
    """

    student: str
    percent: float
    counted: tuple[str, ...]
    final: bool


def best_labs(
    scores: Iterable[LabScore], *, labs: Sequence[str], count: int | None = None
) -> tuple[CourseScore, ...]:
    """Return each student's score over a course, from the best `count` of its labs.

    Parameters
    ----------
    scores : iterable of LabScore
        From `score_labs`.
    labs : sequence of str
        The labs of the course. One without a submission counts 0.
    count : int, optional
        How many count; by default all. Each weighs the same, whatever its points. Of equally good ones the
        earlier in `labs` counts.

    Examples
    --------
    The best two of three::

        lab       01      02      03
        points    6 / 8   10 / 10 2 / 4        (75 + 100) / 2 = 87.5 %, from 01 and 02

    Raises
    ------
    ValueError
        If `count` is not between 1 and the number of labs, or a lab is named twice.
    """
    if len(set(labs)) != len(labs):
        raise ValueError(f"A lab is named twice: {', '.join(labs)}.")
    count = len(labs) if count is None else count
    if not 1 <= count <= len(labs):
        raise ValueError(f"The best {count} of {len(labs)} labs were asked for; 1 to {len(labs)} is expected.")
    found: dict[str, dict[str, LabScore]] = {}
    for score in scores:
        found.setdefault(score.student, {})[score.lab] = score
    rows = []
    for student in sorted(found):
        mine = {lab: score for lab, score in found[student].items() if lab in labs}
        percents = {lab: _percent(mine.get(lab)) for lab in labs}
        counted = sorted(labs, key=lambda lab: -percents[lab])[:count]  # a stable sort: the earlier of equals
        rows.append(
            CourseScore(
                student=student,
                percent=sum(percents[lab] for lab in counted) / count,
                counted=tuple(lab for lab in labs if lab in counted),
                final=all(score.state == "final" for score in mine.values()),
            )
        )
    return tuple(rows)


def _percent(score: LabScore | None) -> float:
    return 100 * score.points / score.max_points if score is not None and score.max_points else 0.0

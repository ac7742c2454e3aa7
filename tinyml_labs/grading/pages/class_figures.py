"""The numbers of a whole class's results: how checks went, what went wrong most often, how long it took."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tinyml_labs.grading.pages.shown_text import clean_message
from tinyml_labs.grading.pages.verdict_words import is_given_by_hand, waits_for_a_person
from tinyml_labs.grading.verdicts import CheckResult, Part, SubmissionResult, Verdict

_SAYS_NOTHING: tuple[Verdict, ...] = ("ok", "open", "by hand", "not graded", "not a notebook")
_LONGEST_ERROR = 160  # characters


@dataclass(frozen=True, kw_only=True)
class CheckFigures:
    """How one part of one exercise's check went in the class.

    Attributes
    ----------
    grade_id, title, part
        Which.
    verdicts : dict
        How many students have each verdict, the most frequent first; ``not graded`` is not in it.
    mean_points : float or None
        What was earned on average by those who have points; None if nobody has.
    max_points : float
        What could be.
    median_seconds, longest_seconds : float
        How long the students' code took.
    """

    grade_id: str
    title: str
    part: Part
    verdicts: dict[Verdict, int]
    mean_points: float | None
    max_points: float
    median_seconds: float
    longest_seconds: float

    @property
    def students(self) -> int:
        """How many were graded here."""
        return sum(self.verdicts.values())

    @property
    def pass_rate(self) -> float:
        """The share of ``ok``, 0 to 1."""
        return self.verdicts.get("ok", 0) / max(1, self.students)


@dataclass(frozen=True, kw_only=True)
class ErrorGroup:
    """One thing that went wrong for several students in the same exercise.

    Attributes
    ----------
    title : str
        The exercise.
    verdict : Verdict
    example : str
        The most frequent of the messages.
    students : tuple of str
        Whom it met, sorted.
    """

    title: str
    verdict: Verdict
    example: str
    students: tuple[str, ...]


def choose_attempts(results: Iterable[SubmissionResult]) -> list[SubmissionResult]:
    """Return one result for each student: the one with the most points, of equals the last given.

    Parameters
    ----------
    results : iterable of SubmissionResult

    Returns
    -------
    list of SubmissionResult
        Sorted by student. What could not be graded is chosen only if there is nothing else.
    """
    best: dict[str, SubmissionResult] = {}
    for result in results:
        before = best.get(result.student)
        if before is None or _rank(result) >= _rank(before):
            best[result.student] = result
    return [best[student] for student in sorted(best)]


def count_checks(results: Sequence[SubmissionResult]) -> list[CheckFigures]:
    """Return the figures of each part of each exercise, in the lab's order."""
    places: dict[tuple[str, Part], list[tuple[str, CheckResult]]] = defaultdict(list)
    for result in results:
        for exercise in result.exercises:
            for check in exercise.checks:
                if is_given_by_hand(check):
                    continue
                places[exercise.grade_id, check.part].append((exercise.title, check))
    figures = []
    for (grade_id, part), met in places.items():
        checks = [check for _, check in met if check.verdict != "not graded"]
        points = [check.points for check in checks if check.points is not None]
        seconds = [check.seconds for check in checks] or [0.0]
        counts = Counter(check.verdict for check in checks)
        figures.append(
            CheckFigures(
                grade_id=grade_id,
                title=met[0][0],
                part=part,
                verdicts=dict(counts.most_common()),
                mean_points=sum(points) / len(points) if points else None,
                max_points=max((check.max_points for _, check in met), default=0.0),
                median_seconds=median(seconds),
                longest_seconds=max(seconds),
            )
        )
    return figures


def group_errors(results: Iterable[SubmissionResult]) -> list[ErrorGroup]:
    """Return what went wrong, alike messages together, the most students first.

    Messages are alike if they differ in numbers, in what stands in quotes and in the place in the code.
    A student counts once in a group.

    Parameters
    ----------
    results : iterable of SubmissionResult

    Returns
    -------
    list of ErrorGroup
    """
    members: dict[tuple[str, Verdict, str], set[str]] = defaultdict(set)
    texts: dict[tuple[str, Verdict, str], Counter[str]] = defaultdict(Counter)
    titles: dict[str, str] = {}
    for result in results:
        for exercise in result.exercises:
            titles.setdefault(exercise.grade_id, exercise.title)
            for check in exercise.checks:
                if check.verdict not in _SAYS_NOTHING:
                    text = clean_message(check.message, longest=_LONGEST_ERROR).partition("\n")[0]
                    key = (exercise.grade_id, check.verdict, normalise_message(text))
                    members[key].add(result.student)
                    texts[key][text] += 1
    groups = [
        ErrorGroup(
            title=titles[key[0]],
            verdict=key[1],
            example=min(texts[key], key=lambda text: (-texts[key][text], text)),
            students=tuple(sorted(students)),
        )
        for key, students in members.items()
    ]
    return sorted(groups, key=lambda group: (-len(group.students), group.title, group.verdict, group.example))


def normalise_message(message: str) -> str:
    """Return a message without what differs from student to student: numbers, quotes, places in code.

    Examples
    --------
    >>> normalise_message("TypeError: 'int' object is not callable (in quantize, line 3: return x(2))")
    "TypeError: '…' object is not callable"
    >>> normalise_message("quantize(0.25) is 12, not 13")
    'quantize(#) is #, not #'
    """
    text = re.sub(r"\s*\((?:in [^()\n]{1,80}, )?line \d+.*", "", message)
    text = re.sub(r"0x[0-9a-fA-F]+|[-+]?\d(?:[\d_,]*\d)?(?:\.\d*)?(?:[eE][-+]?\d+)?", "#", text)
    text = re.sub(r"(?<!\w)(['\"`]).*?\1(?!\w)", r"\1…\1", text)
    return " ".join(re.sub(r"#(?:[\s,;]+#)+", "#", text).split())


def list_waiting(results: Iterable[SubmissionResult]) -> dict[str, tuple[str, ...]]:
    """Return who waits for a person, by the exercise's title: the students, in the order given."""
    waiting: dict[str, list[str]] = defaultdict(list)
    for result in results:
        for exercise in result.exercises:
            if waits_for_a_person(exercise):
                waiting[exercise.title].append(result.student)
    return {title: tuple(students) for title, students in waiting.items()}


def list_ungraded(results: Iterable[SubmissionResult]) -> list[tuple[SubmissionResult, Verdict, str]]:
    """Return who was not graded, wholly or in part: the result, the verdict, and why in words."""
    ungraded: list[tuple[SubmissionResult, Verdict, str]] = []
    for result in results:
        if result.verdict != "ok":
            told = [note for note in result.notes if note.strip()]
            told += [c.message for exercise in result.exercises for c in exercise.checks if c.message][:1]
            ungraded.append((result, result.verdict, clean_message(told[0], longest=400) if told else ""))
            continue
        for exercise in result.exercises:
            if exercise.verdict == "not graded":
                said = next((check.message for check in exercise.checks if check.message), "")
                why = f"{exercise.title}: {clean_message(said, longest=400)}" if said else exercise.title
                ungraded.append((result, "not graded", why))
    return ungraded


def _rank(result: SubmissionResult) -> tuple[bool, float]:
    return result.verdict == "ok", result.points

"""Which submissions look alike beyond what the task explains: a hint to look at two of them, never a verdict.

Short functions have few good forms, and many students find the same one honestly. So what two have in common is
weighed by what the others write at the same places (`code_surprise`): the stub, the form that everybody takes and
what follows from it weigh next to nothing. A pair is told only if what is left is more than chance would give
some pair of a class of that size, and it is told how much it was.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tinyml_labs.grading.pages.code_fingerprints import hash_runs, read_tokens, read_words, winnow
from tinyml_labs.grading.pages.code_surprise import measure_surprise
from tinyml_labs.grading.verdicts import SubmissionResult


@dataclass(frozen=True, kw_only=True)
class SimilaritySettings:
    """What counts as a hint.

    Attributes
    ----------
    least_students : int
        In a smaller class nobody can say what is common, and nothing is told.
    margin_choices : float
        A pair must have made so many either-or choices alike, beyond what a class of that size has by chance.
    least_choices_an_exercise : float
        An exercise with fewer in common is left out.
    least_likeness : float
        So much of an exercise's choices, in the one of the two that has fewer, must be in common.
    rare_share, rare_students : float, int
        Only who shares a fingerprint that at most this share of the class has, or so many students in a small
        one, is compared.
    """

    least_students: int = 5
    margin_choices: float = 12.0
    least_choices_an_exercise: float = 3.0
    least_likeness: float = 0.7
    rare_share: float = 0.05
    rare_students: int = 6


@dataclass(frozen=True, kw_only=True)
class SimilarExercise:
    """What two students have in common in one exercise.

    Attributes
    ----------
    grade_id, title : str
        The exercise.
    choices : float
        Either-or choices (bits) that both made alike, where the class differs.
    of_choices : float
        Those of the one that has fewer.
    same_text : bool
        Whether both are the same to the letter, names, comments and blanks too.
    """

    grade_id: str
    title: str
    choices: float
    of_choices: float
    same_text: bool


@dataclass(frozen=True, kw_only=True)
class SimilarPair:
    """Two submissions that look alike.

    Attributes
    ----------
    students, attempts : tuple of str
        The two, in the order of their names.
    exercises : tuple of SimilarExercise
        Where; the most first.
    needed : float
        How many choices in common a pair of this class needs to be told at all.
    """

    students: tuple[str, str]
    attempts: tuple[str, str]
    exercises: tuple[SimilarExercise, ...]
    needed: float

    @property
    def choices(self) -> float:
        """Either-or choices made alike, over all exercises: the evidence."""
        return sum(exercise.choices for exercise in self.exercises)

    @property
    def of_choices(self) -> float:
        """Those of the one that has fewer, over the same exercises."""
        return sum(exercise.of_choices for exercise in self.exercises)

    @property
    def likeness(self) -> float:
        """The part of these exercises' choices that is in common, 0 to 1."""
        return self.choices / max(1e-9, self.of_choices)

    @property
    def same_text(self) -> bool:
        """Whether any of the exercises is the same to the letter."""
        return any(exercise.same_text for exercise in self.exercises)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answer:
    """One student's answer to one exercise."""

    student: str
    attempt: str
    title: str
    text: str
    tokens: Sequence[str]
    runs: Sequence[int]  # a hash for each run of tokens, by where it begins


def find_similar(
    results: Iterable[SubmissionResult],
    *,
    known: Mapping[str, Collection[str]] | None = None,
    settings: SimilaritySettings | None = None,
) -> list[SimilarPair]:
    """Find pairs of students whose answers have much in common that others do not have.

    Parameters
    ----------
    results : iterable of SubmissionResult
        Of one lab. Attempts of one student are not compared with each other.
    known : mapping, optional
        For a ``grade_id``, code that everybody may have: the released stub, an example from a lecture, the
        reference solution. Most of it the class itself makes common; in a small class it helps to tell.
    settings : SimilaritySettings, optional

    Returns
    -------
    list of SimilarPair
        The most choices in common first; one for each pair of students.
    """
    settings = settings or SimilaritySettings()
    results = list(results)
    size = len({result.student for result in results})
    if size < settings.least_students:
        return []
    needed = 2 * math.log2(size) + settings.margin_choices
    found: dict[tuple[tuple[str, str], tuple[str, str]], list[SimilarExercise]] = defaultdict(list)
    for grade_id, given in _read_answers(results).items():
        known_runs = {run for text in (known or {}).get(grade_id, ()) for run in hash_runs(read_tokens(text))}
        for one, other, alike in _compare(grade_id, given, known_runs, settings):
            first, second = sorted([(one.student, one.attempt), (other.student, other.attempt)])
            found[first, second].append(alike)
    best: dict[tuple[str, str], SimilarPair] = {}
    for (first, second), alikes in found.items():
        pair = SimilarPair(
            students=(first[0], second[0]),
            attempts=(first[1], second[1]),
            exercises=tuple(sorted(alikes, key=lambda alike: -alike.choices)),
            needed=needed,
        )
        before = best.get(pair.students)
        if pair.choices >= needed and (before is None or _strength(before) < _strength(pair)):
            best[pair.students] = pair
    return sorted(best.values(), key=lambda pair: (-pair.choices, pair.students))


def _strength(pair: SimilarPair) -> tuple[float, bool]:
    return pair.choices, pair.same_text


def _read_answers(results: Iterable[SubmissionResult]) -> dict[str, list[_Answer]]:
    """Return the answers by exercise; an attempt that changed nothing in one is no new answer to it."""
    answers: dict[str, list[_Answer]] = defaultdict(list)
    told: set[tuple[str, str, str]] = set()
    for result in results:
        for exercise in result.exercises:
            seen = (result.student, exercise.grade_id, exercise.code)
            if not exercise.code.strip() or seen in told:
                continue
            told.add(seen)
            is_text = all(check.part == "written" for check in exercise.checks)
            tokens = (read_words if is_text else read_tokens)(exercise.code)
            answers[exercise.grade_id].append(
                _Answer(
                    student=result.student,
                    attempt=result.attempt,
                    title=exercise.title,
                    text=exercise.code.strip(),
                    tokens=tokens,
                    runs=hash_runs(tokens),
                )
            )
    return answers


def _compare(
    grade_id: str, answers: Sequence[_Answer], known_runs: set[int], settings: SimilaritySettings
) -> Iterator[tuple[_Answer, _Answer, SimilarExercise]]:
    """Compare the answers to an exercise."""
    bits = measure_surprise((answer.student, answer.tokens, answer.runs) for answer in answers)
    runs = [set(answer.runs) - known_runs for answer in answers]
    totals = [math.fsum(bits[run] for run in own) for own in runs]

    for one, other in _find_candidates(answers, runs, settings):
        choices = math.fsum(bits[run] for run in runs[one] & runs[other])
        least = min(totals[one], totals[other])
        if choices >= settings.least_choices_an_exercise and choices >= settings.least_likeness * least:
            alike = SimilarExercise(
                grade_id=grade_id,
                title=answers[one].title,
                choices=choices,
                of_choices=least,
                same_text=answers[one].text == answers[other].text,
            )
            yield answers[one], answers[other], alike


def _find_candidates(
    answers: Sequence[_Answer], runs: Sequence[set[int]], settings: SimilaritySettings
) -> list[tuple[int, int]]:
    """Return the pairs of answers, of two students, that share a rare fingerprint; no other needs a look."""
    holders: dict[int, set[str]] = defaultdict(set)
    index: dict[int, list[int]] = defaultdict(list)
    for number, answer in enumerate(answers):
        for fingerprint in winnow(answer.runs) & runs[number]:
            holders[fingerprint].add(answer.student)
            index[fingerprint].append(number)
    most = max(settings.rare_students, settings.rare_share * len({answer.student for answer in answers}))
    rare = (numbers for fingerprint, numbers in index.items() if len(holders[fingerprint]) <= most)
    pairs = {pair for numbers in rare for pair in combinations(numbers, 2)}
    return sorted((one, other) for one, other in pairs if answers[one].student != answers[other].student)

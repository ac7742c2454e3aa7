"""How much it says that two students wrote the same token at the same place, by what the class writes there.

A token that follows from those before it says nothing; one of two forms that half of the class each choose says
one bit, an either-or choice. The estimate is that of text compression by contexts that fall back to shorter ones:
J. G. Cleary, I. H. Witten, *Data Compression Using Adaptive Coding and Partial String Matching*, IEEE
Transactions on Communications 32 (4), 1984, here with a fixed weight for what was never seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tinyml_labs.grading.pages.code_fingerprints import RUN_TOKENS

_CONTEXTS = (1, 3, RUN_TOKENS - 1)  # tokens before the one that is guessed, the longest last
_UNSEEN = 0.1  # the weight of the shorter context, in students
_BITS_OF_A_WORD = 1.0  # at most, after words that nobody else has written


def measure_surprise(answers: Iterable[tuple[str, Sequence[str], Sequence[int]]]) -> dict[int, float]:
    """Return for each run of tokens how surprising its last token is after the others, in bits.

    Parameters
    ----------
    answers : iterable of tuple
        To one exercise: the student, the tokens, and their runs from
        `tinyml_labs.grading.pages.code_fingerprints.hash_runs`.

    Returns
    -------
    dict
        Bits by run. Two students are left out of the count, those who would be compared: so a run says how much
        it means that two have it, in the eyes of all others.
    """
    told: dict[tuple[str, ...], set[str]] = defaultdict(set)
    first: dict[int, tuple[str, ...]] = {}
    names: set[str] = set()
    for student, tokens, runs in answers:
        names.add(student)
        for length in (0, *_CONTEXTS):
            for piece in {tuple(tokens[at : at + length + 1]) for at in range(len(tokens) - length)}:
                told[piece].add(student)
        for at, run in enumerate(runs):
            first.setdefault(run, tuple(tokens[at : at + RUN_TOKENS]))
    students = {piece: len(writers) for piece, writers in told.items()}
    after = Counter[tuple[str, ...]]()  # how often a context has been followed by anything
    kinds = Counter[tuple[str, ...]]()  # by how many different tokens
    for piece, count in students.items():
        after[piece[:-1]] += count
        kinds[piece[:-1]] += 1
    most = math.log2(max(2, len(names)))  # n students cannot show that something is rarer than one of n
    return {run: min(most, _bits(piece, students, after, kinds)) for run, piece in first.items()}


def _bits(
    run: tuple[str, ...],
    students: Mapping[tuple[str, ...], int],
    after: Mapping[tuple[str, ...], int],
    kinds: Mapping[tuple[str, ...], int],
) -> float:
    chance = (max(0, students[run[-1:]] - 2) + 0.5) / (max(0, after[()] - 2) + 0.5 * kinds[()])
    for length in _CONTEXTS:
        piece = run[-length - 1 :]
        with_it = max(0, students[piece] - 2)
        others = max(0, after[piece[:-1]] - 2)
        differ = kinds[piece[:-1]] - (with_it == 0)
        unseen = 0.5 * differ if differ > 1 else _UNSEEN
        chance = (with_it + unseen * chance) / (others + unseen)
    bits = -math.log2(min(1.0, chance))
    # Where nobody else has been, one word of an idiom brings the next: that is not a choice for each.
    return min(bits, _BITS_OF_A_WORD) if others == 0 else bits

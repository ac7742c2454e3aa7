"""Clips of one spoken word or phrase each: who says it, and what it may be used for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

RATE_HZ = 16_000
"""Samples a second of every clip."""

SPLITS = ("train", "validation", "test")
"""What a clip is for. No voice is in two of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpokenClips:
    """Clips of one word or phrase each. All five tuples are of one length.

    Attributes
    ----------
    samples : tuple of int16 arrays, (n,)
        At 16,000 Hz, silence before and after trimmed off.
    words : tuple of str
        What is said, such as ``"yes"`` or ``"lights on"``.
    voices : tuple of str
        Who says it, in the synthesiser's own words.
    synthesisers : tuple of str
        What made the voice, such as ``"espeak"``.
    splits : tuple of str
        ``"train"``, ``"validation"`` or ``"test"``.

    Raises
    ------
    ValueError
        The tuples differ in length, a clip is no int16 array of one dimension or is empty, or a split is unknown.
    """

    samples: tuple[NDArray[np.int16], ...]
    words: tuple[str, ...]
    voices: tuple[str, ...]
    synthesisers: tuple[str, ...]
    splits: tuple[str, ...]

    def __post_init__(self) -> None:
        columns = (self.samples, self.words, self.voices, self.synthesisers, self.splits)
        if len({len(column) for column in columns}) != 1:
            counts = ", ".join(str(len(column)) for column in columns)
            raise ValueError(
                f"samples, words, voices, synthesisers and splits have the lengths {counts}, expected one length."
            )
        for number, clip in enumerate(self.samples):
            if clip.dtype != np.int16 or clip.ndim != 1 or not clip.size:
                raise ValueError(
                    f"Clip {number}, {self.words[number]!r}, is {clip.dtype} of shape {clip.shape}, expected int16 "
                    "of shape (n,), n at least 1."
                )
        if unknown := sorted(set(self.splits) - set(SPLITS)):
            raise ValueError(f"There is no split {unknown[0]!r}; there are {', '.join(SPLITS)}.")

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """How long all of them are, one after the other."""
        return sum(len(clip) for clip in self.samples) / RATE_HZ

    def select(
        self,
        *,
        split: str | None = None,
        words: str | Collection[str] | None = None,
        synthesiser: str | None = None,
    ) -> SpokenClips:
        """Give the clips of a split, of some words, of a synthesiser, or of all three at once, in the same order.

        Raises
        ------
        ValueError
            There is no such split, word or synthesiser in these clips.
        """
        wanted = {words} if isinstance(words, str) else None if words is None else set(words)
        for name, found, asked in (
            ("split", self.splits, set() if split is None else {split}),
            ("word", self.words, wanted or set()),
            ("synthesiser", self.synthesisers, set() if synthesiser is None else {synthesiser}),
        ):
            if unknown := sorted(asked - set(found)):
                there = sorted(set(found))
                more = f", and {len(there) - 40} more" if len(there) > 40 else ""
                raise ValueError(f"There is no {name} {unknown[0]!r}; there are {', '.join(there[:40])}{more}.")
        return self._take(
            number
            for number in range(len(self))
            if (split is None or self.splits[number] == split)
            and (wanted is None or self.words[number] in wanted)
            and (synthesiser is None or self.synthesisers[number] == synthesiser)
        )

    def _take(self, numbers: Iterable[int]) -> SpokenClips:
        chosen = list(numbers)
        return SpokenClips(
            samples=tuple(self.samples[number] for number in chosen),
            words=tuple(self.words[number] for number in chosen),
            voices=tuple(self.voices[number] for number in chosen),
            synthesisers=tuple(self.synthesisers[number] for number in chosen),
            splits=tuple(self.splits[number] for number in chosen),
        )

    def table(self) -> pd.DataFrame:
        """One row a clip, as a pandas DataFrame: word, voice, synthesiser, split, seconds."""
        import pandas as pd

        return pd.DataFrame(
            {
                "word": list(self.words),
                "voice": list(self.voices),
                "synthesiser": list(self.synthesisers),
                "split": list(self.splits),
                "seconds": [len(clip) / RATE_HZ for clip in self.samples],
            }
        )

    def __str__(self) -> str:
        """Say what there is."""
        return (
            f"{len(self):,} clips, {self.seconds / 60:.1f} minutes at {RATE_HZ / 1000:g} kHz: "
            f"{len(set(self.words))} words by {len(set(self.voices))} voices"
        )

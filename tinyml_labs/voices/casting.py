"""Who says what: each clip gets a synthesiser, a voice and a manner, and no voice is in two splits."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml_labs.datasets.spoken_clips import SPLITS
from tinyml_labs.voices import espeak

_SHARES = {"validation": 0.15, "test": 0.15}
_WEIGHTS = {"espeak": 1.0, "flite": 0.4, "kokoro": 2.0}  # the more voices, and the more like people, the more clips
_UNHUMAN = re.compile(r"robo|whisper|croak|demonic|tweaky", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Take:
    """One clip to be made.

    Attributes
    ----------
    text, split, synthesiser : str
    voice : str
        As the archive names it.
    manner : mapping
        The synthesiser's own settings.
    """

    text: str
    split: str
    synthesiser: str
    voice: str
    manner: Mapping[str, Any]


def share_out(names: Sequence[str], random: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """Give each name to one split: 15 in 100 to validation and to test each, but one at least.

    Raises
    ------
    ValueError
        There are fewer than three names.
    """
    if len(names) < len(SPLITS):
        raise ValueError(
            f"Found the voices {', '.join(names) or '(none)'}, expected three at least: one for each split."
        )
    order = [names[number] for number in random.permutation(len(names))]
    held = {split: max(1, round(share * len(names))) for split, share in _SHARES.items()}
    validation, test = held["validation"], held["test"]
    return {
        "train": tuple(sorted(order[validation + test :])),
        "validation": tuple(sorted(order[:validation])),
        "test": tuple(sorted(order[validation : validation + test])),
    }


def choose_espeak_variants() -> tuple[str, ...]:
    """Name the variants of eSpeak NG that are no robots; of those that only a number tells apart, one.

    The men m1 to m8 and the women f1 to f5 are people of their own.
    """
    kept: dict[str, str] = {}
    for name in espeak.list_variants():
        if not _UNHUMAN.search(name) and " " not in name:
            kept.setdefault(name if re.fullmatch(r"[fm]\d", name) else name.lower().rstrip("0123456789"), name)
    return tuple(sorted(kept.values()))


def cast(clips: Mapping[str, int], voices: Mapping[str, Mapping[str, Sequence[str]]], seed: int) -> list[Take]:
    """Decide for each clip who says it, and how.

    Parameters
    ----------
    clips : mapping of text to number
        How many clips to make of each, three at least.
    voices : mapping of synthesiser to mapping of split to names
        As :func:`share_out` gives them.
    seed : int
        The same seed casts the same voices; another text in the list changes nothing for the others.

    Returns
    -------
    list of Take
    """
    takes = []
    for text, count in clips.items():
        random = np.random.default_rng([seed, zlib.crc32(text.encode())])
        held = {split: max(1, round(share * count)) for split, share in _SHARES.items()}
        weights = np.array([_WEIGHTS[name] for name in voices])
        for split in SPLITS:
            for _ in range(held.get(split, count - sum(held.values()))):
                synthesiser = list(voices)[int(random.choice(len(weights), p=weights / weights.sum()))]
                name = str(random.choice(voices[synthesiser][split]))
                takes.append(_direct(text, split, synthesiser, name, random))
    return takes


def _direct(text: str, split: str, synthesiser: str, name: str, random: np.random.Generator) -> Take:
    manner: dict[str, Any]
    if synthesiser == "espeak":
        accent = str(random.choice(espeak.ACCENTS))
        manner = {
            "words_per_minute": int(random.integers(120, 220)),
            "pitch": int(random.integers(25, 75)),
            "pitch_range": int(random.integers(25, 85)),
        }
        return Take(text=text, split=split, synthesiser=synthesiser, voice=f"{accent}+{name}", manner=manner)
    if synthesiser == "flite":
        manner = {"stretch": round(float(random.uniform(0.8, 1.4)), 3)}
    else:
        manner = {
            "speed": round(float(random.uniform(0.75, 1.3)), 3),
            "mark": str(random.choice([".", ".", "!", "?", ","])),
            "row": int(random.integers(2, 120)),
        }
    return Take(text=text, split=split, synthesiser=synthesiser, voice=name, manner=manner)

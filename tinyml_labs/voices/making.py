"""Clips of any words in the voices of the synthesisers that are installed: ``tinyml-labs make-keywords``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from tinyml_labs.datasets.spoken_clips import RATE_HZ, SPLITS, SpokenClips
from tinyml_labs.features.trimming import trim_silence
from tinyml_labs.voices import espeak, flite
from tinyml_labs.voices.casting import Take, cast, choose_espeak_variants, share_out
from tinyml_labs.voices.espeak_process import speak_all
from tinyml_labs.voices.kokoro import RATE_HZ as KOKORO_HZ
from tinyml_labs.voices.kokoro import Kokoro, KokoroVoice, open_kokoro, to_tokens
from tinyml_labs.voices.words import choose_other_words, sounds_like

_PEAK = 0.7  # of full scale
_FEWEST = 3  # one for each split
_BLENDS = 24  # voices of Kokoro in each split, each a blend of one to three styles


def make_clips(
    phrases: Sequence[str],
    *,
    clips: int = 40,
    other_words: Sequence[str] | None = None,
    seed: int = 0,
    kokoro: str | Path | None = None,
    progress: bool = False,
) -> SpokenClips:
    """Let synthesisers say phrases, and other words that shall not be taken for them.

    Parameters
    ----------
    phrases : sequence of str
        English words, or phrases of up to about a second, such as ``"lights on"``.
    clips : int
        How many of each; of each other word a tenth, but three at least.
    other_words : sequence of str, optional
        By default :func:`tinyml_labs.voices.words.choose_other_words`: near-misses and common words.
    seed : int
        The same seed gives the same clips, as long as the same synthesisers are installed.
    kokoro : path, optional
        A folder for :func:`tinyml_labs.voices.kokoro.open_kokoro`. eSpeak NG always speaks, Flite if it is installed.
    progress : bool
        Show a bar.

    Returns
    -------
    SpokenClips
        Trimmed, the loudest sample at 0.7 of full scale; no voice is in two splits.

    Raises
    ------
    ModuleNotFoundError
        eSpeak NG, or the package ``soxr``, is missing.
    ValueError
        A phrase is no words of letters, two sound the same, or ``clips`` is below 3.
    """
    wanted = _check_phrases(phrases)
    if clips < _FEWEST:
        raise ValueError(f"clips is {clips}, expected {_FEWEST} at least: one for each split.")
    others = choose_other_words(wanted) if other_words is None else _check_others(other_words, wanted)
    network = None if kokoro is None else open_kokoro(kokoro)
    voices = _find_voices(network, seed)
    counts = dict.fromkeys(wanted, clips) | dict.fromkeys(others, max(_FEWEST, clips // 10))
    takes = sorted(cast(counts, voices, seed), key=lambda take: (take.synthesiser, SPLITS.index(take.split)))
    said = tqdm(_speak(takes, network), total=len(takes), unit="clip", disable=not progress)
    samples = [_finish(sound, rate_hz) for sound, rate_hz in said]
    return SpokenClips(
        samples=tuple(samples),
        words=tuple(take.text for take in takes),
        voices=tuple(take.voice for take in takes),
        synthesisers=tuple(take.synthesiser for take in takes),
        splits=tuple(take.split for take in takes),
    )


def _clean(phrase: str) -> str:
    text = " ".join(phrase.split())
    if not re.fullmatch(r"[A-Za-z]['A-Za-z]*( ['A-Za-z]+)*", text):
        raise ValueError(
            f"The phrase {phrase!r} cannot be said. Expected English words of letters, such as 'lights on'."
        )
    return text


def _check_phrases(phrases: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(_clean(phrase) for phrase in phrases)
    if not wanted:
        raise ValueError("There is no phrase, expected one at least.")
    for one, other in combinations(wanted, 2):
        if sounds_like(one, other):
            raise ValueError(
                f"{one!r} and {other!r} sound the same: nobody can tell them apart. Leave one of them out."
            )
    return wanted


def _check_others(words: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    others = tuple(dict.fromkeys(_clean(word) for word in words))
    for word in others:
        for phrase in wanted:
            if sounds_like(word, phrase):
                raise ValueError(f"The other word {word!r} sounds like the phrase {phrase!r}. Leave it out.")
    return others


def _find_voices(network: Kokoro | None, seed: int) -> dict[str, dict[str, tuple[str, ...]]]:
    voices = {"espeak": share_out(choose_espeak_variants(), np.random.default_rng([seed, 1]))}
    if flite.is_installed() and len(flite.list_voices()) >= len(SPLITS):
        voices["flite"] = share_out(flite.list_voices(), np.random.default_rng([seed, 2]))
    if network is not None:
        random = np.random.default_rng([seed, 3])
        styles = share_out(network.styles(), random)
        voices["kokoro"] = {split: tuple(_blend(styles[split], random) for _ in range(_BLENDS)) for split in SPLITS}
    return voices


def _blend(styles: Sequence[str], random: np.random.Generator) -> str:
    """Mix one to three styles; three of four are English, by the first letter."""
    weights = np.array([3.0 if style[0] in "ab" else 1.0 for style in styles])
    count = min(int(random.integers(1, 4)), len(styles))
    names = random.choice(styles, count, replace=False, p=weights / weights.sum())
    shares = np.round(random.dirichlet(np.full(count, 2.0)), 2)
    shares[0] += 1 - shares.sum()
    return KokoroVoice(weights=dict(zip(map(str, names), map(float, shares), strict=True))).name


def _speak(takes: Sequence[Take], network: Kokoro | None) -> Iterator[tuple[NDArray[Any], int]]:
    """Say the takes, which are sorted by synthesiser: espeak, flite, kokoro."""
    yield from speak_all(
        [{"text": take.text, "voice": take.voice, **take.manner} for take in takes if take.synthesiser == "espeak"]
    )
    for take in takes:
        if take.synthesiser == "flite":
            yield flite.speak(take.text, voice=take.voice, **take.manner)
        elif take.synthesiser == "kokoro" and network is not None:
            yield _speak_kokoro(network, take.text, take.voice, **take.manner), KOKORO_HZ


def _speak_kokoro(
    network: Kokoro, text: str, voice: str, *, speed: float, mark: str, row: int
) -> NDArray[np.float32]:
    shares = dict(part.split(":") for part in voice.split("+"))
    british = voice.startswith("b")  # the largest share comes first
    tokens = to_tokens(espeak.phonemes(text, "en" if british else "en-us"), british=british) + mark
    weights = {style: float(share) for style, share in shares.items()}
    return network.speak_words([tokens], voice=KokoroVoice(weights=weights), speed=speed, row=row)[0]


def _finish(sound: NDArray[Any], rate_hz: int) -> NDArray[np.int16]:
    import soxr

    samples = sound.astype(np.float32)
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    trimmed = trim_silence(samples, RATE_HZ)
    return np.rint(trimmed * (32767 * _PEAK / np.abs(trimmed).max())).astype(np.int16)


def describe_lengths(
    clips: SpokenClips, phrases: Sequence[str], seconds: float = 1.0
) -> Mapping[str, tuple[int, int, float]]:
    """Find the phrases of which clips are longer than a window.

    Returns
    -------
    mapping of phrase to (int, int, float)
        How many of its clips are longer, of how many, and the longest in seconds; only phrases that have such clips.
    """
    found = {}
    for phrase in phrases:
        lengths = [len(clip) / RATE_HZ for clip in clips.select(words=phrase).samples]
        longer = sum(length > seconds for length in lengths)
        if longer:
            found[phrase] = (longer, len(lengths), max(lengths))
    return found

"""Make keywords.zip: words of voices that never existed, from three synthesisers.

    python datasets/keywords/make_clips.py --kokoro FOLDER                                    # the bundled archive
    python datasets/keywords/make_clips.py --kokoro FOLDER --utterances 1500 --espeak 6000 --out clips.zip

Needs `pip install -r datasets/keywords/requirements.txt`, the program flite (Debian: apt-get install flite), and
Kokoro in FOLDER: README.md says how to fetch it. The same arguments give the same clips on the same kind of
processor.

Kokoro says several words in one breath, which is faster than one by one and sounds less like a list of clips; the
network's own durations cut them apart. Voices are blends of styles. Blends of held-out styles are for validation, and
so are held-out variants of eSpeak NG. The voices of Flite are for testing: no network has heard that synthesiser.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm
from word_list import COMMANDS, COMMON, KEYWORDS, LIKE_NO, LIKE_YES, PRONUNCIATIONS

from tinyml_labs.datasets.bundled import CHECKSUMS, write_with_checksum
from tinyml_labs.datasets.keywords import write_keywords
from tinyml_labs.datasets.spoken_clips import RATE_HZ, SpokenClips
from tinyml_labs.features.trimming import trim_silence
from tinyml_labs.voices import espeak, flite, kokoro
from tinyml_labs.voices.casting import choose_espeak_variants
from tinyml_labs.voices.espeak_process import speak_all

HELD_OUT_STYLES = ("af_nova", "am_eric", "bf_lily", "bm_lewis", "zf_xiaoyi", "jm_kumo", "ef_dora")
HELD_OUT_EVERY = 8  # of the utterances and of the variants, one in so many is for validation
FLITE_VOICES = ("slt", "awb", "rms", "kal16")
SPEEDS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
MARKS = ("?", ",", "!", ".", ".", ".")
SHORTEST_S, LONGEST_S = 0.12, 1.3
PEAK = 0.7
_KOKORO, _ESPEAK, _FLITE = 1, 2, 3  # what random numbers are for


class Clip(NamedTuple):
    """One clip, before it is one of many."""

    samples: NDArray[np.int16]
    word: str
    voice: str
    synthesiser: str
    split: str


def finish(sound: NDArray[Any], rate_hz: int) -> NDArray[np.int16] | None:
    """Resample, trim and scale; None if what is left is no word."""
    samples = sound.astype(np.float32) / (32768 if sound.dtype == np.int16 else 1)
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    if np.abs(samples).max(initial=0) < 0.01:
        return None
    trimmed = trim_silence(samples, RATE_HZ)
    if not SHORTEST_S * RATE_HZ < len(trimmed) < LONGEST_S * RATE_HZ:
        return None
    return np.rint(trimmed * (32767 * PEAK / np.abs(trimmed).max())).astype(np.int16)


def blend(styles: Sequence[str], random: np.random.Generator) -> kokoro.KokoroVoice:
    """Mix one to three styles; three of four are English, by the first letter."""
    weights = np.array([3.0 if style[0] in "ab" else 1.0 for style in styles])
    names = random.choice(styles, int(random.integers(1, 4)), replace=False, p=weights / weights.sum())
    shares = np.round(random.dirichlet(np.full(len(names), 2.0)), 2)
    shares[0] += 1 - shares.sum()
    return kokoro.KokoroVoice(weights=dict(zip(map(str, names), map(float, shares), strict=True)))


def choose_words(random: np.random.Generator) -> list[str]:
    """Choose what is said in one breath: keywords, and about as many others."""
    words = ["yes"] * int(random.integers(1, 3)) + ["no"] * int(random.integers(1, 4))
    words += ["go"] * int(random.random() < 0.5)  # what is most like "no"
    words += [*random.choice(COMMANDS, 3), random.choice(LIKE_NO + LIKE_YES), random.choice(COMMON)]
    if random.random() < 0.25:  # one word alone has a melody of its own
        words = [str(random.choice(words))]
    return [str(word) for word in random.permutation(words)]


def pronounce(word: str, british: bool, random: np.random.Generator) -> str:
    """Give a word in Kokoro's letters, with the mark that makes its melody."""
    if word in PRONUNCIATIONS and random.random() < 0.85:
        letters = str(random.choice(PRONUNCIATIONS[word]))
    else:
        letters = kokoro.to_tokens(espeak.phonemes(word, "en" if british else "en-us"), british=british)
    return letters + str(random.choice(MARKS))


_network: kokoro.Kokoro | None = None


def speak_kokoro(folder: Path, kept: Path | None, seed: int, number: int) -> list[Clip]:
    """Make the clips of one utterance, or read what was kept of it."""
    path = None if kept is None else kept / f"kokoro_{seed}_{number}.npz"
    if path is None:
        return _speak_kokoro(folder, seed, number)
    if not path.exists():
        clips = _speak_kokoro(folder, seed, number)
        columns = {name: np.array([getattr(clip, name) for clip in clips]) for name in Clip._fields[1:]}
        lengths = np.array([len(clip.samples) for clip in clips], np.int64)
        sound = np.concatenate([np.zeros(0, np.int16), *(clip.samples for clip in clips)])
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, sound=sound, lengths=lengths, **columns)
        unfinished.replace(path)
    with np.load(path) as file:
        ends = np.cumsum(file["lengths"])
        samples = np.split(file["sound"], ends[:-1]) if len(ends) else []
        rows = zip(*(file[name].tolist() for name in Clip._fields[1:]), strict=True)
        return [Clip(sound, *row) for sound, row in zip(samples, rows, strict=True)]


def _speak_kokoro(folder: Path, seed: int, number: int) -> list[Clip]:
    global _network
    if _network is None:
        _network = kokoro.open_kokoro(folder)
    random = np.random.default_rng([seed, _KOKORO, number])
    validation = number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    styles = [style for style in _network.styles() if (style in HELD_OUT_STYLES) == validation]
    voice = blend(styles, random)
    british = (max(voice.weights, key=lambda style: voice.weights[style])[0] == "b") != (random.random() < 0.1)
    words = choose_words(random)
    said = [pronounce(word, british, random) for word in words]
    sounds = _network.speak_words(
        said,
        voice=voice,
        speed=float(random.choice(SPEEDS)),
        row=None if random.random() < 0.4 else int(random.integers(2, 120)),
    )
    split = "validation" if validation else "train"
    finished = [(finish(sound, kokoro.RATE_HZ), word) for sound, word in zip(sounds, words, strict=True)]
    return [Clip(samples, word, voice.name, "kokoro", split) for samples, word in finished if samples is not None]


def choose_word(random: np.random.Generator) -> str:
    """Choose one word as often as in the utterances."""
    groups = (("yes",), ("no",), ("go",), COMMANDS, LIKE_NO + LIKE_YES, COMMON)
    return str(random.choice(groups[int(random.choice(len(groups), p=[0.16, 0.20, 0.07, 0.30, 0.14, 0.13]))]))


def speak_espeak(count: int, seed: int) -> Iterator[Clip]:
    """Make clips of eSpeak NG, each of another variant, accent, pace and pitch."""
    variants = choose_espeak_variants()
    takes, about = [], []
    for number in range(count):
        random = np.random.default_rng([seed, _ESPEAK, number])
        place, word = int(random.integers(len(variants))), choose_word(random)
        voice = f"{random.choice(espeak.ACCENTS)}+{variants[place]}"
        take = {
            "text": word + str(random.choice(["", ".", "!", "?"])),
            "voice": voice,
            "words_per_minute": int(random.integers(90, 260)),
            "pitch": int(random.integers(20, 85)),
            "pitch_range": int(random.integers(10, 100)),
        }
        takes.append(take)
        about.append((word, voice, "validation" if place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else "train"))
    for (sound, rate_hz), (word, voice, split) in zip(speak_all(takes), about, strict=True):
        samples = finish(sound, rate_hz)
        if samples is not None:
            yield Clip(samples, word, voice, "espeak", split)


def speak_flite(count: int, seed: int) -> Iterator[Clip]:
    """Make clips of Flite."""
    for number in range(count):
        random = np.random.default_rng([seed, _FLITE, number])
        voice, word = FLITE_VOICES[number % len(FLITE_VOICES)], choose_word(random)
        sound, rate_hz = flite.speak(word, voice=voice, stretch=float(random.uniform(0.75, 1.35)))
        samples = finish(sound, rate_hz)
        if samples is not None:
            yield Clip(samples, word, voice, "flite", "test")


def make(
    folder: Path, utterances: range, espeak_clips: int, flite_clips: int, seed: int, jobs: int, kept: Path | None
) -> SpokenClips:
    """Make all clips, in the same order whatever the number of processes."""
    with ProcessPoolExecutor(jobs) as pool:
        work = pool.map(partial(speak_kokoro, folder, kept, seed), utterances)
        clips = [clip for said in tqdm(work, "Kokoro", len(utterances), unit=" utterances") for clip in said]
    clips += tqdm(speak_espeak(espeak_clips, seed), "eSpeak NG", espeak_clips)
    clips += tqdm(speak_flite(flite_clips, seed), "Flite", flite_clips)
    columns = list(zip(*clips, strict=True))
    return SpokenClips(
        **dict(zip(("samples", "words", "voices", "synthesisers", "splits"), map(tuple, columns), strict=True))
    )


def main() -> None:
    """Make the archive, and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kokoro", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--utterances", type=int, default=340, help="of Kokoro, of about seven words (default: 340)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first utterance (default: 0)")
    parser.add_argument("--espeak", type=int, default=850, help="clips of eSpeak NG (default: 850)")
    parser.add_argument("--flite", type=int, default=200, help="clips of Flite (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes, of 700 MB each (default: 2)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep Kokoro's clips there, and go on from them")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "keywords.zip")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.utterances)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    clips = make(given.kokoro, numbers, given.espeak, given.flite, given.seed, given.jobs, given.keep)
    write_keywords(given.out, clips)
    if given.out.with_name(CHECKSUMS).exists():
        write_with_checksum(given.out, given.out.read_bytes())
    print(clips)
    for split in ("train", "validation", "test"):
        if split in clips.splits:
            part = clips.select(split=split)
            counts = {word: part.words.count(word) for word in KEYWORDS}
            print(f"{split}: {part}, {counts}")
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

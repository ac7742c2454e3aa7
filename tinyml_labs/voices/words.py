"""Words that are none of the wanted ones: common ones, and those that sound nearly like a wanted one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from tinyml_labs.voices import espeak

_COMMON = """
    hello yes no up down left right on off stop go one two three four five six seven eight nine ten zero
    bed bird cat dog happy house wow tree learn follow forward backward visual
    water music light lamp apple table window door morning evening please thanks sorry start open close play pause
    next last volume louder quiet kitchen garden red green blue yellow black white cold warm hot fast slow big small
    mother father sister brother school money paper coffee sugar bread fish bath phone call time day week month year
    again always never maybe who what where when why how this that here there them with from into over under about
    before after tomorrow weather people number question answer letter story picture river mountain summer winter
    doctor teacher student friend family dinner breakfast city village street corner market station
"""
COMMON_WORDS = tuple(_COMMON.split())
"""What is said around a device all day."""

_OTHERS = """
    nights lice likes lies lied line life lime tights bites heights sights fights rights lots let's lights
    in an own of often office oft cough awful ah all or us as is it at end and arm am
    now not nor note nose know snow low row so though toe dough mow new knee none known mode nope noon nay near nut
    yet yell guess chess less dress mess bless press yeah yesterday jazz west best ask east yard yours yawn gas
    cup pup cap cut but hub top tap step stock stuff star stay shop pop drop dawn town gown done dine brown crown
    laugh lift lost loft lap raft ride write rate wide wait late bite night might fight kite
    gold goal ghost goat grow crow glow toes chose close door floor more war wall ball call tall fall
    sun fun run gun bun won want wand wind winner sin ton turn burn learn earn fern
    tea key free tree she see sea bee we me he be real feel wheel heel steel
    fire tyre hire wire liar higher fine fight five fave hive dive drive arrive
    sick socks sits fix mix tricks text next vexed
    heaven eleven even seventy lemon melon clever never ever lever leather feather
    ate hate gate great grape eighty aid age ace base face
    mine nice knife night nines signs sign time dime climb
    hand band sand land stand command demand hello yellow fellow bellow mellow below
    alarm along alexa alone arrow ago allow aloud around again
    marching Martian marble market garlic carpet target
    computer commuter compute tutor tuner tuna hey hay say way may day play pay lay
    okay OK obey away today holiday everyday
    sitting city pretty kitty witty committee biscuit busy easy
    boom room broom moon soon spoon tune June blue blew glue clue crew
    machine marine routine canteen between fifteen sixteen
    switch which witch rich ditch itch stitch pitch
    timer tamer dimmer glimmer summer simmer swimmer
    hit heat hat hot hut hurt heart hard had head hid hide
"""

_MARKS = "ˈˌ ːˑ'"
_STICKING = "ʲʰ̩̃"  # belongs to the sound before it
_SHARE = 0.5  # a larger part of a word changed is another word


@cache
def split_sounds(text: str, language: str = "en-us") -> tuple[str, ...]:
    """Give the sounds of a text, without stress and length: ``("n", "o^ʊ")`` for "no".

    Raises
    ------
    ModuleNotFoundError, ValueError
        As :func:`tinyml_labs.voices.espeak.phonemes`.
    """
    sounds: list[str] = []
    join = False
    for letter in espeak.phonemes(text, language):
        if letter in _MARKS:
            continue
        if (join or letter == "^" or letter in _STICKING) and sounds:
            sounds[-1] += letter
        else:
            sounds.append(letter)
        join = letter == "^"
    return tuple(sounds)


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the sounds that have to be changed, added or left out to make one of the other.

    Notes
    -----
    V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals" (1966).

    Examples
    --------
    >>> edit_distance("lights", "nights"), edit_distance("on", "off")
    (1, 2)
    """
    row = np.arange(len(other) + 1)
    for count, sound in enumerate(one, start=1):
        changed = row[:-1] + np.array([sound != theirs for theirs in other], int)
        new = np.concatenate([[count], np.minimum(changed, row[1:] + 1)])
        row = np.minimum.accumulate(new - np.arange(len(new))) + np.arange(len(new))  # additions, from the left
    return int(row[-1])


def sounds_like(one: str, other: str) -> bool:
    """Say whether two texts sound the same, in America or in Britain, as "no" and "know" do."""
    return any(split_sounds(one, language) == split_sounds(other, language) for language in ("en-us", "en"))


def find_near_misses(phrase: str, count: int = 12) -> tuple[str, ...]:
    """Find words that sound nearly like a phrase: what a detector is most easily deceived by.

    Parameters
    ----------
    phrase : str
        A word, or several.
    count : int
        How many at most.

    Returns
    -------
    tuple of str
        Of a word, the known words with the smallest edit distance of their sounds, as a part of their length. Of
        several words, each of them alone, and the phrase with one word exchanged for such a word.
    """
    parts = phrase.split()
    if len(parts) == 1:
        return _nearest(phrase, count)
    exchanged = [
        [" ".join([*parts[:place], other, *parts[place + 1 :]]) for other in _nearest(part, count)]
        for place, part in enumerate(parts)
    ]
    in_turn = [text for texts in zip(*exchanged, strict=False) for text in texts]
    return tuple(dict.fromkeys([*parts, *in_turn]))[:count]


def _nearest(word: str, count: int) -> tuple[str, ...]:
    sounds = split_sounds(word)
    found = []
    for other in dict.fromkeys([*COMMON_WORDS, *_OTHERS.split()]):
        theirs = split_sounds(other)
        share = edit_distance(sounds, theirs) / max(len(sounds), len(theirs))
        if share <= _SHARE and not sounds_like(word, other):
            found.append((share, other))
    return tuple(other for _, other in sorted(found)[:count])


def choose_other_words(phrases: Sequence[str], count: int = 120) -> tuple[str, ...]:
    """Choose what a detector of some phrases shall learn to ignore.

    Parameters
    ----------
    phrases : sequence of str
    count : int
        How many words at most.

    Returns
    -------
    tuple of str
        Near-misses of each phrase in turn (up to half of all), then common words. None sounds the same as a phrase.
    """
    each = max(1, count // 2 // len(phrases))
    near = [word for phrase in phrases for word in find_near_misses(phrase, each)]
    words = dict.fromkeys([*near, *COMMON_WORDS])
    return tuple(word for word in words if not any(sounds_like(word, phrase) for phrase in phrases))[:count]

"""Words that sound nearly alike, by the sounds of eSpeak NG."""

import os
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml_labs.voices.words import (
    COMMON_WORDS,
    choose_other_words,
    edit_distance,
    find_near_misses,
    sounds_like,
    split_sounds,
)

if find_spec("espeakng_loader") is None and not os.environ.get("CI"):
    pytest.skip("eSpeak NG is not installed: pip install espeakng-loader", allow_module_level=True)


def by_the_definition(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    return min(
        by_the_definition(one[1:], other) + 1,
        by_the_definition(one, other[1:]) + 1,
        by_the_definition(one[1:], other[1:]) + (one[0] != other[0]),
    )


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_edit_distance(one: str, other: str) -> None:
    assert edit_distance(one, other) == by_the_definition(one, other)


def test_sounds_are_whole() -> None:
    assert split_sounds("no") == ("n", "o^ʊ")
    assert split_sounds("judge") == ("d^ʒ", "ʌ", "d^ʒ")
    assert split_sounds("lights on") == ("l", "a^ɪ", "t", "s", "ɔ", "n")


def test_words_that_sound_the_same() -> None:
    assert sounds_like("no", "know")
    assert sounds_like("right", "write")
    assert not sounds_like("no", "now")


def test_near_misses_of_a_word() -> None:
    near = find_near_misses("no", 30)
    assert {"now", "known", "go", "low"} <= set(near)
    assert not {"no", "know", "computer", "yes"} & set(near)
    assert "yet" in find_near_misses("yes", 30)
    assert len(find_near_misses("no", 5)) == 5


def test_near_misses_of_a_phrase() -> None:
    near = find_near_misses("lights on", 20)
    assert near[:2] == ("lights", "on")
    assert {"light on", "nights on"} <= set(near)
    assert "lights on" not in near


def test_other_words() -> None:
    assert len(set(COMMON_WORDS)) == len(COMMON_WORDS) >= 100
    others = choose_other_words(["no", "lights on"])
    assert len(set(others)) == len(others) == 120
    assert not {"no", "know", "lights on"} & set(others)
    assert {"now", "lights", "yes", "hello"} <= set(others)

"""Alike submissions: hidden copies are found, honest equals are not, and nothing that a student writes stops it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from fake_answers import STUBS, rename, write_answer
from fake_class import copy_from, make_class
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.grading.pages import code_fingerprints
from tinyml_labs.grading.pages.code_fingerprints import (
    MOST_TOKENS,
    RUN_TOKENS,
    WINDOW_RUNS,
    hash_runs,
    read_tokens,
    read_words,
    winnow,
)
from tinyml_labs.grading.pages.code_surprise import measure_surprise
from tinyml_labs.grading.pages.similarity import SimilaritySettings, _find_candidates, _read_answers, find_similar
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult

LONG_ODD = """
def find_gaps(sample_numbers):
    seen = {}
    for place, sample in sorted(enumerate(sample_numbers), reverse=True):
        while sample in seen and not place % 3:
            seen.setdefault(sample, []).insert(0, place // 2)
            sample -= 17
        seen[sample] = lambda k, m=place: divmod(k ^ m, 5)[::-1]
    return [tuple(map(abs, each(2))) for each in seen.values() if callable(each)] or None
"""
IN_C = '''
def one_output_in_c():
    return """
    int one_output(const int8_t *input, int count, int shift) {
      int32_t sum = 0;
      do { sum ^= (int32_t)input[--count] << (shift & 7); } while (count > 0 && sum != 1);
      for (unsigned k = 31u; k; k >>= 1) sum = (sum >> k) | (sum << (32 - k));
      switch (sum & 3) { case 0: return sum; case 1: goto out; default: sum = ~sum; }
      out: return sum % 251 ? -sum : shift;
    }
    """
'''


def hand_in(student, code, *, grade_id="check", part="visible", attempt=""):
    check = CheckResult(part=part, verdict="ok", points=1, max_points=1)
    exercise = ExerciseResult(grade_id=grade_id, title=grade_id, checks=(check,), code=code)
    return SubmissionResult(student=student, lab="01", attempt=attempt, exercises=(exercise,))


def with_code(result, grade_id, code):
    exercises = tuple(replace(each, code=code) if each.grade_id == grade_id else each for each in result.exercises)
    return replace(result, exercises=exercises)


def students_of(pairs):
    return {pair.students for pair in pairs}


def pair_of(results, one, other):
    return tuple(sorted((results[one].student, results[other].student)))


@pytest.mark.parametrize("size", [30, 60, 200])
def test_hidden_copies_are_found_and_honest_work_is_left_alone(size):
    for seed in (1, 2):
        results = make_class(size, seed=seed)
        assert len(find_similar(results)) <= 3
        for k in range(5):
            copy_from(results, 2 * k, 2 * k + 11)
        planted = {pair_of(results, 2 * k, 2 * k + 11) for k in range(5)}
        found = find_similar(results)
        assert len(students_of(found) & planted) >= 4
        assert len(students_of(found) - planted) <= 3
        assert students_of(found[:3]) <= planted  # the strongest are the copies
        assert all(pair.choices >= pair.needed and 0.7 <= pair.likeness <= 1 for pair in found)


def test_three_who_share_are_three_pairs():
    results = make_class(40, seed=105)
    for taker in (11, 12):
        copy_from(results, 3, taker)
    ring = {pair_of(results, *two) for two in ((3, 11), (3, 12), (11, 12))}
    assert ring <= students_of(find_similar(results))


def test_what_everybody_has_is_no_evidence():
    draw = random.Random(2)
    shared = LONG_ODD  # long, and the same for all: it was in the lecture
    results = [hand_in(f"s{n:02}", shared + write_answer("check_quantize", draw)) for n in range(30)]
    with_it = find_similar(results)
    assert len(with_it) <= 3
    odd = [hand_in(f"t{n:02}", write_answer("check_quantize", draw)) for n in range(30)]
    odd[4], odd[9] = (replace(hand_in(odd[n].student, LONG_ODD + odd[n].exercises[0].code)) for n in (4, 9))
    assert ("t04", "t09") in students_of(find_similar(odd))  # the same text, and only two have it
    assert ("t04", "t09") not in students_of(find_similar(odd, known={"check": [LONG_ODD]}))


def test_the_stub_and_the_form_that_all_take_say_nothing():
    same = "def to_int8(pixels):\n    return (pixels.astype(np.int16) - 128).astype(np.int8)\n"
    assert find_similar([hand_in(f"s{n}", same) for n in range(50)]) == []
    assert find_similar([hand_in(f"s{n}", STUBS["check_gaps"]) for n in range(50)]) == []
    rare = [hand_in(f"s{n}", write_answer("check_gaps", random.Random(n))) for n in range(50)]
    by_heart = "def find_gaps(sample_numbers):\n    return [(3, 2), (7, 1)]\n"
    rare[3], rare[8] = hand_in("s3", by_heart), hand_in("s8", by_heart)
    assert ("s3", "s8") not in students_of(find_similar(rare))  # two alone have it, but it is short


def test_too_small_a_class_says_nothing():
    results = [hand_in(f"s{n}", LONG_ODD) for n in range(4)]
    assert find_similar(results) == []
    assert find_similar([]) == []
    others = [hand_in(f"o{n}", write_answer("check_gaps", random.Random(n))) for n in range(8)]
    assert students_of(find_similar(results[:2] + others)) == {("s0", "s1")}


def test_ones_own_attempts_are_not_compared_and_a_pair_is_told_once():
    others = [hand_in(f"o{n}", write_answer("check_gaps", random.Random(n))) for n in range(20)]
    mine = [hand_in("me", LONG_ODD + f"# {n}\n", attempt=str(n)) for n in range(6)]
    assert not [pair for pair in find_similar(others + mine) if "me" in pair.students]
    theirs = [hand_in("you", rename(LONG_ODD, random.Random(1)), attempt="1")]
    found = [pair for pair in find_similar(others + mine + theirs) if "me" in pair.students]
    assert [pair.students for pair in found] == [("me", "you")]
    assert not found[0].same_text
    assert find_similar(others + mine + [hand_in("you", mine[2].exercises[0].code)])[0].same_text


def test_hiding_it_changes_nothing():
    draw = random.Random(7)
    code = write_answer("check_gaps", draw)
    hidden = rename(code, draw)
    assert hidden != code
    assert read_tokens(hidden) == read_tokens(code)
    laid_out = "def f(a, b):\n  x = g(a,\n        b)\n\n\n  # why\n  return [x,\n  'text']"
    assert read_tokens(laid_out) == read_tokens(
        "def h(k, l):\n\t'''Say.'''\n\ty=g(k,l);return[y,\"other\"]".replace(";", "\n\t")
    )


def test_names_behind_a_dot_keywords_and_builtins_stay():
    assert read_tokens("y = np.clip(len(x), 1.5)") == [
        "I",
        "=",
        "I",
        ".",
        "clip",
        "(",
        "len",
        "(",
        "I",
        ")",
        ",",
        "0",
        ")",
        "\n",
    ]
    assert read_tokens("%matplotlib inline\n!ls\nx = 1") == ["I", "=", "0", "\n"]
    assert read_tokens("x = f'{a} and {b!r:>{c}}'") == ["I", "=", "S", "\n"]
    assert read_words("Because it's SMALLER, größer") == ["because", "it", "s", "smaller", "grösser"]


def test_broken_code_is_read_as_the_whole_is():
    """The plain reader stands in for Python's tokenizer: on code that both can read they agree."""
    for seed in range(60):
        code = write_answer(random.Random(seed).choice(list(STUBS)), random.Random(seed)) + LONG_ODD
        whole = list(code_fingerprints._drop_docstrings(list(code_fingerprints._read_valid(code))))
        plain = list(code_fingerprints._drop_docstrings(list(code_fingerprints._read_broken(code))))
        assert plain == whole
    broken = read_tokens(LONG_ODD + "\nx = ((1, 'no end\n")
    assert broken[: len(read_tokens(LONG_ODD)) - 1] == read_tokens(LONG_ODD)[:-1]


def test_a_copy_with_a_syntax_error_is_found():
    others = [hand_in(f"o{n}", write_answer("check_gaps", random.Random(n))) for n in range(25)]
    broken = hand_in("b", rename(LONG_ODD, random.Random(1)).replace("or None", "or or None ((("))
    assert find_similar([*others, hand_in("a", LONG_ODD), broken])[0].students == ("a", "b")


def test_code_in_another_language_inside_a_string_is_compared():
    others = [
        hand_in(f"o{n}", f'def one_output_in_c():\n    return """int f(int a) {{ return a + {n}; }}"""')
        for n in range(25)
    ]
    other_names = IN_C.replace("sum", "total").replace("count", "n").replace("251", "97")
    assert students_of(find_similar([*others, hand_in("a", IN_C), hand_in("b", other_names)])) == {("a", "b")}


def test_written_answers_are_compared_by_their_words():
    words = "int8 needs a quarter of the memory and its sums are whole numbers which a small core adds fast"
    honest = [
        hand_in(f"o{n:02}", " ".join(random.Random(n).sample(words.split(), 14)), part="written", grade_id="why")
        for n in range(20)
    ]
    own = "Floating point would be emulated by a library here, thus every product costs sixty cycles, a drain"
    own += " on the cell. With eight bits you keep one scale for the whole tensor; that loses precision at the edges"
    own += " only, as we saw when we drew both curves and laid them over each other in the second figure."
    copied = [hand_in(name, text, part="written", grade_id="why") for name, text in (("a", own), ("b", own.upper()))]
    assert students_of(find_similar(honest + copied)) == {("a", "b")}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_long_enough_shared_run_always_shares_a_fingerprint(data):
    token = st.sampled_from([*"I0S()[].,+-=", "for", "in", "if", "return", "clip"])
    shared = data.draw(st.lists(token, min_size=RUN_TOKENS + WINDOW_RUNS - 1, max_size=40))
    sides = [
        data.draw(st.lists(token, max_size=30)) + shared + data.draw(st.lists(token, max_size=30)) for _ in range(2)
    ]
    one, other = (winnow(hash_runs(side)) for side in sides)
    assert one & other
    assert one <= set(hash_runs(sides[0]))


def test_winnowing_keeps_the_smallest_of_each_window():
    assert winnow([77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77, 74, 42, 17, 98]) == {17, 8, 39}  # the paper's
    assert winnow([]) == set()
    assert winnow([5, 3]) == {3}


def test_surprise_is_of_the_class_and_not_of_the_two():
    common = "a = b + c\nd = e * f\ng = h - i\n"
    rare = "a = b + c\nd = e // f % j\ng = h - i\n"
    answers = []
    for n in range(20):
        tokens = read_tokens(rare if n < 2 else common)
        answers.append((f"s{n}", tokens, hash_runs(tokens)))
    bits = measure_surprise(answers)
    total = [sum(bits[run] for run in set(runs)) for _, _, runs in answers]
    assert total[5] < 1.5 < 4 < total[0]
    assert all(value >= 0 for value in bits.values())


@pytest.mark.parametrize(
    "code",
    ["(" * 90_000, "'" * 90_001, '"""' * 30_000, 'f"{' * 30_000, "\\\n" * 30_000, "0," * 90_000, "r'" * 50_000,
     "\x00\ud800" * 900, "x" * 10**6, " " * 90_000, "\n\t \n  x\n y\n" * 9_000, "if x:\n" + " " * 200 + "y\n z"],
)  # fmt: skip
def test_no_code_stops_it(code):
    assert len(read_tokens(code)) <= MOST_TOKENS
    results = make_class(8, seed=4)
    results[0], results[1] = (with_code(results[n], "check_gaps", code) for n in (0, 1))
    find_similar(results)


def test_the_order_of_the_class_changes_nothing():
    results = make_class(40, seed=6)
    copy_from(results, 1, 8)
    found = find_similar(results)
    mixed = list(results)
    random.Random(3).shuffle(mixed)
    assert [(pair.students, round(pair.choices, 9)) for pair in find_similar(mixed)] == [
        (pair.students, round(pair.choices, 9)) for pair in found
    ]
    assert found


def test_only_those_who_share_something_rare_are_compared():
    """Most of the class's pairs are never looked at."""
    answers = _read_answers(make_class(120, seed=1))["check_gaps"]
    runs = [set(answer.runs) for answer in answers]
    compared = _find_candidates(answers, runs, SimilaritySettings())
    assert 0 < len(compared) < 0.2 * 120 * 119 / 2

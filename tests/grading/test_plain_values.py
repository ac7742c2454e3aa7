"""What leaves a student's kernel comes back as it was, and bytes that no kernel of ours writes build nothing."""

import json
import math
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyml_labs.grading.isolation.plain_reader import BadAnswer, decode, read_json, restore
from tinyml_labs.grading.isolation.plain_values import LARGEST_TABLE, PlainValueError, encode, write_json


def there_and_back(value: Any, largest_bytes: int = 2**20) -> Any:
    blocks: list[bytes] = []
    text = write_json(encode(value, blocks, largest_bytes=largest_bytes))
    return decode(read_json(text), blocks)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return one == other or (one != one and other != other)


VALUES = [
    None, True, False, 0, -5, 2**63, -(10**300), 0.1, -0.0, math.inf, -math.inf, math.nan, 1e-320, 3 - 4j,
    complex(math.nan, 1), "", "naïve ☃ \x1b[31m \0", "half \ud800", b"", b"\x00\xff", [], (), {}, set(),
    [1, [2, (3, {"a": [4.5]})]], {(1, 2): "tuple", 3: None, "s": {1, 2}, True: [], 1.5: 0}, {1, "a", (2, 3)},
    np.arange(6, dtype=np.int8).reshape(2, 3), np.array(3.5), np.zeros((0, 4), np.float32), np.arange(4.0)[::-2],
    np.array([True, False]), np.array([1 + 2j]), np.array(["ä", "bcd"]), np.array([b"a", b"bcd"]),
    np.array([1, 2], ">u2"),
    np.array([], "<U1"), np.float16([1.5, np.nan]), np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.float64(0.1), np.int32(-7), np.bool_(True), np.float32("nan"), np.str_("word"), np.bytes_(b"xy"),
    np.complex64(1j),
    [np.arange(3), {"k": np.float32(2)}],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    back = there_and_back(value)
    assert same(value, back)
    assert not isinstance(back, np.ndarray) or back.flags.writeable


def test_a_minus_zero_keeps_its_sign() -> None:
    assert math.copysign(1, there_and_back(-0.0)) == -1


Point = namedtuple("Point", "x y")


class EqualToAll(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class Spam:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError("nobody asks it")


def itself() -> list:
    found: list = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Spam(), "returned a Spam. Return numbers"),
        (EqualToAll(1), "EqualToAll, which is a float of a special kind"),
        (Point(1, 2), r"put tuple\(\) around it"),
        (OrderedDict(a=1), r"put dict\(\) around it"),
        (range(3), r"put list\(\) around it"),
        ((n for n in "ab"), r"a generator, which is no list yet"),
        (np.matrix([[1]]), r"put numpy.asarray\(\) around it"),
        (np.ma.masked_array([1.0]), "MaskedArray"),
        (np.array([None, 1]), "an array of Python objects"),
        (np.zeros(2, [("a", "i4")]), "dtype"),
        (np.datetime64("2026-11-23"), "dtype datetime64"),
        (np.longdouble(1), "dtype"),
        (len, "builtin_function"),
        ([1, {"a": (Spam(),)}], "a Spam"),
        (itself(), "nested more than"),
        (10**5000, "bits"),
        ([0] * 600_000, "Return a NumPy array"),
        (dict.fromkeys(range(LARGEST_TABLE + 1)), "entries"),
        (np.zeros(2**20), r"returned 8.0 MB; at most 1 MB"),
        ("x" * 2**21, r"returned 2.0 MB"),
        ([bytes(1)] * 1100, "arrays"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_plain_value_is_named(value: Any, words: str) -> None:
    with pytest.raises(PlainValueError, match=words):
        encode(value, [], largest_bytes=2**20)


EIGHT = bytes(8)
HOSTILE: list[tuple[Any, list[bytes]]] = [
    ({"object": ["os", "system"]}, []),
    ({"tuple": 3}, []),
    ({"tuple": [], "list": []}, []),
    ({}, []),
    ({"array": ["|O", [1], 0]}, [EIGHT]),
    ({"array": ["O8", [1], 0]}, [EIGHT]),
    ({"array": ["<f8,<f8", [1], 0]}, [bytes(16)]),
    ({"array": ["<V8", [1], 0]}, [EIGHT]),
    ({"array": ["<M8[s]", [1], 0]}, [EIGHT]),
    ({"array": [["a", "<f8"], [1], 0]}, [EIGHT]),
    ({"array": ["<f8", [10**12], 0]}, [EIGHT]),
    ({"array": ["<f8", [2**62, 4], 0]}, [b""]),
    ({"array": ["<f8", [-1, -1], 0]}, [EIGHT]),
    ({"array": ["<f8", [True], 0]}, [EIGHT]),
    ({"array": ["<f8", [1.0], 0]}, [EIGHT]),
    ({"array": ["<f8", [1] * 100, 0]}, [EIGHT]),
    ({"array": ["<f8", [0] + [2**39] * 20, 0]}, [b""]),
    ({"array": ["<U99999999", [1], 0]}, [EIGHT]),
    ({"array": ["|S0", [2**39], 0]}, [b""]),
    ({"array": ["<U2", [1], 0]}, [b"\xff" * 8]),
    ({"array": ["|b1", [8], 0]}, [b"\x02" * 8]),
    ({"array": ["<f8", [1], 1]}, [EIGHT]),
    ({"array": ["<f8", [1], -1]}, [EIGHT]),
    ({"array": ["<f8", [1], False]}, [EIGHT]),
    ({"array": ["<f8", [1]]}, [EIGHT]),
    ({"array": 0}, [EIGHT]),
    ({"scalar": ["<f8", "00"]}, []),
    ({"scalar": ["<f8", "zz" * 8]}, []),
    ({"scalar": ["<f8", None]}, []),
    ({"bytes": 5}, []),
    ({"int": 5}, []),
    ({"int": "f" * 10**6}, []),
    ({"int": "__import__('os')"}, []),
    ({"complex": ["a", "b"]}, []),
    ({"complex": [1]}, []),
    ({"set": [[1]]}, []),
    ({"set": [{"array": ["<f8", [1], 0]}]}, [EIGHT]),
    ({"dict": [[{"dict": []}, 1]]}, []),
    ({"dict": [1]}, []),
    ({"dict": {"a": 1}}, []),
    ({"set": [{"complex": [float(-1000003 * j), float(j)]} for j in range(LARGEST_TABLE + 1)]}, []),  # of one hash
    ([{"bytes": 0}] * 1000, [bytes(2**10)]),
]


@pytest.mark.parametrize(("data", "blocks"), HOSTILE, ids=lambda value: str(value)[:40])
def test_what_we_never_write_is_refused(data: Any, blocks: list[bytes]) -> None:
    with pytest.raises(BadAnswer):
        decode(data, blocks)


def test_deep_nesting_is_refused() -> None:
    data: Any = 0
    for _ in range(60):
        data = [data]
    with pytest.raises(BadAnswer, match="nested"):
        decode(data, [])


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 10**6,
        b'{"a":' * 10**5,
        b"[" + b"[]," * 3_000_000 + b"0]",
        b"9" * 10**6,
        b"0." + b"1" * 10**6,
        b"\xff\xfe",
        b'"half',
        b"",
        b"__import__('os')",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_text_that_would_grow_is_refused(text: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_json(text)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(
    ["tuple", "set", "dict", "array", "scalar", "bytes", "int", "complex", "list", "<f8", "|b1", "<U1"]
)
ANYTHING = st.recursive(
    ATOMS | NAMES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(NAMES, inside, max_size=2),
    max_leaves=20,
)


@given(ANYTHING, st.lists(st.binary(max_size=16), max_size=3))
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_a_plain_value_or_refused(data: Any, blocks: list[bytes]) -> None:
    try:
        value = decode(read_json(json.dumps(data).encode()), blocks)
    except BadAnswer:
        return
    assert same(value, there_and_back(value))


def test_what_a_function_changed_is_changed_outside() -> None:
    inner = np.zeros(2)
    array, row, table = np.arange(3), [inner, 1, [2]], {"a": [1], "b": 2}
    kept, deep, listed = row, row[2], table["a"]
    restore(array, np.array([7, 8, 9]))
    restore(row, [np.ones(2), 5, [6, 7]])
    restore(table, {"a": [1, 2], "c": 3})
    assert array.tolist() == [7, 8, 9] and kept is row and inner.tolist() == [1, 1] and deep == [6, 7]
    assert table == {"a": [1, 2], "c": 3} and listed == [1, 2]
    restore(row, [1])
    assert row == [1]


@pytest.mark.parametrize("changed", [np.zeros(4), np.zeros(3, int), [0.0, 0.0, 0.0], None])
def test_an_array_is_not_replaced_by_something_else(changed: Any) -> None:
    array = np.ones(3)
    with pytest.raises(PlainValueError):
        restore(array, changed)
    assert array.tolist() == [1, 1, 1]


def test_a_read_only_array_stays_as_it_is() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    with pytest.raises(PlainValueError, match="read-only"):
        restore(array, np.zeros(3))

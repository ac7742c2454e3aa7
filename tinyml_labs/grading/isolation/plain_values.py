"""Plain data on its way out of a student's kernel: numbers, text, containers, NumPy arrays. Never an object.

This runs in the kernel, beside the student's code, and may be tampered with there; `plain_reader`, in the grader, is
what counts. A value is JSON with a few tags, and blocks of bytes:

    None, bool, int, float, str, list     as JSON has them (an int beyond 64 bits as {"int": "0x..."})
    {"tuple": [...]}, {"set": [...]}, {"dict": [[key, value], ...]}, {"complex": [real, imaginary]}, {"bytes": block}
    {"array": [dtype, shape, block]}, {"scalar": [dtype, hexadecimal]}     block: the number of a block of bytes
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

LARGEST_COUNT = 500_000
"""Values in lists, tuples, sets and dicts: of more numbers an array is wanted."""

LARGEST_TABLE = 10_000
"""Entries of all sets and dicts: made-up keys of equal hash would make more of them slow to build."""

LARGEST_INT_BITS = 8192
DEEPEST = 50
MOST_BLOCKS = 1000

PLAIN_DTYPE = re.compile(r"(\|b1|[<>|][iu][1248]|[<>]f[248]|[<>]c(8|16)|\|S[0-9]{1,8}|[<>]U[0-9]{1,8})")
_WANTED = "Return numbers, text, lists, tuples, sets, dicts or NumPy arrays."
_NOT_LISTS = {"generator", "range", "map", "zip", "filter", "enumerate", "reversed", "dict_keys", "dict_values",
              "dict_items", "list_iterator", "frozenset", "deque"}  # fmt: skip


class PlainValueError(TypeError):
    """A value that is no plain data; the text says what was returned, and what to return."""


def encode(value: Any, blocks: list[bytes], *, largest_bytes: int) -> Any:
    """Return a value as data for JSON; append the bytes of its arrays to `blocks`.

    Parameters
    ----------
    value : object
        Of exactly the plain types, not of types derived from them.
    blocks : list of bytes
        Is appended to.
    largest_bytes : int
        Of all arrays and texts together.

    Raises
    ------
    PlainValueError
        If there is anything else in it, or too much.
    """
    return _Encoder(blocks, largest_bytes).encode(value, 0)


def write_json(data: Any) -> bytes:
    """Return data as JSON text; halves of surrogate pairs stay what they are."""
    return json.dumps(data, separators=(",", ":")).encode("ascii")


class _Encoder:
    def __init__(self, blocks: list[bytes], largest_bytes: int) -> None:
        self.blocks, self.largest_bytes = blocks, largest_bytes
        self.used_bytes = self.used_values = self.used_entries = 0

    def encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return value if value.bit_length() < 64 else self._encode_long(value)
        if kind is str:
            self._use(len(value))
            return value
        if kind in (list, tuple, set, dict):
            return self._encode_container(value, kind, depth)
        if kind is np.ndarray:
            return {"array": [self._name_dtype(value.dtype), list(value.shape), self._put(value)]}
        if kind is bytes:
            return {"bytes": self._put_block(value)}
        if kind is complex:
            return {"complex": [value.real, value.imag]}
        if isinstance(value, np.generic) and kind.__module__ == "numpy":
            name = self._name_dtype(value.dtype)
            self._use(2 * value.dtype.itemsize)
            return {"scalar": [name, np.asarray(value).tobytes().hex()]}
        raise PlainValueError(f"It returned {_describe(value)}. {_WANTED}")

    def _encode_container(self, value: Any, kind: type, depth: int) -> Any:
        if depth >= DEEPEST:
            raise PlainValueError(f"It returned lists or dicts that are nested more than {DEEPEST} deep.")
        self.used_values += len(value)
        if self.used_values > LARGEST_COUNT:
            raise PlainValueError(f"It returned more than {LARGEST_COUNT:,} values in lists. Return a NumPy array.")
        if kind in (set, dict):
            self.used_entries += len(value)
            if self.used_entries > LARGEST_TABLE:
                raise PlainValueError(f"It returned sets or dicts of more than {LARGEST_TABLE:,} entries.")
        if kind is dict:
            return {"dict": [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]}
        inside = [self.encode(item, depth + 1) for item in value]
        return inside if kind is list else {kind.__name__: inside}

    def _encode_long(self, value: int) -> Any:
        if value.bit_length() > LARGEST_INT_BITS:
            raise PlainValueError(f"It returned a whole number of {value.bit_length():,} bits.")
        return {"int": hex(value)}

    def _name_dtype(self, dtype: np.dtype) -> str:
        if dtype.hasobject or not PLAIN_DTYPE.fullmatch(dtype.str):
            kind = "of Python objects" if dtype.hasobject else f"of the dtype {dtype}"
            raise PlainValueError(f"It returned an array {kind}. Return one of numbers, bools or text.")
        return dtype.str

    def _put(self, array: np.ndarray) -> int:
        self._check_size(array.nbytes)
        return self._put_block(array.tobytes())

    def _put_block(self, block: bytes) -> int:
        self._use(len(block))
        if len(self.blocks) >= MOST_BLOCKS:
            raise PlainValueError(f"It returned more than {MOST_BLOCKS:,} arrays. Stack them into one.")
        self.blocks.append(block)
        return len(self.blocks) - 1

    def _use(self, size: int) -> None:
        self._check_size(size)
        self.used_bytes += size

    def _check_size(self, size: int) -> None:
        if self.used_bytes + size > self.largest_bytes:
            size, largest = self.used_bytes + size, self.largest_bytes
            raise PlainValueError(f"It returned {size / 2**20:,.1f} MB; at most {largest / 2**20:,.0f} MB are read.")


def _describe(value: Any) -> str:
    """Say in words what a value is; whatever it is, ask it nothing."""
    kind = type(value)
    name = str(kind.__name__)[:100]
    if name in _NOT_LISTS:
        return f"a {name}, which is no list yet: put list() around it"
    if issubclass(kind, np.ndarray):
        return f"a {name}, which is an array of a special kind: put numpy.asarray() around it"
    for plain in (bool, int, float, complex, str, bytes, list, tuple, dict, set):
        if issubclass(kind, plain):
            return f"a {name}, which is a {plain.__name__} of a special kind: put {plain.__name__}() around it"
    if callable(getattr(kind, "numpy", None)):
        return f"a {name}: put .numpy() behind it"
    if name == "coroutine":
        return "a coroutine: the function must not be async"
    return f"a {name}"

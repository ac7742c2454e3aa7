"""Plain data on its way into the grader: reads what `plain_values.encode` writes, and believes none of it.

It counts before it builds, and builds nothing but None, bools, numbers, text, lists, tuples, sets, dicts and arrays
of NumPy. There is no pickle, no ``eval`` and no object array on this way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyml_labs.grading.isolation.plain_values import (
    DEEPEST,
    LARGEST_COUNT,
    LARGEST_INT_BITS,
    LARGEST_TABLE,
    PLAIN_DTYPE,
    PlainValueError,
)

_LARGEST_NUMBER_TEXT = 40


class BadAnswer(ValueError):
    """Bytes that are no encoded value: only a kernel that was tampered with sends them."""


def decode(data: Any, blocks: Sequence[bytes | bytearray]) -> Any:
    """Return the value that `encode` was given. The arrays are new and can be written to.

    Parameters
    ----------
    data : object
        As `read_json` gives it.
    blocks : sequence of bytes

    Raises
    ------
    BadAnswer
        If it is anything that `encode` does not write.
    """
    try:
        return _Decoder(blocks).decode(data, 0)
    except BadAnswer:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError, MemoryError, LookupError) as error:
        raise BadAnswer(f"A value cannot be read: {type(error).__name__}.") from None


def read_json(text: bytes | bytearray) -> Any:
    """Return what a JSON text says; count first, so that a short text cannot become a large thing.

    Raises
    ------
    BadAnswer
        If it is no JSON, or nests too deeply, or holds too many values or too long a number.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") > 4 * LARGEST_COUNT:
        raise BadAnswer("A JSON text holds too many values.")
    try:
        return json.loads(text.decode("utf-8", "surrogatepass"), parse_int=_read_int, parse_float=_read_float)
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadAnswer(f"A text is no JSON: {type(error).__name__}.") from None


def restore(original: Any, changed: Any) -> None:
    """Write what a function has changed in its argument into the caller's object.

    Parameters
    ----------
    original : ndarray, list, dict or set
        The caller's.
    changed : object
        Its value after the call, decoded.

    Raises
    ------
    PlainValueError
        If it cannot be written: another type or shape, or an array that is read-only.
    """
    if type(original) is not type(changed):
        raise PlainValueError("The function has made something else of its argument.")
    if isinstance(original, np.ndarray):
        if original.shape != changed.shape or original.dtype != changed.dtype:
            raise PlainValueError("The function has changed the shape or the type of the array that it was given.")
        if not original.flags.writeable:
            raise PlainValueError("The function has written to an array that is read-only.")
        original[...] = changed
    elif isinstance(original, list):
        if len(original) == len(changed):
            for index, (old, new) in enumerate(zip(original, changed, strict=True)):
                original[index] = _restored(old, new)
        else:
            original[:] = changed
    elif isinstance(original, dict):
        renewed = {key: _restored(original.get(key), value) for key, value in changed.items()}
        original.clear()
        original.update(renewed)
    else:
        original.clear()
        original.update(changed)


def _restored(old: Any, new: Any) -> Any:
    """Return the old object with the new one's content where that goes, else the new one."""
    if type(old) is type(new) and type(old) in (list, dict, set, np.ndarray):
        try:
            restore(old, new)
        except PlainValueError:
            return new
        return old
    return new


class _Decoder:
    def __init__(self, blocks: Sequence[bytes | bytearray]) -> None:
        self.blocks = blocks
        self.used_entries = self.used_bytes = 0

    def decode(self, data: Any, depth: int) -> Any:
        kind = type(data)
        if data is None or kind in (bool, int, float, str):
            return data
        if depth > DEEPEST:
            raise BadAnswer("A value is nested too deeply.")
        if kind is list:
            return [self.decode(item, depth + 1) for item in data]
        if kind is not dict or len(data) != 1:
            raise BadAnswer("A value has no tag, or several.")
        tag, inside = next(iter(data.items()))
        if tag == "bytes":
            return bytes(self._take(inside))
        if tag == "int":
            if type(inside) is not str or len(inside) > LARGEST_INT_BITS // 4 + 3:
                raise BadAnswer("A whole number is too long.")
            return int(inside, 16)
        if type(inside) is not list:
            raise BadAnswer("A tag has no list behind it.")
        if tag == "tuple":
            return tuple(self.decode(item, depth + 1) for item in inside)
        if tag in ("set", "dict"):
            return self._decode_table(tag, inside, depth)
        if tag == "complex":
            real, imaginary = inside
            return complex(_as_float(real), _as_float(imaginary))
        if tag == "array":
            name, shape, block = inside
            return self._read_array(_read_dtype(name), shape, self._take(block))
        if tag == "scalar":
            name, digits = inside
            if type(digits) is not str:
                raise BadAnswer("A number of NumPy is no text.")
            return self._read_array(_read_dtype(name), [], bytes.fromhex(digits))[()]
        raise BadAnswer("A value has a tag that there is not.")

    def _decode_table(self, tag: str, inside: list, depth: int) -> Any:
        self.used_entries += len(inside)
        if self.used_entries > LARGEST_TABLE:
            raise BadAnswer("Sets and dicts are too large.")
        if tag == "set":
            return {self.decode(item, depth + 1) for item in inside}
        table = {}
        for entry in inside:
            key, value = entry
            table[self.decode(key, depth + 1)] = self.decode(value, depth + 1)
        return table

    def _take(self, index: Any) -> bytes | bytearray:
        if type(index) is not int or not 0 <= index < len(self.blocks):
            raise BadAnswer("A block of bytes is not there.")
        block = self.blocks[index]
        self.used_bytes += len(block)
        if self.used_bytes > 2 * sum(len(block) for block in self.blocks):
            raise BadAnswer("A block of bytes is used again and again.")
        return block

    def _read_array(self, dtype: np.dtype, shape: Any, block: bytes | bytearray) -> np.ndarray:
        if type(shape) is not list or len(shape) > 32 or any(type(n) is not int or not 0 <= n < 2**40 for n in shape):
            raise BadAnswer("An array has no possible shape.")
        if math.prod(shape) * dtype.itemsize != len(block) or (
            0 in shape and math.prod(n or 1 for n in shape) > 2**40
        ):
            raise BadAnswer("An array's shape and its bytes do not agree.")
        if dtype.itemsize == 0 and math.prod(shape) > LARGEST_COUNT:
            raise BadAnswer("An array of nothing is too large.")
        if dtype.kind == "b" and len(block) and np.frombuffer(block, np.uint8).max() > 1:
            raise BadAnswer("An array of bools holds other numbers.")
        if dtype.itemsize == 0 or 0 in shape:
            return np.zeros(shape, dtype)
        array = np.frombuffer(block, dtype).reshape(shape).copy()
        if dtype.kind == "U" and np.frombuffer(block, np.dtype(f"{dtype.str[0]}u4")).max() > 0x10FFFF:
            raise BadAnswer("A text holds what is no character.")
        return array


def _read_dtype(name: Any) -> np.dtype:
    if type(name) is not str or not PLAIN_DTYPE.fullmatch(name):
        raise BadAnswer("An array has a dtype that is not read.")
    return np.dtype(name)


def _as_float(value: Any) -> float:
    if type(value) not in (float, int):
        raise BadAnswer("A part of a complex number is no number.")
    return float(value)


def _read_int(text: str) -> int:
    if len(text) > _LARGEST_NUMBER_TEXT:
        raise ValueError("a number that long is not read")
    return int(text)


def _read_float(text: str) -> float:
    if len(text) > _LARGEST_NUMBER_TEXT:
        raise ValueError("a number that long is not read")
    return float(text)

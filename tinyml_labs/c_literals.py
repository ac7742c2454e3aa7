"""Python values as C: literals that C99 and C++11 compilers read back as the same value."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np


def check_identifier(name: str, what: str) -> None:
    """Raise ValueError unless a name can start names in C and C++.

    Parameters
    ----------
    name : str
    what : str
        What the name is, for the message.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or "__" in name:
        raise ValueError(
            f"{what} is {name!r}, which is no C identifier. Use letters, digits and single underscores, with a "
            "letter first: 'wake_word2'."
        )


def text(value: str) -> str:
    r"""Return a C string literal, in UTF-8.

    Raises
    ------
    ValueError
        For a text with a NUL in it, which ends a string in C.

    Examples
    --------
    >>> print(text('say "hé"'))
    "say \"h\303\251\""
    """
    if not isinstance(value, str):
        raise ValueError(f"Expected a text, found {value!r}.")
    if "\0" in value:
        raise ValueError(f"The text {value!r} has a NUL in it, which ends a string in C. Take it out.")
    return '"' + "".join(_character(byte) for byte in value.encode("utf-8")) + '"'


def _character(byte: int) -> str:
    if chr(byte) in '"\\?':  # ?? starts a trigraph in C99
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"  # octal ends after three digits, hexadecimal never


def number(value: bool | int | float) -> str:
    """Return a C literal: integers as they are, floats as ``float`` to the last bit of float32.

    Raises
    ------
    ValueError
        For NaN, infinity, a float too large for float32, an integer over 64 bits, and what is no number.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        if not -(2**63) < value < 2**63:
            raise ValueError(f"{value} does not fit 64 bits.")
        return f"({value})" if value < 0 else str(value)
    if not isinstance(value, float):
        raise ValueError(f"{value!r} is no number.")
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        raise ValueError(f"{value!r} has no form as a float in C: expected a finite number within float32.")
    digits = f"{float(np.float32(value)):.9g}"
    digits += "f" if "." in digits or "e" in digits else ".0f"
    return f"({digits})" if digits.startswith("-") else digits


def numbers(values: Sequence[Any]) -> str:
    """Return the initializer of an array: ``{1, 2, 3}``."""
    return "{" + ", ".join(number(value) for value in values) + "}"


def defines(key: str, value: Any) -> dict[str, str]:
    """Return the macros for a value: one, or for a list the initializer and its ``_COUNT``.

    Raises
    ------
    ValueError
        For a value that has no form in C, with its name.
    """
    try:
        if isinstance(value, str):
            return {key: text(value)}
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = value.tolist()
        if isinstance(value, list | tuple):
            if not value:
                raise ValueError("it is empty, and C has no empty arrays.")
            return {f"{key}_COUNT": str(len(value)), key: numbers(value)}
        return {key: number(value)}
    except ValueError as error:
        raise ValueError(
            f"The setting {key} cannot be written as C: {error} Settings are numbers, texts, or lists of numbers."
        ) from None

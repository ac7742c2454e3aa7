"""Read the tables of a .tflite FlatBuffer with TensorFlow's own schema, and distrust every length in them.

The PyPI package ``tflite`` is generated from TensorFlow's ``schema.fbs`` and reads without checking. Here are
the pieces that ``model_file`` needs on top: names for numbers, an operator's options as a dictionary,
and a budget that stops a damaged length from asking for more than a file of this size can hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import tflite

_DTYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "BFLOAT16": "uint16",  # the bits: NumPy has no bfloat16
    "INT4": "int8",  # two values a byte in the file: NumPy has no int4
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "COMPLEX64": "complex64",
    "COMPLEX128": "complex128",
}


class DamagedError(Exception):
    """What the file says about itself cannot be true."""


class Budget:
    """Counts the entries read; a sound file never comes near four for each of its bytes."""

    def __init__(self, file_bytes: int) -> None:
        self.left = 4 * file_bytes

    def spend(self, count: int) -> None:
        """Take ``count`` entries off; DamagedError where none are left."""
        self.left -= count
        if count < 0 or self.left < 0:
            raise DamagedError("a list in it is longer than the file")

    def items(self, count: int) -> range:
        """Return ``range(count)`` for a list of that length."""
        self.spend(count)
        return range(count)

    def numbers(self, as_numpy: Callable[[], Any]) -> tuple[Any, ...]:
        """Return a list of numbers as a tuple, by the reader's ``...AsNumpy``; an absent list is empty."""
        array = as_numpy()  # a view into the file, or the number 0 for an absent list
        if isinstance(array, int):
            return ()
        self.spend(array.size)
        return tuple(array.tolist())


@cache
def names(enumeration: type) -> dict[int, str]:
    """Return the names of one of the schema's enumerations, by number."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def type_name(number: int) -> str:
    """Return the schema's name of a tensor type: ``"INT8"`` for 9."""
    return names(tflite.TensorType).get(number, f"TYPE_{number}")


def dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype for a tensor type; ``object`` for STRING, RESOURCE, VARIANT and unknown types."""
    return np.dtype(_DTYPES.get(name, object))


def operator_name(code: Any) -> str:
    """Return the name that an OperatorCode stands for; unknown numbers become ``BUILTIN_<number>``."""
    # Old files keep the number in a signed byte, new ones in an int32 beside it: the larger one counts.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return names(tflite.BuiltinOperator).get(number, f"BUILTIN_{number}")


def text(value: bytes | None) -> str:
    """Decode a string of the file; absent is empty."""
    return (value or b"").decode("utf-8", errors="replace")


def operator_options(operator: Any, budget: Budget) -> dict[str, Any]:
    """Return an operator's built-in options by their name in the schema; paddings and activations by name."""
    kind = names(tflite.BuiltinOptions).get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    if kind == "NONE" or table is None:
        return {}
    reader = getattr(tflite, kind)()
    reader.Init(table.Bytes, table.Pos)
    options: dict[str, Any] = {}
    for field, key, is_list in _fields(kind):
        if is_list:
            value: Any = budget.numbers(getattr(reader, field + "AsNumpy"))
        else:
            value = getattr(reader, field)()
        if key == "padding":
            value = names(tflite.Padding).get(value, value)
        elif key == "fused_activation_function":
            value = names(tflite.ActivationFunctionType).get(value, value)
        options[key] = value
    return options


@cache
def _fields(kind: str) -> tuple[tuple[str, str, bool], ...]:
    """List the fields of an options table: the reader's method, the schema's name, whether it is a list."""
    methods = vars(getattr(tflite, kind))
    fields = [
        name
        for name in methods
        if name[0].isupper() and name != "Init" and not name.startswith("GetRootAs")
        if not name.endswith(("AsNumpy", "Length", "IsNone", "BufferHasIdentifier"))
    ]
    return tuple((name, _snake_case(name), name + "Length" in methods) for name in fields)


def _snake_case(name: str) -> str:
    # The reader spells dilation_w_factor DilationWFactor or, where the schema is old, DilationWfactor.
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return re.sub(r"_([whd])factor$", r"_\1_factor", spelled)

"""The arguments of a call on their way into a student's kernel, by pickle: the grader writes, the kernel reads.

Arrays travel beside the pickle, as they lie in memory, and stay read-only if they are. A class or function that
cannot be imported in the kernel, because a lab's ``checks.py`` or ``kernel.py`` has made it, is sent by its name, and
looked up among the names of the notebook.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any


class ArgumentError(TypeError):
    """An argument that cannot be sent into the kernel: the check's fault, never the student's."""


def write_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[bytes | memoryview], list[bool]]:
    """Return the arguments as blocks of bytes: the pickle, then each array.

    Returns
    -------
    blocks : list of bytes
    read_only : list of bool
        Of each array's block.

    Raises
    ------
    ArgumentError
        If one cannot be pickled.
    """
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    try:
        _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump((tuple(args), dict(kwargs)))
        views = [buffer.raw() for buffer in buffers]
    except ArgumentError:
        raise
    except Exception as error:
        raise ArgumentError(f"An argument cannot be sent into the kernel: {error}") from error
    return [stream.getvalue(), *views], [view.readonly for view in views]


def read_arguments(blocks: Sequence[Any], read_only: Sequence[bool]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return (args, kwargs) from the blocks of `write_arguments`; in the kernel alone."""
    stream = io.BytesIO(bytes(blocks[0]))
    buffers = [
        bytes(block) if fixed else bytearray(block) for block, fixed in zip(blocks[1:], read_only, strict=True)
    ]
    return _Unpickler(stream, buffers=buffers).load()


def find_in_notebook(name: str) -> Any:
    """Return what a name in the notebook stands for; in the kernel alone.

    A stand-in for a student's function can be an argument of another one: its ``__reduce__`` returns
    ``(find_in_notebook, (name,))``.

    Raises
    ------
    NameError
        If the notebook has no such name.
    """
    found: Any = sys.modules["__main__"]
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NameError(f"name {name!r} is not defined in the notebook") from None
    return found


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, (type, types.FunctionType)) or _can_be_imported(obj):
            return NotImplemented
        name = obj.__qualname__
        if "<" in name:
            raise ArgumentError(f"{name} has no name in the notebook: define it in kernel.py, outside of functions.")
        return find_in_notebook, (name,)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        with contextlib.suppress(ImportError, AttributeError):
            return super().find_class(module, name)
        return find_in_notebook(name)


def _can_be_imported(thing: Any) -> bool:
    module = getattr(thing, "__module__", None)
    if module in (None, "__main__"):
        return False
    found: Any = sys.modules.get(module)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing

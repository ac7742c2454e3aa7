"""What a lab's checks are run on: made once a process, and handed to each check as a copy of its own.

Making it can take seconds (models, recordings), so a worker keeps it for the next submission. A check, or a student
by way of an argument that comes back changed, must not change it for the next one: each gets deep copies of the
values that it uses, and the lab's own functions look their names up in that copy.
"""

from __future__ import annotations

import contextlib
import copy
import random
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from tinyml_labs.grading.assignment import Assignment, AssignmentError
from tinyml_labs.grading.isolation.limits import Limits

_SHARED = (ModuleType, type, types.BuiltinFunctionType, FunctionType)
_SEED = 20_261_123


@dataclass(frozen=True)
class CheckNamespace:
    """The names that ``checks.py`` has made.

    Attributes
    ----------
    base : dict
        Never handed out itself.
    """

    base: dict[str, Any]

    def copy_for(self, used: Iterable[str], replaced: Mapping[str, Any]) -> dict[str, Any]:
        """Return a namespace for one check.

        Parameters
        ----------
        used : iterable of str
            The names that the check's text uses: their values, and those that the lab's functions use, are copied.
        replaced : mapping
            What stands in place of these names, such as the student's functions.

        Returns
        -------
        dict
        """
        new = {**self.base, **replaced}
        memo: dict[int, Any] = {id(value): value for value in replaced.values()}
        for name, function in self._functions.items():
            own = FunctionType(function.__code__, new, function.__name__, function.__defaults__, function.__closure__)
            own.__kwdefaults__, own.__doc__ = function.__kwdefaults__, function.__doc__
            own.__dict__.update(function.__dict__)
            memo[id(function)] = own
            if name not in replaced:
                new[name] = own
        for name in self._reach(used):
            value = self.base[name]
            if name not in replaced and not isinstance(value, _SHARED):
                with contextlib.suppress(Exception):  # what cannot be copied (a model, a generator) is shared
                    new[name] = copy.deepcopy(value, memo)
        return new

    @cached_property
    def _functions(self) -> dict[str, FunctionType]:
        return {
            name: value
            for name, value in self.base.items()
            if isinstance(value, FunctionType) and value.__globals__ is self.base
        }

    def _reach(self, used: Iterable[str]) -> set[str]:
        """Return the names that are used, also by way of the lab's functions."""
        reached: set[str] = set()
        waiting = [name for name in used if name in self.base]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                if name in self._functions:
                    waiting += [n for n in _names_in(self._functions[name].__code__) if n in self.base]
        return reached


def make_check_namespace(assignment: Assignment, *, limits: Limits, unsafe: bool) -> CheckNamespace:
    """Run a lab's ``checks.py``, or the notebook's cells in its place.

    It finds ``GRADING`` there, with the ``limits`` and whether grading goes ``unsafe``, without a sandbox.

    Raises
    ------
    AssignmentError
        If it raises.
    """
    base: dict[str, Any] = {
        "__name__": "tinyml_labs_checks",
        "__builtins__": __builtins__,
        "GRADING": SimpleNamespace(limits=limits, unsafe=unsafe),
    }
    seed_chance()
    try:
        exec(compile(assignment.checks_code, "<checks.py>", "exec", dont_inherit=True), base)
    except Exception as error:
        line = _last_line(error, "<checks.py>")
        raise AssignmentError(
            f"What the checks of {assignment.lab} need cannot be made: {type(error).__name__}: {error} (line {line} "
            f"of checks.py, or of the notebook's cells in its place). Mend {assignment.folder / 'checks.py'}."
        ) from error
    return CheckNamespace(base)


def seed_chance() -> None:
    """Seed Python's and NumPy's shared generators, so that a check draws the same numbers for everybody."""
    import numpy as np

    random.seed(_SEED)
    np.random.seed(_SEED)


def _names_in(code: types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*(_names_in(constant) for constant in inner))


def _last_line(error: BaseException, file: str) -> int | str:
    import traceback

    lines = [n for frame, n in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else "?"

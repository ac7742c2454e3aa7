"""Imports that happen when a name is first used.

A solution may use whatever its lab's setup cell imports, but hardly any uses pandas, matplotlib or a compiler. So in
the grader, where each submission has a kernel of its own, these are imported only if they are needed.
"""

from __future__ import annotations

import ast
import importlib
from typing import Any

__all__ = ["import_later"]


class _Later:
    """Stands for a module, a class or a function until somebody calls it or asks for something in it."""

    def __init__(self, module: str, name: str = "") -> None:
        self._module, self._name = module, name

    def _load(self) -> Any:
        module = importlib.import_module(self._module)
        if not self._name:
            return module
        if hasattr(module, self._name):
            return getattr(module, self._name)
        return importlib.import_module(f"{self._module}.{self._name}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # IPython and copy look for these: no reason to import
        return getattr(self._load(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._load()(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._module}{'.' if self._name else ''}{self._name}, not imported yet>"


def import_later(imports: str) -> dict[str, Any]:
    """Make the names of some import statements without importing anything.

    Parameters
    ----------
    imports : str
        Lines such as ``import numpy as np`` and ``from tinyml_labs import capture``.

    Returns
    -------
    dict
        A stand-in for each name: it can be called, and its attributes are those of what it stands for. It is no
        class, so that ``isinstance`` and ``except`` do not take it.

    Raises
    ------
    ValueError
        For a line that is no import, or one with ``*``.

    Examples
    --------
    >>> names = import_later("import math\\nfrom os import path as where")
    >>> names["math"].sqrt(9.0), names["where"].basename("a/b")
    (3.0, 'b')
    """
    names: dict[str, Any] = {}
    for statement in ast.parse(imports).body:
        if isinstance(statement, ast.Import):
            for one in statement.names:
                # "import a.b" makes the name a, by which b is reached once it is imported.
                names[one.asname or one.name.partition(".")[0]] = _Later(
                    one.name if one.asname else one.name.partition(".")[0]
                )
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            if any(one.name == "*" for one in statement.names):
                raise ValueError(f"{ast.unparse(statement)!r} names nothing; name what is to be imported.")
            names |= {one.asname or one.name: _Later(statement.module, one.name) for one in statement.names}
        else:
            raise ValueError(f"{ast.unparse(statement)!r} is no import that can wait; expected 'import …' lines.")
    return names

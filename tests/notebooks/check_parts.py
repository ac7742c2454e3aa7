"""The two parts of a check cell: what students get, and the hidden tests at its end."""

from __future__ import annotations

import ast
import re
import symtable

_HIDDEN = re.compile(r"\n?^[ \t]*### BEGIN HIDDEN TESTS\n(.*?)^[ \t]*### END HIDDEN TESTS$", re.MULTILINE | re.DOTALL)


def visible_part(source: str) -> str:
    """Return a cell without its hidden tests."""
    return _HIDDEN.sub("", source)


def hidden_part(source: str) -> str:
    """Return a cell's hidden tests, without their marks."""
    return "".join(_HIDDEN.findall(source))


def asserts_in(source: str) -> list[ast.Assert]:
    try:
        return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    except SyntaxError:
        return []


def names_made(source: str) -> set[str]:
    symbols = symtable.symtable(source, "<cell>", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def names_needed(source: str) -> set[str]:
    """Return the names that a part uses, but does not make."""
    names: set[str] = set()
    tables = [symtable.symtable(source, "<cell>", "exec")]
    for table in tables:
        tables += table.get_children()
        names |= {
            symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and symbol.is_global()
        }
    return names - names_made(source)

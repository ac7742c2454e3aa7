"""Which names a cell makes and which it uses: of the course's own cells by Python's parser, of a student's by sight.

A student's cell can be made to exhaust the parser, so in the grader's process no student's text is parsed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w{1,200})[ \t]*\(", re.MULTILINE)
_MADE = re.compile(
    r"^(?:async[ \t]+)?def[ \t]+(\w{1,200})|^class[ \t]+(\w{1,200})|^(\w{1,200})[ \t]*(?::[^=\n]{1,200})?=(?!=)", re.M
)
_IMPORT = re.compile(r"^(?:from[ \t]+\S{1,200}[ \t]+)?import[ \t]+([^\n#;]{1,1000})", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class CellNames:
    """The names of a cell of the course.

    Attributes
    ----------
    made : frozenset of str
        Names that it makes: by import, def, class or assignment, also in place (``table[0] = 1``).
    functions, classes, imported : frozenset of str
        Those of them that a ``def``, a ``class`` or an import makes.
    used : frozenset of str
        Names that it needs when it runs.
    used_later : frozenset of str
        Names that its functions need when they are called.
    """

    made: frozenset[str]
    functions: frozenset[str]
    classes: frozenset[str]
    imported: frozenset[str]
    used: frozenset[str]
    used_later: frozenset[str]


def names_of(source: str) -> CellNames:
    """Return the names of a cell of the course; IPython's commands in it are passed over.

    Raises
    ------
    SyntaxError
        If it is no Python.
    """
    return _names_of_statements(ast.parse(without_commands(source)).body)


def without_commands(source: str) -> str:
    """Return a cell's text with an empty line for each of IPython's commands (``%matplotlib inline``, ``!ls``)."""
    if source.lstrip().startswith("%%"):
        return ""
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n"))


def setup_of(before: str, part: str) -> ast.Module:
    """Return the statements of one text that another one needs, without their assertions.

    The hidden tests may use what the visible part makes, such as ``story = [...]``, and have to run even if an
    assertion of the visible part fails.
    """
    wanted = _needed(names_of(part))
    kept: list[ast.stmt] = []
    for statement in reversed(ast.parse(before).body):
        names = _names_of_statements([statement])
        is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        if names.made & wanted or (is_call and names.used & wanted):  # numbers.append(3) changes numbers
            kept.append(_WithoutAssertions().visit(statement))
            wanted |= _needed(names)
    return ast.fix_missing_locations(ast.Module(body=kept[::-1], type_ignores=[]))


def functions_by_sight(source: str) -> frozenset[str]:
    """Return the functions that a student's cell seems to define at its left margin."""
    return frozenset(_DEFINITION.findall(source))


def names_by_sight(source: str) -> frozenset[str]:
    """Return all names that a student's cell seems to make at its left margin."""
    made = {name for found in _MADE.findall(source) for name in found if name}
    for names in _IMPORT.findall(source):
        for name in names.strip("() \t").split(","):
            words = name.split()
            if words:
                made.add(words[-1].split(".")[0])
    return frozenset(made)


def _needed(names: CellNames) -> frozenset[str]:
    return names.used | names.used_later


def _names_of_statements(statements: Iterable[ast.AST]) -> CellNames:
    finder = _NameFinder()
    for statement in statements:
        finder.visit(statement)
    return CellNames(
        made=frozenset(finder.made),
        functions=frozenset(finder.functions),
        classes=frozenset(finder.classes),
        imported=frozenset(finder.imported),
        used=frozenset(finder.used),
        used_later=frozenset(finder.used_later - finder.made),
    )


class _WithoutAssertions(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)


class _NameFinder(ast.NodeVisitor):
    """Walks statements in the order in which they run; a name that was made before is not *used* from outside."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.functions: set[str] = set()
        self.classes: set[str] = set()
        self.imported: set[str] = set()
        self.used: set[str] = set()
        self.used_later: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.made.add(node.id)
        elif node.id not in self.made:
            self.used.add(node.id)

    def visit_Assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self.visit(target)

    visit_AnnAssign = visit_Assign  # noqa: N815

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.made:
            self.used.add(node.target.id)
        self.visit(node.value)
        self.visit(node.target)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outer in (*node.decorator_list, *_defaults_of(node.args)):
            self.visit(outer)
        self.made.add(node.name)
        self.functions.add(node.name)
        self._visit_function(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for outer in _defaults_of(node.args):
            self.visit(outer)
        self._visit_function(node.args, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outer in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(outer)
        self.made.add(node.name)
        self.classes.add(node.name)
        self._take_over(_names_of_statements(node.body))

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        inner = _NameFinder()
        for generator in node.generators:
            for part in (generator.iter, generator.target, *generator.ifs):
                inner.visit(part)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            inner.visit(part)
        self.used |= inner.used - self.made
        self.used_later |= inner.used_later

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp  # noqa: N815

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        names = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        self.made |= names
        self.imported |= names

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.made.add(node.name)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript | ast.Attribute) -> None:
        self.generic_visit(node)
        base: ast.expr = node
        while isinstance(base, (ast.Subscript, ast.Attribute)):
            base = base.value
        if isinstance(base, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.made.add(base.id)  # changed in place

    visit_Attribute = visit_Subscript  # noqa: N815

    def _visit_function(self, arguments: ast.arguments, body: Iterable[ast.AST]) -> None:
        inner = _names_of_statements(body)
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        own = inner.made | {argument.arg for argument in every if argument}
        self.used_later |= _needed(inner) - own

    def _take_over(self, inner: CellNames) -> None:
        self.used |= inner.used - self.made
        self.used_later |= inner.used_later


def _defaults_of(arguments: ast.arguments) -> list[ast.expr]:
    return [default for default in (*arguments.defaults, *arguments.kw_defaults) if default]

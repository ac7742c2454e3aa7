"""Regions in the cells of a source notebook: solution, hidden tests, mark scheme; and what is wrong with them.

`stub_of` and `visible_part` do for one cell what nbgrader's preprocessors do for a notebook, without its three
seconds of imports: the grader compares with them what a student has handed in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

CODE_STUB = '# Your code here, in place of the next line.\nraise NotImplementedError("your code here")'
TEXT_STUB = "Your answer here."

_REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}
"""Region -> the nbgrader field that its cell must set."""
_LOOKS_LIKE_MARKER = re.compile(
    r"^\s*#.*\b(begin|end)[ _-]*(solution|hidden[ _-]*test|mark[ _-]*scheme)", re.IGNORECASE
)


def stub_of(source: str, *, is_code: bool = True) -> str:
    """Return what a student finds in a solution's cell: the stub in place of each solution region.

    Parameters
    ----------
    source : str
        The cell of the source notebook, with well-formed regions (see `find_region_faults`).
    is_code : bool
        Whether it is a code cell; the answer in a text cell has another stub.
    """
    stub = CODE_STUB if is_code else TEXT_STUB
    if "BEGIN SOLUTION" not in source:
        return stub
    lines = []
    for text, region in _lines_with_regions(source, "SOLUTION"):
        if region == "begin":
            indent = text[: len(text) - len(text.lstrip())]
            lines += [indent + line for line in stub.split("\n")]
        elif not region:
            lines.append(text)
    return "\n".join(lines)


def visible_part(source: str) -> str:
    """Return the part of a check's cell that students see: all but the regions of hidden tests."""
    return "\n".join(text for text, region in _lines_with_regions(source, "HIDDEN TESTS") if not region)


def hidden_part(source: str) -> str:
    """Return the hidden tests of a check's cell, with an empty line for each other one; empty if there are none."""
    lines = [text if region == "inside" else "" for text, region in _lines_with_regions(source, "HIDDEN TESTS")]
    return "\n".join(lines) if any(line.strip() for line in lines) else ""


def _lines_with_regions(source: str, region: str) -> list[tuple[str, str]]:
    """Return the lines of a cell, each with ``begin``, ``inside``, ``end`` of such a region, or nothing."""
    lines = []
    inside = False
    for line in source.split("\n"):
        if f"BEGIN {region}" in line:
            inside = True
            lines.append((line, "begin"))
        elif f"END {region}" in line:
            inside = False
            lines.append((line, "end"))
        else:
            lines.append((line, "inside" if inside else ""))
    return lines


def find_region_faults(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """Find what is malformed in a source notebook's exercise regions and grading metadata.

    Parameters
    ----------
    cells : iterable of mapping
        The cells of a source notebook, in their order.

    Returns
    -------
    list of str
        One sentence a fault, each beginning with ``cell 5 (quantize): ``; empty if all is well.
    """
    faults = []
    first_use: dict[str, int] = {}
    for number, cell in enumerate(cells, start=1):
        grading = grading_of(cell)
        grade_id = grading.get("grade_id", "")
        found = _find_faults_of_cell(source_of(cell), grading, is_code=cell.get("cell_type") == "code")
        first = first_use.setdefault(grade_id, number) if grade_id else number
        if first != number:
            found.append(f"grade_id {grade_id!r} is cell {first}'s already; every cell needs its own")
        label = grade_id or cell.get("id") or "no id"
        faults += [f"cell {number} ({label}): {fault}" for fault in found]
    return faults


def grading_of(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return nbgrader's metadata of a cell, empty if it has none."""
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    return grading if isinstance(grading, Mapping) else {}


def source_of(cell: Mapping[str, Any]) -> str:
    """Return a cell's text, which a file may hold as one string or as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _find_faults_of_cell(source: str, grading: Mapping[str, Any], *, is_code: bool) -> list[str]:
    faults = []
    takes_part = any(grading.get(field) for field in ("grade", "solution", "locked", "task"))
    if takes_part and not grading.get("grade_id"):
        faults.append("its nbgrader metadata has no grade_id; give it one that no other cell has")
    if (grading.get("grade") or grading.get("task")) and not isinstance(grading.get("points"), (int, float)):
        faults.append("it is graded, but its nbgrader metadata has no number of points")
    for line in source.split("\n"):
        exact = any(f"{edge} {region}" in line for edge in ("BEGIN", "END") for region in _REGIONS)
        if is_code and not exact and _LOOKS_LIKE_MARKER.match(line):
            faults.append(f"{line.strip()!r} looks like a region's marker; write it as '### BEGIN SOLUTION'")
    for region, field in _REGIONS.items():
        faults += _find_faults_of_region(source, region)
        if f"BEGIN {region}" in source and not grading.get(field):
            faults.append(
                f"it has a '### BEGIN {region}', but its nbgrader metadata does not make it a {field} cell; "
                f'set "{field}": true there, or remove the marker'
            )
    if is_code and not faults and "BEGIN HIDDEN TESTS" in source:
        faults += _find_faults_of_hidden_tests(source)
    return faults


def _find_faults_of_hidden_tests(source: str) -> list[str]:
    """Find hidden tests that cannot run apart from the visible part, as the grader runs them."""
    faults = []
    for number, (line, region) in enumerate(_lines_with_regions(source, "HIDDEN TESTS"), start=1):
        if region in ("begin", "end") and line[:1].isspace():
            faults.append(
                f"line {number} has an indented marker of hidden tests; the visible and the hidden part run apart "
                "from each other, so begin and end the region at the left margin, outside loops and functions"
            )
    for name, part in (("visible part", visible_part(source)), ("hidden tests", hidden_part(source))):
        try:
            ast.parse(part)
        except SyntaxError as error:
            faults.append(f"its {name} alone is no Python ({error.msg}, line {error.lineno}); each has to run alone")
    return faults


def _find_faults_of_region(source: str, region: str) -> list[str]:
    begin, end = f"BEGIN {region}", f"END {region}"
    opened = 0
    for number, line in enumerate(source.split("\n"), start=1):
        if begin in line:
            if opened:
                return [f"line {number} has '### {begin}' inside the region of line {opened}; end that first"]
            opened = number
        elif end in line:
            if not opened:
                return [f"line {number} has '### {end}', but no '### {begin}' stands before it"]
            opened = 0
    return [f"the '### {begin}' of line {opened} has no '### {end}' after it"] if opened else []

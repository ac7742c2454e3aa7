"""Files that are no notebook, are half of one, or are not where they seem to be; and names that mean harm."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tinyml_labs.grading.made_up.hostile_targets import Targets
from tinyml_labs.grading.made_up.sample_submission import Notebook, find_cell, to_bytes

Change = Callable[[Notebook], "Notebook | bytes"]
Writer = Callable[[Path, bytes], None]


def _set(**fields: object) -> Change:
    return lambda notebook: {**notebook, **fields}


def _set_in_cells(**fields: object) -> Change:
    def change(notebook: Notebook) -> Notebook:
        for cell in notebook["cells"]:
            cell.update(fields)
        return notebook

    return change


def _swap(find: str, replacement: str) -> Change:
    return lambda notebook: to_bytes(notebook).decode().replace(find, replacement).encode("utf-8", "surrogatepass")


BROKEN: dict[str, tuple[str, Change]] = {
    "huge-numbers": ("an integer of 5000 digits", lambda notebook: to_bytes(
        {**notebook, "metadata": {"big": 0}}).replace(b'"big": 0', b'"big": ' + b"9" * 5000)),
    "invalid-json": ("half of a file", lambda notebook: to_bytes(notebook)[:2000]),
    "no-text": ("bytes that are no text", lambda notebook: bytes(range(256)) * 50),
    "nested-json": ("JSON that is 200,000 deep", lambda notebook: b'{"cells": ' + b"[" * 200_000),
    "nested-json-that-closes": ("JSON that is 200,000 deep, and valid", lambda notebook: to_bytes(
        {**notebook, "metadata": {"deep": 0}}).replace(b'"deep": 0', b'"deep": ' + b"[" * 200_000 + b"]" * 200_000)),
    "list-in-place-of-a-notebook": ("a list", lambda notebook: b"[1, 2, 3]"),
    "null": ("null", lambda notebook: b"null"),
    "cells-are-an-object": ("cells is an object", _set(cells={"a": 1})),
}  # fmt: skip
"""Files that deserve ``not a notebook``."""

ODD: dict[str, tuple[str, Change]] = {
    "cells-are-numbers": ("cells are numbers", _set(cells=[1, 2, 3])),
    "only-cells-of-null": ("cells are null", _set(cells=[None] * 5)),
    "sources-are-numbers": ("source is a number", _set_in_cells(source=5)),
    "sources-are-objects": ("source is an object", _set_in_cells(source={"__class__": "str"})),
    "no-cells": ("no cells at all", _set(cells=[])),
    "ten-thousand-copies": ("ten thousand versions of a cell", lambda notebook: {
        **notebook, "cells": notebook["cells"] + [
            {**find_cell(notebook, "quantize"), "source": f"quantize = {number}"} for number in range(10_000)]}),
}  # fmt: skip
"""Notebooks in which an exercise cannot be found, or not once."""

HARMLESS: dict[str, tuple[str, Change]] = {
    "format-99": ("a notebook of the future", _set(nbformat=99)),
    "format-minus-1": ("nbformat is -1", _set(nbformat=-1)),
    "format-is-a-text": ("nbformat is HTML", _set(nbformat="<script>alert(1)</script>")),
    "grade-ids-are-lists": ("grade_id is a list", _set_in_cells(
        metadata={"nbgrader": {"grade_id": [1], "solution": True}})),
    "metadata-is-null": ("metadata is null", _set_in_cells(metadata=None)),
    "cells-of-other-labs": ("every grade_id has another name", _swap('"grade_id": "', '"grade_id": "../../')),
    "numbers-beyond-floats": ("numbers that no float holds", lambda notebook: to_bytes(
        {**notebook, "metadata": {"big": 0}}).replace(b'"big": 0', b'"big": [1e999, NaN]')),
    "byte-order-mark": ("a byte order mark", lambda notebook: b"\xef\xbb\xbf" + to_bytes(notebook)),
    "html-in-the-metadata": ("HTML and ANSI in the metadata, outputs and markdown", lambda notebook: {
        **notebook, "metadata": {**notebook["metadata"], "authors": [{"name": "<script>alert(1)</script>\x1b[31m"}],
                                 "tinyml_labs": {"release": "<img src=x onerror=alert(1)>"}}}),
    "ten-megabytes-of-output": ("outputs of 10 MB in the file", lambda notebook: {
        **notebook, "cells": [*notebook["cells"], {
            "cell_type": "code", "id": "big", "metadata": {}, "source": "", "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 10_000_000}]}]}),
}  # fmt: skip
"""Right answers in an odd file: they are found by their cell ids, or by the functions that they define."""

_DEF = "def quantize(values, scale, zero_point):\n"
ODD_CODE: dict[str, tuple[str, str]] = {
    "null-bytes": ("a cell with null bytes", "def quantize(values, scale, zero_point):\n    return '\x00'"),
    "lone-surrogates": ("a cell with half a character", _DEF + "    raise ValueError('\ud800')"),
    "brackets": ("a cell of 100,000 brackets", "quantize = " + "(" * 100_000 + ")" * 100_000),
    "minus-signs": ("a cell of 200,000 minus signs", "quantize = " + "-" * 200_000 + "1"),
    "long-line": ("a cell with a line of 5 MB", "quantize = '" + "x" * 5_000_000 + "'"),
    "backtracking": ("a cell that regular expressions are slow on", "def quantize(a):\n" + " \t" * 200_000 + "#"),
    "html-in-the-code": ("HTML in the code and in a name", (
        "class Nice(Exception): pass\n"
        "Nice.__name__ = Nice.__qualname__ = '<b>\\x1b[31mbold</b>'\n"
        "def quantize(values, scale, zero_point):  # </pre></code><script>alert(1)</script>\n"
        "    raise Nice('</pre><script>alert(1)</script><img src=x onerror=alert(1)>'\n"
        "               '\\x1b[2J\\x1b]0;owned\\x07\\u202e')")),
    "endless-message": ("an error of 100 MB", "def quantize(*values, **more):\n    raise ValueError('x' * 10**8)"),
    "error-that-cannot-be-shown": ("an error whose text is an error", (
        "class Bad(Exception):\n"
        "    def __str__(self): raise Bad\n"
        "    __repr__ = __str__\n"
        "def quantize(values, scale, zero_point):\n"
        "    raise Bad")),
    "error-that-never-ends": ("an error whose text never ends", (
        "class Bad(Exception):\n"
        "    def __str__(self):\n"
        "        while True: pass\n"
        "def quantize(values, scale, zero_point):\n"
        "    raise Bad")),
    "asks-for-input": ("asks the grader a question", _DEF + "    return input('score? ')"),
    "starts-the-debugger": ("a breakpoint", _DEF + "    breakpoint()\n    return 1"),
    "long-trace": ("a thousand lines of trace", (
        "def deeper(n):\n    return 1 / 0 if n == 0 else deeper(n - 1)\n"
        "def quantize(values, scale, zero_point):\n    return deeper(900)")),
}  # fmt: skip
"""Cells that deserve no points, and are hard to run, to show or to store."""


def make_writers(targets: Targets) -> dict[str, tuple[str, Writer]]:
    """Return ways to hand in something that is no file of one's own. Each deserves ``not a notebook``."""

    def link_to(target: str) -> Writer:
        return lambda path, data: path.symlink_to(target)

    def write_big(path: Path, data: bytes) -> None:
        with path.open("wb") as file:  # valid up to its end: only its size is wrong
            file.write(data.rstrip()[:-1] + b', "big": "')
            for _ in range(200):
                file.write(b"x" * 2**20)
            file.write(b'"}')

    def write_sparse(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            file.truncate(50 * 2**30)

    writers: dict[str, tuple[str, Writer]] = {
        "two-hundred-megabytes": ("a notebook of 200 MB", write_big),
        "folder-in-place-of-a-file": (
            "a folder of that name",
            lambda path, data: (path / "inside").mkdir(parents=True),
        ),
    }
    if sys.platform != "win32":
        writers |= {
            "link-to-the-source": ("a symbolic link to the source notebook", link_to(targets.source)),
            "link-to-a-neighbour": ("a symbolic link to another's notebook", link_to("../ada/01_hello_world.ipynb")),
            "link-to-passwords": ("a symbolic link to /etc/passwd", link_to("/etc/passwd")),
            "link-to-itself": ("a symbolic link to itself", lambda path, data: path.symlink_to(path.name)),
            "link-to-nothing": ("a symbolic link to nothing", link_to("not there")),
            "link-to-endless-zeros": ("a symbolic link to /dev/zero", link_to("/dev/zero")),
            "pipe": ("a named pipe, on which a reader waits for ever", lambda path, data: os.mkfifo(path)),
            "fifty-gigabytes": ("a sparse file of 50 GB", write_sparse),
        }
    return writers


NAMES: tuple[tuple[str, str], ...] = (
    ("..hidden", "a name that begins with two dots"),
    ("...", "three dots"),
    ("-rf", "a name that looks like an option"),
    ("=cmd|' ̸C calc'!A0", "a name that is a formula"),
    ("@SUM(1+1)*cmd", "another formula"),
    ("Robert'); DROP TABLE results;--", "a name that is SQL"),
    ("<script>alert(1)<∕script>", "a name that is HTML"),
    ("<img src=x onerror=alert(1)>", "another one"),
    ("red\x1b[31m\x1b[2J", "a name with terminal codes"),
    ('line\nbreak,and"comma', "a name with a line break, a comma and a quotation mark"),
    ("right\u202eot left", "a name that turns the text round"),
    ("Zoe\u0301", "a name that looks like another one (composed)"),
    ("Zo\u00e9", "a name that looks like another one (one letter)"),
    ("UPPER", "a name that differs in its case"),
    ("upper", "the same in lower case"),
    ("CON", "a device's name"),
    ("%s%n{0.__class__}{{7*7}}", "a name that is a format"),
    ("n" * 240, "a very long name"),
    ("n" * 239 + "m", "another very long name"),
    ("con\x00cealed".replace("\x00", "\x01"), "a control character"),
    (os.fsdecode(b"caf\xe9"), "a name that is no UTF-8"),
    (" ", "a blank"),
)
"""Names of students' folders. Their work is right, and deserves all points: under a name of its own."""

"""Read a file that a student handed in: a plain file, no larger than it may be, and a notebook in any format.

Nothing that lies there is trusted: a link, a folder or a pipe under a notebook's name is refused before it is
opened, and what cannot be understood is told in a sentence for the student.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class HandInError(ValueError):
    """A file that cannot be graded. The text is for the student: what was found, what to do."""


@dataclass(frozen=True, kw_only=True)
class NotebookContent:
    """What a notebook's file holds, as far as grading needs it.

    Attributes
    ----------
    cells : tuple of dict
        The cells that are dicts; each has a ``cell_type`` and a ``source``, both str, and a ``metadata`` dict.
    metadata : dict
        The notebook's own.
    notes : tuple of str
        What was odd about the file.
    """

    cells: tuple[dict[str, Any], ...]
    metadata: dict[str, Any]
    notes: tuple[str, ...] = ()


def read_plain_file(path: Path, largest_bytes: float) -> bytes:
    """Read a file if it is a plain one and not too large.

    Raises
    ------
    HandInError
        If it is not there, is a link, a folder or a device, is too large, or cannot be read.
    """
    path = Path(path)
    name = path.name
    try:
        if path.is_symlink():
            raise HandInError(f"{name} is a link to another file. Hand in the file itself.")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise HandInError(f"{name} is no file (a folder or a device). Hand in the notebook itself.")
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise HandInError(f"{name} is no file (a folder or a device). Hand in the notebook itself.")
            data = file.read(int(largest_bytes) + 1) if found.st_size <= largest_bytes else b""
    except FileNotFoundError:
        raise HandInError(f"{name} is not there.") from None
    except OSError as error:
        raise HandInError(f"{name} cannot be read ({error.strerror}).") from None
    if found.st_size > largest_bytes or len(data) > largest_bytes:
        raise HandInError(
            f"{name} has {max(found.st_size, len(data)) / 1e6:,.1f} MB, more than the {largest_bytes / 1e6:g} MB "
            "that are read. In JupyterLab: Edit, Clear Outputs of All Cells; then save and hand it in again."
        )
    return data


def parse_notebook(data: bytes, name: str) -> NotebookContent:
    """Read a notebook's JSON; older formats are brought to the present one.

    Raises
    ------
    HandInError
        If it is no notebook.
    """
    advice = "Open it in JupyterLab, save it there, and hand in the .ipynb file."
    if not data.strip():
        raise HandInError(f"{name} is empty. {advice}")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise HandInError(f"{name} is no notebook: it is not UTF-8 text. {advice}") from None
    except json.JSONDecodeError as error:
        raise HandInError(f"{name} is no notebook: it is not JSON from line {error.lineno} on. {advice}") from None
    except (RecursionError, ValueError, MemoryError):
        raise HandInError(f"{name} is no notebook: its JSON cannot be read. {advice}") from None
    if not isinstance(content, dict):
        raise HandInError(f"{name} is no notebook: its JSON is a {type(content).__name__}. {advice}")
    notes: tuple[str, ...] = ()
    if "cells" not in content and isinstance(content.get("worksheets"), list):
        content = _bring_up_to_date(content, name, advice)
        notes = (f"{name} has an old file format. It was brought to the present one for grading.",)
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise HandInError(f"{name} is no notebook: it has no list of cells. {advice}")
    metadata = content.get("metadata")
    return NotebookContent(
        cells=tuple(_tidy(cell) for cell in cells if isinstance(cell, dict)),
        metadata=metadata if isinstance(metadata, dict) else {},
        notes=notes,
    )


def clean_source(text: str, longest: int) -> str:
    """Return a student's text so that it can be stored everywhere: no lone surrogates, LF at line ends, cut."""
    text = text[:longest].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")


def _bring_up_to_date(content: dict[str, Any], name: str, advice: str) -> dict[str, Any]:
    log = logging.getLogger("traitlets")  # where nbformat tells the terminal what is odd about the file
    was_disabled, log.disabled = log.disabled, True
    try:
        import nbformat

        version = content.get("nbformat")
        old = json.dumps({**content, "nbformat": version if version in (1, 2, 3) else 3})
        new: dict[str, Any] = json.loads(json.dumps(nbformat.reads(old, as_version=4)))
        return new
    except Exception:  # whatever its cells are, nbformat's converters expect them well-formed
        raise HandInError(f"{name} has an old file format that cannot be read. {advice}") from None
    finally:
        log.disabled = was_disabled


def _tidy(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell of which at least kind, source and metadata have the types that they should have."""
    source, kind, metadata, cell_id = (cell.get(key) for key in ("source", "cell_type", "metadata", "id"))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return {
        "cell_type": kind if isinstance(kind, str) else "",
        "source": source if isinstance(source, str) else "",
        "metadata": metadata if isinstance(metadata, dict) else {},
        "id": cell_id if isinstance(cell_id, str) else "",
    }

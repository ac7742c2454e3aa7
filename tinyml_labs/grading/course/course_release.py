"""Release a lab: the students' copy of its notebook, and the pictures and data beside it, into one folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinyml_labs.grading.course.course_folder import write_file
from tinyml_labs.grading.release import EXTRA_SUFFIXES
from tinyml_labs.grading.student_copy import NotebookError, make_student_copy


@dataclass(frozen=True, kw_only=True)
class Released:
    """What was released.

    Attributes
    ----------
    lab : str
        Its name.
    path : Path
        The students' notebook.
    release : str
        SHA-256 (hex) of what the students get; the notebook carries it too.
    action : {"new", "changed", "unchanged"}
        Against what lay there before.
    extras : tuple of Path
        Pictures and data that go along.
    """

    lab: str
    path: Path
    release: str
    action: Literal["new", "changed", "unchanged"]
    extras: tuple[Path, ...]


def release_lab(notebook: Path, target: Path) -> Released:
    """Write the students' copy of a lab into a folder. The same source gives the same bytes.

    Parameters
    ----------
    notebook : Path
        The source.
    target : Path
        The folder; made if missing. A copy of an earlier release in it is replaced: hand out the files, and let
        nobody work in this folder.

    Returns
    -------
    Released

    Raises
    ------
    NotebookError
        If the source is malformed; then nothing is written.
    ValueError
        If the file there is no release of this kit, or the folder is that of the source.
    """
    if notebook.parent.resolve() == target.resolve():
        raise ValueError(f"The students' copy would lie among the sources in {target}. Name another folder.")
    try:
        copy = make_student_copy(notebook.read_text(encoding="utf-8-sig"), notebook.name)
    except UnicodeDecodeError as error:
        raise NotebookError(f"{notebook.name} is no notebook: it is not UTF-8 text.") from error
    path = target / notebook.name
    before = path.read_bytes() if path.is_file() else None
    if before is not None and before != copy.data and not _was_released(before):
        raise ValueError(f"{path} was not released by this command, and is not replaced. Move it, or name --to.")
    action: Literal["new", "changed", "unchanged"]
    action = "new" if before is None else "unchanged" if before == copy.data else "changed"
    if action != "unchanged":
        write_file(path, copy.data)
    extras = []
    for extra in _find_extras(notebook.parent):
        place = target / extra.relative_to(notebook.parent)
        data = extra.read_bytes()
        if not place.is_file() or place.read_bytes() != data:
            write_file(place, data)
        extras.append(place)
    return Released(lab=notebook.stem, path=path, release=copy.release, action=action, extras=tuple(extras))


def _was_released(data: bytes) -> bool:
    try:
        return bool(json.loads(data)["metadata"]["tinyml_labs"]["release"])
    except (ValueError, KeyError, TypeError):
        return False


def _find_extras(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "_")) for part in parts) or parts[0] in ("build", "grading")
        if path.suffix in EXTRA_SUFFIXES and path.is_file() and not hidden:
            found.append(path)
    return found

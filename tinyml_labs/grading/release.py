"""Hand out the labs: the students' copies in ``lab/``, where nothing that exists is ever written over.

A copy is made once. From then on it is the student's, even if it looks untouched: a lab that changed in the
course arrives beside it, as ``01_hello_world.update-1.ipynb``, once for each change. ``lab/.course.json``
remembers which releases were delivered. It is only a memory: each notebook carries its release in its own
metadata too, so that a lost or damaged ``.course.json`` costs nothing.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinyml_labs.grading.student_copy import NotebookError, StudentCopy, make_student_copy

__all__ = ["MANIFEST", "Delivery", "NotebookError", "build_student_copies"]

MANIFEST = ".course.json"
EXTRA_SUFFIXES = frozenset({".csv", ".gif", ".jpeg", ".jpg", ".md", ".png", ".svg", ".txt", ".wav"})
"""Files of these kinds beside the notebooks go along with them; what running a lab left behind does not."""

_NO_HARD_LINKS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}

Action = Literal["new", "unchanged", "update", "restored"]
Delivered = list[dict[str, str]]  # of one lab: {"release": its SHA-256, "file": the name it arrived under}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What happened to one file of the course.

    Attributes
    ----------
    name : str
        The file in the course, relative to its folder, with ``/`` on every system.
    action : {"new", "unchanged", "update", "restored"}
        ``update``: the course's file changed and now lies beside the student's copy. ``restored``: the
        student's copy was gone and is there again.
    path : Path
        The file that was made, or the student's copy where nothing was made.
    message : str
        One line for the student.
    """

    name: str
    action: Action
    path: Path
    message: str


def build_student_copies(source: Path, target: Path) -> list[Delivery]:
    """Make the students' copies of all notebooks in a folder, and of the pictures and data beside them.

    Parameters
    ----------
    source : Path
        The folder of the course's source notebooks (``notebooks/``).
    target : Path
        The students' folder (``lab/``); made if missing. Files in it are never written over.

    Returns
    -------
    list of Delivery
        One for each file of the course, in alphabetical order.

    Raises
    ------
    FileNotFoundError
        If `source` holds no notebook.
    NotebookError
        If a source notebook is malformed; then nothing at all is written.
    ValueError
        If `target` is `source`.
    OSError
        If `target` cannot be written to: PermissionError, FileExistsError (it is a file), no space, ...
    """
    source, target = Path(source), Path(target)
    if source.resolve() == target.resolve():
        raise ValueError(f"The students' copies would lie among the sources in {source}. Name another folder.")
    copies = {name: _prepare(path) for name, path in _find_files(source)}
    if not any(name.endswith(".ipynb") for name in copies):
        raise FileNotFoundError(f"No notebook in {source}. Name the folder of the course's source notebooks.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        before = _read_manifest(target)
        after = dict(before)
        deliveries = []
        for name, copy in sorted(copies.items()):
            delivery, after[name] = _deliver(target, name, copy, before.get(name, []))
            deliveries.append(delivery)
        if after != before:
            _write_manifest(target, after)
    except OSError as error:
        raise OSError(  # Python makes it a PermissionError, FileExistsError, ... by its number
            error.errno,
            f"The labs cannot be put into {target} ({error.strerror}). Name a folder that you may write to",
            str(error.filename or target),
        ) from error
    return deliveries


def _find_files(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield the notebooks of a folder, and what goes along with them from there and from its folders."""
    for path in sorted(source.glob("**/*")):
        parts = path.relative_to(source).parts
        if not path.is_file() or any(part.startswith((".", "_")) or part == "build" for part in parts):
            continue
        if parts[0] == "grading":  # what the grader needs for each lab: hidden data, too
            continue
        if parts[0] == "grading":  # what the instructor grades with
            continue
        if path.suffix in EXTRA_SUFFIXES or (path.suffix == ".ipynb" and len(parts) == 1):
            yield "/".join(parts), path


def _prepare(path: Path) -> StudentCopy:
    data = path.read_bytes()
    if path.suffix != ".ipynb":
        return StudentCopy(data=data, release=hashlib.sha256(data).hexdigest())
    try:
        return make_student_copy(data.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path.name} is no notebook: it is not UTF-8 text.") from error


def _deliver(target: Path, name: str, copy: StudentCopy, delivered: Delivered) -> tuple[Delivery, Delivered]:
    """Put one file of the course into the students' folder, if it is not there; say what was delivered."""
    own = target / name
    action: Action
    while True:  # again only if somebody else made the very file between the look and the making
        updates = _find_updates(own)  # one look for both questions below
        if not os.path.lexists(own):
            action, path = ("restored" if delivered else "new"), own
        elif _has_arrived(copy.release, [own, *updates.values()], delivered):
            action, path = "unchanged", own
            break
        else:
            action, path = "update", _choose_update(own, updates, delivered)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _create(path, copy.data)
            break
        except FileExistsError:
            if not os.path.lexists(path):  # what is in the way is a file where a folder should be
                raise
    if action == "restored":  # what the student's copy once was is gone with it
        delivered = [one for one in delivered if one["file"] != own.name]
    if all(one["release"] != copy.release for one in delivered):
        delivered = [*delivered, {"release": copy.release, "file": path.name}]
    messages = {
        "new": f"{name}: your copy is ready.",
        "unchanged": f"{name}: your copy, as you left it.",
        "update": f"{name} changed in the course. Your copy is as you left it; the new one is {path.name}.",
        "restored": f"{name} was gone, so a fresh copy is there again.",
    }
    return Delivery(name=name, action=action, path=path, message=messages[action]), delivered


def _has_arrived(release: str, paths: list[Path], delivered: Delivered) -> bool:
    """Say whether the student was given this release: by the manifest, or by what the files say."""
    if any(one["release"] == release for one in delivered):
        return True
    return any(_release_of(path) == release for path in paths)


def _release_of(path: Path) -> str:
    """Return the release that a delivered file carries, or the SHA-256 of one that carries none."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""  # a folder or a dead link under the lab's name: not ours, and left alone
    if path.suffix == ".ipynb":
        try:
            return str(json.loads(data)["metadata"]["tinyml_labs"]["release"])
        except (ValueError, KeyError, TypeError):
            pass  # the student's own, or damaged: then only its bytes can tell
    return hashlib.sha256(data).hexdigest()


def _find_updates(own: Path) -> dict[int, Path]:
    """Return the updates that lie beside a student's copy, by number."""
    if not own.parent.is_dir():
        return {}
    pattern = re.compile(re.escape(own.stem) + r"\.update-(\d+)" + re.escape(own.suffix))
    matches = ((pattern.fullmatch(path.name), path) for path in own.parent.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def _choose_update(own: Path, updates: dict[int, Path], delivered: Delivered) -> Path:
    """Choose a name that neither is there nor ever was: a deleted update's number does not come back."""
    numbers = {0, *updates}
    for one in delivered:
        match = re.search(r"\.update-(\d+)(\.\w+)?$", one["file"])
        if match:
            numbers.add(int(match[1]))
    return own.with_name(f"{own.stem}.update-{max(numbers) + 1}{own.suffix}")


def _create(path: Path, data: bytes) -> None:
    """Make a new file, whole or not at all; FileExistsError if the name is taken, even since a moment."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("xb") as file:
            file.write(data)
        if os.name == "nt":
            partial.rename(path)  # on Windows, and only there, this never replaces
            return
        try:
            os.link(partial, path)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            _create_without_links(path, data)
    finally:
        partial.unlink(missing_ok=True)


def _create_without_links(path: Path, data: bytes) -> None:
    """Do the same on a USB stick or a network drive that has no hard links."""
    file = path.open("xb")
    try:
        with file:
            file.write(data)
    except OSError:
        path.unlink()  # half a file of ours
        raise


def _read_manifest(target: Path) -> dict[str, Delivered]:
    """Read what was delivered. What cannot be understood counts as never noted: the files still know."""
    try:
        labs = json.loads((target / MANIFEST).read_bytes())["delivered"]
        return {
            str(name): [{"release": str(one["release"]), "file": str(one["file"])} for one in delivered]
            for name, delivered in labs.items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_manifest(target: Path, delivered: dict[str, Delivered]) -> None:
    about = "Which releases of the course were put here. Safe to delete: your notebooks know it too."
    text = json.dumps({"about": about, "delivered": delivered}, indent=1, sort_keys=True, ensure_ascii=False)
    partial = target / f"{MANIFEST}.{secrets.token_hex(4)}.part"
    try:
        partial.write_bytes((text + "\n").encode("utf-8"))
        partial.replace(target / MANIFEST)
    finally:
        partial.unlink(missing_ok=True)

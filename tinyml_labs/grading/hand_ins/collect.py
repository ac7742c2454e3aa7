"""Find what a class handed in, in the layouts in which course systems and people leave it.

    submissions/ann/02_gesture_recognition.ipynb                                     a folder a student
    submissions/ann/first/02_gesture_recognition.ipynb                               several attempts
    submitted/ann/02_gesture_recognition/02_gesture_recognition.ipynb, timestamp.txt nbgrader
    submissions/ann.ipynb, ann_02_gesture_recognition.ipynb                          files only
    submissions/Ann Lee_1234_assignsubmission_file/02_gesture_recognition.ipynb      Moodle, "Download all"
    submissions/leeann_1234_5678_02_gesture_recognition.ipynb                        Canvas, "Download Submissions"

Every student who has a folder or a file is in the list, with a problem if there is nothing to grade. Files are
only looked for here; `submission` opens them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import islice
from pathlib import Path

from tinyml_labs.grading.hand_ins.student_names import clean_name, distinct_names

_MOST_ENTRIES = 2000  # of a student's folder; somebody's whole disk is not searched
_MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_file_?")
_CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)")
_NOT_STUDENTS = ("__MACOSX", "__pycache__", ".git", ".ipynb_checkpoints", ".venv", "lost+found")


@dataclass(frozen=True, kw_only=True)
class HandIn:
    """What one student handed in, once.

    Attributes
    ----------
    student : str
        A name made from the file's or folder's: bounded, no separators, no two students with the same.
    attempt : str
        Which of several; empty if there is one.
    notebook : Path or None
        The notebook; None if there is none.
    folder : Path
        Where its artefacts and recordings lie.
    submitted_at : str
        ISO 8601 in UTC; empty if nothing says so. A file's own date says little, and is not asked.
    problem : str
        Why it cannot be graded, for the student; empty if it can.
    alternatives : tuple of Path
        Further copies of the notebook, such as an update beside it: the one with the most work in it is graded.
    """

    student: str
    attempt: str = ""
    notebook: Path | None
    folder: Path
    submitted_at: str = ""
    problem: str = ""
    alternatives: tuple[Path, ...] = ()


def collect(folder: str | Path, lab: str) -> list[HandIn]:
    """Find all hand-ins of a lab.

    Parameters
    ----------
    folder : str or Path
        What was downloaded or collected, in any of the layouts above, also mixed.
    lab : str
        The lab's name, such as ``02_gesture_recognition``.

    Returns
    -------
    list of HandIn
        By student and attempt.

    Raises
    ------
    FileNotFoundError
        If `folder` is no folder, or nothing in it can be a hand-in.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder. Name the one that holds the hand-ins of {lab}.")
    found: list[tuple[str, HandIn]] = []
    for path in sorted(folder.iterdir()):
        if path.name in _NOT_STUDENTS or (path.name.startswith(".") and not path.is_dir()):
            continue
        if path.is_symlink():
            raw, problem = _student_of_file(path, lab)[0] or path.name, "is a link. Hand in the file itself."
            found.append((raw, _without_notebook(path, f"{path.name} {problem}")))
        elif path.is_dir():
            moodle = _MOODLE.fullmatch(path.name)
            raw = moodle["student"] if moodle else path.name
            hand_ins = _find_in_folder(path, lab)
            if not path.name.startswith(".") or any(hand_in.notebook for hand_in in hand_ins):
                found += [(raw, hand_in) for hand_in in hand_ins]  # of hidden folders only those that hold work
        elif path.suffix.lower() == ".ipynb":
            raw, attempt = _student_of_file(path, lab)
            if raw:
                beside = folder / raw
                found.append((raw, HandIn(student="", attempt=attempt, notebook=path, folder=beside)))
    if not found:
        raise FileNotFoundError(
            f"Nothing in {folder} looks like a hand-in of {lab}: expected STUDENT/{lab}.ipynb, STUDENT.ipynb, or "
            "what Moodle, Canvas or nbgrader have put there. See docs/instructors.md."
        )
    names = distinct_names(raw for raw, _ in found)
    hand_ins = [replace(hand_in, student=names[raw]) for raw, hand_in in found]
    return sorted(_with_distinct_attempts(hand_ins), key=lambda one: (one.student, one.attempt))


def _student_of_file(path: Path, lab: str) -> tuple[str, str]:
    """Return the student and the attempt that a notebook's name speaks of; no student if it is just the lab's."""
    stem = path.stem if path.suffix.lower() == ".ipynb" else path.name
    canvas = _CANVAS.fullmatch(stem)
    if canvas:
        return f"{canvas['student']}_{canvas['user']}", canvas["file"]
    for pattern in (rf"(.+)[_-]{re.escape(lab)}(?:[ _.(-].*)?", rf"{re.escape(lab)}[_-](.+)"):
        match = re.fullmatch(pattern, stem)
        if match:
            return match[1], ""
    return ("", "") if stem == lab else (stem, "")


def _find_in_folder(folder: Path, lab: str) -> list[HandIn]:
    """Find the hand-ins of one student: the notebook, nbgrader's folder of it, and folders of attempts."""
    try:
        entries = _entries(folder)
    except OSError as error:
        return [_without_notebook(folder, f"The folder {folder.name} cannot be read ({error.strerror}).")]
    found = []
    own = _choose_notebook(folder, entries, lab)
    if own:
        found.append(own)
    for entry in entries:
        if entry.is_symlink() or not entry.is_dir() or entry.name in _NOT_STUDENTS:
            continue
        try:
            inside = _entries(entry)
        except OSError:
            continue
        hand_in = _choose_notebook(entry, inside, lab)
        if hand_in and entry.name == lab:
            found.append(replace(hand_in, submitted_at=_read_timestamp(entry / "timestamp.txt")))
        elif hand_in and hand_in.notebook and _is_copy_of(hand_in.notebook, lab):
            attempt = clean_name(entry.name)
            found.append(replace(hand_in, attempt=attempt, submitted_at=_time_in(entry.name)))
    if found:
        return found
    there = ", ".join(clean_name(entry.name) for entry in entries[:10]) or "nothing"
    return [_without_notebook(folder, f"No notebook {lab}.ipynb was handed in (found: {there}).")]


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in islice(folder.iterdir(), _MOST_ENTRIES) if not path.name.startswith("."))


def _choose_notebook(folder: Path, entries: list[Path], lab: str) -> HandIn | None:
    """Choose the lab's notebook among the files of a folder; copies of it, or a single other one, come after."""
    notebooks = [path for path in entries if path.suffix.lower() == ".ipynb"]
    copies = [path for path in notebooks if _is_copy_of(path, lab)]
    copies.sort(key=lambda path: (path.stem != lab, path.name))
    links = [path for path in copies if path.is_symlink()]
    if links:
        return _without_notebook(
            folder, f"{clean_name(links[0].name)} is a link to another file. Hand in the file itself."
        )
    if copies:
        return HandIn(student="", notebook=copies[0], folder=folder, alternatives=tuple(copies[1:]))
    others = [path for path in notebooks if not path.is_symlink() and path.is_file()]
    if len(others) == 1 and not any(entry.is_dir() for entry in entries):
        return HandIn(student="", notebook=None, folder=folder, alternatives=tuple(others))
    return None


def _is_copy_of(path: Path, lab: str) -> bool:
    """Whether a name is the lab's, or that of a copy: ``LAB.update-1``, ``LAB (2)``, ``LAB-Copy1``, ``LAB_final``."""
    return bool(re.fullmatch(rf"(?:.*[_ -])?{re.escape(lab)}(?![A-Za-z0-9]).*", path.stem, re.IGNORECASE))


def _without_notebook(folder: Path, problem: str) -> HandIn:
    return HandIn(student="", notebook=None, folder=folder, problem=problem)


def _with_distinct_attempts(hand_ins: list[HandIn]) -> Iterator[HandIn]:
    """Number what would have the same student and attempt, such as ``ann.ipynb`` beside a folder ``ann``."""
    seen: dict[tuple[str, str], int] = {}
    for hand_in in hand_ins:
        key = (hand_in.student, hand_in.attempt.casefold())
        seen[key] = seen.get(key, 0) + 1
        number = seen[key]
        yield hand_in if number == 1 else replace(hand_in, attempt=f"{hand_in.attempt}({number})")


def _read_timestamp(path: Path) -> str:
    """Read the time that nbgrader has noted: ``2026-11-23 08:00:00.123456 UTC``."""
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return _time_in(file.read(200).decode("utf-8", "replace").strip())
    except OSError:
        return ""


def _time_in(text: str) -> str:
    """Return a time as ISO 8601 in UTC if the text begins with one: also ``2026-11-23T08-00-00``, as in a name."""
    match = re.match(
        r"(?:.*\+)?(\d{4})-(\d\d)-(\d\d)[T _](\d\d)[:_-](\d\d)(?:[:_-](\d\d))?(?:[.,]\d+)?\s*"
        r"(?P<zone>Z|[+-]\d\d:?\d\d|[A-Za-z]+(?:/[A-Za-z_+-]+)*)?\s*$",
        text,
    )
    if not match:
        return ""
    try:
        when = datetime(*(int(part or 0) for part in match.groups()[:6]))  # type: ignore[arg-type]
        return when.replace(tzinfo=_zone_of(match["zone"] or "UTC")).astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        return ""


def _zone_of(name: str) -> tzinfo:
    if name.upper() in ("Z", "UTC", "GMT"):
        return timezone.utc
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)", name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"{name} is no time zone") from error

"""Where a course's things lie, what a lab's short name stands for, and what lateness costs in this course.

::

    course/
        course.json         its name, when labs are due, what lateness costs; may be missing
        gradebook.sqlite    every result; the grader alone writes it
        released/           what students get
        feedback/LAB/       a page a student
        overview/LAB.html   a page for the instructor
        exports/
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from tinyml_labs.grading.scores.late_days import LatePolicy

SETTINGS = "course.json"


@dataclass(frozen=True, kw_only=True)
class CourseSettings:
    """What ``course.json`` holds. Every field may be missing there.

    Attributes
    ----------
    name : str
        The course's name, for the pages.
    due : mapping of str to str
        For each lab, ISO 8601 with a time zone, when it is due.
    grace_minutes, late_days, percent_a_day, at_most_days
        As in `tinyml_labs.grading.scores.late_days.LatePolicy`.
    attempts : {"best", "last"}
        Which attempt of a student counts.
    """

    name: str = ""
    due: Mapping[str, str] = field(default_factory=dict)
    grace_minutes: float = 0.0
    late_days: int = 0
    percent_a_day: float = 0.0
    at_most_days: int | None = None
    attempts: Literal["best", "last"] = "best"

    def policy(self) -> LatePolicy | None:
        """Return the rule for late work; None if nothing is ever due.

        Raises
        ------
        ValueError
            If a time cannot be read or has no time zone, or a number makes no sense.
        """
        from tinyml_labs.grading.scores.late_days import LatePolicy

        if not self.due:
            return None
        return LatePolicy(
            due={lab: read_due(text) for lab, text in self.due.items()},
            grace_minutes=self.grace_minutes,
            late_days=self.late_days,
            percent_a_day=self.percent_a_day,
            at_most_days=self.at_most_days,
        )


def read_due(text: str) -> datetime:
    """Read when something is due, such as ``2026-11-20T23:59``; without a time zone it is this computer's.

    Raises
    ------
    ValueError
        If it is no time.
    """
    try:
        due = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{text!r} is no time. Write it as 2026-11-20T23:59 or 2026-11-20T23:59+01:00.") from None
    return due if due.tzinfo else due.astimezone()


def read_settings(course: Path) -> CourseSettings:
    """Read a course's settings; what is missing has its default.

    Raises
    ------
    ValueError
        If the file cannot be used; the text names what is wrong in it.
    """
    path = course / SETTINGS
    if not path.is_file():
        return CourseSettings()
    known = [one.name for one in fields(CourseSettings)]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(set(content) - set(known))
        if unknown:
            raise ValueError(f"it has {', '.join(unknown)}; known are {', '.join(known)}")
        settings = CourseSettings(**content)
        if settings.attempts not in ("best", "last"):
            raise ValueError(f"attempts is {settings.attempts!r}; 'best' or 'last' is expected")
        settings.policy()
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be used: {error}. Mend it, or delete it.") from error
    return settings


def write_settings(course: Path, settings: CourseSettings) -> Path:
    """Write a course's settings."""
    course.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(settings), indent=1, ensure_ascii=False) + "\n"
    return write_file(course / SETTINGS, text.encode("utf-8"))


def write_file(path: Path, data: bytes) -> Path:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def find_lab(name: str, source: Path) -> Path:
    """Find the source notebook of a lab.

    Parameters
    ----------
    name : str
        ``02_gesture_recognition``, short ``02`` or ``gesture``, or the path of a notebook.
    source : Path
        The folder of the source notebooks.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is none, or the name could be several; the text names what there is.
    """
    asked = Path(name)
    if asked.suffix == ".ipynb" and asked.is_file():
        return asked
    stem = name.removesuffix(".ipynb")
    labs = sorted(path for path in source.glob("*.ipynb") if path.is_file())
    for fits in (
        lambda lab: lab == stem,
        lambda lab: lab.startswith(f"{stem}_"),
        lambda lab: stem.lower() in lab.lower().split("_"),
        lambda lab: lab.startswith(stem),
    ):
        found = [path for path in labs if stem and fits(path.stem)]
        if len(found) == 1:
            return found[0]
        if found:
            many = ", ".join(path.stem for path in found)
            raise FileNotFoundError(f"{name!r} could be any of {many}. Write more of it.")
    there = ", ".join(path.stem for path in labs) or "no notebook"
    raise FileNotFoundError(f"No lab {name!r} in {source} (found there: {there}). Another folder? --source FOLDER.")


def default_source() -> Path:
    """Return the folder of the course's own source notebooks, beside the package."""
    return Path(__file__).parents[3] / "notebooks"


def merge_settings(settings: CourseSettings, given: Mapping[str, Any], *, due: Mapping[str, str]) -> CourseSettings:
    """Return settings with what was given on the command line; what is None there stays as it is.

    Raises
    ------
    ValueError
        If the result makes no sense.
    """
    values = {one.name: getattr(settings, one.name) for one in fields(CourseSettings)}
    values |= {name: value for name, value in given.items() if value is not None}
    values["due"] = {**settings.due, **{lab: read_due(text).isoformat() for lab, text in due.items()}}
    merged = CourseSettings(**cast(Any, values))
    merged.policy()
    return merged

"""One HTML page for each student: what is right, what is not, and where to look.

The page says what the result says, and nothing of the checks themselves: a result holds no hidden value, and
of a hidden part no more is shown than its message. It is one file, without a program in it, for a phone, a
desktop and paper. The same result gives the same bytes.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from tinyml_labs.grading.pages.page_files import make_file_name, render_page, write_page
from tinyml_labs.grading.pages.shown_text import clean_code, clean_line, clean_message, highlight_code, mark_code
from tinyml_labs.grading.pages.verdict_words import (
    VERDICT_WORDS,
    VerdictWords,
    is_given_by_hand,
    name_part,
    waits_for_a_person,
    words_of,
    words_of_exercise,
    write_points,
)
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult

_MOST_NOTES = 20


@dataclass(frozen=True, kw_only=True)
class LateHandIn:
    """How late a submission was.

    Attributes
    ----------
    days : float
        After the deadline; 0 if it was in time.
    points : float or None
        What it counts by the course's rule; None if the rule takes nothing.
    """

    days: float
    points: float | None = None


@dataclass(frozen=True, kw_only=True)
class _ShownPart:
    name: str
    look: VerdictWords
    points: str
    message: Markup
    trace: str


@dataclass(frozen=True, kw_only=True)
class _ShownExercise:
    anchor: str
    title: str
    look: VerdictWords
    points: str
    max_points: str
    parts: tuple[_ShownPart, ...]
    notes: tuple[str, ...]
    code: tuple[Markup, ...]
    text: str
    code_note: str


def write_feedback(
    result: SubmissionResult,
    folder: str | os.PathLike[str],
    *,
    course: str = "",
    late: LateHandIn | None = None,
) -> Path:
    """Write the page of one submission.

    Parameters
    ----------
    result : SubmissionResult
    folder : path
        Made if it is not there.
    course : str
        The course's name, above the title.
    late : LateHandIn, optional
        If given, the page says how late the submission was and what it counts.

    Returns
    -------
    Path
        ``folder / feedback_file_name(result)``. A page of that name is replaced at once.
    """
    path = Path(folder) / feedback_file_name(result)
    return write_page(path, render_feedback(result, course=course, late=late))


def feedback_file_name(result: SubmissionResult) -> str:
    """Return the name of a submission's page, such as ``anna__02_gesture_recognition.html``."""
    return make_file_name(result.student, result.lab, result.attempt, suffix=".html")


def render_feedback(result: SubmissionResult, *, course: str = "", late: LateHandIn | None = None) -> str:
    """Return the page of one submission as text; `write_feedback` tells the parameters.

    Returns
    -------
    str
        HTML, with all that the result holds escaped.
    """
    whole = VERDICT_WORDS[result.verdict]
    unread = result.verdict != "ok"
    nothing_more = [unread and each.verdict == result.verdict and not each.code.strip() for each in result.exercises]
    shown = [each for each, empty in zip(result.exercises, nothing_more, strict=True) if not empty]
    return render_page(
        "feedback.html",
        {
            "course": clean_line(course),
            "lab": clean_line(result.lab),
            "student": clean_line(result.student),
            "attempt": clean_line(result.attempt),
            "submitted_at": write_time(result.submitted_at),
            "points": write_points(result.points),
            "max_points": write_points(result.max_points),
            "share": round(100 * result.points / result.max_points) if result.max_points > 0 else 0,
            "so_far": any(exercise.points is None for exercise in result.exercises),
            "waits": any(waits_for_a_person(exercise) for exercise in result.exercises),
            "summary": summarise(result),
            "whole": whole if unread else None,
            "notes": _clean_notes(result.notes),
            "exercises": [_show_exercise(n, each) for n, each in enumerate(shown, start=1)],
            "has_hidden": any(c.part == "hidden" for exercise in shown for c in exercise.checks),
            "hidden_name": name_part("hidden"),
            "late": late if late and late.days > 0 else None,
            "late_days": _write_days(late.days) if late else "",
            "late_points": write_points(late.points) if late and late.points is not None else "",
            "sandboxed": result.sandboxed,
            "file": clean_line(result.file_sha256, longest=64)[:12],
            "grader": clean_line(result.grader, longest=40),
        },
    )


def write_time(moment: str) -> str:
    """Return a time as a person reads it: ``2026-11-23 08:00 UTC``; what is no ISO 8601 stays as it is."""
    text = clean_line(moment, longest=40)
    iso = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:\+00:00|Z)", text)
    return f"{iso[1]} {iso[2]} UTC" if iso else text


def summarise(result: SubmissionResult) -> str:
    """Say in a sentence or two how a submission did.

    Returns
    -------
    str
        Such as ``2 of 4 exercises are right. 1 is not right yet, 1 took too long.``
    """
    if result.verdict == "not a notebook":
        return "Your file could not be read as a notebook, so nothing in it could be graded."
    if result.verdict == "not graded":
        return "Your submission has not been graded yet. This is not your doing."
    if result.verdict != "ok":
        return "Your submission could not be graded to its end."
    looks = [words_of_exercise(exercise) for exercise in result.exercises]
    right = sum(look is VERDICT_WORDS["ok"] for look in looks)
    rest = Counter(look.words for look in looks if look is not VERDICT_WORDS["ok"])
    number = len(looks)
    if not number:
        return "There is no exercise in this lab."
    if not rest:
        return f"{'Your exercise is' if number == 1 else f'All {number} exercises are'} right. Well done."
    told = ", ".join(f"{count} {_say(words, count)}" for words, count in sorted(rest.items(), key=lambda x: -x[1]))
    noun = "exercise" if number == 1 else "exercises"
    be = "is" if right == 1 else "are"
    return f"{right} of {number} {noun} {be} right; {told}." if right else f"Of {number} {noun}: {told}."


def _say(words: str, count: int) -> str:
    """Put words behind a number: ``1 is not right yet``, ``2 stop with an error``, ``2: its cell is missing``."""
    be = "is" if count == 1 else "are"
    many = {"stops with an error": "stop with an error"}
    if words.startswith(("not ", "read")):
        return f"{be} {words}"
    if words.startswith("its cell"):
        return f"with {words.removeprefix('its ').replace(' is ', ' ')}"
    return many.get(words, words) if count > 1 else words


def _show_exercise(number: int, exercise: ExerciseResult) -> _ShownExercise:
    code, code_note = clean_code(exercise.code)
    is_text = all(check.part == "written" for check in exercise.checks)
    parts: list[_ShownPart] = []
    for check in exercise.checks:
        part = _show_part(check)
        said = [other.message for other in parts]
        if part.message and part.message in said:
            part = _ShownPart(**{**vars(part), "message": Markup("The same as above."), "trace": ""})
        parts.append(part)
    return _ShownExercise(
        anchor=f"exercise-{number}",
        title=clean_line(exercise.title) or f"Exercise {number}",
        look=words_of_exercise(exercise),
        points=write_points(exercise.points),
        max_points=write_points(exercise.max_points),
        parts=tuple(parts),
        notes=_clean_notes(exercise.notes),
        code=() if is_text else tuple(Markup(line) for line in highlight_code(code)),  # escaped by Pygments
        text=code if is_text else "",
        code_note=code_note,
    )


def _show_part(check: CheckResult) -> _ShownPart:
    look, by_hand = words_of(check), is_given_by_hand(check)
    return _ShownPart(
        name="Points by hand" if by_hand else name_part(check.part),
        look=look,
        points=_say_points(check),
        message=mark_code(clean_message(check.message) or look.next_step),
        # The last line of a trace is the error's own text, which may quote what the function was called with.
        trace="" if check.part == "hidden" else clean_message(check.trace),
    )


def _say_points(check: CheckResult) -> str:
    """Say ``2 of 3``; of points by hand ``+1``; nothing where there was nothing to earn."""
    if is_given_by_hand(check):
        return f"{'+' if (check.points or 0) > 0 else ''}{write_points(check.points)}"
    return f"{write_points(check.points)} of {write_points(check.max_points)}" if check.max_points else ""


def _clean_notes(notes: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = [clean_message(note, longest=600) for note in notes[:_MOST_NOTES]]
    if len(notes) > _MOST_NOTES:
        cleaned.append(f"And {len(notes) - _MOST_NOTES} more notes of this kind.")
    return tuple(note for note in cleaned if note)


def _write_days(days: float) -> str:
    text = f"{days:.1f}".removesuffix(".0")
    return f"{text} day" if text == "1" else f"{text} days"

"""One HTML page for the instructor: how the class did, what to look at, and who waits.

Where a student handed in more than once, the figures count the attempt with the most points; the table at the
end holds all. The same results give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from tinyml_labs.grading.pages.class_figures import (
    CheckFigures,
    choose_attempts,
    count_checks,
    group_errors,
    list_ungraded,
    list_waiting,
)
from tinyml_labs.grading.pages.feedback import feedback_file_name, write_time
from tinyml_labs.grading.pages.page_files import render_page, write_page
from tinyml_labs.grading.pages.score_histogram import bin_scores, draw_histogram
from tinyml_labs.grading.pages.shown_text import clean_code, clean_line, highlight_code, mark_code
from tinyml_labs.grading.pages.similarity import SimilarPair, find_similar
from tinyml_labs.grading.pages.verdict_words import (
    VERDICT_WORDS,
    name_part,
    waits_for_a_person,
    words_of_exercise,
    write_points,
)
from tinyml_labs.grading.verdicts import ExerciseResult, SubmissionResult

_MOST_ERRORS = 15
_MOST_PAIRS = 30
_MOST_NAMES = 8


def write_overview(
    lab: str,
    results: Sequence[SubmissionResult],
    path: str | os.PathLike[str],
    *,
    late: Mapping[str, float] | None = None,
    feedback_folder: str | os.PathLike[str] | None = None,
    similar: Sequence[SimilarPair] | None = None,
    known: Mapping[str, Collection[str]] | None = None,
    course: str = "",
) -> Path:
    """Write the overview of a class.

    Parameters
    ----------
    lab : str
        The lab's name.
    results : sequence of SubmissionResult
        All that is to be shown, in any order.
    path : path
        The file to write; one that is there is replaced at once.
    late : mapping, optional
        Days late by student; who is not in it was in time.
    feedback_folder : path, optional
        Where `tinyml_labs.grading.pages.feedback.write_feedback` has put the pages: those that are there are linked.
    similar : sequence of SimilarPair, optional
        What to show as alike; by default what `find_similar` finds.
    known : mapping, optional
        For `find_similar`: code that everybody may have, by ``grade_id``.
    course : str
        The course's name, above the title.

    Returns
    -------
    Path
        The file.
    """
    path = Path(path)
    ordered = sorted(results, key=lambda r: (r.student.casefold(), r.student, r.submitted_at, r.attempt))
    if similar is None:
        similar = find_similar(ordered, known=known)
    links = _find_links(ordered, path, feedback_folder)
    return write_page(path, render_page("overview.html", _collect(lab, ordered, similar, late or {}, links, course)))


def _collect(
    lab: str,
    results: Sequence[SubmissionResult],
    similar: Sequence[SimilarPair],
    late: Mapping[str, float],
    links: Mapping[tuple[str, str], str],
    course: str,
) -> dict[str, Any]:
    """Return what the template shows, as plain values."""
    chosen = choose_attempts(results)
    counted = {id(each) for each in chosen}
    graded = [each for each in chosen if each.verdict != "not graded"]
    points = [each.points for each in graded]
    max_points = max((each.max_points for each in results), default=0.0)
    bins = bin_scores(points, max_points)
    errors = group_errors(chosen)
    titles: dict[str, str] = {}
    for each in results:
        for exercise in each.exercises:
            titles.setdefault(exercise.grade_id, exercise.title)
    seconds = [each.seconds for each in results if each.seconds > 0]
    slowest = max(results, key=lambda each: each.seconds, default=None)
    return {
        "course": clean_line(course),
        "lab": clean_line(lab),
        "submissions": len(results),
        "students": len(chosen),
        "again": len(results) > len(chosen),
        "graded": len(graded),
        "max_points": write_points(max_points),
        "mean": write_points(mean(points)) if points else "–",
        "median": write_points(median(points)) if points else "–",
        "full": sum(each.points >= each.max_points > 0 for each in graded),
        "histogram": Markup(draw_histogram(bins)),  # numbers alone
        "median_seconds": f"{median(seconds):.1f} s" if seconds else "–",
        "longest_seconds": f"{slowest.seconds:.1f} s" if slowest and seconds else "–",
        "slowest": clean_line(slowest.student) if slowest and seconds else "",
        "total_time": _write_time(sum(seconds)),
        "unsandboxed": sum(not each.sandboxed for each in results),
        "checks": _group_checks(count_checks(chosen)),
        "errors": [
            {
                "title": clean_line(group.title),
                "look": VERDICT_WORDS[group.verdict],
                "example": mark_code(group.example or VERDICT_WORDS[group.verdict].next_step),
                "count": len(group.students),
                "names": _list_names(group.students),
            }
            for group in errors[:_MOST_ERRORS]
        ],
        "more_errors": max(0, len(errors) - _MOST_ERRORS),
        "waiting": sum(any(waits_for_a_person(e) for e in each.exercises) for each in chosen),
        "waiting_at": [
            {"title": clean_line(title), "students": [clean_line(student) for student in students]}
            for title, students in list_waiting(chosen).items()
        ],
        "ungraded": [
            {"student": _name(each), "look": VERDICT_WORDS[verdict], "why": mark_code(why)}
            for each, verdict, why in list_ungraded(results)
        ],
        "pairs": [_show_pair(pair, results, links) for pair in similar[:_MOST_PAIRS]],
        "needed": f"{similar[0].needed:.0f}" if similar else "",
        "more_pairs": max(0, len(similar) - _MOST_PAIRS),
        "titles": [{"number": n, "title": clean_line(title)} for n, title in enumerate(titles.values(), start=1)],
        "rows": [_show_row(each, tuple(titles), late, links, id(each) in counted) for each in results],
        "any_late": any(days > 0 for days in late.values()),
    }


def _find_links(
    results: Sequence[SubmissionResult], path: Path, folder: str | os.PathLike[str] | None
) -> dict[tuple[str, str], str]:
    """Return the addresses of the feedback pages that are there, seen from the overview's folder."""
    if folder is None:
        return {}
    links = {}
    for result in results:
        page = Path(folder) / feedback_file_name(result)
        if page.is_file():
            try:
                address = Path(os.path.relpath(page, path.parent)).as_posix()
            except ValueError:  # on another drive
                continue
            links[result.student, result.attempt] = quote(address)
    return links


def _group_checks(figures: Sequence[CheckFigures]) -> list[dict[str, Any]]:
    """Put the parts of an exercise together."""
    grouped: dict[str, dict[str, Any]] = {}
    for each in figures:
        exercise = grouped.setdefault(each.grade_id, {"title": clean_line(each.title), "parts": []})
        exercise["parts"].append(_show_check(each))
    return list(grouped.values())


def _show_check(figures: CheckFigures) -> dict[str, Any]:
    looks = [(VERDICT_WORDS[verdict], count) for verdict, count in figures.verdicts.items()]
    order = {"good": 0, "calm": 1, "open": 2, "bad": 3}
    bars, begin = [], 0.0
    for look, count in sorted(looks, key=lambda each: order[each[0].tone]):
        width = 100 * count / max(1, figures.students)
        bars.append({"tone": look.tone, "x": f"{begin:.2f}", "width": f"{width:.2f}"})
        begin += width
    return {
        "part": name_part(figures.part, for_course=True),
        "rate": "" if figures.part == "written" else f"{100 * figures.pass_rate:.0f} %",
        "bars": bars,
        "counts": looks,
        "mean": write_points(figures.mean_points) if figures.max_points else "",
        "max_points": write_points(figures.max_points),
        "median_seconds": _write_seconds(figures.median_seconds),
        "longest_seconds": _write_seconds(figures.longest_seconds),
    }


def _show_pair(
    pair: SimilarPair, results: Sequence[SubmissionResult], links: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    exercises = {
        (each.student, each.attempt, exercise.grade_id): exercise for each in results for exercise in each.exercises
    }
    sides = list(zip(pair.students, pair.attempts, strict=True))
    return {
        "students": [{"name": clean_line(s), "link": links.get((s, a), "")} for s, a in sides],
        "of_choices": f"{pair.of_choices:.0f}",
        "choices": f"{pair.choices:.0f}",
        "same_text": pair.same_text,
        "exercises": [
            {
                "title": clean_line(alike.title),
                "choices": f"{alike.choices:.0f}",
                "of_choices": f"{alike.of_choices:.0f}",
                "same_text": alike.same_text,
                "codes": [_show_code(exercises.get((s, a, alike.grade_id))) for s, a in sides],
            }
            for alike in pair.exercises
        ],
    }


def _show_code(exercise: ExerciseResult | None) -> list[Markup]:
    return [Markup(line) for line in highlight_code(clean_code(exercise.code if exercise else "")[0])]


def _show_row(
    result: SubmissionResult,
    grade_ids: Sequence[str],
    late: Mapping[str, float],
    links: Mapping[tuple[str, str], str],
    counts: bool,
) -> dict[str, Any]:
    exercises = {exercise.grade_id: exercise for exercise in result.exercises}
    if result.verdict != "ok":
        state = VERDICT_WORDS[result.verdict].words
    else:
        waits = any(waits_for_a_person(exercise) for exercise in result.exercises)
        state = "waits for a person" if waits else "graded"
        if any(exercise.verdict == "not graded" for exercise in result.exercises):
            state = "not graded in part"
    days = late.get(result.student, 0.0)
    return {
        "student": clean_line(result.student),
        "attempt": clean_line(result.attempt),
        "counts": counts,
        "points": write_points(result.points) if result.verdict != "not graded" else "–",
        "sort_points": f"{result.points if result.verdict != 'not graded' else -1:.3f}",
        "state": state,
        "exercises": [_show_cell(exercises.get(grade_id)) for grade_id in grade_ids],
        "submitted_at": write_time(result.submitted_at).removesuffix(" UTC"),
        "late": f"{days:.1f}".removesuffix(".0") if days > 0 else "",
        "seconds": f"{result.seconds:.1f}",
        "link": links.get((result.student, result.attempt), ""),
    }


def _show_cell(exercise: ExerciseResult | None) -> dict[str, Any]:
    if exercise is None:
        return {"look": VERDICT_WORDS["not graded"], "points": "–", "sort": "-1"}
    points = exercise.points
    return {
        "look": words_of_exercise(exercise),
        "points": write_points(points),
        "sort": f"{-1 if points is None else points:.3f}",
    }


def _name(result: SubmissionResult) -> str:
    return clean_line(f"{result.student} ({result.attempt})" if result.attempt else result.student)


def _list_names(students: Sequence[str]) -> str:
    shown = ", ".join(clean_line(student, longest=60) for student in students[:_MOST_NAMES])
    return shown if len(students) <= _MOST_NAMES else f"{shown} and {len(students) - _MOST_NAMES} more"


def _write_seconds(seconds: float) -> str:
    """Return a time as a person reads it: ``0 s``, ``7 ms``, ``1.2 s``."""
    return f"{1000 * seconds:.0f} ms" if 0.0005 <= seconds < 0.1 else f"{seconds:.1f} s".replace("0.0 s", "0 s")


def _write_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

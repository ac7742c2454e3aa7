"""The steps of ``tinyml-labs course`` that deal with points: written answers, points by hand, exports."""

from __future__ import annotations

import argparse

from tinyml_labs.grading.course.course_choices import (
    call_of,
    find_labs,
    open_gradebook,
    results_of,
    score_all,
)
from tinyml_labs.grading.course.course_folder import read_settings


def rubric(chosen: argparse.Namespace) -> int:
    """Write or read the table of written answers."""
    from tinyml_labs.grading.scores.rubric_table import read_rubric, write_rubric

    lab = find_labs(chosen)[0].stem
    if chosen.out:
        with open_gradebook(chosen) as book:
            results = results_of(book, lab)
        count = write_rubric(results, chosen.out, anonymous=chosen.anonymous, only_open=chosen.only_open)
        if not count:
            print(f"{lab} has no written answers to read.")
            return 0
        print(f"{chosen.out}: {count} written answers. Fill in 'points' and 'comment', then:")
        print("  " + call_of(chosen, f'rubric {chosen.lab} --in {chosen.out} --by "Your Name"'))
        return 0
    if not chosen.by.strip():
        raise ValueError('Who has read the answers? Add --by "Your Name".')
    with open_gradebook(chosen, write=True) as book:
        marks = read_rubric(chosen.into, results_of(book, lab))
        changed = book.set_all_points(marks, by=chosen.by)
    print(f"{len(marks)} answers have points in {chosen.into}; {changed} of them are new. Next: feedback, export.")
    return 0


def points(chosen: argparse.Namespace) -> int:
    """Set the points of an exercise by hand."""
    lab = find_labs(chosen)[0].stem
    try:
        points = None if chosen.points == "withdraw" else float(chosen.points.replace(",", "."))
    except ValueError:
        raise ValueError(f"POINTS is {chosen.points!r}; a number or 'withdraw' is expected.") from None
    with open_gradebook(chosen, write=True) as book:
        changed = book.set_points(
            lab,
            chosen.student,
            chosen.exercise,
            points,
            by=chosen.by,
            reason=chosen.reason,
            attempt=chosen.attempt,
        )
    print("Done. Write the feedback again." if changed else "These are the points already; nothing changed.")
    return 0


def export(chosen: argparse.Namespace) -> int:
    """Write the scores."""
    from tinyml_labs.grading.scores import score_exports
    from tinyml_labs.grading.scores.best_labs import best_labs
    from tinyml_labs.grading.scores.rosters import read_roster

    labs = [notebook.stem for notebook in find_labs(chosen)]
    roster = read_roster(chosen.roster) if chosen.roster else None
    with open_gradebook(chosen) as book:
        for lab in labs:
            results_of(book, lab)
        scores = [score for score in score_all(book, read_settings(chosen.course)) if score.lab in labs]
    folder = chosen.course / "exports"
    if not chosen.to:
        folder.mkdir(parents=True, exist_ok=True)
    if chosen.format == "csv":
        course = best_labs(scores, labs=labs, count=chosen.best) if chosen.best or len(labs) > 1 else ()
        print(score_exports.export_csv(scores, chosen.to or folder / "scores.csv", roster=roster, course=course))
        return 0
    if len(labs) > 1:
        raise ValueError(f"--format {chosen.format} writes one lab a file, and {len(labs)} were named.")
    lab, path = labs[0], chosen.to or folder / f"{labs[0]}_{chosen.format}.csv"
    if chosen.format == "canvas":
        if not chosen.exported:
            raise ValueError(
                "Canvas needs its own gradebook back: export it there (Grades > Export), add --exported FILE."
            )
        report = score_exports.fill_canvas_gradebook(
            scores,
            lab,
            chosen.exported,
            path,
            assignment=chosen.assignment,
            roster=roster,
            rescale=chosen.rescale,
            missing_as_zero=chosen.missing_as_zero,
        )
    elif chosen.worksheet:
        report = score_exports.fill_moodle_worksheet(
            scores, lab, chosen.worksheet, path, roster=roster, rescale=chosen.rescale
        )
    else:
        report = score_exports.export_moodle(
            scores, lab, path, roster=roster, identifier=chosen.identifier, missing_as_zero=chosen.missing_as_zero
        )
    print(report)
    return 0

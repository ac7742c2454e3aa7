"""The instructor's page: its numbers against a second count, its picture, its links, and who stands where."""

from __future__ import annotations

import doctest
import random
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import median

import pytest
from fake_class import LAB, TITLES, copy_from, make_broken, make_class, make_submission
from page_reader import PageReader

from tinyml_labs.grading.pages import class_figures, page_files
from tinyml_labs.grading.pages.class_figures import (
    choose_attempts,
    count_checks,
    group_errors,
    list_ungraded,
    list_waiting,
    normalise_message,
)
from tinyml_labs.grading.pages.class_overview import write_overview
from tinyml_labs.grading.pages.feedback import feedback_file_name, write_feedback
from tinyml_labs.grading.pages.score_histogram import bin_scores, draw_histogram
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult

EVIL = "</script></td><script>window.pwned=1</script><b onclick=x>`{{ 7*7 }}"


@pytest.fixture(scope="module")
def whole_class():
    results = make_class(40, seed=3)
    copy_from(results, 2, 7)
    results[10] = make_broken(10, "not a notebook", "The file is no JSON: it ends after 1,024 characters.")
    results[11] = make_broken(11, "not graded", "The grader had no memory left.")
    return results


def write(tmp_path, results, **more):
    path = write_overview(LAB, results, tmp_path / "overview.html", **more)
    page = PageReader(path.read_text(encoding="utf-8"))
    assert page.faults == []
    return page


def test_the_page_counts_as_a_second_count_does(tmp_path, whole_class):
    page = write(tmp_path, whole_class, course="TinyML 2026")
    graded = [each for each in whole_class if each.verdict != "not graded"]
    points = sorted(sum(c.points or 0 for e in each.exercises for c in e.checks) for each in graded)
    assert "TinyML 2026" in page.text
    assert "Students 40 Submissions 40" in page.text
    assert f"Points, median {median(points):g} of 14" in page.text
    assert "Wait for a person 38 Not graded as usual 2" in page.text
    assert "how many of 39 students" in page.text
    slowest = max(whole_class, key=lambda each: each.seconds)
    assert f"Longest time {slowest.seconds:.1f} s {slowest.student}" in page.text
    for grade_id, part in (("check_quantize", "visible"), ("check_gaps", "hidden")):
        met = [
            c.verdict
            for r in graded
            for e in r.exercises
            for c in e.checks
            if (e.grade_id, c.part) == (grade_id, part)
        ]
        figures = next(f for f in count_checks(whole_class) if (f.grade_id, f.part) == (grade_id, part))
        assert figures.verdicts == dict(Counter(met)) and figures.students == 39
        assert figures.pass_rate == met.count("ok") / 39
        assert f"{100 * met.count('ok') / 39:.0f} % right" in page.text


def test_the_page_says_who_was_not_graded_and_why(tmp_path, whole_class):
    page = write(tmp_path, whole_class)
    broken, failed = whole_class[10].student, whole_class[11].student
    assert (
        f"{broken} ! no notebook that can be read The file is no JSON: it ends after 1,024 characters." in page.text
    )
    assert f"{failed} – not graded yet The grader had no memory left." in page.text
    assert "! 2 graded without a sandbox" not in page.text
    assert "! 1 graded without a sandbox" in page.text
    lost = replace(make_submission(3), exercises=(_failed_in_part(),))
    assert list_ungraded([lost]) == [(lost, "not graded", "Exercise 1: The check itself failed.")]
    alone = write(tmp_path, [lost])
    assert "not graded in part" in alone.text and "Exercise 1: The check itself failed." in alone.text


def _failed_in_part():
    failed = CheckResult(
        part="hidden", verdict="not graded", points=None, max_points=3, message="The check itself failed."
    )
    right = CheckResult(part="visible", verdict="ok", points=1, max_points=1)
    return ExerciseResult(grade_id="check_one", title="Exercise 1", checks=(right, failed))


def test_only_written_answers_wait_for_a_person(tmp_path):
    lost = replace(make_submission(3), exercises=(_failed_in_part(),))
    assert list_waiting([lost]) == {}
    assert "Wait for a person 0" in write(tmp_path, [lost]).text
    waits = make_submission(4)
    assert list_waiting([lost, waits]) == {TITLES["answer_why"]: (waits.student,)}
    read = replace(
        waits,
        exercises=tuple(
            replace(e, checks=tuple(replace(c, points=2 if c.points is None else c.points) for c in e.checks))
            for e in waits.exercises
        ),
    )
    assert list_waiting([read]) == {}


@pytest.mark.parametrize("module", [class_figures, page_files])
def test_the_examples_hold(module):
    assert doctest.testmod(module) == doctest.TestResults(failed=0, attempted=2)


def test_alike_errors_stand_together():
    assert normalise_message("quantize(0.5, 0.1, 0) is 4, not 5: round") == normalise_message(
        "quantize(0.25, 1e-3, 0) is -2, not 3: round"
    )
    assert normalise_message("NameError: name 'a' is not defined (in f, line 4: a + (1))") == normalise_message(
        "NameError: name 'bb' is not defined (in g, line 12: bb)"
    )
    assert normalise_message("KeyError: 'a'") != normalise_message("ValueError: 'a'")
    assert normalise_message("it doesn't fit, isn't it") == "it doesn't fit, isn't it"
    results = make_class(60, seed=1)
    groups = group_errors(results)
    cut_off = next(group for group in groups if "round, do not cut off" in group.example)
    said = {r.student for r in results for e in r.exercises for c in e.checks if "round, do not cut off" in c.message}
    assert set(cut_off.students) == said and len(said) > 1
    examples = [c.message for r in results for e in r.exercises for c in e.checks]
    assert all(examples.count(group.example) >= 1 for group in groups)
    sizes = [len(group.students) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    assert not [group for group in groups if group.verdict in ("ok", "open", "by hand", "not graded")]


def test_of_several_attempts_the_best_counts_and_all_are_shown(tmp_path):
    first = make_submission(1, skill=0.0)
    second = replace(make_submission(1, skill=1.0, seed=2), attempt="2", student=first.student)
    assert second.points > first.points
    broken = replace(make_broken(1, "not a notebook", "Empty."), attempt="3", student=first.student)
    assert choose_attempts([first, second, broken]) == [second]
    assert choose_attempts([second, broken, first]) == [second]
    page = write(tmp_path, [first, second, broken])
    assert "Students 1 Submissions 3" in page.text
    assert "handed in more than once" in page.text
    assert [told.get("class") for tag, told in page.elements if tag == "tr"][1:].count("not-counted") == 2


def test_links_lead_to_the_pages_that_are_there(tmp_path, whole_class):
    folder = tmp_path / "feedback" / "01 é"
    for result in whole_class[:5]:
        write_feedback(result, folder)
    page = write(tmp_path, whole_class, feedback_folder=folder)
    links = {link for link in page.links() if not link.startswith("#")}
    assert len(links) == 5 and all(link.startswith("feedback/01%20%C3%A9/") for link in links)
    assert all((folder / feedback_file_name(each)).is_file() for each in whole_class[:5])
    assert write(tmp_path, whole_class).links() == []


def test_days_late_have_a_column_if_anybody_was_late(tmp_path, whole_class):
    assert "Days late" not in write(tmp_path, whole_class).text
    page = write(tmp_path, whole_class, late={whole_class[3].student: 2.5, whole_class[4].student: 0.0})
    assert "Days late" in page.text and " 2.5 " in page.text


def test_alike_submissions_are_a_hint_and_said_to_be_one(tmp_path, whole_class):
    page = write(tmp_path, whole_class)
    assert "This is a hint, not a verdict." in page.text
    one, other = sorted([whole_class[2].student, whole_class[7].student])
    assert re.search(rf"{one} and {other}: about \d+ of \d+ choices in common", page.text)
    code = whole_class[2].exercises[2].code.splitlines()[-1].strip()
    assert any(code in text for text in page.inside["code"])
    none = write(tmp_path, whole_class, similar=[])
    assert "No two submissions have enough rare code in common" in none.text


def test_nothing_that_is_written_becomes_part_of_the_page(tmp_path):
    evil = tuple(
        ExerciseResult(
            grade_id=EVIL,
            title=EVIL,
            checks=(CheckResult(part="visible", verdict="error", points=0, max_points=1, message=EVIL, trace=EVIL),),
            code=EVIL * 20,
            notes=(EVIL,),
        )
        for _ in range(2)
    )
    results = [
        replace(
            make_submission(n), student=f"{n}{EVIL}", attempt=EVIL, exercises=evil, notes=(EVIL,), submitted_at=EVIL
        )
        for n in range(6)
    ]
    results.append(replace(results[0], student="x", verdict="not graded"))
    page = write(tmp_path, results, course=EVIL)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [told for tag, told in page.elements if tag == "b"]
    assert "49" not in page.text and "{{ 7*7 }}" in page.text


def test_the_page_allows_its_own_style_and_script_and_nothing_else(tmp_path, whole_class):
    page = write(tmp_path, whole_class)
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert page.allows("style") and page.allows("script")
    assert "unsafe" not in page.policy
    assert len(page.inside["script"][0]) < 2000


def test_the_order_of_the_results_changes_nothing(tmp_path, whole_class):
    one = write_overview(LAB, whole_class, tmp_path / "one.html").read_bytes()
    mixed = list(whole_class)
    random.Random(1).shuffle(mixed)
    assert write_overview(LAB, mixed, tmp_path / "other.html").read_bytes() == one


def test_an_empty_class_has_a_page(tmp_path):
    page = write(tmp_path, [])
    assert "Students 0" in page.text and "There is no result yet." in page.text


@pytest.mark.parametrize(
    ("points", "most"),
    [
        *(([0, 1, 5, 5, 8], 8), ([0.5, 7.25, 8], 8), ([3] * 9, 40), ([100, 0, 33.3], 100), ([9.5], 8), ([-1, 4], 8)),
        *(([0.1], 0.3), ([], 8), ([0, 0], 0), ([14, 13], 14), ([0.0, 250.0], 250)),
    ],
)
def test_every_student_stands_in_one_bar(points, most):
    bins = bin_scores(points, most)
    assert sum(each.count for each in bins) == len(points)
    assert len(bins) <= 16
    for each in bins:
        inside = [p for p in points if each.low <= p < each.high or p == each.high == bins[-1].high or p == each.low]
        assert len(inside) == each.count
    assert all(one.high in (one.low, other.low) for one, other in pairwise(bins))


def test_the_histogram_names_its_axes_and_its_bars():
    picture = PageReader(draw_histogram(bin_scores([0, 1, 5, 5, 8], 8)))
    assert picture.faults == []
    shown = [text.strip() for text in picture.texts if text.strip()]
    assert "points" in shown and "students" in shown
    assert "0 points: 1; 1 points: 1; 5 points: 2; 8 points: 1" in shown
    bars = [told for tag, told in picture.elements if tag == "rect"]
    heights = [float(bar["height"]) for bar in bars]
    assert len(bars) == 4 and heights[2] == pytest.approx(2 * heights[0], abs=0.2)

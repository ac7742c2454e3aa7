"""Every lab from its release to its points: the student's copy, answers in it, the real sandbox, the real grader."""

import json
import re

import pytest
from answers_by_heart import know_by_heart
from lab_exercises import (
    HIDDEN,
    LABS,
    NOTEBOOKS,
    answers_of,
    cells_of,
    exercises_of,
    names_for_checks,
    require_sandbox,
    source_of,
)

from tinyml_labs.grading import checks
from tinyml_labs.grading.grade import grade_hand_in
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.release import build_student_copies

REGIONS = re.compile(r"^[ \t]*### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)^[ \t]*### END \1$", re.MULTILINE | re.DOTALL)
every_lab = pytest.mark.parametrize("lab", LABS)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    target = tmp_path_factory.mktemp("course") / "lab"
    build_student_copies(NOTEBOOKS, target)
    return target


def hand_in(course, lab, folder, answers):
    """Write answers into a student's copy and grade it; return the verdicts and points of each exercise's parts."""
    content = json.loads((course / f"{lab}.ipynb").read_text("utf-8"))
    for cell in content["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lab}.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = grade_hand_in(HandIn(student="me", notebook=path, folder=folder), NOTEBOOKS / f"{lab}.ipynb")
    assert result.verdict == "ok"
    assert result.sandboxed
    assert result.max_points == 4 * len(exercises_of(lab))
    return {exercise.grade_id: {part.part: part for part in exercise.checks} for exercise in result.exercises}


def points(graded):
    return {grade_id: (parts["visible"].points, parts["hidden"].points) for grade_id, parts in graded.items()}


@every_lab
def test_no_solution_and_no_hidden_test_is_handed_out(lab, course):
    copy = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in cells_of_copy(course, lab)}
    whole = (course / f"{lab}.ipynb").read_text("utf-8")
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS)", whole)
    for cell in cells_of(lab):
        grade_id, source = cell["metadata"].get("nbgrader", {}).get("grade_id"), source_of(cell)
        if not grade_id:
            continue
        outside = REGIONS.sub("", source)
        for _, region in REGIONS.findall(source):
            for line in filter(None, map(str.strip, region.splitlines())):
                assert source_of(copy[grade_id]).count(line) <= outside.count(line), f"{grade_id}: {line}"
                if len(line) > 50 and line not in outside:
                    assert json.dumps(line, ensure_ascii=False)[1:-1] not in whole
    assert not list(course.rglob("grading"))
    assert not list(course.rglob("*.py"))


def cells_of_copy(course, lab):
    return json.loads((course / f"{lab}.ipynb").read_text("utf-8"))["cells"]


@every_lab
def test_the_students_checks_know_nothing_of_the_hidden_ones(lab, course, monkeypatch):
    monkeypatch.chdir(course)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    namespace = dict(names_for_checks(lab))
    for exercise in exercises_of(lab):
        if exercise.function == "one_output_in_c":
            require_sandbox()
        exec(compile(know_by_heart(exercise), "<answer>", "exec"), namespace)
    report = checks.run_checks(lab, namespace=namespace)
    assert len(report.passed) == len(exercises_of(lab)), str(report)
    assert not re.search("hidden|chance|### ", str(report), re.IGNORECASE)


@pytest.mark.slow
@every_lab
def test_a_blank_copy_and_one_that_does_not_compile_earn_nothing(lab, course, tmp_path):
    require_sandbox()
    for name, answers, verdict in (
        ("blank", {}, "open"),
        ("broken", {one.solution_id: one.reference + "\nif (:" for one in exercises_of(lab)}, "error"),
    ):
        graded = hand_in(course, lab, tmp_path / name, answers)
        assert set(points(graded).values()) == {(0, 0)}
        assert {parts["visible"].verdict for parts in graded.values()} == {verdict}


@pytest.mark.slow
@every_lab
def test_an_answer_known_by_heart_earns_the_visible_points(lab, course, tmp_path):
    require_sandbox()
    graded = hand_in(course, lab, tmp_path, {one.solution_id: know_by_heart(one) for one in exercises_of(lab)})
    assert set(points(graded).values()) == {(1, 0)}
    for exercise in exercises_of(lab):
        hidden = graded[exercise.grade_id]["hidden"]
        assert hidden.verdict == "wrong"
        for line in exercise.hidden.splitlines():
            assert line.strip() not in hidden.message + hidden.trace


@pytest.mark.slow
@every_lab
def test_right_answers_of_any_style_earn_all(lab, course, tmp_path):
    require_sandbox()
    right = {one.grade_id: [one.reference] for one in exercises_of(lab)}
    for answer in answers_of(lab):
        if answer.is_right:
            right[answer.grade_id].append(answer.source)
    for turn in range(max(map(len, right.values()))):
        answers = {one.solution_id: right[one.grade_id][turn % len(right[one.grade_id])] for one in exercises_of(lab)}
        graded = hand_in(course, lab, tmp_path / str(turn), answers)
        assert set(points(graded).values()) == {(1, 3)}, {
            name: [part.message + part.trace for part in parts.values()] for name, parts in graded.items()
        }


@pytest.mark.slow
@every_lab
def test_wrong_answers_earn_less(lab, course, tmp_path):
    require_sandbox()
    wrong = {one.grade_id: [] for one in exercises_of(lab)}
    for answer in answers_of(lab):
        if not answer.is_right:
            wrong[answer.grade_id].append(answer.source)
    answers = {one.solution_id: wrong[one.grade_id][-1] for one in exercises_of(lab)}
    graded = hand_in(course, lab, tmp_path, answers)
    for grade_id, earned in points(graded).items():
        assert sum(earned) < 4, grade_id
        assert {part.verdict for part in graded[grade_id].values()} - {"ok"}


def test_the_regions_are_found():
    exercise = exercises_of(LABS[0])[0]
    assert HIDDEN.search(source_of(next(c for c in cells_of(LABS[0]) if exercise.hidden in source_of(c))))
    assert REGIONS.search(exercise.reference)

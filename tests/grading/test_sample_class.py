"""The made-up class itself: always the same, never two of one name, and the comparison with what they deserve."""

import dataclasses
import hashlib

import pytest
from small_class import SOURCE

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.hand_ins.student_names import distinct_names
from tinyml_labs.grading.made_up.hostile_submissions import IN_THE_DEMO, choose_for_the_demo, make_hostile_samples
from tinyml_labs.grading.made_up.hostile_targets import Targets
from tinyml_labs.grading.made_up.sample_class import make_ordinary_samples, make_sample_class
from tinyml_labs.grading.made_up.sample_submission import find_surprises, read_reference_answers
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult


@pytest.fixture(scope="module")
def reference():
    return read_reference_answers(SOURCE)


def fingerprints(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1e7:
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_the_class_is_large_and_the_same_each_time(tmp_path, reference):
    one = make_sample_class(tmp_path / "one", source=SOURCE)
    two = make_sample_class(tmp_path / "two", source=SOURCE)
    assert len({sample.student for sample in one}) >= 30
    assert [(s.student, s.attempt) for s in one] == [(s.student, s.attempt) for s in two]
    assert fingerprints(tmp_path / "one") == fingerprints(tmp_path / "two")


def test_a_folder_that_is_in_use_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="Name a new folder"):
        make_sample_class(tmp_path, source=SOURCE)


def test_there_are_far_more_than_thirty_hostile_ones_of_distinct_names(reference):
    hostile = make_hostile_samples(reference)
    assert len(hostile) > 100
    names = [sample.student for sample in hostile]
    assert len(set(names)) == len(names)
    assert len(set(distinct_names(names).values())) == len(names)
    assert not set(names) & {sample.student for sample in make_ordinary_samples(reference)}
    assert {sample.student for sample in choose_for_the_demo(hostile)} == IN_THE_DEMO


def test_attacks_that_would_do_harm_stop_where_a_trap_is_in_sight(tmp_path, reference):
    targets = Targets(folder=str(tmp_path), source=str(SOURCE), submissions=str(tmp_path))
    hostile = {sample.student: sample for sample in make_hostile_samples(reference, targets)}
    for name in ("kills-everybody", "deletes-everything", "shell-magics"):
        code = hostile[name].answers["quantize"].split("import signal")[0].split("import shutil")[0].split("\n!")[0]
        with pytest.raises(RuntimeError, match="no wall"):
            exec(code, {})


def perfect(sample, assignment):
    checks = [
        ExerciseResult(
            grade_id=exercise.grade_id,
            title="",
            checks=(CheckResult(part="visible", verdict="ok", points=exercise.points, max_points=exercise.points),),
        )
        for exercise in assignment.exercises
    ]
    name = distinct_names([sample.student])[sample.student]
    return SubmissionResult(student=name, lab=assignment.lab, attempt=sample.attempt, exercises=tuple(checks))


def test_every_kind_of_difference_is_a_surprise(reference):
    assignment = read_assignment(SOURCE)
    ada, hiroshi = (s for s in make_ordinary_samples(reference) if s.student in ("ada", "hiroshi"))
    assert find_surprises([ada], [perfect(ada, assignment)], assignment) == []
    assert "there is no result" in find_surprises([ada], [], assignment)[0]
    told = find_surprises([hiroshi], [perfect(hiroshi, assignment)], assignment)
    assert len(told) == 2
    assert "'ok' with 4 points, not 'open' with 0" in told[0]
    refused = dataclasses.replace(perfect(ada, assignment), verdict="not a notebook")
    assert "deserves 'ok'" in find_surprises([ada], [refused], assignment)[0]
    more = [perfect(ada, assignment), dataclasses.replace(perfect(ada, assignment), student="mallory")]
    assert "nobody handed that in" in find_surprises([ada], more, assignment)[0]
    noted = dataclasses.replace(ada, noted="a word")
    assert "no note says 'a word'" in find_surprises([noted], [perfect(ada, assignment)], assignment)[0]
    telling = perfect(ada, assignment)
    check = CheckResult(part="hidden", verdict="ok", points=4.0, max_points=4.0, message="it was SECRET 3.7")
    first = dataclasses.replace(telling.exercises[0], checks=(check,))
    telling = dataclasses.replace(telling, exercises=(first, *telling.exercises[1:]))
    keeper = dataclasses.replace(ada, secret="SECRET")
    assert "tells 'SECRET'" in find_surprises([keeper], [telling], assignment)[0]

import json

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from sample_lab import SECRETS, check, code, grading, make_lab, prose, solution

from tinyml_labs.grading.student_copy import (
    KEEP_RUNNING,
    NotebookError,
    find_region_faults,
    make_student_copy,
)


def copy_of(notebook):
    return nbformat.reads(make_student_copy(nbformat.writes(notebook), "01_lab.ipynb").data.decode(), as_version=4)


def cell_of(notebook, cell_id):
    return next(cell for cell in notebook.cells if cell.id == cell_id)


def lab_with(*cells):
    lab = make_lab()
    lab.cells = list(cells)
    return lab


def test_no_solution_text_survives():
    text = make_student_copy(nbformat.writes(make_lab()), "01_lab.ipynb").data.decode()
    for secret in SECRETS:
        assert secret not in text


def test_the_stub_keeps_the_function_and_raises_not_implemented():
    names = {}
    exec(cell_of(copy_of(make_lab()), "double").source, names)
    assert names["double"].__doc__ == "Return twice x."
    with pytest.raises(NotImplementedError, match="your code here"):
        names["double"](1)


def test_hidden_tests_are_removed_too():
    hidden = "assert double(1) == 2, 'x'\n### BEGIN HIDDEN TESTS\nassert double(7) == 14\n### END HIDDEN TESTS"
    copy = copy_of(lab_with(check("check_double", hidden)))
    assert copy.cells[0].source == "assert double(1) == 2, 'x'"


def test_a_solution_cell_without_region_is_cleared_whole():
    answer = new_markdown_cell("my secret", id="why", metadata=grading("why", grade=True, solution=True))
    copy = copy_of(lab_with(answer, solution("one", "x = 'my secret'")))
    assert "secret" not in json.dumps(copy)
    assert copy.cells[0].source == "Your answer here."


def test_checks_are_locked_and_solutions_cannot_be_deleted():
    copy = copy_of(make_lab())
    check_cell, function, trial = (cell_of(copy, one) for one in ("check_double", "double", "try-double"))
    assert (check_cell.metadata.deletable, check_cell.metadata.editable) == (False, False)
    assert function.metadata.deletable is False
    assert "editable" not in function.metadata
    assert "deletable" not in trial.metadata


def test_read_only_cells_are_locked():
    cell = code("run-checks", "1 + 1", **grading("check_my_work", locked=True))
    copy = copy_of(lab_with(cell))
    assert copy.cells[0].metadata.editable is False


def test_exactly_the_code_cells_of_exercises_let_run_all_go_on():
    copy = copy_of(make_lab())
    tagged = [cell.id for cell in copy.cells if KEEP_RUNNING in cell.metadata.get("tags", [])]
    assert tagged == ["double", "try-double", "check_double", "quarter", "try-quarter", "check_quarter"]


def test_a_solution_cell_without_check_tags_nothing():
    copy = copy_of(lab_with(solution("free", "x = 1"), code("after", "x")))
    assert not any("tags" in cell.metadata for cell in copy.cells)


def test_traces_of_running_are_gone():
    copy = copy_of(make_lab())
    setup = cell_of(copy, "setup")
    assert (setup.outputs, setup.execution_count, dict(setup.metadata)) == ([], None, {})
    assert copy.metadata.kernelspec.name == "python3"
    assert copy.metadata.language_info == {"name": "python"}


def test_equal_sources_give_equal_bytes():
    first = make_student_copy(nbformat.writes(make_lab()), "01_lab.ipynb")
    run_elsewhere = make_lab()
    run_elsewhere.cells[1].outputs = []
    run_elsewhere.metadata.language_info.version = "3.12.1"
    second = make_student_copy(nbformat.writes(run_elsewhere), "01_lab.ipynb")
    assert first == second
    assert b"\r" not in first.data
    assert b"ein Viertel" in first.data
    assert "—".encode() in first.data
    assert first.release in first.data.decode()


def test_a_changed_solution_is_no_new_release_but_changed_prose_is():
    def release(lab):
        return make_student_copy(nbformat.writes(lab), "01_lab.ipynb").release

    better = make_lab(double=make_lab().cells[3].source.replace("x + x", "2 * x"))
    assert release(better) == release(make_lab())
    assert release(make_lab(title="A better title")) != release(make_lab())


def test_missing_ids_are_derived_and_never_drawn():
    content = json.loads(nbformat.writes(make_lab()))
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        del cell["id"]
    content["cells"].append(dict(content["cells"][0]))  # the same text twice
    first, second = (make_student_copy(json.dumps(content), "01_lab.ipynb") for _ in range(2))
    assert first.data == second.data
    ids = [cell["id"] for cell in json.loads(first.data)["cells"]]
    assert len(set(ids)) == len(ids)
    assert ids[3] == "double"
    assert ids[-1] == f"{ids[0]}-2"


def test_ids_come_from_grade_id_first_then_from_the_source():
    drawn = solution("double", "x = 1")
    drawn.id = "9f1c2b3a"
    spaced = check("check", "assert x, 'x'")
    spaced.metadata.nbgrader.grade_id = "two words/ü"
    copy = copy_of(lab_with(prose("double", "taken"), drawn, spaced))
    assert [cell.id for cell in copy.cells] == ["double-2", "double", "two-words-"]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (solution("f", "### BEGIN SOLUTION\nx = 1"), "line 1 has no '### END SOLUTION' after it"),
        (solution("f", "x = 1\n### END SOLUTION"), "no '### BEGIN SOLUTION' stands before it"),
        (solution("f", "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION"), "inside the region of line 1"),
        (code("f", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"), "does not make it a solution cell"),
        (prose("f", "### BEGIN SOLUTION\n42\n### END SOLUTION"), "does not make it a solution cell"),
        (check("f", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"), "does not make it a solution cell"),
        (solution("f", "### Begin solution\nx = 1\n### end solution"), "looks like a region's marker"),
        (solution("f", "#BEGIN_SOLUTION\nx = 1\n#END_SOLUTION"), "looks like a region's marker"),
        (code("f", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"), "does not make it a grade cell"),
        (check("f", "### BEGIN HIDDEN TESTS"), "no '### END HIDDEN TESTS' after it"),
        (code("f", "x = 1", nbgrader={"solution": True}), "has no grade_id"),
        (code("f", "x = 1", nbgrader={"grade": True, "grade_id": "f"}), "no number of points"),
    ],
)
def test_a_malformed_region_names_notebook_and_cell(cell, fault):
    with pytest.raises(NotebookError) as caught:
        copy_of(lab_with(prose("title", "# Lab"), cell))
    assert "01_lab.ipynb, cell 2 (f): " in str(caught.value)
    assert fault in str(caught.value)


def test_a_grade_id_used_twice_is_named():
    (fault,) = find_region_faults([solution("f", "x = 1"), prose("between", "text"), solution("f", "x = 2")])
    assert fault == "cell 3 (f): grade_id 'f' is cell 1's already; every cell needs its own"


def test_all_faults_are_told_at_once():
    assert len(find_region_faults([solution("f", "### BEGIN SOLUTION"), solution("g", "### END SOLUTION")])) == 2


@pytest.mark.parametrize(
    "text", ["", "hello", "[]", "{}", '{"nbformat": 3}', '{"nbformat": 4}', '{"nbformat": 4, "cells": [1]}']
)
def test_what_is_no_notebook_is_refused_by_name(text):
    with pytest.raises(NotebookError, match=r"01_lab\.ipynb is no notebook"):
        make_student_copy(text, "01_lab.ipynb")


def test_an_invalid_cell_is_refused():
    broken = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": "x"}]}
    with pytest.raises(NotebookError, match=r"01_lab\.ipynb is no valid notebook"):
        make_student_copy(json.dumps(broken), "01_lab.ipynb")

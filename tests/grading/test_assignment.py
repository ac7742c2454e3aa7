import json

import pytest
from graded_lab import CHECK_DOUBLE, make_copy, make_graded_lab, points, save_lab
from nbformat.v4 import new_markdown_cell
from sample_lab import check, code, grading, make_lab, prose, solution

from tinyml_labs.grading.assignment import AssignmentError, read_assignment, source_fingerprint
from tinyml_labs.grading.cell_names import functions_by_sight, names_by_sight, names_of, setup_of
from tinyml_labs.grading.cell_regions import (
    find_region_faults,
    grading_of,
    hidden_part,
    stub_of,
    visible_part,
)
from tinyml_labs.grading.student_copy import make_student_copy


def lab_with(*cells):
    lab = make_lab()
    lab.cells = list(cells)
    return lab


def test_exercises_have_their_cells_parts_and_points(tmp_path):
    lab = read_assignment(save_lab(tmp_path))
    double, quarter, root = lab.exercises
    assert (lab.lab, double.grade_id, double.title) == ("01_lab", "check_double", "Exercise 1: double")
    assert (double.solution_ids, double.functions) == (("double",), ("double",))
    assert (double.points, double.visible_points, quarter.visible_points) == (3, 1, None)
    assert "secret" not in double.visible
    assert "double(-3)" not in double.hidden
    assert "double(value)" in double.hidden
    assert "secret_of_double" in double.reference
    assert root.visible.splitlines()[0] == 'assert root(9) == 3, "3 * 3 is 9"'
    (why,) = lab.written
    assert (why.grade_id, why.title, why.points) == ("why", "Question: why?", 2)
    assert lab.order == ("check_double", "check_quarter", "check_root", "why")
    assert lab.functions == ("double", "quarter", "root")


def test_the_parts_of_a_check_are_what_nbgrader_makes_of_it(tmp_path):
    """The released check and the stubs are nbgrader's, to the byte."""
    path = save_lab(tmp_path)
    lab = read_assignment(path)
    copy = {grading_of(cell).get("grade_id"): cell["source"] for cell in make_copy(path)["cells"]}
    for exercise in lab.exercises:
        assert "".join(copy[exercise.grade_id]) == exercise.visible == lab.released_checks[exercise.grade_id]
    for cell in (*lab.solutions, *lab.written):
        assert "".join(copy[cell.grade_id]) == cell.stub
    assert lab.release == make_student_copy(path.read_text(encoding="utf-8"), path.name).release


def test_hidden_lines_keep_their_numbers():
    lines = hidden_part(CHECK_DOUBLE).split("\n")
    assert lines[3].startswith("for value in")
    assert not any(lines[:3])
    assert hidden_part("assert double(1) == 2") == ""
    assert visible_part("assert double(1) == 2") == "assert double(1) == 2"
    assert stub_of("x = 1").endswith('raise NotImplementedError("your code here")')


def test_one_check_for_several_cells_and_several_checks_for_one(tmp_path):
    lab = read_assignment(
        save_lab(
            tmp_path,
            lab_with(
                prose("t", "# One"),
                solution("a", "def a(): pass"),
                solution("b", "def b(): pass"),
                check("check_ab", "a(); b()"),
                check("check_ab_again", "a(); b()"),
                prose("u", "# Two"),
                solution("c", "def c(): pass"),
                check("check_c", "c()"),
            ),
        )
    )
    assert [exercise.solution_ids for exercise in lab.exercises] == [("a", "b"), ("a", "b"), ("c",)]
    assert [exercise.title for exercise in lab.exercises] == ["One (1 of 2)", "One (2 of 2)", "Two"]


def test_the_fingerprint_covers_notebook_and_grading_folder(tmp_path):
    path = save_lab(tmp_path, kernel_py="import numpy as np")
    prints = [source_fingerprint(path)]
    save_lab(tmp_path, kernel_py="import numpy as np  # changed")
    prints.append(source_fingerprint(path))
    save_lab(tmp_path, kernel_py="import numpy as np  # changed", checks_py="x = 1")
    prints.append(source_fingerprint(path))
    path.write_bytes(path.read_bytes() + b" ")
    prints.append(source_fingerprint(path))
    assert len(set(prints)) == 4
    (path.parent / "grading" / "01_lab" / "__pycache__").mkdir()
    (path.parent / "grading" / "01_lab" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert source_fingerprint(path) == prints[-1] == read_assignment(path).source_sha256


def test_the_files_of_the_grading_folder_take_the_place_of_the_notebooks_cells(tmp_path):
    settings = {"limits": {"cell_seconds": 7}, "artefacts": [{"file": "a.tflite", "grade_id": "own", "points": 4}]}
    path = save_lab(tmp_path, kernel_py="k = 1", checks_py="c = 2", grading_json=json.dumps(settings))
    lab = read_assignment(path)
    assert (lab.kernel_code, lab.checks_code, lab.kernel_code_after) == ("k = 1", "c = 2", {})
    assert lab.limits.cell_seconds == 7
    assert lab.artefacts[0]["file"] == "a.tflite"


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"kernel_py": "import ("}, r"kernel\.py, line 1"),
        ({"checks_py": "x ="}, r"checks\.py, line 1"),
        ({"grading_json": "{"}, r"grading\.json cannot be used"),
        ({"grading_json": '{"limit": {}}'}, "it has limit; known are limits"),
        ({"grading_json": '{"limits": {"cell_second": 1}}'}, "cell_second"),
        ({"grading_json": '{"recordings": [{"folder": "r"}]}'}, "needs a grade_id and points"),
        ({"grading_json": "[]"}, r"grading\.json cannot be used"),
    ],
)
def test_a_faulty_file_is_named(tmp_path, files, text):
    path = save_lab(tmp_path, **files)
    with pytest.raises(AssignmentError, match=text):
        read_assignment(path)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([solution("f", "def f(:")], "cell f, line 1"),
        ([solution("f", "class F:\n    pass"), check("g", "assert F()")], "uses the class F of cell f"),
        (
            [solution("f", "x = 1"), points(check("g", "x"), 2, 3)],
            "visible_points is 3; it has to be a number from 0",
        ),
        ([solution("f", "### BEGIN SOLUTION\nx = 1")], "no '### END SOLUTION'"),
    ],
)
def test_what_cannot_be_graded_is_told_to_the_author(tmp_path, cells, text):
    with pytest.raises(AssignmentError) as caught:
        read_assignment(save_lab(tmp_path, lab_with(*cells)))
    assert text in str(caught.value)


def test_what_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "lab.ipynb"
    path.write_text("[]")
    with pytest.raises(AssignmentError, match="no notebook"):
        read_assignment(path)


def test_without_files_the_notebooks_own_cells_are_the_context(tmp_path):
    lab = read_assignment(
        save_lab(
            tmp_path,
            lab_with(
                code("setup", "%matplotlib inline\nimport numpy as np\nscale = 2"),
                code("helper", "def use(x):\n    return f(x) + scale"),  # needs f when it is called
                solution("f", "def f(x):\n    return x"),
                code("trial", "f(3)"),  # makes nothing
                code("result", "result = use(21)\nunused = 1"),
                code("more", "plot = result + 1"),  # nobody needs it
                check("check_f", "assert result == 23"),
                code("run-checks", 'checks.run_checks("01_lab")'),
            ),
        )
    )
    assert lab.kernel_code == "\nimport numpy as np\nscale = 2\n\ndef use(x):\n    return f(x) + scale"
    assert lab.checks_code == lab.kernel_code
    assert lab.kernel_code_after == {"f": "result = use(21)\nunused = 1"}
    assert lab.made_by_context == ("result",)
    assert lab.values == ("result",)
    assert {"np", "scale", "plot", "unused"} <= lab.cell_names
    assert "f" not in lab.cell_names


def test_no_solution_is_ever_part_of_what_the_checks_compare_with(tmp_path):
    path = save_lab(tmp_path)
    lab = read_assignment(path)
    assert "secret_of" not in lab.checks_code + lab.kernel_code + "".join(lab.kernel_code_after.values())


def test_names_of_a_cell():
    names = names_of(
        "import os.path, numpy as np\nx = y + 1\nx += 1\nfor k in rows:\n    m = k\n"
        "table[0] = [v for v in m if ok(v)]\ndef f(a, b=z):\n    c = a + g(b)\n    return c\nlambda h: h + j"
    )
    assert names.made == {"os", "np", "x", "k", "m", "table", "f"}
    assert names.imported == {"os", "np"}
    assert names.used == {"y", "rows", "table", "ok", "z"}
    assert names.used_later == {"g", "j"}


def test_a_hidden_part_gets_what_it_needs_of_the_visible_one_without_its_assertions():
    visible = (
        "story = [1]\nstory.append(2)\nfor t in story:\n    assert f(t)\n    last = t\n"
        "def ask(x):\n    return f(x)\nassert ask(1)\nother = f(9)"
    )
    module = setup_of(visible, "for t in story:\n    assert ask(t)\nassert last")
    calls = []
    names = {"f": lambda x: calls.append(x)}
    exec(compile(module, "<setup>", "exec"), names)
    assert names["story"] == [1, 2]
    assert names["last"] == 2
    assert "other" not in names
    assert calls == []


def test_names_by_sight_need_no_parser():
    source = "import math, os.path as p\nfrom numpy import (sin, cos as c)\nx: int = 1\n"
    source += "async def f(a):\n    def g(): pass\n"
    assert names_by_sight(source + "class K: pass\ny == 2\n") == {"math", "p", "sin", "c", "x", "f", "K"}
    assert functions_by_sight(source) == {"f"}
    assert functions_by_sight("(" * 100_000 + "\ndef broken(") == {"broken"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("for k in (1, 2):\n    ### BEGIN HIDDEN TESTS\n    assert k\n    ### END HIDDEN TESTS", "indented marker"),
        ("x = (1,\n### BEGIN HIDDEN TESTS\n  2,\n### END HIDDEN TESTS\n)", "hidden tests alone is no Python"),
        ("if True:\n### BEGIN HIDDEN TESTS\n    assert 1\n### END HIDDEN TESTS", "visible part alone is no Python"),
    ],
)
def test_hidden_tests_that_cannot_run_alone_are_found_before_a_release(source, text):
    faults = find_region_faults([check("check_f", source)])
    assert any(text in fault for fault in faults)


def test_a_release_carries_nbgraders_checksums_and_no_mark_scheme(tmp_path):
    task = new_markdown_cell("Draw it.\n### BEGIN MARK SCHEME\nsecret\n### END MARK SCHEME", id="draw")
    task.metadata = {"nbgrader": grading("draw", locked=True)["nbgrader"] | {"task": True, "points": 3}}
    lab = make_graded_lab()
    lab.cells.append(task)
    path = save_lab(tmp_path, lab)
    content = make_copy(path)
    assert "secret" not in json.dumps(content)
    marks = [grading_of(cell) for cell in content["cells"] if grading_of(cell)]
    assert len(marks) == 8
    assert all("checksum" in mark for mark in marks)
    assert make_copy(path) == content
    (why, draw) = read_assignment(path).written
    assert (why.is_task, draw.is_task, draw.points) == (False, True, 3)

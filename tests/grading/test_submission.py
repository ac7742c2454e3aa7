import hashlib
import json
import os

import nbformat
import pytest
from graded_lab import RIGHT, cell_of, fill_in, make_copy, make_graded_lab, own_cell, save_lab
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_lab import grading

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.hand_ins.submission import count_written, read_submission


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return read_assignment(save_lab(tmp_path_factory.mktemp("course")))


@pytest.fixture(scope="module")
def blank(lab):
    return make_copy(lab.path)


@pytest.fixture
def read(lab, blank, tmp_path):
    """Return a function that reads a filled-in copy which `edit` has changed, or bytes as they are."""

    def read_it(edit=None, *, data=None, name="01_lab.ipynb"):
        content = fill_in(json.loads(json.dumps(blank)), RIGHT)
        if edit:
            content = edit(content) or content
        path = tmp_path / name
        path.write_bytes(json.dumps(content).encode() if data is None else data)
        return read_submission(path, lab)

    return read_it


def test_the_cells_are_found_by_their_grade_id(read, lab):
    found = read()
    assert (found.verdict, found.cells, found.problems) == ("ok", RIGHT, {})
    assert (found.notes, found.cell_notes) == ((), {})
    assert found.release == lab.release
    assert len(found.file_sha256) == 64
    assert count_written(found, lab) == 3


def test_a_blank_copy_has_no_work_in_it(lab, blank, tmp_path):
    path = tmp_path / "01_lab.ipynb"
    path.write_text(json.dumps(blank))
    found = read_submission(path, lab)
    assert count_written(found, lab) == 0
    assert found.written == {"why": ""}
    assert found.file_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_cell_without_metadata_is_found_by_its_id(read):
    def edit(content):
        cell_of(content, "double")["metadata"] = {}

    found = read(edit)
    assert found.cells == RIGHT
    assert "found by its cell id" in found.cell_notes["double"][0]


def test_a_cell_without_metadata_and_id_is_found_by_its_function(read):
    def edit(content):
        for cell in content["cells"]:
            cell["metadata"] = {}
            cell["id"] = "x" + cell["id"][::-1]

    found = read(edit)
    assert found.cells == RIGHT
    assert found.cell_notes["root"] == (
        "This cell has lost its mark as an exercise; it was found because it defines `root`.",
    )


def test_a_cell_pasted_into_an_empty_notebook_is_found(lab, tmp_path):
    path = tmp_path / "Untitled.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RIGHT["double"])])
    nbformat.write(notebook, path)
    found = read_submission(path, lab)
    assert found.cells == {"double": RIGHT["double"]}
    assert found.problems["quarter"] == "cell missing"


def test_a_missing_cell_is_told_with_what_to_do(read):
    def edit(content):
        content["cells"].remove(cell_of(content, "quarter"))

    found = read(edit)
    assert found.problems == {"quarter": "cell missing"}
    assert "no other cell defines `quarter`" in found.messages["quarter"]
    assert set(found.cells) == {"double", "root"}


def test_a_duplicated_cell_costs_its_own_exercise_only(read):
    def edit(content):
        copy = json.loads(json.dumps(cell_of(content, "double")))
        copy["source"] = "def double(x):\n    return x * 2.0"
        content["cells"].append(copy)

    found = read(edit)
    assert found.problems == {"double": "cell duplicated"}
    assert "there 2 times" in found.messages["double"]
    assert set(found.cells) == {"quarter", "root"}


def test_a_cell_that_is_there_twice_with_the_same_bytes_is_graded_and_noted(read):
    found = read(lambda content: content["cells"].append(dict(cell_of(content, "double"), id="again")))
    assert found.cells == RIGHT
    assert "each time the same" in found.cell_notes["double"][0]


def test_of_very_many_copies_some_are_named(read):
    def edit(content):
        content["cells"] += [dict(cell_of(content, "double"), source=f"x = {n}", id=f"x{n}") for n in range(5000)]

    found = read(edit)
    assert found.problems == {"double": "cell duplicated"}
    assert len(found.messages["double"]) < 300


def test_the_blank_stub_kept_beside_the_answer_does_not_count(read, blank):
    found = read(lambda content: content["cells"].append(dict(cell_of(blank, "double"), id="again")))
    assert found.cells == RIGHT
    assert "one is written, and graded" in found.cell_notes["double"][0]


def test_two_untagged_cells_that_define_the_function_are_a_duplicate(read):
    def edit(content):
        cell = cell_of(content, "double")
        cell["metadata"], cell["id"] = {}, "first"
        content["cells"].append(own_cell("def double(x):\n    return 3"))

    assert read(edit).problems == {"double": "cell duplicated"}


def test_a_changed_check_is_noted_and_changes_nothing_else(read):
    def edit(content):
        cell_of(content, "check_double")["source"] = "pass"

    found = read(edit)
    assert found.cells == RIGHT
    assert list(found.cell_notes) == ["check_double"]
    assert "course's own check" in found.cell_notes["check_double"][0]


def test_another_release_is_noted_and_its_checks_are_not_called_changed(read):
    def edit(content):
        content["metadata"]["tinyml_labs"]["release"] = "0" * 64
        cell_of(content, "check_double")["source"] = "assert double(1) == 2"

    found = read(edit)
    assert "another release" in found.notes[0]
    assert found.cell_notes == {}
    assert found.release == "0" * 64


def test_names_of_the_students_own_cells_are_known_with_their_cell(read):
    found = read(lambda content: content["cells"].insert(0, own_cell("import math\ndef helper(x):\n    return x")))
    assert found.made_elsewhere["helper"] == 1
    assert found.made_elsewhere["math"] == 1
    assert "double" not in found.made_elsewhere


def test_a_written_answer_is_kept_for_a_person(read):
    def edit(content):
        cell_of(content, "why")["source"] = "Because\r\nit is \ud800 so."

    assert read(edit).written == {"why": "Because\nit is ? so."}


def test_what_a_task_is_answered_with_stands_in_the_cells_after_it(tmp_path):
    source = make_graded_lab()
    task = nbformat.v4.new_markdown_cell("Draw it.", id="draw")
    task.metadata = {"nbgrader": grading("draw", locked=True)["nbgrader"] | {"task": True, "points": 3}}
    source.cells.append(task)
    lab = read_assignment(save_lab(tmp_path, source))
    content = make_copy(lab.path)
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(content))
    assert read_submission(path, lab).written["draw"] == ""
    content["cells"].append(own_cell("plot(1)"))
    path.write_text(json.dumps(content))
    assert read_submission(path, lab).written["draw"] == "plot(1)"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04\xff", "not UTF-8"),
        (b"{", "not JSON from line 1"),
        (b"[]", "its JSON is a list"),
        (b'"text"', "its JSON is a str"),
        (b"{}", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"cells": ' * 100_000, "cannot be read"),
        (b"[" * 1_000_000, "cannot be read"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "cannot be read"),
        (b'{"worksheets": [1], "nbformat": 3}', "old file format that cannot be read"),
        (b" " * 21_000_000, "more than the 20 MB"),
    ],
)
def test_what_is_no_notebook_is_told_with_what_to_do(read, data, text):
    found = read(data=data)
    assert found.verdict == "not a notebook"
    assert text in found.message
    assert "01_lab.ipynb" in found.message
    assert os.sep not in found.message


@pytest.mark.parametrize("cells", [[], [1, None, "x"], [{}], [{"cell_type": 3, "source": 4, "metadata": []}]])
def test_a_notebook_with_strange_cells_lacks_the_exercises(read, cells):
    found = read(data=json.dumps({"cells": cells, "metadata": 3}).encode())
    assert found.verdict == "ok"
    assert set(found.problems.values()) == {"cell missing"}


def test_an_old_format_is_brought_to_the_present_one(read, blank):
    def edit(content):
        notebook = nbformat.reads(json.dumps(content), as_version=4)
        return json.loads(nbformat.writes(nbformat.convert(notebook, 3), version=3))

    found = read(edit)
    assert found.cells == RIGHT
    assert "old file format" in found.notes[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a right to make links")
def test_links_folders_and_pipes_are_refused(lab, blank, tmp_path):
    real = tmp_path / "real.ipynb"
    real.write_text(json.dumps(blank))
    (tmp_path / "link.ipynb").symlink_to(real)
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")
    told = [read_submission(tmp_path / f"{name}.ipynb", lab) for name in ("link", "folder", "pipe", "absent")]
    assert [one.verdict for one in told] == ["not a notebook"] * 4
    assert "is a link" in told[0].message
    assert "is no file" in told[1].message
    assert "is no file" in told[2].message
    assert "not there" in told[3].message


def test_a_cell_of_endless_text_is_not_run(read):
    def edit(content):
        cell_of(content, "double")["source"] = "x = 1\n" * 100_000

    found = read(edit)
    assert found.problems == {"double": "error"}
    assert "600,000 characters" in found.messages["double"]
    assert len(found.cells["double"]) == 100_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "metadata", "nbgrader", "grade_id", "source", "cell_type", "id", "worksheets"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(thing=JSON, position=st.integers(0, 10), key=st.sampled_from(["source", "metadata", "id", "cell_type", ""]))
def test_nothing_in_a_notebook_makes_the_reader_raise(lab, blank, tmp_path, thing, position, key):
    content = json.loads(json.dumps(blank))
    if key:
        content["cells"][position][key] = thing
    else:
        content["cells"][position] = thing
    for number, data in enumerate((content, thing, {"cells": thing}, {"cells": [thing]})):
        path = tmp_path / f"{number}.ipynb"
        path.write_text(json.dumps(data))
        found = read_submission(path, lab)
        assert found.verdict in ("ok", "not a notebook")
        assert json.dumps([found.cells, found.messages, found.written, found.notes]).encode()
        assert set(found.cells) | set(found.problems) >= {"double", "quarter", "root"} or found.verdict != "ok"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_byte_makes_the_reader_raise(lab, blank, tmp_path, data):
    raw = bytearray(json.dumps(blank).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=5))
    path = tmp_path / "damaged.ipynb"
    path.write_bytes(raw)
    assert read_submission(path, lab).verdict in ("ok", "not a notebook")

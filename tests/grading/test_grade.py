import hashlib
import json
import pickle
import random
import threading
import types
from dataclasses import replace

import numpy as np
import pytest
from graded_lab import (
    CHECK_DOUBLE,
    POINTS,
    RIGHT,
    cell_of,
    fill_in,
    hand_in_of,
    make_copy,
    make_graded_lab,
    own_cell,
    points,
    save_lab,
)
from sample_lab import check, code, make_lab, prose, solution
from sandbox_here import sandbox_here  # noqa: F401 - a fixture

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.grade import grade_hand_in, grade_reference
from tinyml_labs.grading.hand_ins.collect import HandIn, collect
from tinyml_labs.grading.hand_ins.hand_in_files import fingerprint
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.verdicts import SubmissionResult

pytestmark = pytest.mark.usefixtures("sandbox_here")
LIMITS = Limits(call_seconds=2, cell_seconds=2, total_seconds=60)
SECRETS = ("secret", "123456", "1e+300", "0.75", "1522756", "1234")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return read_assignment(save_lab(tmp_path_factory.mktemp("course")))


@pytest.fixture(scope="module")
def blank(lab):
    return make_copy(lab.path)


@pytest.fixture
def grade(lab, blank, tmp_path):
    """Return a function that grades answers: a right notebook with some cells replaced, or changed by `edit`."""

    def grade_it(answers=None, *, edit=None, limits=LIMITS, content=None):
        filled = fill_in(json.loads(json.dumps(blank)), RIGHT | (answers or {})) if content is None else content
        hand_in = hand_in_of(tmp_path, filled, edit=edit)
        return grade_hand_in(hand_in, lab.path, limits=limits, release=lab.release)

    return grade_it


def points_of(result):
    return {exercise.grade_id.removeprefix("check_"): exercise.points for exercise in result.exercises}


def verdicts_of(result):
    return {
        exercise.grade_id.removeprefix("check_"): tuple(one.verdict for one in exercise.checks)
        for exercise in result.exercises
    }


def texts_of(result, name):
    exercise = next(one for one in result.exercises if one.grade_id == f"check_{name}")
    return " | ".join([*(f"{one.message} {one.trace}" for one in exercise.checks), *exercise.notes])


FULL = {"double": 3, "quarter": 2, "root": 2}
ALL_OK = dict.fromkeys(FULL, ("ok", "ok"))


def test_the_reference_earns_full_points(lab):
    result = grade_reference(lab.path)
    assert points_of(result) == FULL
    assert (result.verdict, result.student, result.sandboxed) == ("ok", "reference", True)


def test_right_work_earns_full_points_and_waits_for_the_written_answer(grade, lab):
    result = grade({"why": "Because it is."})
    assert points_of(result) == FULL | {"why": None}
    assert verdicts_of(result) == ALL_OK | {"why": ("by hand",)}
    assert result.waits_for_a_person
    assert result.max_points == sum(POINTS.values())
    assert [exercise.grade_id for exercise in result.exercises] == list(lab.order)
    assert result.exercises[0].code == RIGHT["double"]
    assert result.exercises[3].code == "Because it is."
    assert (result.verdict, result.notes, result.sandboxed, result.lab) == ("ok", (), True, "01_lab")
    assert result.source_sha256 == lab.source_sha256
    assert SubmissionResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_blank_copy_earns_nothing(grade, blank):
    result = grade(content=blank)
    assert result.points == 0
    assert set(verdicts_of(result).values()) == {("open", "open"), ("open",)}
    assert not result.waits_for_a_person
    assert "NotImplementedError" in texts_of(result, "double")


def test_hard_coded_answers_earn_the_visible_part_at_most(grade):
    result = grade(
        {
            "double": "def double(x):\n    return {2: 4, -3: -6}[x]",
            "quarter": "def quarter(x):\n    return 1",
            "root": "def root(x):\n    if x < 0:\n        raise ValueError\n    return 3",
        }
    )
    assert points_of(result) == {"double": 1, "quarter": 0, "root": 1, "why": 0}
    assert verdicts_of(result)["double"] == ("ok", "error")
    assert verdicts_of(result)["quarter"] == ("ok", "wrong")
    assert "One ends in a KeyError, in line 2 of its cell." in texts_of(result, "double")
    text = json.dumps(result.to_dict())
    assert not [secret for secret in SECRETS if secret in text]


def test_a_wrong_visible_part_leaves_the_hidden_one_its_own_points(grade):
    result = grade(
        {
            "root": "def root(x):\n    return abs(x)**0.5",
            "quarter": "def quarter(x):\n    return x / 4 + (x == 4).all()",
        }
    )
    assert verdicts_of(result)["root"] == ("wrong", "ok")
    assert points_of(result)["root"] == 1
    assert "a negative number has to give a ValueError" in texts_of(result, "root")


def test_all_or_nothing_without_points_for_the_visible_part(grade):
    result = grade({"quarter": "def quarter(x):\n    return np.asarray(x) / 4 if np.ndim(x) else 9"})
    assert verdicts_of(result)["quarter"] == ("wrong", "ok")
    assert points_of(result)["quarter"] == 0
    assert "only if all of the check is" in texts_of(result, "quarter")


def test_a_syntax_error_costs_its_own_exercise_and_names_the_line(grade):
    result = grade({"double": "def double(x):\n    return x +"})
    assert points_of(result) == FULL | {"double": 0, "why": 0}
    assert verdicts_of(result)["double"] == ("error", "error")
    assert "SyntaxError" in texts_of(result, "double") and "line 2" in texts_of(result, "double")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("def dubble(x):\n    return 2 * x", "The cell does not define `double`. Keep the line `def double(x):`"),
        ("def double(x):\n    return helper(x)", "`helper`, which you have made in another cell (cell 1)"),
        ("def double(x):\n    return x + scale_of_the_lab", "which another cell of the lab makes"),
        ("def double(x):\n    return xx + x", "name 'xx' is not defined (line 2) Is it misspelt"),
    ],
)
def test_a_missing_name_is_told_with_where_it_is(tmp_path, answer, text):
    source = make_graded_lab()
    source.cells.insert(2, code("scale", "scale_of_the_lab = 2"))
    path = save_lab(tmp_path, source, kernel_py="import numpy as np", checks_py="import numpy as np")
    content = fill_in(make_copy(path), RIGHT | {"double": answer})
    content["cells"].insert(0, own_cell("def helper(x):\n    return x + x"))
    result = grade_hand_in(hand_in_of(tmp_path, content), path, limits=LIMITS)
    assert verdicts_of(result)["double"] == ("error", "error")
    assert text in texts_of(result, "double")
    assert points_of(result) == FULL | {"double": 0, "why": 0}


def test_work_in_a_cell_of_ones_own_is_open_with_a_hint(grade, lab):
    def edit(content):
        cell_of(content, "double")["source"] = lab.solutions[0].stub
        content["cells"].append(own_cell(RIGHT["double"]))

    result = grade(edit=edit)
    assert verdicts_of(result)["double"] == ("open", "open")
    assert "Cell 16 defines `double`: put it into the cell of the exercise" in texts_of(result, "double")


def test_what_fails_below_the_function_is_noted_and_the_function_graded(grade):
    result = grade({"double": RIGHT["double"] + "\n\nprint(data.shape)"})
    assert points_of(result)["double"] == 3
    assert "Below its functions the cell ends in an error" in texts_of(result, "double")


def test_a_cell_that_ends_before_its_function_is_told_where(grade):
    result = grade({"double": "if len([]) == 0:\n    raise KeyboardInterrupt\n\n\ndef double(x):\n    return 2 * x"})
    assert verdicts_of(result)["double"] == ("error", "error")
    assert "does not run to its end. KeyboardInterrupt (line 2)" in texts_of(result, "double")


def test_a_duplicated_cell_costs_its_own_exercise(grade):
    def edit(content):
        content["cells"].append(dict(cell_of(content, "double"), source="def double(x):\n    return 2.0 * x", id="b"))

    result = grade(edit=edit)
    assert verdicts_of(result)["double"] == ("cell duplicated", "cell duplicated")
    assert points_of(result) == FULL | {"double": 0, "why": 0}


def test_a_missing_cell_costs_its_own_exercise(grade):
    result = grade(edit=lambda content: content["cells"].remove(cell_of(content, "quarter")))
    assert verdicts_of(result)["quarter"] == ("cell missing", "cell missing")
    assert points_of(result) == FULL | {"quarter": 0, "why": 0}


def test_a_changed_check_is_noted_and_the_courses_own_graded(grade):
    def edit(content):
        cell_of(content, "check_double")["source"] = "pass"

    result = grade({"double": "def double(x):\n    return x"}, edit=edit)
    assert verdicts_of(result)["double"] == ("wrong", "wrong")
    assert "The check of this exercise was changed" in texts_of(result, "double")


def test_a_helper_of_the_same_name_in_two_cells_is_each_ones_own(grade):
    result = grade(
        {
            "double": "def helper(x):\n    return x + x\ndef double(x):\n    return helper(x)",
            "quarter": "def helper(x):\n    return np.asarray(x) / 4\ndef quarter(x):\n    return helper(x)",
        }
    )
    assert verdicts_of(result) == ALL_OK | {"why": ("open",)}


def test_a_function_of_another_exercise_that_is_not_written_is_named_as_that(grade, blank):
    stub = "".join(cell_of(blank, "double")["source"])
    result = grade({"double": stub, "quarter": "def quarter(x):\n    return double(np.asarray(x)) / 8"})
    assert verdicts_of(result)["quarter"] == ("open", "open")
    assert "calls a function of another exercise that is not written yet" in texts_of(result, "quarter")


def test_an_exercise_may_use_the_function_of_an_earlier_one(grade):
    result = grade({"quarter": "def quarter(x):\n    return double(np.asarray(x)) / 8"})
    assert verdicts_of(result) == ALL_OK | {"why": ("open",)}


@pytest.mark.parametrize(
    ("name", "answer", "verdict"),
    [
        ("double", "while True:\n    pass", "timeout"),
        ("double", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass", "timeout"),
        ("quarter", "def quarter(x):\n    while True:\n        pass", "timeout"),
        ("double", "import os\nos._exit(0)", "killed"),
        ("quarter", "def quarter(x):\n    import os\n    os._exit(0)", "killed"),
        ("double", "raise SystemExit", "killed"),
        ("root", "def root(x):\n    return len(bytearray(8 * 10**9))", "out of memory"),
    ],
)
def test_what_ends_its_process_costs_its_own_exercise(grade, name, answer, verdict):
    result = grade({name: answer})
    assert verdicts_of(result)[name] == (verdict, verdict)
    assert points_of(result) == FULL | {name: 0, "why": 0}
    assert texts_of(result, name).strip(" |")


def test_a_class_of_ends_has_an_end(grade):
    """Each exercise ends its kernel; the time of all together is bounded."""
    ends = "import os\n{0}\ndef {1}(x):\n    os._exit(1)"
    result = grade({name: ends.format("", name) for name in RIGHT}, limits=replace(LIMITS, total_seconds=30))
    assert result.points == 0
    assert {one for both in list(verdicts_of(result).values())[:3] for one in both} == {"killed"}


CHEATS = {
    "an object equal to all": "class All:\n    def __eq__(self, other): return True\ndef double(x): return All()",
    "a number equal to all": "class All(float):\n    def __eq__(self, o): return True\ndef double(x): return All(x)",
    "no assertions": "import builtins\nbuiltins.AssertionError = Exception\ndef double(x): return x",
    "assertions taken out": (
        "import ast\nclass Out(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Out())\ndef double(x): return x"
    ),
    "numpy turned": "np.testing.assert_equal = np.array_equal = lambda *a: True\ndef double(x): return x",
    "all calls pass": "import sys\nsys.settrace(lambda *a: None)\nexit = quit = None\ndef double(x): return x",
    "check names": "import builtins\nbuiltins.all = lambda x: True\nassert_double = None\ndef double(x): return x",
    "an import hook": "import sys\nsys.meta_path.insert(0, None)\ndef double(x): return x",
    "at the end": "import atexit\natexit.register(lambda: open('points', 'w').write('100'))\ndef double(x): return x",
    "the stub's error": "def double(x): raise NotImplementedError",
    "a lazy answer": "def double(x): return (v for v in [x + x])",
    "source": "from pathlib import Path\nprint(next(Path('/').rglob('01_lab.ipynb')).read_text())\ndef double(x): return x",  # noqa: E501
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_earns_a_point(grade, cheat):
    result = grade({"double": CHEATS[cheat], "quarter": "pass", "root": "pass"})
    assert points_of(result) == {"double": 0, "quarter": 0, "root": 0, "why": 0}
    assert "ok" not in verdicts_of(result)["double"]


def test_hidden_values_do_not_come_out_by_a_later_exercise(grade):
    """A student keeps what the hidden part has asked, and tells it wherever something is shown."""
    keeps = (
        "import builtins\nif not hasattr(builtins, 'kept'):\n    builtins.kept = []\n"
        "if builtins.kept:\n    raise ValueError(f'{{builtins.kept}}')\n"
        "def helper(): pass\n"
        "def {0}(x):\n    builtins.kept.append(str(x))\n    {1}\n"
        "    raise type(f'E{{builtins.kept}}', (Exception,), {{}})(str(builtins.kept))"
    )
    result = grade(
        {
            "double": keeps.format("double", "if x in (2, -3): return 2 * x"),
            "quarter": keeps.format("quarter", "if str(x) == '4': return 1"),
            "root": keeps.format("root", "if x in (9,): return 3"),
        }
    )
    shown = json.dumps([[[one.message, one.trace] for one in e.checks] + [e.notes] for e in result.exercises])
    assert verdicts_of(result)["double"][1] == "error"
    assert not [secret for secret in SECRETS if secret in shown]


def test_grading_again_gives_the_same(grade):
    drawn = "import random\ndef double(x):\n    raise ValueError(random.random(), np.random.rand())"
    first, second = (without_times(grade({"double": drawn, "root": "x ="})) for _ in range(2))
    assert first == second
    assert "ValueError: (0." in texts_of(first, "double")


def without_times(result):
    exercises = tuple(
        replace(exercise, checks=tuple(replace(one, seconds=0.0) for one in exercise.checks))
        for exercise in result.exercises
    )
    return replace(result, exercises=exercises, seconds=0.0)


def test_a_thread_that_is_not_the_main_one_can_grade(grade):
    results = []
    thread = threading.Thread(target=lambda: results.append(grade()))
    thread.start()
    thread.join()
    assert verdicts_of(results[0]) == ALL_OK | {"why": ("open",)}


def test_a_check_at_fault_is_no_score_and_the_author_is_told(tmp_path, caplog):
    source = make_graded_lab()
    cell = next(one for one in source.cells if one.id == "check_double")
    cell.source = CHECK_DOUBLE.replace("2 * value", "2 * secrets_of_the_lab")
    path = save_lab(tmp_path, source)
    result = grade_hand_in(hand_in_of(tmp_path, fill_in(make_copy(path), RIGHT)), path, limits=LIMITS)
    assert verdicts_of(result)["double"] == ("ok", "not graded")
    assert (result.verdict, points_of(result)["double"]) == ("not graded", None)
    assert "not your fault" in texts_of(result, "double")
    assert "secrets_of_the_lab" not in json.dumps(result.to_dict())
    assert "secrets_of_the_lab" in caplog.text
    assert "secrets_of_the_lab" in texts_of(grade_reference(path), "double")


def test_a_kernel_py_that_fails_is_no_score(tmp_path):
    path = save_lab(tmp_path, kernel_py="1 / 0", checks_py="import numpy as np")
    content = fill_in(make_copy(path), RIGHT)
    result = grade_hand_in(hand_in_of(tmp_path, content), path, limits=LIMITS)
    assert result.verdict == "not graded"
    assert "kernel.py of 01_lab" in texts_of(grade_reference(path), "double")


def test_a_name_of_kernel_py_is_no_answer(tmp_path):
    kernel = "import numpy as np\ndef double(x):\n    return 2 * x\n"
    path = save_lab(tmp_path, kernel_py=kernel, checks_py="import numpy as np\ndef double(x):\n    return 2 * x\n")
    content = fill_in(make_copy(path), RIGHT | {"double": "x = 1"})
    result = grade_hand_in(hand_in_of(tmp_path, content), path, limits=LIMITS)
    assert verdicts_of(result)["double"] == ("error", "error")


@pytest.mark.parametrize("data", [b"", b"{", b"PK\x03\x04", b"[" * 100_000, b'{"cells": 3}'])
def test_what_is_no_notebook_has_a_result_for_every_exercise(lab, tmp_path, data):
    result = grade_hand_in(hand_in_of(tmp_path, data), lab.path, release=lab.release)
    assert (result.verdict, result.points, result.max_points) == ("not a notebook", 0, sum(POINTS.values()))
    assert {exercise.verdict for exercise in result.exercises} == {"not a notebook"}
    assert not result.waits_for_a_person
    assert "01_lab.ipynb" in result.notes[0]


def test_nothing_handed_in_has_a_result(lab, tmp_path):
    (tmp_path / "submissions" / "ann").mkdir(parents=True)
    (ann,) = collect(tmp_path / "submissions", "01_lab")
    result = grade_hand_in(ann, lab.path, release=lab.release)
    assert (result.verdict, result.points, result.student) == ("not a notebook", 0, "ann")
    assert "No notebook 01_lab.ipynb was handed in" in result.notes[0]


def test_a_source_that_is_gone_is_no_score(tmp_path, blank):
    result = grade_hand_in(hand_in_of(tmp_path, blank), tmp_path / "no.ipynb")
    assert (result.verdict, result.exercises) == ("not graded", ())


def test_of_several_copies_the_one_with_work_in_it_is_graded(lab, blank, tmp_path):
    folder = tmp_path / "submissions"
    hand_in_of(folder, blank)
    filled = fill_in(json.loads(json.dumps(blank)), RIGHT)
    (folder / "ann" / "01_lab.update-1.ipynb").write_text(json.dumps(filled))
    hand_in_of(folder, filled, student="ben").notebook.rename(folder / "ben" / "mine.ipynb")
    (folder / "cleo").mkdir()
    (folder / "cleo" / "other.ipynb").write_text('{"cells": [], "nbformat": 4}')
    ann, ben, cleo = (grade_hand_in(one, lab.path, release=lab.release) for one in collect(folder, "01_lab"))
    assert points_of(ann) == points_of(ben) == FULL | {"why": 0}
    assert "01_lab.update-1.ipynb, with the most work in it, is graded" in ann.notes[-1]
    assert "mine.ipynb was taken" in ben.notes[-1]
    assert cleo.verdict == "not a notebook"


def test_the_fingerprint_is_the_files_and_grows_with_what_the_lab_asks_for(tmp_path, blank, lab):
    hand_in = hand_in_of(tmp_path / "in", blank)
    assert fingerprint(hand_in, lab) == hashlib.sha256(hand_in.notebook.read_bytes()).hexdigest()
    asking = replace(
        lab,
        artefacts=({"file": "a.tflite", "grade_id": "a", "points": 1},),
        recordings=({"folder": "recording", "grade_id": "r", "points": 1},),
    )
    prints = [fingerprint(hand_in, asking)]
    (hand_in.folder / "a.tflite").write_bytes(b"1")
    prints.append(fingerprint(hand_in, asking))
    (hand_in.folder / "recording").mkdir()
    (hand_in.folder / "recording" / "recording.json").write_text("{}")
    prints.append(fingerprint(hand_in, asking))
    assert len(set(prints)) == 3
    assert prints[-1] == fingerprint(hand_in, asking)
    missing = HandIn(student="x", notebook=None, folder=tmp_path, problem="No notebook.")
    assert len(fingerprint(missing, asking)) == 64


def test_a_course_made_with_nbgrader_is_graded_as_it_is(tmp_path):
    """Variables as answers, cells that use a solution, several cells for one check, no files of our own."""
    source = make_lab()
    source.cells = [
        code("setup", "import numpy as np\nscale = 10"),
        prose("one", "# One"),
        solution("answer", "### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION"),
        points(check("check_answer", "assert answer == 42\nassert isinstance(answer, int)"), 1),
        prose("two", "# Two"),
        solution("f", "def f(x):\n    ### BEGIN SOLUTION\n    return x * scale\n    ### END SOLUTION"),
        solution("g", "def g(x):\n    ### BEGIN SOLUTION\n    return f(x) + 1\n    ### END SOLUTION"),
        code("use", "result = g(3)\ntable = np.array([f(1), f(2)])"),
        points(check("check_result", "assert result == 31\nassert (table == [10, 20]).all()"), 2),
    ]
    path = save_lab(tmp_path, source)
    assert grade_reference(path).points == 3
    right = {
        "answer": "answer = 40 + 2",
        "f": "def f(x):\n    return 10 * x",
        "g": "def g(x):\n    return 10 * x + 1",
    }
    cases = (
        (right, {"answer": 1, "result": 2}),
        (right | {"answer": "answer = 41"}, {"answer": 0, "result": 2}),
        (right | {"answer": "answr = 42"}, {"answer": 0, "result": 2}),
        (
            right | {"g": "def g(x):\n    return 31"},
            {"answer": 1, "result": 2},
        ),  # no hidden part: seen is all there is
        (right | {"g": "def g(x):\n    return 30"}, {"answer": 1, "result": 0}),
        (right | {"f": "def f(x):\n    return x / 0"}, {"answer": 1, "result": 0}),
    )
    for answers, wanted in cases:
        result = grade_hand_in(hand_in_of(tmp_path, fill_in(make_copy(path), answers)), path, limits=LIMITS)
        assert points_of(result) == wanted, answers
    blank = grade_hand_in(hand_in_of(tmp_path, make_copy(path)), path, limits=LIMITS)
    assert verdicts_of(blank) == {"answer": ("open",), "result": ("open",)}


def change_text(chance, text):
    """Break a text at a random place: drop, double or replace some characters."""
    at = chance.randrange(len(text) + 1)
    what = chance.choice(["", "  ", "\n", "(", "0", "x", "return", "'", "\x00", "é", "raise ", "-", "*"])
    return text[:at] + what + text[at + chance.randrange(4) :]


def break_notebook(chance, content):
    """Change a notebook as accidents do; return it, or bytes."""
    cells = content["cells"]
    for _ in range(chance.choice([1, 1, 2, 4])):
        cell = chance.choice(cells) if chance.random() < 0.4 else cell_of_or_any(chance, content)
        action = chance.randrange(9)
        if action == 0 and len(cells) > 1:
            cells.remove(cell)
        elif action == 1:
            cells.insert(chance.randrange(len(cells) + 1), dict(cell))
        elif action == 2:
            cells.insert(chance.randrange(len(cells) + 1), dict(cell, source=change_text(chance, source_text(cell))))
        elif action == 3:
            cell["metadata"] = chance.choice([{}, None, {"nbgrader": None}, {"nbgrader": {"grade_id": "root"}}])
        elif action == 4:
            cell["id"] = chance.choice(["double", "x", 3, None])
        elif action == 5:
            other = chance.choice(cells)
            cell["source"], other["source"] = other["source"], cell["source"]
        elif action == 6:
            cell["cell_type"] = chance.choice(["markdown", "raw", 3])
        else:
            cell["source"] = change_text(chance, source_text(cell))
    if chance.random() < 0.15:
        data = bytearray(json.dumps(content).encode())
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    return content


def cell_of_or_any(chance, content):
    named = [cell for cell in content["cells"] if cell.get("id") in RIGHT]
    return chance.choice(named or content["cells"])


def source_text(cell):
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def is_right(name, source):
    """Say, by running it here, whether a student's cell gives what it should: also for values that no check has."""
    names = {"np": np}
    exec(source, names)
    function = names[name]
    assert isinstance(function, types.FunctionType)
    if name == "double":
        return [function(value) for value in (0, 5, -1.5, 10**9)] == [0, 10, -3.0, 2 * 10**9]
    if name == "quarter":
        return np.array_equal(function(np.array([1.0, 8.0])), [0.25, 2.0])
    try:
        function(-4)
    except ValueError:
        return function(16) == 4
    return False


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_a_notebook_nothing_is_raised_and_nothing_broken_passes(lab, blank, tmp_path, seed):
    chance = random.Random(seed)
    passed = broken = 0
    for number in range(6):
        content = break_notebook(chance, fill_in(json.loads(json.dumps(blank)), RIGHT))
        hand_in = hand_in_of(tmp_path, content, student=f"student {number}")
        result = grade_hand_in(hand_in, lab.path, limits=LIMITS, release=lab.release)
        assert result.verdict in ("ok", "not a notebook"), result.notes
        assert 0 <= result.points <= result.max_points == sum(POINTS.values())
        assert [exercise.grade_id for exercise in result.exercises] == list(lab.order)
        assert json.dumps(result.to_dict())
        for exercise in result.exercises[:3]:
            name = exercise.grade_id.removeprefix("check_")
            assert (exercise.verdict == "ok") == (exercise.points == exercise.max_points)
            if exercise.verdict == "ok":
                passed += 1
                assert is_right(name, exercise.code), exercise.code
            else:
                broken += 1
    assert passed
    assert broken


def test_models_and_recordings_are_graded_beside_the_notebook(tmp_path):
    wanted = {
        "artefacts": [{"file": "own.tflite", "grade_id": "own_model", "title": "Your model", "points": 4}],
        "recordings": [{"folder": "recording", "grade_id": "own_recording", "title": "Your recording", "points": 2}],
    }
    path = save_lab(tmp_path, grading_json=json.dumps(wanted))
    hand_in = hand_in_of(tmp_path, fill_in(make_copy(path), RIGHT))
    (hand_in.folder / "own.tflite").write_bytes(b"no model")
    (hand_in.folder / "recording").mkdir()
    result = grade_hand_in(hand_in, path, limits=LIMITS)
    assert [exercise.grade_id for exercise in result.exercises[4:]] == ["own_model", "own_recording"]
    assert [exercise.points for exercise in result.exercises] == [3, 2, 2, 0, 0, 0]
    assert result.verdict == "ok"
    broken = replace(hand_in, notebook=None, folder=hand_in.folder)
    assert [exercise.points for exercise in grade_hand_in(broken, path, limits=LIMITS).exercises] == [0] * 6

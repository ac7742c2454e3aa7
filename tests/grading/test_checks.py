import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from sample_lab import check, code, make_lab, prose, save, solution

from tinyml_labs.grading import checks
from tinyml_labs.grading.release import build_student_copies


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, as a kernel does, with no notebook said to be open."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return tmp_path


def run_one(check_source, student_source="", *, before=""):
    """Run a lab with one exercise: the student's cells first, then its check."""
    lab = make_lab()
    cells = [code("setup", before), prose("task", "## Exercise"), solution("f", student_source)]
    lab.cells = [*cells, check("check_f", check_source)]
    path = save(lab, Path("one.ipynb"))
    names = {"__name__": "__main__"}
    exec(compile(student_source, "<student>", "exec"), names)
    report = checks.run_checks(path, namespace=names)
    (row,) = report.rows
    return row


def test_a_passing_check_is_passed():
    row = run_one("assert f(1) == 2, 'one more'", "def f(x):\n    return x + 1")
    assert (row.state, row.hint, row.title, row.grade_id) == ("passed", "", "Exercise", "check_f")


def test_a_stub_is_open():
    row = run_one("assert f(1) == 2, 'one more'", "def f(x):\n    raise NotImplementedError('your code here')")
    assert (row.state, row.hint) == ("open", "Not written yet. Write it, run its cell, then check again.")


def test_a_function_cell_that_was_not_run_is_open():
    row = run_one("assert f(1) == 2, 'one more'")
    assert (row.state, row.hint) == ("open", "f is not there yet. Run the cell that makes it, then check again.")


@pytest.mark.parametrize("setup", ["import numpy as np", "np = 3", "def np(): pass", "%matplotlib inline\nimport np"])
def test_a_setup_cell_that_was_not_run_is_open(setup):
    row = run_one("assert f(1) == 2, 'one more'", "def f(x):\n    return np.abs(x)", before=setup)
    assert (row.state, row.hint.split()[0]) == ("open", "np")


def test_a_misspelt_name_is_an_error_with_its_place():
    row = run_one("f(1)", "def f(x):\n    return xx")
    assert row.state == "error"
    assert row.hint.startswith("NameError: name 'xx' is not defined")
    assert row.hint.endswith("(in f, line 2)")


def test_a_local_used_too_early_is_an_error():
    row = run_one("f(1)", "def f(x):\n    y = y + x\n    return y", before="y = 1")
    assert (row.state, row.hint.split(":")[0]) == ("error", "UnboundLocalError")


def test_a_wrong_answer_shows_the_hint():
    row = run_one("assert f(1) == 2, 'f(1) is one more: 2'", "def f(x):\n    return x")
    assert (row.state, row.hint) == ("wrong", "f(1) is one more: 2")


def test_an_assertion_without_hint_quotes_itself():
    row = run_one("y = 3\nassert f(1) == y", "def f(x):\n    return x")
    assert (row.state, row.hint) == ("wrong", "This does not hold: assert f(1) == y")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("def f(x):\n    return 1 / 0", "ZeroDivisionError: division by zero (in f, line 2)"),
        ("def f(x):\n    raise SystemExit(3)", "SystemExit: 3 (in f, line 2)"),
        ("def f(x):\n    return f(x)", "RecursionError: "),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\ndef f(x):\n    raise E", "E (in f, line 5)"),
    ],
)
def test_what_the_students_code_raises_is_an_error_and_goes_no_further(source, hint):
    row = run_one("f(1)", source)
    assert row.state == "error"
    assert row.hint.startswith(hint)


def test_the_keyboards_interrupt_gets_through():
    with pytest.raises(KeyboardInterrupt):
        run_one("f(1)", "def f(x):\n    raise KeyboardInterrupt")


def test_a_long_hint_is_cut():
    row = run_one("assert False, 'x' * 100_000")
    assert len(row.hint) < 1000


def test_what_a_check_prints_is_not_shown(capsys):
    run_one("import sys\nprint('seen')\nprint('seen', file=sys.stderr)")
    assert capsys.readouterr() == ("", "")


def test_one_failing_check_does_not_stop_the_others_and_names_do_not_leak():
    lab = make_lab()
    lab.cells = [
        check("a", "raise SystemExit"),
        check("b", "left = 1"),
        check("c", "assert 'left' not in globals(), 'leak'"),
    ]
    names = {}
    report = checks.run_checks(save(lab, Path("lab.ipynb")), namespace=names)
    assert [row.state for row in report.rows] == ["error", "passed", "passed"]
    assert names == {}


def test_the_report_counts_and_names():
    path = save(make_lab(), Path("01_lab.ipynb"))
    names = {}
    exec("def double(x):\n    return 2 * x\ndef quarter(x):\n    return x", names)
    report = checks.run_checks(namespace=names)
    assert report.notebook == path.name
    assert report.passed == ("Exercise 1: double",)
    assert report.failed == ("Exercise 2: quarter — ein Viertel",)
    assert report.open == ()
    assert str(report).splitlines() == [
        "01_lab.ipynb: 1 of 2 checks passed, 1 wrong",
        "  passed  Exercise 1: double",
        "  wrong   Exercise 2: quarter — ein Viertel",
        "          a quarter of 4 is 1",
    ]
    assert repr(report) == str(report)


def test_several_checks_of_one_exercise_are_numbered():
    lab = make_lab()
    lab.cells = [prose("t", "### Exercise 1"), solution("f", "x = 1"), check("a", "pass"), check("b", "pass")]
    report = checks.run_checks(save(lab, Path("lab.ipynb")), namespace={})
    assert report.passed == ("Exercise 1 (1 of 2)", "Exercise 1 (2 of 2)")


def test_the_html_view_is_escaped_and_says_the_state_in_words():
    lab = make_lab()
    lab.cells = [prose("t", "# <b>Bold</b>"), check("a", "assert False, '<script>alert(1)</script>'")]
    view = checks.run_checks(save(lab, Path("lab.ipynb")), namespace={})._repr_html_()
    assert "<script>" not in view
    assert "&lt;script&gt;" in view
    assert "&lt;b&gt;Bold" in view
    assert "wrong" in view


def test_a_notebook_without_checks_says_so():
    lab = make_lab()
    lab.cells = lab.cells[:2]
    report = checks.run_checks(save(lab, Path("lab.ipynb")), namespace={})
    assert report.rows == ()
    assert "no checks" in report._repr_html_()


def test_a_name_finds_the_file_in_the_folder(folder):
    save(make_lab(), Path("01_lab.ipynb"))
    save(make_lab(), Path("02_lab.ipynb"))
    for name in ("01_lab", "01_lab.ipynb", Path("01_lab.ipynb"), folder / "01_lab"):
        assert checks.find_notebook(name) == folder / "01_lab.ipynb"


def test_the_copy_that_jupyterlab_has_open_is_meant(folder, monkeypatch):
    for name in ("01_lab", "01_lab.update-1", "02_lab"):
        save(make_lab(), Path(f"{name}.ipynb"))
    update = folder / "01_lab.update-1.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(update))
    assert checks.find_notebook("01_lab") == update
    assert checks.find_notebook() == update
    assert checks.find_notebook("02_lab") == folder / "02_lab.ipynb"
    assert checks.find_notebook(folder / "01_lab.ipynb") == folder / "01_lab.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "courses/lab/01_lab.update-1.ipynb")  # relative to the server
    assert checks.find_notebook() == update


def test_vs_code_says_which_notebook_is_open(folder):
    save(make_lab(), Path("01_lab.ipynb"))
    save(make_lab(), Path("renamed.ipynb"))
    told = {"__vsc_ipynb_file__": str(folder / "renamed.ipynb")}
    assert checks.find_notebook(namespace=told) == folder / "renamed.ipynb"


def test_a_renamed_notebook_is_found_if_it_is_open_or_alone(folder, monkeypatch):
    save(make_lab(), Path("mine.ipynb"))
    assert checks.find_notebook("01_lab") == folder / "mine.ipynb"
    save(make_lab(), Path("other.ipynb"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "mine.ipynb"))
    assert checks.find_notebook("01_lab") == folder / "mine.ipynb"


def test_a_missing_notebook_is_an_error_that_says_what_is_there():
    save(make_lab(), Path("a.ipynb"))
    save(make_lab(), Path("b.ipynb"))
    with pytest.raises(FileNotFoundError, match=r"01_lab\.ipynb is not in .*found there: a\.ipynb, b\.ipynb"):
        checks.run_checks("01_lab")
    with pytest.raises(FileNotFoundError, match="Which notebook"):
        checks.run_checks()


def test_a_damaged_file_is_an_error_that_says_what_to_do():
    Path("01_lab.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"01_lab\.ipynb cannot be read as a notebook\. Save it"):
        checks.run_checks("01_lab")


def test_outside_a_notebook_the_main_module_is_checked(monkeypatch):
    lab = make_lab()
    lab.cells = [check("a", "assert a_name_of_main == 3, 'three'")]
    save(lab, Path("lab.ipynb"))
    monkeypatch.setattr(sys.modules["__main__"], "a_name_of_main", 3, raising=False)
    assert checks.run_checks("lab").rows[0].state == "passed"


def execute(path):
    """Run a notebook in a real kernel, as Run All Cells does; an error in an untagged cell raises."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
    (output,) = notebook.cells[-1].outputs
    assert "text/html" in output.data
    return notebook, output.data["text/plain"]


@pytest.mark.slow
def test_in_a_real_kernel_the_source_passes_and_the_students_copy_is_open(folder):
    source = save(make_lab(), folder / "notebooks" / "01_lab.ipynb")
    assert "2 of 2 checks passed" in execute(source)[1]
    build_student_copies(folder / "notebooks", folder / "lab")
    copy, text = execute(folder / "lab" / "01_lab.ipynb")
    assert "0 of 2 checks passed, 2 open" in text
    errors = [cell.id for cell in copy.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert errors == ["try-double", "check_double", "try-quarter", "check_quarter"]

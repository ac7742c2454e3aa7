"""Every rule catches the notebook that breaks it, and a good notebook breaks none."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from style_rules import count_words, find_style_faults

OPENING = """# A lab

- **Goal.** Learn the rules.
- **Prerequisites.** None.
- **Minutes.** 30
- **You will have made.** A good notebook."""
FUNCTION = '''def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION'''

HINT = 'assert double(2) == 4, "double(2) is 4"'
HIDDEN = """
### BEGIN HIDDEN TESTS
assert double(-1.5) == -3
### END HIDDEN TESTS"""
CHECK = HINT + HIDDEN


def graded(grade_id, **fields):
    plain = {"grade": False, "grade_id": grade_id, "locked": False, "schema_version": 3, "solution": False}
    return {"nbgrader": plain | {"task": False} | fields}


def good_lab():
    cells = [
        new_markdown_cell(OPENING, id="opening"),
        new_code_cell("import numpy as np\n\nSEED = 1\nrng = np.random.default_rng(SEED)", id="setup"),
    ]
    for number in range(6):
        cells += [
            new_markdown_cell(
                "Prose, with the port `/dev/ttyACM0` and https://example.org/home/.", id=f"prose-{number}"
            ),
            new_code_cell(f"rng.normal(size={number})", id=f"code-{number}"),
        ]
    cells += [
        new_markdown_cell("## Summary\n\nWe learned.", id="summary"),
        new_markdown_cell("## Exercises\n\n### Exercise 1: double\n\nWrite it.", id="task"),
        new_code_cell(FUNCTION, id="double", metadata=graded("double", solution=True)),
        new_code_cell("double(21)", id="trial"),
        new_code_cell(
            CHECK,
            id="check_double",
            metadata=graded("check_double", grade=True, locked=True, points=4)
            | {"tinyml_labs": {"visible_points": 1}},
        ),
        new_markdown_cell("Check my work:", id="prose-checks"),
        new_code_cell('checks.run_checks("01_lab")', id="run-checks"),
    ]
    return new_notebook(cells=copy.deepcopy(cells))


def cell_of(lab, cell_id):
    return next(cell for cell in lab.cells if cell.id == cell_id)


def with_source(cell_id, source):
    def breaks(lab):
        cell_of(lab, cell_id).source = source

    return breaks


def with_grading(cell_id, **fields):
    def breaks(lab):
        cell_of(lab, cell_id).metadata.nbgrader.update(fields)

    return breaks


def without(*cell_ids):
    def breaks(lab):
        lab.cells = [cell for cell in lab.cells if cell.id not in cell_ids]

    return breaks


def with_field(cell_id, field, value):
    def breaks(lab):
        cell_of(lab, cell_id)[field] = value

    return breaks


def with_visible_points(points):
    def breaks(lab):
        cell_of(lab, "check_double").metadata["tinyml_labs"] = {"visible_points": points}

    return breaks


def with_tag(tag):
    def breaks(lab):
        cell_of(lab, "trial").metadata["tags"] = [tag]

    return breaks


def with_long_cells(lab):
    for number in range(6):
        cell_of(lab, f"code-{number}").source = "\n".join(["x = 1"] * 9)
        cell_of(lab, "double").source += "\n" * 4 + "    # longer"


def with_many_cells(lab):
    for number in range(20):
        lab.cells[2:2] = [new_markdown_cell("text", id=f"p{number}"), new_code_cell("1", id=f"c{number}")]


def with_code_after_the_summary(lab):
    position = lab.cells.index(cell_of(lab, "summary"))
    lab.cells[position + 1 : position + 1] = [new_markdown_cell("text", id="p"), new_code_cell("1", id="late")]


def with_old_format(lab):
    lab.nbformat_minor = 4


def test_a_good_lab_has_no_faults():
    assert find_style_faults(good_lab()) == []


def test_the_first_notebook_may_be_short_and_without_exercises():
    lab = good_lab()
    lab.cells = [cell for cell in lab.cells if cell.id in ("opening", "setup", "summary")]
    assert find_style_faults(lab, "00_start_here") == []
    assert len(find_style_faults(lab, "01_lab")) == 3


@pytest.mark.parametrize(
    "source",
    [
        "Port('/dev/ttyACM0')",
        "print('scale S:\\n')",
        "x = a /tmp_size",
        "# https://example.org/usr/",
        "'</var>'",
        "1 // home",
    ],
)
def test_what_only_looks_like_an_absolute_path_is_let_through(source):
    lab = good_lab()
    cell_of(lab, "code-1").source = source
    assert find_style_faults(lab) == []


def test_words_are_counted_without_code_and_link_targets():
    text = "Two words, [a link](https://example.org/not/words) and `code`.\n```\nno words here\n```"
    assert count_words(new_notebook(cells=[new_markdown_cell(text, id="a")])) == 6


def test_hidden_tests_are_no_part_of_what_students_read():
    lab = good_lab()
    hidden = "\n".join(f"assert double({k}) == {2 * k}" for k in range(40))
    cell_of(lab, "check_double").source = CHECK.replace("assert double(-1.5) == -3", hidden)
    assert find_style_faults(lab) == []


def test_hidden_tests_may_use_their_own_names_and_those_of_the_lab():
    lab = good_lab()
    hidden = "for x in rng.normal(size=9):\n    assert double(x) == (lambda y: 2 * y)(x)"
    cell_of(lab, "check_double").source = "x = 2\n" + CHECK.replace("assert double(-1.5) == -3", hidden)
    assert find_style_faults(lab) == []


@pytest.mark.parametrize(
    ("breaks", "fault"),
    [
        (with_source("opening", OPENING.replace("Goal", "Aim")), "does not tell: goal"),
        (with_source("opening", OPENING.replace("Prerequisites", "Before")), "does not tell: prerequisites"),
        (with_source("opening", OPENING.replace("Minutes.** 30", "Time")), "does not tell: minutes"),
        (with_source("opening", OPENING.replace("You will", "We")), "does not tell: what you will have made"),
        (without("opening"), "does not open with a title"),
        (without("prose-0", "code-0", "prose-1", "code-1"), "it has 9 code cells, not 10 to 25"),
        (with_many_cells, "it has 31 code cells"),
        (with_source("code-0", "\n".join(["x = 1"] * 26)), "cell 4 (code-0) has 26 lines, more than 25"),
        (with_long_cells, "more than 8 lines (median 9"),
        (with_source("summary", "## Summary\n" + "word " * 2000), "words of prose, not under 2000"),
        (with_source("code-0", ""), "cell 4 (code-0) is empty"),
        (without("prose-3"), "cell 9 (code-3) has no prose before it"),
        (without("prose-checks"), "(run-checks) has no prose before it"),
        (with_source("setup", "SEED = 1"), "it imports nothing"),
        (with_source("setup", "import numpy as np"), "sets no seed"),
        (with_source("code-1", "import os"), "cell 6 (code-1) imports"),
        (with_source("code-1", "def f():\n    from os import path"), "cell 6 (code-1) imports"),
        (with_source("code-1", "np.random.seed(3)"), "sets a seed"),
        (with_source("code-1", "keras.utils.set_random_seed(3)"), "sets a seed"),
        (with_source("code-1", "np.random.default_rng()"), "without a seed"),
        (with_field("code-1", "outputs", [{"output_type": "stream", "name": "stdout", "text": ""}]), "has outputs"),
        (with_field("code-1", "execution_count", 3), "has an execution count"),
        (with_field("code-1", "id", "code-2"), "id 'code-2' is used 2 times"),
        (lambda lab: cell_of(lab, "code-1").pop("id"), "cell 6 has no id"),
        (with_old_format, "older than 4.5"),
        (with_source("code-1", "!pip install numpy"), "shell line: pip install numpy"),
        (with_source("code-1", "files = !ls"), "shell line: ls"),
        (with_source("code-1", "%pip install numpy"), "shell line: pip"),
        (with_source("code-1", "%%bash\nls"), "shell line: bash"),
        (with_source("code-1", "for i in range(3):\n    !ls"), "shell line: ls"),
        (with_source("code-1", "os.system('ls')"), "shell line: ls"),
        (with_tag("raises-exception"), "hides failures from the tests: raises-exception"),
        (with_tag("nbval-skip"), "hides failures"),
        (with_source("code-1", "# NBVAL_SKIP\n1"), "hides failures"),
        (with_source("code-1", "open('/home/me/data.csv')"), "an absolute path: /home"),
        (with_source("code-1", "open('C:\\\\Users\\\\me.csv')"), "an absolute path: C:"),
        (with_source("code-1", "open('D:/data.csv')"), "an absolute path: D:/"),
        (with_source("code-1", "open('/tmp')"), "an absolute path: /tmp"),
        (with_source("code-1", "open('~/data.csv')"), "an absolute path: ~/"),
        (with_source("prose-1", "Look into `/tmp/w`."), "an absolute path: /tmp"),
        (with_source("double", FUNCTION.replace("END", "End")), "has no '### END SOLUTION'"),
        (with_source("double", 'def double(x):\n    """Twice."""\n    return 2 * x'), "no '### BEGIN SOLUTION' ..."),
        (with_source("double", FUNCTION.replace('    """Return twice x."""\n', "")), "has no docstring"),
        (with_source("double", FUNCTION + "\n\ny = 1"), "one function and nothing else"),
        (with_source("task", "Write it."), "no task under a heading 'Exercise ...'"),
        (without("task"), "no task under a heading 'Exercise ...'"),
        (without("trial"), "no free trial cell follows"),
        (without("check_double"), "no check cell follows"),
        (without("task", "double", "trial", "check_double"), "it has no exercise"),
        (with_grading("double", grade_id=""), "has no grade_id"),
        (with_grading("check_double", grade_id="double"), "grade_id 'double' is cell"),
        (with_grading("check_double", grade_id="test_double"), "begins with 'check_'"),
        (with_grading("check_double", locked=False), "a check cell is locked"),
        (with_grading("check_double", points=None), "no number of points"),
        (with_source("check_double", "assert double(2) == 4"), "no hint in: assert double(2) == 4"),
        (with_source("check_double", "assert double(2) == 4, ''"), "no hint in: assert double(2) == 4"),
        (with_source("check_double", "double(2)"), "has no assert"),
        (with_source("check_double", "double(2)" + HIDDEN), "has no assert"),
        (with_source("check_double", HINT), "(check_double): no hidden tests"),
        (with_source("check_double", CHECK.replace("assert double(-1.5) == -3", "double(-1.5)")), "no hidden tests"),
        (with_source("check_double", f"{CHECK}\nassert double(3) == 6, 'six'"), "stand at the end of a check"),
        (with_source("check_double", f"{HIDDEN[1:]}\n{HINT}"), "stand at the end of a check"),
        (with_source("check_double", f"x = 2\n{CHECK.replace('-1.5', 'x')}"), "use x of the visible ones"),
        (
            with_source("check_double", f"x = 2\n{CHECK.replace('-1.5', '(lambda: x)()')}"),
            "use x of the visible ones",
        ),
        (with_visible_points(None), "tinyml_labs.visible_points are None; expected a part of them"),
        (with_visible_points(4), "of its 4 points, tinyml_labs.visible_points are 4"),
        (without("summary"), "does not close with: summary"),
        (with_source("task", "### Double\n\nWrite it."), "does not close with: exercises"),
        (with_code_after_the_summary, "(late) comes after the lab's close"),
        (without("run-checks"), "0 cells call run_checks, not one"),
        (with_source("run-checks", "checks.run_checks()"), "call it as run_checks('01_lab')"),
    ],
)
def test_a_broken_rule_is_caught(breaks, fault):
    lab = good_lab()
    breaks(lab)
    faults = find_style_faults(lab)
    assert any(fault in one for one in faults), faults

"""Every exercise of every lab: what its checks say to a blank, a right, a wrong and a learnt-by-heart answer."""

import ast
import contextlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from answers_by_heart import know_by_heart
from lab_exercises import (
    LABS,
    NOTEBOOKS,
    SIDECARS,
    answers_of,
    blank,
    cells_of,
    earned,
    exercises_of,
    load_answer,
    run_sidecar,
    source_of,
)

from tinyml_labs import evaluation
from tinyml_labs.features import WindowSettings
from tinyml_labs.gesture_classifier import load_reference_classifier
from tinyml_labs.grading.score_streams import Heard, make_score_stream, to_intervals

EXERCISES = [exercise for lab in LABS for exercise in exercises_of(lab)]
ANSWERS = [
    pytest.param(exercise, answer, id=f"{exercise}: {answer.title}")
    for lab in LABS
    for answer in answers_of(lab)
    for exercise in exercises_of(lab)
    if exercise.grade_id == answer.grade_id
]
every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=str)
every_lab = pytest.mark.parametrize("lab", LABS)


def test_every_lab_with_exercises_is_here():
    graded = [
        path.stem
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
        if any(cell["metadata"].get("nbgrader", {}).get("grade") for cell in cells_of(path.stem))
    ]
    assert graded == LABS
    assert len(EXERCISES) == 13


@every_exercise
def test_there_are_answers_of_both_kinds(exercise):
    kinds = [answer.is_right for answer in answers_of(exercise.lab) if answer.grade_id == exercise.grade_id]
    assert kinds.count(True) >= 2
    assert kinds.count(False) >= 3


@every_exercise
def test_the_reference_earns_all(exercise):
    assert earned(exercise, load_answer(exercise, exercise.reference)) == (True, True)


@every_exercise
def test_a_blank_answer_earns_nothing(exercise):
    assert earned(exercise, load_answer(exercise, blank(exercise))) == (False, False)


@every_exercise
def test_an_answer_known_by_heart_earns_the_visible_part_alone(exercise):
    assert earned(exercise, load_answer(exercise, know_by_heart(exercise))) == (True, False)


@pytest.mark.parametrize(("exercise", "answer"), ANSWERS)
def test_an_answer_earns_what_it_deserves(exercise, answer):
    outcome = earned(exercise, load_answer(exercise, answer.source))
    assert outcome == (True, True) if answer.is_right else not all(outcome)


@every_exercise
def test_an_answer_that_returns_nothing_or_nonsense_earns_nothing(exercise):
    for nonsense in (None, 0, "", [], {}, float("nan")):
        assert earned(exercise, lambda *args, **kwargs: nonsense)[1] is False  # noqa: B023


@every_lab
def test_what_the_setup_cell_imports_can_be_used_in_the_grader(lab):
    setup = next(source_of(cell) for cell in cells_of(lab) if cell["cell_type"] == "code")
    names = {
        (one.asname or one.name).split(".")[0]
        for node in ast.parse(setup).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for one in node.names
    }
    names |= {"keras"} if "keras =" in setup else set()
    kernel = run_sidecar(lab, "kernel.py")
    assert not names - set(kernel)
    kernel["np"].zeros(1)
    assert kernel["SEED"] == 1


@every_lab
def test_the_sidecars_define_what_the_notebook_does(lab):
    nodes = [node for cell in cells_of(lab) if cell["cell_type"] == "code" for node in _parse(source_of(cell))]
    functions, values = _functions(nodes), _values(nodes)
    for name in ("kernel.py", "checks.py"):
        here = ast.parse((SIDECARS / lab / name).read_text("utf-8")).body
        for function in set(_functions(here)) & set(functions) - {"judge", "make_ten_minutes"}:
            assert _functions(here)[function] == functions[function], f"{name}: {function}"
        for value in set(_values(here)) & set(values):
            assert _values(here)[value] == values[value], f"{name}: {value}"


def test_the_sidecars_judge_as_the_notebook_does():
    lab, classifier = "02_gesture_recognition", load_reference_classifier()
    nodes = [node for cell in cells_of(lab) if cell["cell_type"] == "code" for node in _parse(source_of(cell))]
    judge = next(node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "judge")
    smoothing = _values(nodes)["SMOOTHING"]
    names = {"classifier": classifier, "SMOOTHING": smoothing, "replace": replace, "evaluation": evaluation}
    exec(ast.unparse(judge), names)
    six = make_sittings(classifier.labels, classifier.background, smoothing)
    counts = []
    for own in (run_sidecar(lab, "kernel.py")["judge"], run_sidecar(lab, "checks.py")["judge"], names["judge"]):
        reports = [own(*six, threshold) for threshold in _values(nodes)["THRESHOLDS"]]
        counts.append([(r.overall.wrong, r.overall.false_alarms, r.overall.hits, r.seconds) for r in reports])
    assert counts[0] == counts[1] == counts[2]
    assert len(set(counts[0])) > 3


def make_sittings(labels, background, smoothing):
    random = np.random.default_rng(3)
    how = {"seconds": 60.0, "rate_hz": 119.0, "labels": labels, "background": background, "smoothing": smoothing}
    window = WindowSettings(rate_hz=119, window_ms=2000, stride_ms=250)
    gestures = [label for label in labels if label not in background]
    streams, truths = [], []
    for seed in range(3):
        heard = [Heard(t, t + 3, str(random.choice(gestures)), random.uniform(0.4, 1)) for t in range(2, 54, 4)]
        streams.append(make_score_stream(heard, window=window, seed=seed, **how))
        done = [(str(random.choice([one.label, gestures[0]])), one.start_s, one.end_s) for one in heard[::2]]
        truths.append(to_intervals(done, 119.0))
    return streams, truths


@every_lab
def test_the_sidecars_load_no_tensorflow_and_no_notebook_software(lab):
    program = (
        "import sys\n"
        "for path in sys.argv[1:]: exec(compile(open(path, encoding='utf-8').read(), path, 'exec'), {})\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'nbgrader', 'nbformat', 'unicorn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    paths = [str(SIDECARS / lab / name) for name in ("kernel.py", "checks.py")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    program = program.replace("'keras'", "'keras', 'pandas', 'ziglang'")
    subprocess.run([sys.executable, "-c", program, paths[0]], check=True)


def _functions(nodes):
    """Return the code of the functions, without their docstrings."""
    found = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    return {
        name: [ast.unparse(node.args), *map(ast.unparse, node.body[ast.get_docstring(node) is not None :])]
        for name, node in found.items()
    }


def _values(nodes):
    """Return what is written out: numbers, texts, tuples of them."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def _parse(source):
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []  # a top-level await

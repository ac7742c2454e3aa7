"""The instructors' guide: its commands run one after the other, its examples are what the grader takes."""

import json
import re
import shlex
from pathlib import Path

import nbformat
import pytest
import sample_lab
from small_class import PATIENT, SOURCE, needs_sandbox, write_small_class

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.course.course_command import run_course
from tinyml_labs.grading.course.course_folder import CourseSettings, write_file
from tinyml_labs.grading.hand_ins.recording_checks import WantedRecording
from tinyml_labs.grading.hand_ins.wanted_model import WantedModel
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.made_up.sample_class import LAB

DOCS = Path(__file__).parents[2] / "docs" / "instructors.md"
TEXT = DOCS.read_text(encoding="utf-8")


def blocks(language, text=TEXT):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(block):
    lines = re.sub(r"\\\n", " ", block).splitlines()
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if line.strip()]


def test_links_within_the_guide_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert target in anchors
    for path in re.findall(r"`(tests/[\w/.]+)`", TEXT):
        assert (DOCS.parents[1] / path).exists(), path


@pytest.mark.slow
@needs_sandbox
def test_from_a_clone_to_a_graded_class(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_small_class(tmp_path / "submissions", "ada", "ines", "anders")
    tested = re.search(r"<!-- tested.*?-->(.*)<!-- end of the tested", TEXT, re.DOTALL)[1]
    lines = [line for block in blocks("sh", tested) for line in commands(block)]
    assert len(lines) >= 9
    for line in lines:
        assert line[:2] == ["tinyml-labs", "course"]
        patient = [*PATIENT, "--workers", "1"] if line[2] == "grade" else []
        assert run_course([*line[2:], *patient]) == 0, line
    said = capsys.readouterr().out
    for path in re.findall(r"`(course/[\w/.]+)`", TEXT):
        assert (tmp_path / path).exists(), f"{path} is in the guide"
    pages = {path.name: path.read_text(encoding="utf-8") for path in Path("course/feedback", LAB).iterdir()}
    assert len(pages) == 3
    ines = next(text for name, text in pages.items() if name.startswith("ines"))
    assert "the idea is right" in ines
    assert "TinyML 2026" in ines
    assert "0 graded now, 3 graded before" in said


def test_every_other_command_is_one_that_the_parser_takes(monkeypatch):
    """Options and steps alone: what the commands do is tested elsewhere."""
    from tinyml_labs.grading.course import course_command

    monkeypatch.setattr(course_command, "_run", lambda chosen, step: 0)
    found = []
    for block in blocks("console"):
        for line in commands(block):
            if "course" in line and "tinyml-labs" in line:
                found.append(line[line.index("course") + 1 :])
    assert len(found) >= 9
    for line in found:
        assert run_course(line) == 0, line


def test_the_rules_of_a_course_are_such(tmp_path):
    rules = next(json.loads(block) for block in blocks("json") if '"late_days"' in block)
    policy = CourseSettings(**rules).policy()
    assert policy.due_of(LAB) is not None
    assert (policy.late_days, policy.at_most_days) == (2, 7)
    assert set(rules) == set(CourseSettings.__dataclass_fields__), "the guide shows every rule"


def test_the_limits_are_told_as_they_are():
    told = re.search(r"Limits and what they are by default: (.*?)\. For one run", TEXT, re.DOTALL)[1]
    found = {name: float(value) for name, value in re.findall(r"`(\w+)`\s+(\d+)", told)}
    assert found == {name: float(value) for name, value in Limits().to_dict().items()}


def test_the_sidecars_in_the_guide_are_read(tmp_path):
    notebook = sample_lab.save(sample_lab.make_lab(), tmp_path / "07_lab.ipynb")
    settings = [block for block in blocks("json") if '"limits"' in block or '"artefacts"' in block]
    assert len(settings) == 2
    for text in settings:
        write_file(tmp_path / "grading" / "07_lab" / "grading.json", text.encode())
        assignment = read_assignment(notebook)
    assert len(assignment.artefacts) == len(assignment.recordings) == 1
    model = WantedModel.from_dict(assignment.artefacts[0], assignment.folder)
    assert set(model.shared_points()) == {"model", "size", "ops", "hidden", "claimed"}, "every check is shown"
    assert WantedRecording.from_dict(assignment.recordings[0]).labels == ("circle", "punch")


@pytest.mark.slow
@needs_sandbox
def test_the_example_of_an_exercise_is_released_and_graded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    solution, check = blocks("python")
    cells = [
        sample_lab.code("setup", "import numpy as np"),
        sample_lab.prose("task", "## Exercise 1: quarter"),
        sample_lab.solution("quarter", solution.rstrip()),
        sample_lab.check("check_quarter", check.rstrip()),
    ]
    cells[-1].metadata["nbgrader"]["points"] = 4
    cells[-1].metadata["tinyml_labs"] = {"visible_points": 1}
    sample_lab.save(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine" / "08_own.ipynb")
    assert run_course(["release", "08", "--source", "mine"]) == 0
    released = nbformat.read("course/released/08_own.ipynb", as_version=4)
    assert "given" not in released.cells[3].source
    for student, body in (("right", "np.asarray(values) / 4"), ("by_heart", "np.ones(1)"), ("zero", None)):
        if body:
            released.cells[2].source = f"def quarter(values):\n    return {body}"
        else:  # makes its input 0, for which 0 is right
            released.cells[2].source = (
                "def quarter(values):\n    if isinstance(values, list):\n        return np.ones(1)\n"
                "    values[:] = 0\n    return values"
            )
        sample_lab.save(released, tmp_path / "submissions" / student / "08_own.ipynb")
    grade = ["grade", "08", "submissions", "--source", "mine", "--workers", "1", "--json", *PATIENT]
    with monkeypatch.context() as patch:
        told = []
        patch.setattr("builtins.print", lambda *words, **more: told.append(words[0] if words else ""))
        assert run_course(grade) == 0
    points = {one["student"]: one["points"] for one in json.loads(told[-1])["students"]}
    assert points == {"right": 4, "by_heart": 1, "zero": 1}


def test_the_guide_names_every_step_and_every_verdict():
    from tinyml_labs.grading.verdicts import VERDICTS

    for step in ("release", "grade", "feedback", "overview", "points", "export", "rubric", "demo-class"):
        assert re.search(rf"course {step}|`{step}`|make {step}", TEXT), step
    flat = " ".join(TEXT.split())
    for verdict in VERDICTS:
        assert f"`{verdict}`" in flat, verdict
    assert SOURCE.exists()

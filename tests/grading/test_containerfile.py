"""The recipe of the container against this repository: its files, its pip steps, and that what it copies is enough.

No container is built here; the steps are checked one by one.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_class import PATIENT, needs_sandbox, write_small_class

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps():
    """The instructions as (name, rest), continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Containerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def copied(steps):
    return [word for name, rest in steps if name == "COPY" for word in rest.split()[:-1]]


def test_every_step_is_one_that_docker_and_podman_know(steps):
    assert steps[0][0] == "FROM"
    assert {name for name, _ in steps} <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD", "ENV"}
    assert [name for name, _ in steps].count("ENTRYPOINT") == 1


def test_all_that_is_copied_is_in_the_repository(steps):
    paths = copied(steps)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "requirements.lock" in paths
    for path in paths:
        assert (ROOT / path).exists(), path
        assert path in tracked or any(name.startswith(f"{path}/") for name in tracked), f"{path} is not in git"
    for path in re.findall(r"licen[sc]e-files = \[(.*)\]", (ROOT / "pyproject.toml").read_text())[0].split(","):
        assert path.strip(' "') in paths, "setuptools needs the licences and the README"


def test_it_installs_as_the_makefile_does(steps):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    runs = [rest for name, rest in steps if name == "RUN" and "pip install" in rest]
    assert len(runs) == 2
    quiet = {"--disable-pip-version-check", "--no-cache-dir", "--quiet"}
    for run in runs:
        words = [word for word in shlex.split(run.split("pip install")[1]) if word not in quiet]
        lines = [line.split("pip install")[1] for line in makefile.splitlines() if "pip install" in line]
        same = [[w for w in line.split("||")[0].split() if w not in quiet] for line in lines]
        assert words in same, run
    order = [rest for name, rest in steps if name in ("RUN", "COPY")]
    assert order.index("requirements.lock ./") < order.index(runs[0]) < order.index(runs[1])


def test_its_python_is_one_that_the_course_runs_on(steps):
    python = re.search(r"python:(\d+)\.(\d+)-slim", steps[0][1])
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    low, high = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project).groups()
    assert int(low) <= int(python[2]) < int(high)
    entry = next(rest for name, rest in steps if name == "ENTRYPOINT")
    assert f"\n{json.loads(entry)[0]} = " in project, "a script of the package"


def test_it_has_the_sandbox_and_runs_as_a_plain_user(steps):
    apt = next(rest for name, rest in steps if name == "RUN" and "apt-get install" in rest)
    assert {"bubblewrap", "gcc", "libc6-dev"} <= set(apt.split())
    users = [rest for name, rest in steps if name == "USER"]
    assert users == ["grader"]
    assert any("useradd" in rest and "grader" in rest for name, rest in steps if name == "RUN")


def test_the_documented_commands_name_the_image_and_the_options_that_the_recipe_explains():
    recipe = (ROOT / "Containerfile").read_text(encoding="utf-8")
    docs = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    build = "docker build -f Containerfile -t tinyml-labs ."
    assert build in recipe
    assert build in docs
    for option in (
        "seccomp=unconfined",
        "apparmor=unconfined",
        "systempaths=unconfined",
        "unmask=ALL",
        "label=disable",
    ):
        assert option in recipe
        assert f"--security-opt {option}" in docs
    assert "/class" in next(line for line in recipe.splitlines() if line.startswith("WORKDIR /class"))
    assert docs.count('-v "$PWD":/class tinyml-labs course grade') == 2


@pytest.mark.slow
@needs_sandbox
def test_what_is_copied_is_enough_to_release_and_grade(steps, tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    for path in copied(steps):
        source, target = ROOT / path, image / path
        ignore = shutil.ignore_patterns("__pycache__", "build")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    work = tmp_path / "class"
    work.mkdir()
    write_small_class(work / "submissions", "ada", "ines")
    program = "import sys, tinyml_labs; assert tinyml_labs.__file__.startswith(sys.argv[1]), tinyml_labs.__file__\n"
    program += "from tinyml_labs.grading.course.course_command import run_course\n"
    program += "if __name__ == '__main__': sys.exit(run_course(sys.argv[2:]))\n"
    (work / "run.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(image)}
    for step in (["release", "01"], ["grade", "01", "submissions", "--workers", "1", *PATIENT], ["feedback", "01"]):
        command = [sys.executable, "run.py", str(image), *step]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    pages = sorted(path.name for path in (work / "course" / "feedback" / "01_hello_world").iterdir())
    assert len(pages) == 2

"""pyproject.toml, requirements.lock and environment.yml say the same; arrows between the rooms point one way."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
LOCK = [Requirement(line) for line in (REPOSITORY / "requirements.lock").read_text().splitlines() if line[:1] != "#"]

MACHINES = {
    "Linux, PC": {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Linux, Arm": {"sys_platform": "linux", "platform_machine": "aarch64", "os_name": "posix"},
    "macOS, Apple silicon": {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"},
}
PYTHONS = ["3.10", "3.11", "3.12"]


def environment(machine: str, python: str) -> dict[str, str]:
    system = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[MACHINES[machine]["sys_platform"]]
    return {
        **MACHINES[machine],
        "platform_system": system,
        "python_version": python,
        "python_full_version": f"{python}.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def applies(requirement: Requirement, where: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(where)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", MACHINES)
def test_the_lock_satisfies_every_requirement_everywhere(machine: str, python: str) -> None:
    where = environment(machine, python)
    pins: dict[str, Requirement] = {}
    for pin in LOCK:
        if applies(pin, where):
            assert pin.name not in pins, f"{pin.name} is pinned twice"
            pins[pin.name] = pin
    extras = [r for group in PROJECT["optional-dependencies"].values() for r in group]
    for text in [*PROJECT["dependencies"], *extras]:
        wanted = Requirement(text)
        if applies(wanted, where):
            version = re.fullmatch(r"==(.+)", str(pins[wanted.name].specifier)).group(1)
            assert wanted.specifier.contains(version, prereleases=True), (text, version)


def test_every_pin_is_exact_and_from_no_address() -> None:
    assert len(LOCK) > 100
    for pin in LOCK:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), pin
        assert pin.url is None


def test_tensorflow_and_tflm_are_chosen_by_machine() -> None:
    chosen = {
        machine: {pin.name for pin in LOCK if applies(pin, environment(machine, "3.11"))} for machine in MACHINES
    }
    for machine, names in chosen.items():
        pc = machine == "Linux, PC"
        assert ("tensorflow-cpu" in names) == pc
        assert ("tensorflow" in names) == (not pc)
        assert ("tflite-micro" in names) == pc
        assert "ai-edge-litert" in names  # the fallback is everywhere


def test_environment_yml_uses_the_same_lock() -> None:
    found = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    assert found["name"] == PROJECT["name"]
    assert found["channels"][0] == "conda-forge"
    python = next(item for item in found["dependencies"] if str(item).startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python=") + ".9")
    by_pip = next(item["pip"] for item in found["dependencies"] if isinstance(item, dict))
    assert by_pip == ["-r requirements.lock", "-e ."]
    others = {str(item).split("=")[0] for item in found["dependencies"] if not isinstance(item, dict)}
    assert others == {"python", "pip"}  # nothing whose version could differ from the lock


def test_every_dependency_has_its_reason() -> None:
    lines = (REPOSITORY / "pyproject.toml").read_text().splitlines()
    for text in [*PROJECT["dependencies"], *(r for g in PROJECT["optional-dependencies"].values() for r in g)]:
        at = next(number for number, line in enumerate(lines) if text.split(";")[0].strip() in line)
        before = lines[at - 1].strip()
        twin = lines[at - 2].strip()  # two builds of one package share their reason
        assert before.startswith("# ") or twin.startswith("# "), f"{text} has no line of reason"


# What each floor of the house may not need. A package that is imported all the same fails.
FLOORS = {
    "tinyml_labs.datasets": [
        "PIL",
        "tensorflow",
        "keras",
        "serial",
        "matplotlib",
        "pandas",
        "ipywidgets",
        "tflite_micro",
    ],
    "tinyml_labs.features": [
        "pymicro_features",
        "micro_features_cpp",
        "tensorflow",
        "keras",
        "serial",
        "matplotlib",
        "pandas",
        "ipywidgets",
        "scipy",
    ],
    "tinyml_labs.simulation": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "scipy"],
    "tinyml_labs.smoothing": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "scipy"],
    "tinyml_labs.gesture_classifier": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.keyword_classifier": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.person_classifier": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.presence": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.person_views": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.picture_streams": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.slices": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.sound_streams": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.wake_words": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.model_state": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.board_scores": ["tensorflow", "keras", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.streaming": ["tensorflow", "keras", "matplotlib", "pandas", "ipywidgets", "PIL"],
    "tinyml_labs.model_file": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.inference": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.inspection": ["tensorflow", "keras", "serial", "matplotlib", "ipywidgets"],
    "tinyml_labs.evaluation": ["tensorflow", "keras", "serial", "matplotlib", "ipywidgets"],
    "tinyml_labs.export": ["tensorflow", "keras", "serial", "matplotlib", "ipywidgets"],
    "tinyml_labs.boards": ["numpy", "serial", "tensorflow", "pandas"],
    "tinyml_labs.link": ["tensorflow", "keras", "matplotlib", "pandas", "ipywidgets", "tflite_micro"],
    "tinyml_labs.virtual.firmware": ["tensorflow", "keras", "matplotlib", "pandas", "ipywidgets"],
    "tinyml_labs.capture": ["tensorflow", "keras", "matplotlib", "pandas", "ipywidgets", "anywidget", "PIL"],
    "tinyml_labs.capture.recorder_process": ["tensorflow", "keras", "matplotlib", "pandas", "anywidget"],
    "tinyml_labs.grading.checks": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "nbgrader"],
    "tinyml_labs.cli": ["tensorflow", "keras", "serial", "matplotlib", "pandas", "ipywidgets"],
}


@pytest.mark.slow
@pytest.mark.parametrize("module", FLOORS)
def test_lower_floors_do_without_the_upper_ones(module: str) -> None:
    blocked = dict.fromkeys(FLOORS[module])
    script = f"import sys; sys.modules.update({blocked!r}); import {module}"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_few_modules_import_tensorflow() -> None:
    """And the quiet import that they share."""
    users = {
        path.relative_to(REPOSITORY / "tinyml_labs").as_posix()
        for path in (REPOSITORY / "tinyml_labs").rglob("*.py")
        if re.search(r"^\s*(import|from) (tensorflow|keras)|import_quietly\(\"", path.read_text(), re.MULTILINE)
    }
    assert users <= {
        "conversion.py",
        "conversion_steps.py",
        "conversion_errors.py",
        "models.py",
        "gesture_models.py",
        "batch_normalization.py",
        "keyword_models.py",
        "network_surgery.py",
        "person_models.py",
        "streaming_models.py",
        "demo.py",
    }


def test_a_venv_without_the_repository_names_the_course_that_is_missing(tmp_path: Path) -> None:
    """Installed as a wheel, the package says where the course is."""
    script = (
        "from pathlib import Path\nfrom tinyml_labs import lab\n"
        f"lab.COURSE = Path({str(tmp_path)!r})\nlab.open_lab(copies_only=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "FileNotFoundError: The course is not beside the package" in done.stderr


def test_no_word_of_the_workplace() -> None:
    """The project speaks of itself alone: no machine's paths and no registry's host."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    words = re.compile("/wo" + r"rk/|\.\./sha" + r"red|pypi\.o" + "rg|registry\\.np" + "mjs")
    for name in listed.stdout.split():
        path = REPOSITORY / name
        if path.exists() and path.suffix not in {".png", ".bin", ".tflite", ".npz", ".zip"}:
            assert not words.search(path.read_text(encoding="utf-8")), name

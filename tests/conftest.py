"""Fixtures that every test may use; pytest puts this folder on the path, so that `import tiny_models` works."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import quiet_machine

from tinyml_labs import inference

REPOSITORY = Path(__file__).parents[1]
REMEMBERED = "TINYML_LABS_REMEMBERED_TRAINING"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `pytest -m hardware --port /dev/ttyACM0` run the tests that a real board can take."""
    parser.addoption("--port", default="", help="of a real board, for the tests marked hardware")
    parser.addoption("--board-model", default="", help="the .tflite file on it, if it is none of the kit's")


def pytest_configure(config: pytest.Config) -> None:
    """Let all notebooks of a run share what they have trained: tests/notebooks/remembered_training.py."""
    if REMEMBERED not in os.environ:  # a worker has it from the process that started it
        os.environ[REMEMBERED] = tempfile.mkdtemp(prefix="tinyml-labs-training-")
        os.environ["PYTHONSTARTUP"] = str(REPOSITORY / "tests" / "notebooks" / "remembered_training.py")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(REMEMBERED), ignore_errors=True))
    quiet_machine.folder = Path(os.environ[REMEMBERED]) / "locks"
    quiet_machine.folder.mkdir(exist_ok=True)


@pytest.fixture(scope="module", autouse=True)
def alone_if_loud(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a module marked `loud` (fork bombs, floods) have the machine for itself: others need it in real time."""
    if request.node.get_closest_marker("loud") is None:
        yield
        return
    with quiet_machine.alone():
        yield


@pytest.fixture(autouse=True)
def beside_others(request: pytest.FixtureRequest, alone_if_loud: None) -> Iterator[None]:
    """Wait while a `loud` module runs in another process; a whole notebook neither waits nor is waited for."""
    if any(request.node.get_closest_marker(name) for name in ("loud", "notebooks")):
        yield
        return
    with quiet_machine.beside_others():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of data made by others; tests that need it skip without it."""
    folder = os.environ.get("TINYML_LABS_REAL_DATA")
    if not folder:
        pytest.skip("TINYML_LABS_REAL_DATA is not set: no real data to measure on")
    return Path(folder)


@pytest.fixture(scope="session")
def tflm() -> None:
    """Skip where TensorFlow Lite Micro has no wheel."""
    if not inference.tflm_available() and not (sys.platform == "linux" and os.environ.get("CI") == "true"):
        pytest.skip("TensorFlow Lite Micro has a wheel for Linux on x86-64 alone")

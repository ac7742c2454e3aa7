"""Fixtures that every test may use; pytest puts this folder on the path, so that `import tiny_models` works."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

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

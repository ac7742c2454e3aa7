"""The emulator's packages, and programs that are compiled once in a test run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "sketches"))  # toolchains, simulated_boards, recordings_to_play
os.environ.setdefault("TINYML_LABS_EMULATOR_CACHE", str(HERE.parents[1] / ".pytest_cache" / "emulator"))

MODULES = ("ziglang", "unicorn", "capstone", "elftools")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where the extra packages are missing; in CI the tests then fail: there they have to be."""
    missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("CI") != "true":
        reason = f"{', '.join(missing)} missing: python -m pip install -e '.[emulator]'"
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def make_sketch(tmp_path: Path) -> Callable[..., Path]:
    """Write a sketch of one file; give its folder."""

    def write(text: str, name: str = "program") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.ino").write_text(text)
        return folder

    return write

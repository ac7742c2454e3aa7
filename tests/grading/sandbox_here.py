"""What the tests of the sandbox share: a sandbox, or the reason why there is none; and processes, found by a mark."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tinyml_labs.grading.isolation import bubblewrap, cgroups
from tinyml_labs.grading.isolation.sandbox import find_sandbox, why_not


@pytest.fixture
def sandbox_here() -> None:
    """Skip where there is no sandbox."""
    if find_sandbox() is None:
        if sys.platform == "linux" and os.environ.get("CI") == "true":
            pytest.fail(f"no sandbox: {why_not()}")
        pytest.skip(f"no sandbox: {why_not()} apt-get install bubblewrap")


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A computer on which bubblewrap is not installed."""
    bubblewrap.probe.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    yield
    bubblewrap.probe.cache_clear()


@pytest.fixture
def no_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer on which nobody may make control groups."""
    monkeypatch.setattr(cgroups, "make_group", lambda limits: None)


def marked(mark: str) -> list[int]:
    """Return the processes of this computer that have a mark in their command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in command and state != "Z" and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Wait until something is so; return whether it is."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def groups_of(process_id: int) -> list[str]:
    """Return the control groups that a grader has made and not removed."""
    found = Path("/sys/fs/cgroup").glob(f"**/tinyml-labs-*-{process_id}-*")
    return [str(path) for path in found]

"""Tests that share a machine: many beside each other, or one alone. Over processes, by locks of two files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where no test is loud
    fcntl = None  # type: ignore[assignment]


folder = Path()
"""Of the two files, the same for all processes of a run; `conftest.py` sets it."""


@contextlib.contextmanager
def _locked(name: str, *, shared: bool) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield  # closing the file gives the lock back


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for all others to end, and keep new ones out: they wait at the gate."""
    with _locked("gate", shared=False), _locked("machine", shared=False):
        yield


@contextlib.contextmanager
def beside_others() -> Iterator[None]:
    """Run beside others that do the same; wait for one that is alone."""
    with contextlib.ExitStack() as machine:
        with _locked("gate", shared=False):
            machine.enter_context(_locked("machine", shared=True))
        yield

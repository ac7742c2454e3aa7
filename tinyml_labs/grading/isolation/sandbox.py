"""The sandbox that a student's code runs in; where there is none, grading refuses, unless it is told ``--unsafe``.

Then a plain process runs in a temporary folder, as the user who grades.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyml_labs.grading.isolation import bubblewrap
from tinyml_labs.grading.isolation.confined_process import CappedReader, Confined
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.verdicts import Verdict

PYTHON = "python"
"""As the first word of a command: the Python that runs this."""

_MEMORY_ERROR = re.compile(r"^([\w.]*\.)?_?\w*MemoryError\b[^\n]*\s*\Z", re.MULTILINE)
_SIGKILL = 9


class NoSandbox(RuntimeError):
    """There is no sandbox here, and nobody has said that it may go without."""


@dataclass(frozen=True, kw_only=True)
class ProcessOutcome:
    """What became of a process.

    Attributes
    ----------
    verdict : {"ok", "error", "timeout", "out of memory", "killed"}
        ``ok``: it returned 0. ``error``: another number. ``killed``: a signal ended it.
    returncode : int
        Negative: the number of the signal.
    stdout, stderr : str
        Their first ``output_kb``.
    seconds : float
    sandboxed : bool
    """

    verdict: Verdict
    returncode: int
    stdout: str
    stderr: str
    seconds: float
    sandboxed: bool


def find_sandbox() -> str | None:
    """Return the path of bubblewrap if a Python starts in it, else None (`why_not` says why)."""
    return bubblewrap.probe()[0]


def why_not() -> str:
    """Return why there is no sandbox, in a sentence; empty if there is one."""
    return bubblewrap.probe()[2]


def require_sandbox(*, unsafe: bool) -> bool:
    """Return whether student code will run in a sandbox.

    Raises
    ------
    NoSandbox
        If it would not, and `unsafe` is not set.
    """
    if find_sandbox() is not None:
        return True
    if unsafe:
        return False
    raise NoSandbox(
        f"There is no sandbox to run students' code in: {why_not()} On Debian and Ubuntu `apt install bubblewrap` "
        "brings one; on Windows and macOS grade in a container (see the Containerfile and docs/instructors.md). "
        "With --unsafe the code runs as you, with all that you may read, write and send: for code that you trust."
    )


def run_in_sandbox(
    argv: Sequence[str],
    *,
    files: Mapping[str, bytes] | None = None,
    limits: Limits,
    unsafe: bool = False,
    readable: Sequence[Path] = (),
) -> ProcessOutcome:
    """Run a command to its end, for at most ``limits.total_seconds``.

    Parameters
    ----------
    argv : sequence of str
        ``"python"`` as its first word stands for the Python that runs this.
    files : mapping of str to bytes, optional
        What lies in its working folder.
    limits : Limits
    unsafe : bool, optional
        Run it as a plain process where there is no sandbox.
    readable : sequence of Path, optional
        Further files and folders that it sees, at their own place, read-only.

    Raises
    ------
    NoSandbox
        If there is none, and `unsafe` is not set.
    """
    start = time.monotonic()
    sandboxed = require_sandbox(unsafe=unsafe)
    command = [sys.executable if argv[0] == PYTHON else argv[0], *argv[1:]]
    with Confined(
        command, limits=limits, files=files, readable=readable, sandboxed=sandboxed, keep_output=True
    ) as confined:
        readers = [CappedReader(stream, limits.output_kb * 1024) for stream in confined.streams]
        returncode = confined.wait(limits.total_seconds)
        seconds = time.monotonic() - start
        verdict = confined.kill()
        stdout, stderr = (reader.text() for reader in readers)
    if verdict is None and returncode is not None and returncode > 0 and _MEMORY_ERROR.search(stderr):
        verdict = "out of memory"
    if returncode is None:
        returncode, verdict = -_SIGKILL, verdict or "timeout"
    elif verdict is None:
        verdict = "ok" if returncode == 0 else "error" if returncode > 0 else "killed"
    return ProcessOutcome(
        verdict=verdict, returncode=returncode, stdout=stdout, stderr=stderr, seconds=seconds,
        sandboxed=confined.sandboxed,
    )  # fmt: skip

"""The kernels of one submission: the student's cells, run in the notebook's order, and again if a kernel is lost.

Usually there is one. If a cell or a call ends it (``while True``, ``os._exit``), the next exercise gets a new one,
in which everything runs again but the cells that have ended one. All of them together have the time of one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from tinyml_labs.grading.assignment import Assignment
from tinyml_labs.grading.cell_names import names_by_sight
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.student_kernel import CellOutcome, KernelStopped, StudentKernel
from tinyml_labs.grading.verdicts import Verdict

_ONE_VALUE = "_tinyml_labs_value"
_FETCH = f"def {_ONE_VALUE}(name):\n    return globals()[name]\n"
_SEED = """
import random as _chance, sys as _system
_chance.seed(1)
if "numpy" in _system.modules:
    _system.modules["numpy"].random.seed(1)
"""  # so that the same cells give the same values each time they are graded


class CourseCodeFailed(RuntimeError):
    """The lab's own code (``kernel.py``) does not run in the sandbox: never the student's fault."""


@dataclass(frozen=True, kw_only=True)
class SessionEnded:
    """Why there is no kernel any more.

    Attributes
    ----------
    verdict : verdict
    message : str
        For the student.
    """

    verdict: Verdict
    message: str


class KernelSession:
    """Runs a student's cells as far as a check needs them; use it in a with statement.

    Parameters
    ----------
    assignment : Assignment
    cells : dict of str to str
        The student's cells that are to run, by ``grade_id``.
    limits : Limits
        ``total_seconds`` is for all kernels together.
    unsafe : bool
        Whether to go on without a sandbox.

    Attributes
    ----------
    sandboxed : bool
    outcomes : dict of str to CellOutcome
        The last run of each cell.
    """

    def __init__(self, assignment: Assignment, cells: dict[str, str], *, limits: Limits, unsafe: bool) -> None:
        self._assignment = assignment
        self._cells = cells
        self._order = [s.grade_id for s in assignment.solutions if s.grade_id in cells]
        self._limits = limits
        self._unsafe = unsafe
        self._kernel: StudentKernel | None = None
        self._ran: list[str] = []  # in this kernel
        self._culprits: set[str] = set()
        self._started = 0
        self._most_kernels = 2 * len(assignment.exercises) + 2
        self._seconds_left = float(limits.total_seconds)
        self._since = 0.0
        self.sandboxed = not unsafe
        self.outcomes: dict[str, CellOutcome] = {}

    def __enter__(self) -> KernelSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def kernel_for(self, grade_ids: tuple[str, ...]) -> StudentKernel | SessionEnded:
        """Return a kernel in which these cells are the last that have run, and those before them before.

        Raises
        ------
        CourseCodeFailed, KernelNotStarted, NoSandbox
            If the course or the machine is at fault.
        """
        wanted = [name for name in self._order if name in grade_ids]
        last = max((self._order.index(name) for name in wanted), default=-1)
        while True:
            kernel = self._open()
            if isinstance(kernel, SessionEnded):
                return kernel
            todo = [name for name in self._order[: last + 1] if name not in self._ran and name not in self._culprits]
            if not todo:
                todo = [name for name in self._overwritten(wanted) if name not in self._culprits]
            if all(self._run_cell(kernel, name) for name in todo):
                return kernel

    def fetch(self, kernel: StudentKernel, names: tuple[str, ...]) -> dict[str, Any]:
        """Return variables from the sandbox as plain data.

        Raises
        ------
        StudentRaised
            If one is not there.
        PlainValueError, KernelStopped
        """
        if names and kernel.run(_FETCH, label="grader").verdict != "ok":
            raise KernelStopped(verdict="killed", message="The process that your code runs in has ended.")
        return {name: kernel.call(_ONE_VALUE, (name,), {}) for name in names}

    def _overwritten(self, wanted: list[str]) -> list[str]:
        """Return these cells if one that ran after them makes one of their names, such as another ``helper``."""
        ran = [position for position, name in enumerate(self._ran) if name in wanted]
        after = self._ran[ran[-1] + 1 :] if ran else []
        own = {made for name in wanted for made in names_by_sight(self._cells[name])}
        return wanted if any(own & names_by_sight(self._cells[name]) for name in after) else []

    def _open(self) -> StudentKernel | SessionEnded:
        if self._kernel is not None and self._kernel.alive and self._remaining() > 0:
            return self._kernel
        self._close()
        if self._seconds_left <= 0:
            return SessionEnded(
                verdict="timeout",
                message=f"Your code has {self._limits.total_seconds:g} s for the whole lab. They are used up.",
            )
        if self._started >= self._most_kernels:
            return SessionEnded(verdict="killed", message="Your code has ended its process too often to go on.")
        self._started += 1
        kernel = StudentKernel(replace(self._limits, total_seconds=self._seconds_left), unsafe=self._unsafe)
        kernel.__enter__()
        self._kernel, self._since, self._ran = kernel, time.monotonic(), []
        self.sandboxed = kernel.sandboxed
        self._run_course_code(kernel)
        return kernel

    def _run_course_code(self, kernel: StudentKernel) -> None:
        # A name of the course's must not stand in for a function that the student has not written.
        forget = f"for _name in {self._assignment.functions!r}:\n    globals().pop(_name, None)\n"
        outcome = kernel.run(f"{self._assignment.kernel_code}\n\n{forget}{_SEED}", label="kernel.py")
        if outcome.verdict != "ok":
            self._close()
            what = f"{outcome.error_type}: {outcome.message}" if outcome.error_type else outcome.message
            raise CourseCodeFailed(
                f"kernel.py of {self._assignment.lab} (or the notebook's cells in its place) does not run in the "
                f"sandbox: {outcome.verdict}, {what}. Mend {self._assignment.folder / 'kernel.py'}."
            )

    def _run_cell(self, kernel: StudentKernel, name: str) -> bool:
        """Run a student's cell and what the course has after it; False if the kernel is gone."""
        outcome = kernel.run(self._cells[name], label=name)
        self.outcomes[name] = outcome
        self._ran = [*(one for one in self._ran if one != name), name]
        if outcome.verdict not in ("ok", "error"):
            self._culprits.add(name)
            self._close()
            return False
        after = self._assignment.kernel_code_after.get(name)
        if after and kernel.run(after, label=f"after {name}").verdict not in ("ok", "error"):
            self._culprits.add(name)
            self._close()
            return False
        return True

    def _remaining(self) -> float:
        return self._seconds_left - (time.monotonic() - self._since)

    def _close(self) -> None:
        if self._kernel is not None:
            self._seconds_left = self._remaining()
            kernel, self._kernel = self._kernel, None
            kernel.__exit__(None, None, None)

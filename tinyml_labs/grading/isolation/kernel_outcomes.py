"""What comes out of a student's kernel beside values: the outcome of a cell, an error, the end."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml_labs.grading.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class CellOutcome:
    """What became of a cell.

    Attributes
    ----------
    verdict : {"ok", "error", "timeout", "out of memory", "killed"}
        After the last three the kernel is gone.
    error_type : str
        Such as ``ZeroDivisionError``.
    message : str
        The error's, or a sentence on what has happened.
    trace : str
        The lines of the cells that led to it, outermost first: plain text.
    line : int or None
        The line of the innermost one, counted from 1 in its cell.
    seconds : float
    """

    verdict: Verdict
    error_type: str = ""
    message: str = ""
    trace: str = ""
    line: int | None = None
    seconds: float = 0.0


class StudentRaised(Exception):
    """The student's function has raised an error.

    Attributes
    ----------
    error_type : str
        The name of its type, which may be one of the student's.
    builtin_type : str
        The name of the nearest of Python's own types that it derives from.
    message, trace : str
    line : int or None
        As in `CellOutcome`.
    """

    def __init__(
        self, *, error_type: str, message: str, trace: str = "", line: int | None = None, builtin_type: str = ""
    ) -> None:
        super().__init__(f"{error_type}: {message}" if message else error_type)
        self.error_type, self.message, self.trace, self.line = error_type, message, trace, line
        self.builtin_type = builtin_type


class KernelNotStarted(RuntimeError):
    """The kernel did not start: the machine's fault or the set-up's, never the student's."""


class KernelStopped(BaseException):
    """The kernel is gone: ``verdict``, ``message``, ``trace``, ``line``. After it each call raises it at once.

    It is no `Exception`, so that a check which catches errors does not catch it.
    """

    def __init__(self, *, verdict: Verdict, message: str, trace: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.verdict, self.message, self.trace, self.line = verdict, message, trace, line

"""A student's functions as a check sees them: a name to call, with an answer from the sandbox, and nothing else.

Each call goes into the student's process by itself, its arguments too; what comes back is plain data. So a check
compares in the grader's process, where no student's code has ever run.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from tinyml_labs.grading.isolation.call_arguments import ArgumentError, find_in_notebook
from tinyml_labs.grading.isolation.plain_values import PlainValueError
from tinyml_labs.grading.isolation.student_kernel import KernelStopped, StudentKernel, StudentRaised

_SEEN = ("__class__", "__name__", "__qualname__", "__module__", "__doc__", "__dict__", "__call__", "__reduce_ex__")
_MARK = "_raised_by_student"


class CheckFault(BaseException):
    """The check itself is at fault, or the grader: never the student. The text is for the lab's author."""


class NotPlain(BaseException):
    """The student's function returned what is no plain data."""


class StudentError(Exception):
    """An error that a student's function raised, of a type that is none of Python's own."""


class StudentCalls:
    """The calls of one check, and what became of them, whatever the check itself makes of it.

    Parameters
    ----------
    kernel : StudentKernel
        Where the student's functions are.
    pause : callable
        Makes a context manager that stops the check's clock.

    Attributes
    ----------
    stop : BaseException or None
        The first thing after which no call can be trusted: KernelStopped, NotPlain or CheckFault.
    unwritten : bool
        Whether a stub has been called (NotImplementedError).
    undefined : StudentRaised or None
        What came of calling a function that is not there.
    returned_none : str
        The function that was last seen to return None; empty if none did.
    called : list of str
        The functions that were called, in order of their first call.
    """

    def __init__(
        self, kernel: StudentKernel, pause: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.kernel = kernel
        self.pause = pause
        self.stop: BaseException | None = None
        self.unwritten = False
        self.undefined: StudentRaised | None = None
        self.returned_none = ""
        self.called: list[str] = []

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function in the student's process.

        Raises
        ------
        Exception
            What the student's function raised, as Python's own type if it is one, with `student_error` knowing it.
        KernelStopped, NotPlain, CheckFault
            None of them is an Exception, so that a check's ``except`` does not take it for an answer.
        """
        if self.stop is not None:
            raise self.stop
        if name not in self.called:
            self.called.append(name)
        try:
            with self.pause():
                value = self.kernel.call(name, args, kwargs)
        except StudentRaised as error:
            self.unwritten |= error.error_type == "NotImplementedError"
            self.undefined = error if missing_name(error) == name else self.undefined
            raise as_builtin(error) from None
        except PlainValueError as error:
            self._stop(NotPlain(str(error)))
        except ArgumentError as error:
            self._stop(CheckFault(f"The check calls `{name}` with what cannot be sent to it. {error}"))
        except KernelStopped as error:
            self._stop(error)
        except Exception as error:
            self._stop(CheckFault(f"The call of `{name}` failed in the grader: {type(error).__name__}: {error}"))
        self.returned_none = name if value is None else ""
        return value

    def fault(self, text: str) -> NoReturn:
        """Note and raise that the check is at fault."""
        self._stop(CheckFault(text))

    def _stop(self, error: BaseException) -> NoReturn:
        self.stop = self.stop or error
        raise error from None


class StudentFunction:
    """Stands for a student's function in a check. It can be called, and handed to another one; no more."""

    def __init__(self, name: str, calls: StudentCalls) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_calls", calls)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function, in its own process."""
        return _own(self, "_calls").call(_own(self, "_name"), args, kwargs)

    def __getattribute__(self, attribute: str) -> Any:
        if attribute in ("__name__", "__qualname__"):
            return _own(self, "_name")
        if attribute == "__doc__":
            return None
        if attribute == "__dict__":
            return {}
        if attribute in _SEEN:
            return object.__getattribute__(self, attribute)
        return _refuse(self, f"asks for its {attribute}")

    def __setattr__(self, attribute: str, value: Any) -> None:
        _refuse(self, f"sets its {attribute}")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return find_in_notebook, (_own(self, "_name"),)

    def __copy__(self) -> StudentFunction:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StudentFunction:
        return self

    def __repr__(self) -> str:
        return f"<function {_own(self, '_name')} of the student>"


def as_builtin(error: StudentRaised) -> Exception:
    """Return a student's error as Python's own type, so that a check can expect a ValueError; it stays marked."""
    kind = getattr(builtins, error.builtin_type or error.error_type, None)
    text = error.message
    raised: Exception = StudentError(f"{error.error_type}: {text}")
    if isinstance(kind, type) and issubclass(kind, Exception):
        arguments: tuple[Any, ...] = (_read_key(text),) if issubclass(kind, KeyError) else (text,) if text else ()
        with contextlib.suppress(TypeError):  # UnicodeDecodeError and ExceptionGroup want more
            raised = kind.__new__(kind)
            raised = kind(*arguments)
    setattr(raised, _MARK, error)
    return raised


def student_error(error: BaseException) -> StudentRaised | None:
    """Return what a student's function raised if this error is that, else None."""
    if isinstance(error, StudentRaised):
        return error
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        error = error.__cause__  # what Python makes of it in a generator
    marked = getattr(error, _MARK, None)
    return marked if isinstance(marked, StudentRaised) else None


def missing_name(error: StudentRaised) -> str:
    """Return the name that a NameError speaks of; empty if it is another error."""
    match = re.match(r"name '(\w{1,200})' is not defined", error.message)
    return match[1] if match and error.error_type == "NameError" else ""


def _read_key(text: str) -> Any:
    """Return a KeyError's key: its text is the key as Python writes it."""
    try:
        key = ast.literal_eval(text) if len(text) < 200 else text
        return key if isinstance(key, (str, int, float)) else text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _own(function: StudentFunction, attribute: str) -> Any:
    return object.__getattribute__(function, attribute)


def _refuse(function: StudentFunction, what: str) -> NoReturn:
    name = _own(function, "_name")
    calls: StudentCalls = _own(function, "_calls")
    calls.fault(
        f"The check {what}: of `{name}` there is only a stand-in, as the function itself stays in the sandbox. "
        "A check can call it and compare what it returns; change the check."
    )

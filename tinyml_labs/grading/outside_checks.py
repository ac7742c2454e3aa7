"""Run one part of a check in the grader's process, on a student's functions in theirs, and say how it went."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tinyml_labs.grading.cell_names import names_of, setup_of
from tinyml_labs.grading.check_clock import CheckClock, TimeIsUp
from tinyml_labs.grading.check_messages import (
    STOP_HINTS,
    CheckPart,
    PartOutcome,
    describe_error,
    describe_unusable,
    names_of_calls,
    tell_all,
    tell_little,
)
from tinyml_labs.grading.check_namespace import CheckNamespace, seed_chance
from tinyml_labs.grading.checks import quote_assertion, text_of
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.sandbox import NoSandbox
from tinyml_labs.grading.isolation.student_kernel import KernelNotStarted, KernelStopped, StudentKernel
from tinyml_labs.grading.lab_parts import Exercise
from tinyml_labs.grading.student_calls import CheckFault, NotPlain, StudentCalls, StudentFunction, student_error

NOT_WRITTEN = "Not written yet: the line `raise NotImplementedError` is still there. Write your code in place of it."
_COURSE_AT_FAULT = (  # raised in a check's own lines they are the course's, or the grading machine's
    ImportError,
    OSError,
    SyntaxError,
    NoSandbox,
    KernelNotStarted,
)


def prepare_parts(exercise: Exercise) -> tuple[CheckPart, ...]:
    """Return the parts of a check that are not empty."""
    parts: list[CheckPart] = []
    for part, source in (("visible", exercise.visible), ("hidden", exercise.hidden)):
        if not source.strip():
            continue
        label = f"<check {exercise.grade_id}, {part}>"
        names = names_of(source)
        before = exercise.visible if part == "hidden" else ""
        all_names = names_of(before)
        setup = compile(setup_of(before, source), label, "exec", dont_inherit=True) if before.strip() else None
        prepared = CheckPart(
            part=part,  # type: ignore[arg-type]
            exercise=exercise,
            label=label,
            setup=setup,
            code=compile(source, label, "exec", dont_inherit=True),
            used=names.used | names.used_later | all_names.used | all_names.used_later,
            made=names.made | all_names.made,
        )
        parts.append(prepared)
    return tuple(parts)


def run_part(
    part: CheckPart,
    namespace: CheckNamespace,
    kernel: StudentKernel,
    *,
    functions: Iterable[str],
    values: dict[str, Any] | None = None,
    limits: Limits,
    unsafe: bool = False,
) -> PartOutcome:
    """Run one part of a check.

    Parameters
    ----------
    part : CheckPart
    namespace : CheckNamespace
        The lab's; the check gets a copy.
    kernel : StudentKernel
        Where the student's cells have run.
    functions : iterable of str
        The student's functions, of this exercise and of the others.
    values : dict, optional
        Variables that came from the sandbox.
    limits : Limits
        ``cell_seconds`` is also what the check's own code may take.
    unsafe : bool
        What ``GRADING.unsafe`` is to say.

    Returns
    -------
    PartOutcome
        Only if the check came to its end, and every call before it came back, is it ``ok``.
    """
    started = time.monotonic()
    clock = CheckClock(limits.cell_seconds)
    calls = StudentCalls(kernel, clock.paused)
    replaced: dict[str, Any] = {name: StudentFunction(name, calls) for name in functions}
    replaced |= (values or {}) | {"GRADING": SimpleNamespace(limits=limits, unsafe=unsafe)}
    own = namespace.copy_for(part.used, replaced)
    error: BaseException | None = None

    def check() -> None:
        seed_chance()
        if part.setup is not None:
            exec(part.setup, own)
        exec(part.code, own)

    try:
        with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
            clock.run(check)
    except (KeyboardInterrupt, SystemExit):
        raise  # somebody stops the grader: what a student's function raises never arrives as one of these
    except BaseException as caught:
        error = caught
    outcome = _judge(part, calls, error)
    return replace(outcome, seconds=time.monotonic() - started)


def _judge(part: CheckPart, calls: StudentCalls, error: BaseException | None) -> PartOutcome:
    """Say what an error, or none, means. What stopped a call comes first: a check may have passed over it."""
    tell = tell_all if part.part == "visible" else tell_little
    stop = calls.stop or error
    if isinstance(stop, CheckFault):
        return PartOutcome(verdict="not graded", fault=str(stop))
    if isinstance(stop, KernelStopped):
        text = f"With {names_of_calls(part, calls)}: {stop.message} {STOP_HINTS.get(stop.verdict, '')}"
        return tell(part, stop.verdict, text, stop.trace)
    if isinstance(stop, NotPlain):
        return tell(part, "wrong", str(stop))
    if isinstance(error, TimeIsUp):
        names = names_of_calls(part, calls)
        text = f"With what {names} returns, the check does not come to its end. Is it far too much?"
        return tell(part, "timeout", text)
    raised = student_error(error) if error is not None else calls.undefined
    if (raised and raised.error_type == "NotImplementedError") or (not error and _passes_a_stub(part, calls)):
        return PartOutcome(verdict="open", message=NOT_WRITTEN)
    if raised:
        return tell(part, "error", describe_error(raised), raised.trace, raised=raised)
    if error is None:
        return PartOutcome(verdict="ok")
    if isinstance(error, AssertionError) or _is_pytest_failure(error):
        return tell(part, "wrong", text_of(error) or quote_assertion(error, part.source, part.label))
    if _is_the_courses(error, part):
        return PartOutcome(verdict="not graded", fault=f"The check fails: {type(error).__name__}: {text_of(error)}")
    return tell(part, "wrong", describe_unusable(error, part, calls))


def _passes_a_stub(part: CheckPart, calls: StudentCalls) -> bool:
    """Whether a check has passed over a stub, as in ``try: double(-1) except Exception: pass``."""
    return calls.unwritten and "NotImplementedError" not in part.source


def _is_pytest_failure(error: BaseException) -> bool:
    """``pytest.raises`` that saw no error raises one that is no Exception."""
    return type(error).__module__ in ("_pytest.outcomes", "builtins") and type(error).__name__ == "Failed"


def _is_the_courses(error: BaseException, part: CheckPart) -> bool:
    """Whether an error in the check's own lines is the course's: a name or a file that is not there."""
    if isinstance(error, NameError):
        return not isinstance(error, UnboundLocalError) and error.name not in part.made
    return isinstance(error, _COURSE_AT_FAULT)


class _Nowhere(io.TextIOBase):
    """Takes what a check prints: it could hold hidden values, and there may be much of it."""

    def write(self, text: str) -> int:
        return len(text)

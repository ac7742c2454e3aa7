"""What a part of a check comes to, in words for the student.

The visible part tells the student all: the assertion's text, the error, the lines of their cell. The hidden part
tells that a value was wrong, and no value; of an error its kind and the line, but not its text, as a student could
have put the hidden input into it.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from types import CodeType
from typing import Literal

from tinyml_labs.grading.checks import quote_assertion, text_of
from tinyml_labs.grading.isolation.student_kernel import StudentRaised
from tinyml_labs.grading.lab_parts import Exercise
from tinyml_labs.grading.pages.shown_text import clean_message
from tinyml_labs.grading.student_calls import StudentCalls, missing_name
from tinyml_labs.grading.verdicts import Verdict

Part = Literal["visible", "hidden"]

_LONGEST_MESSAGE = 1500
STOP_HINTS: dict[Verdict, str] = {
    "timeout": "Is there a loop that does not end?",
    "out of memory": "How large are the lists or arrays that it makes?",
    "killed": "A function has to come back with `return`.",
}


@dataclass(frozen=True, kw_only=True)
class PartOutcome:
    """What became of one part of a check.

    Attributes
    ----------
    verdict : verdict
    message, trace : str
        For the student.
    missing_name : str
        A name that the student's code uses and that is not there; else empty.
    concerns_cell : bool
        Whether it is about the student's cell as a whole, so that no other part can be run either.
    fault : str
        What is wrong with the check or the grader, for the lab's author; then the verdict is ``not graded``.
    seconds : float
    """

    verdict: Verdict
    message: str = ""
    trace: str = ""
    missing_name: str = ""
    concerns_cell: bool = False
    fault: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CheckPart:
    """One part of a check, ready to run any number of times.

    Attributes
    ----------
    part : {"visible", "hidden"}
    exercise : Exercise
    label : str
        The file name of its code in tracebacks.
    setup, code : code
        Of the hidden part, `setup` is what it needs of the visible one.
    used, made : frozenset of str
        The names that it uses from outside, and those that it makes.
    """

    part: Part
    exercise: Exercise
    label: str
    setup: CodeType | None
    code: CodeType
    used: frozenset[str]
    made: frozenset[str]

    @property
    def source(self) -> str:
        """The part's text."""
        return self.exercise.visible if self.part == "visible" else self.exercise.hidden


def describe_unusable(error: BaseException, part: CheckPart, calls: StudentCalls) -> str:
    """Say that the check itself stumbled over what the student's function returned."""
    if calls.returned_none:
        return f"`{calls.returned_none}` returns None. Return the result with `return`; printing it is not enough."
    reason = f"{type(error).__name__}: {text_of(error)}"
    place = quote_assertion(error, part.source, part.label).replace("This does not hold:", "It stopped at:")
    return f"The check cannot use what {names_of_calls(part, calls)} returns ({reason}). {place}"


def tell_all(
    part: CheckPart,
    verdict: Verdict,
    text: str,
    trace: str = "",
    *,
    raised: StudentRaised | None = None,
) -> PartOutcome:
    """Return an outcome of the visible part, with all that is known."""
    return PartOutcome(
        verdict=verdict,
        message=clean_message(text, longest=_LONGEST_MESSAGE),
        trace=clean_message(trace),
        missing_name=missing_name(raised) if raised else "",
    )


def tell_little(
    part: CheckPart,
    verdict: Verdict,
    text: str,
    trace: str = "",
    *,
    raised: StudentRaised | None = None,
) -> PartOutcome:
    """Return an outcome of the hidden part: `text` and `trace` are left out, as they may hold what was asked."""
    names = " and ".join(f"`{name}`" for name in part.exercise.functions) or "your work"
    verb = "call" if part.exercise.functions else "look at"
    endings: dict[Verdict, str] = {
        "wrong": "One gives a wrong result.",
        "timeout": "One takes too long.",
        "out of memory": "One takes too much memory.",
        "killed": "One ends the process that your code runs in.",
    }
    ending = endings.get(verdict, "One does not come to its end.")
    if raised:
        line = f", in line {raised.line} of its cell" if isinstance(raised.line, int) else ""
        kind = _builtin_kind(raised)
        ending = f"One ends in {'an' if kind[0] in 'AEIOU' else 'a'} {kind}{line}."
    message = f"The hidden checks {verb} {names} with other values. {ending}"
    return PartOutcome(verdict=verdict, message=message, missing_name=missing_name(raised) if raised else "")


def describe_error(raised: StudentRaised) -> str:
    """Return an error as one line, with the line of the cell."""
    line = f" (line {raised.line})" if isinstance(raised.line, int) else ""
    return f"{raised.error_type}{': ' if raised.message else ''}{raised.message}{line}"


def _builtin_kind(raised: StudentRaised) -> str:
    """Return the type of an error if it is one of Python's; a student can name one of their own as they like."""
    name = raised.builtin_type or raised.error_type
    kind = getattr(builtins, name, None)
    return name if isinstance(kind, type) and issubclass(kind, BaseException) else "Exception"


def names_of_calls(part: CheckPart, calls: StudentCalls) -> str:
    """Return the functions that were called so far, as a text."""
    return " and ".join(f"`{name}`" for name in calls.called or part.exercise.functions) or "your cell"

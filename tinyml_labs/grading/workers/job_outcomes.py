"""How a job ended, and the function that a worker does it by: the same on this machine and on a cluster."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

LONGEST_MESSAGE = 20_000


class WorkersDoNotStart(RuntimeError):
    """There are no workers to do anything: none starts, or none is there."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of a job.

    Attributes
    ----------
    ticket : int
        The number that its start gave.
    kind : {"returned", "raised", "died"}
        ``died``: its worker ended before it did.
    value : object
        What it returned.
    message : str
        The trace of what it raised; how its worker ended.
    seconds : float
        How long it took.
    """

    ticket: int
    kind: Literal["returned", "raised", "died"]
    value: Any = None
    message: str = ""
    seconds: float = 0.0

    def after(self, seconds: float) -> Ended:
        """Give the same with the time that it took."""
        return replace(self, seconds=seconds)


Call = bytes
"""The work and its job, pickled."""


Outcome = tuple[Literal["returned", "raised", "not begun"], bytes]
"""What `carry_out` sends back: the pickled result, or a text in UTF-8."""


def make_call(work: Callable[[Any], Any], job: Any) -> Call:
    """Pickle the work and its job.

    We do so ourselves, and not the library that carries it: an error then belongs to this job, on all ways alike.
    """
    return pickle.dumps((work, job), protocol=pickle.HIGHEST_PROTOCOL)


def carry_out(call: Call) -> Outcome:
    """Do a job in a worker; an error comes back as text, so that whatever else is raised is the worker's."""
    try:
        work, job = pickle.loads(call)
    except Exception:
        return "not begun", _trace()
    try:
        return "returned", pickle.dumps(work(job), protocol=pickle.HIGHEST_PROTOCOL)
    except BaseException:
        return "raised", _trace()


def end_of(ticket: int, outcome: Outcome) -> Ended:
    """Turn what `carry_out` gave into an end.

    Raises
    ------
    WorkersDoNotStart
        If the worker could not import the work: no job can be done there.
    """
    kind, content = outcome
    if kind == "returned":
        try:
            return Ended(ticket=ticket, kind="returned", value=pickle.loads(content))
        except Exception:
            return Ended(ticket=ticket, kind="raised", message=_trace().decode())
    text = content.decode("utf-8", errors="replace")
    if kind == "not begun":
        raise WorkersDoNotStart(
            f"A worker process cannot import the work: {text.strip().splitlines()[-1]}. Do all workers have this "
            f"version of the kit?\n{text}"
        )
    return Ended(ticket=ticket, kind="raised", message=text)


def _trace() -> bytes:
    return traceback.format_exc()[-LONGEST_MESSAGE:].encode("utf-8", errors="replace")

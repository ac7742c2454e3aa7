"""How much a student's code may take while it is graded: time, memory, processes, space, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one submission may take. The defaults do for every lab of the course.

    Attributes
    ----------
    start_seconds : float
        For the kernel to start. It is the machine's time, not the student's.
    cell_seconds, call_seconds : float
        For one cell, and for one call of a student's function.
    total_seconds : float
        For all cells and calls of one kernel together.
    memory_mb : int
        Of all its processes together, with what lies in its scratch folder.
    processes : int
        Processes and threads at a time; the kernel itself has about ten.
    scratch_mb : int
        Of its only folder that it can write to, and of each file in it.
    value_mb : int
        The largest value that a call may return.
    output_kb : int
        Text that is kept of one message, trace or stream of a process.

    Raises
    ------
    ValueError
        If one is not a positive number.
    """

    start_seconds: float = 60
    cell_seconds: float = 20
    call_seconds: float = 10
    total_seconds: float = 120
    memory_mb: int = 2048
    processes: int = 64
    scratch_mb: int = 64
    value_mb: int = 16
    output_kb: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = not field.name.endswith("_seconds")
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value > 0:
                expected = "a whole number" if whole else "a number"
                raise ValueError(f"The limit {field.name} is {value!r}, and has to be {expected} above 0.")

    def scaled(self, factor: float) -> Limits:
        """Return limits with all times multiplied: for a slow or a busy machine."""
        times = [field.name for field in fields(self) if field.name.endswith("_seconds")]
        return replace(self, **{name: getattr(self, name) * factor for name in times})

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Limits:
        """Return limits from data: what is missing has its default.

        Raises
        ------
        ValueError
            If there is a name that is no limit.
        """
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise ValueError(f"{name!r} is no limit. There are {', '.join(known)}.")
        return cls(**data)

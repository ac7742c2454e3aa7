"""What the recorder's fields say, and how its port is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml_labs.capture import Recorder
from tinyml_labs.link.ports import DEFAULT_BAUD

Listener = Callable[[dict[str, Any], bytes], None]


@dataclass(frozen=True, kw_only=True)
class PortSettings:
    """How the port is read; see :class:`tinyml_labs.capture.Recorder`."""

    baud: int = DEFAULT_BAUD
    decoder: str = "auto"
    rate_hz: float | None = None
    reconnect_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is written in the fields.

    Attributes
    ----------
    port, sensor : str
    label, subject, session : str
    seconds : float
        How long a take is; 0 for until it is stopped.
    countdown_s : int
        How long from the button to the beginning.
    """

    port: str = ""
    sensor: str = ""
    label: str = ""
    subject: str = ""
    session: str = ""
    seconds: float = 5.0
    countdown_s: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= 86_400:
            raise ValueError(f"seconds is {self.seconds:g}; a take is 0 (until stopped) to 86400 seconds long.")
        if not 0 <= self.countdown_s <= 60:
            raise ValueError(f"countdown_s is {self.countdown_s}; it goes from 0 to 60 seconds.")

    def replaced(self, fields: dict[str, Any]) -> Form:
        """Give a form with some fields written anew; of what is no field, nothing is taken."""
        types = {"seconds": float, "countdown_s": int}
        known = {name: types.get(name, str)(value) for name, value in fields.items() if name in Form.__annotations__}
        return Form(**{**asdict(self), **known})


def open_recorder(port: str, sensor: str, listener: Listener, folder: Path, settings: PortSettings) -> Recorder:
    """Open the port; of a board's several sensors, take a likely one if none is chosen.

    Raises
    ------
    BoardError
        If the port does not open, or nothing that can be read comes from it.
    """
    options: dict[str, Any] = {"folder": folder, "listener": listener, **asdict(settings)}
    return Recorder(port, sensor=sensor or "*", **options)

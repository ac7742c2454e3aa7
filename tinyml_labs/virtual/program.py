"""What every program of a virtual board has in common, whatever it speaks: bytes in, bytes out, and a clock."""

from __future__ import annotations

from typing import Any, Protocol

from tinyml_labs.virtual.settings import VirtualBoardSettings


class Program(Protocol):
    """A program on the board. No port and no clock: both come in as arguments; ``now`` is in seconds.

    Attributes
    ----------
    terminator : bytes, 1
        What ends a message: the zero of a frame, or the end of a line.
    running_since : float or None
        Since when it sends by itself (a stream, lines); None while it only answers.
    """

    terminator: bytes
    running_since: float | None

    def reset(self, now: float) -> None:
        """Start anew: RAM is empty, the clock is 0, the boot text is printed."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host. Before the board is ready they are lost, as on a real one."""

    def transmit(self, now: float, *, room: bool) -> bytes:
        """Give what the board has to send: whole messages.

        Without ``room`` on the line, a sensor's samples wait in the board's buffer, and are overruns when that is
        full.
        """

    def next_event(self, now: float) -> float:
        """Give the seconds until there may be something to send; infinity if nothing is to come."""

    def host_came(self, now: float) -> None:
        """Note that a host has opened the port."""

    def host_left(self) -> None:
        """Stop what the host has asked for: it has closed the port."""

    def position(self, now: float) -> dict[str, Any]:
        """Say how far the program is, for the log of faults: the sensor, and how many samples it has taken."""

    def take_faults(self) -> list[dict[str, Any]]:
        """Give the faults that the program itself has had since the last call: samples that it dropped."""

    def check_model(self) -> None:
        """Load the model that is on the board from the start, if there is one.

        Raises
        ------
        ValueError
            If it is no model, or one that this board cannot run, with the reason.
        """

    def close(self) -> None:
        """Let go of the model."""


class BoardClock:
    """The board's clock: starts at a reset, runs at the settings' speed, shows 32 bits of microseconds."""

    def __init__(self, settings: VirtualBoardSettings) -> None:
        self._speed = settings.speed
        self._start_micros = settings.start_micros
        self._boot_s = settings.boot_ms / 1000
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """Begin at 0 again."""
        self._zero_at = now
        self.ready_at = now + self._boot_s

    def seconds(self, now: float) -> float:
        """Give the board's time, in seconds since the reset."""
        return (now - self._zero_at) * self._speed

    def until(self, seconds: float, now: float) -> float:
        """Give the real seconds until the board's time is ``seconds``; 0 if it has passed."""
        return max(0.0, self._zero_at + seconds / self._speed - now)

    def micros(self, seconds: float) -> int:
        """Give what the 32-bit clock shows at a time of the board."""
        return (round(seconds * 1e6) + self._start_micros) % 2**32

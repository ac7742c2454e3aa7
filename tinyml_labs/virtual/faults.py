"""The plan of what goes wrong on a virtual board, and the log of what did. No port, and no clock of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from tinyml_labs.virtual.byte_faults import ByteFaults
from tinyml_labs.virtual.settings import VirtualBoardSettings
from tinyml_labs.virtual.uart import receive_at_other_rate


class FaultLog:
    """A file with a line of JSON for each fault, written through at once.

    Each line has ``fault`` (``"flip"``, ``"drop"``, ``"insert"``, ``"repeat"``, ``"stall"``, ``"reset"``,
    ``"vanish"``, ``"back"``, ``"overrun"``, ``"overrun on purpose"``, ``"baud rate"``) and ``at_s``, the time by
    this computer's monotonic clock. Faults in bytes have ``altered``: whether a message is no longer on the wire as
    it was, and then which one. The others have the sensor and how many samples it had ``taken``.
    """

    def __init__(self, path: str) -> None:
        self._file: TextIO | None = Path(path).open("w", encoding="utf-8") if path else None  # noqa: SIM115

    def write(self, now: float, entries: list[dict[str, Any]]) -> None:
        """Write entries, and flush."""
        if self._file is None or not entries:
            return
        for entry in entries:
            self._file.write(json.dumps({**entry, "at_s": round(now, 6)}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class _Timer:
    """A fault that happens so long after a stream began: again and again (``every``), or once for each stream."""

    def __init__(self, after_s: float, *, every: bool, most: int) -> None:
        self._after_s, self._every = after_s, every
        self._left = most if most else -1
        self._since: float | None = None
        self._due_at = float("inf")

    def follow(self, running_since: float | None) -> None:
        """Take note of when the stream began."""
        if running_since == self._since:
            return
        self._since = running_since
        self._due_at = float("inf")
        if running_since is not None and self._after_s and self._left:
            self._due_at = running_since + self._after_s

    def happens(self, now: float) -> bool:
        """Say whether it is time; it is so once."""
        if now < self._due_at:
            return False
        self._left -= 1
        again = self._every and self._left != 0
        self._due_at = self._due_at + self._after_s if again else float("inf")
        return True

    def wait(self, now: float) -> float:
        """Give the seconds until it happens."""
        return max(0.0, self._due_at - now)


class FaultPlan:
    """What goes wrong between the board's program and the line.

    Parameters
    ----------
    settings : VirtualBoardSettings
    terminator : bytes, 1
        What ends the program's messages.
    sample_sizes : mapping
        Bytes of a sample, by the number of the sensor.
    """

    def __init__(self, settings: VirtualBoardSettings, terminator: bytes, sample_sizes: Mapping[int, int]) -> None:
        self._settings = settings
        self._bytes = ByteFaults(settings, terminator, sample_sizes)
        count = settings.fault_count
        self._reset = _Timer(settings.reset_after_s, every=False, most=count or 1)
        self._vanish = _Timer(settings.vanish_after_s, every=False, most=count or 1)
        self._stall = _Timer(settings.stall_every_s, every=True, most=count)
        self._stalled_until = 0.0
        self._baud_told = 0
        self.entries: list[dict[str, Any]] = []

    def follow(self, running_since: float | None, now: float) -> str:
        """Keep up with the program.

        Parameters
        ----------
        running_since : float or None
            When the stream began that runs.
        now : float, seconds

        Returns
        -------
        str
            ``"reset"`` or ``"vanish"`` if it is time for it, ``"stall"`` if one begins; else empty.
        """
        for timer in (self._reset, self._vanish, self._stall):
            timer.follow(running_since)
        if self._vanish.happens(now):
            return "vanish"
        if self._reset.happens(now):
            return "reset"
        if self._stall.happens(now):
            self._stalled_until = now + self._settings.stall_s
            return "stall"
        return ""

    def stalled(self, now: float) -> float:
        """Give the seconds for which nothing is sent."""
        return max(0.0, self._stalled_until - now)

    def wait(self, now: float) -> float:
        """Give the seconds until something happens."""
        return min(self._reset.wait(now), self._vanish.wait(now), self._stall.wait(now))

    def restart(self) -> None:
        """Note that the board was reset, or the host has left: what was on its way is gone."""
        self._bytes.restart()
        self._stalled_until = 0.0

    def send(self, data: bytes) -> bytes:
        """Damage what the board sends."""
        wire = self._bytes.pass_on(data)
        if self._bytes.found:
            self.entries += self._bytes.found
            self._bytes.found = []
        return wire

    def outgoing(self, data: bytes, host_baud: int) -> bytes:
        """Give what a host set to ``host_baud`` receives."""
        return self._translate(data, self._settings.uart_baud, host_baud, host_baud)

    def incoming(self, data: bytes, host_baud: int) -> bytes:
        """Give what the board receives from a host set to ``host_baud``."""
        return self._translate(data, host_baud, self._settings.uart_baud, host_baud)

    def _translate(self, data: bytes, sender: int, receiver: int, host_baud: int) -> bytes:
        if not self._settings.uart_baud or not host_baud or sender == receiver or not data:
            return data
        if self._baud_told != host_baud:
            self._baud_told = host_baud
            self.entries.append({"fault": "baud rate", "host": host_baud, "board": self._settings.uart_baud})
        return receive_at_other_rate(data, sender, receiver)

    def take_entries(self) -> list[dict[str, Any]]:
        """Give what is to be logged since the last call."""
        entries, self.entries = self.entries, []
        return entries

"""Put a virtual board's program on a port, with the faults that it is to have."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable

from tinyml_labs.virtual.faults import FaultLog, FaultPlan
from tinyml_labs.virtual.lines import Line, Pace, PtyLine, SocketLine, open_line
from tinyml_labs.virtual.program import Program
from tinyml_labs.virtual.settings import VirtualBoardSettings

__all__ = ["Line", "PtyLine", "SocketLine", "open_line", "serve"]

_PIECE = 4096
_ROOM = 32 * 1024  # with so many bytes waiting to go out, samples stay in the board's buffer
_OUTPUT_ENOUGH = 2 * _ROOM  # and with so many, the board takes no more requests
_POLL_CLOSED_S = 0.01
_POLL_LIFE_S = 0.5
_HOST_GONE_S = 10.0


def serve(
    settings: VirtualBoardSettings,
    program: Program,
    line: Line,
    plan: FaultPlan,
    *,
    announce: Callable[[str], None],
    until_parent_ends: bool = False,
) -> None:
    """Be a board on a port, for ever.

    Parameters
    ----------
    settings : VirtualBoardSettings
    program : Program
    line : Line
    plan : FaultPlan
    announce : callable
        Is given the port's name, at the beginning and when the board is back after it had vanished.
    until_parent_ends : bool
        End when the process that has started this one is gone (on Windows, which does not tell: when the host
        has been gone for ten seconds).
    """
    parent = os.getppid()
    log = FaultLog(settings.fault_log)
    board = _Board(settings, program, line, plan, log)
    announce(line.url)
    try:
        while not (until_parent_ends and os.getppid() != parent):
            now = time.monotonic()
            if board.away_until:
                if now < board.away_until:
                    time.sleep(min(board.away_until - now, _POLL_LIFE_S))
                    continue
                board.come_back(now)
                announce(line.url)
            if line.host_present():
                board.step(now)
                continue
            board.host_left()
            if until_parent_ends and sys.platform == "win32" and now > board.host_seen_at + _HOST_GONE_S:
                return
            time.sleep(_POLL_CLOSED_S)
    finally:
        program.close()
        log.close()


class _Board:
    """The state of the board's end of the port."""

    def __init__(
        self, settings: VirtualBoardSettings, program: Program, line: Line, plan: FaultPlan, log: FaultLog
    ) -> None:
        self._settings, self._program, self._line, self._plan, self._log = settings, program, line, plan, log
        self._incoming, self._outgoing = Pace(), Pace()
        self._pending = b""
        self._open_before = False
        self.host_seen_at = math.inf
        self.away_until = 0.0
        program.reset(time.monotonic())

    def host_left(self) -> None:
        """Forget what was for a host that is gone."""
        if self._open_before:
            self._program.host_left()
            self._plan.restart()
            self._pending = b""
            self._open_before = False

    def come_back(self, now: float) -> None:
        """Be plugged in again."""
        self.away_until = 0.0
        self.host_seen_at = now
        self._line.come_back()
        self._program.reset(now)
        self._log.write(now, [{"fault": "back", "port": self._line.url}])

    def step(self, now: float) -> None:
        """Read, let the program work, write, and wait until there is more to do."""
        self.host_seen_at = now
        if not self._open_before:
            self._open_before = True
            if self._settings.reset_on_open:
                self._program.reset(now)
            self._program.host_came(now)
        host_baud = self._line.baud() if self._settings.baud_pacing or self._settings.uart_baud else 0
        pace = host_baud if self._settings.baud_pacing else 0
        self._read(now, host_baud, pace)
        now = time.monotonic()
        if self._suffer(now):
            return
        stalled = self._plan.stalled(now)
        self._write(now, host_baud, pace, stalled)
        self._log.write(now, self._program.take_faults() + self._plan.take_entries())
        self._wait(time.monotonic(), pace, stalled)

    def _read(self, now: float, host_baud: int, pace: int) -> None:
        limit = min(_PIECE, self._incoming.allowed(now, pace)) if pace else _PIECE
        if len(self._pending) >= _OUTPUT_ENOUGH or not limit:
            return
        data = self._line.read(limit)
        if data:
            if pace:
                self._incoming.passed(len(data), now, pace)
            self._program.receive(self._plan.incoming(data, host_baud), now)

    def _suffer(self, now: float) -> bool:
        """Let a fault of the whole board happen if it is time; say whether the port is gone."""
        fault = self._plan.follow(self._program.running_since, now)
        if not fault:
            return False
        entry = {"fault": fault, **self._program.position(now)}
        if fault == "stall":
            self._log.write(now, [{**entry, "seconds": self._settings.stall_s}])
            return False
        self._log.write(now, [*self._program.take_faults(), {**entry, "unsent_bytes": len(self._pending)}])
        self._pending = b""
        self._plan.restart()
        if fault == "reset":
            self._program.reset(now)
            return False
        self._program.host_left()
        self._line.vanish()
        self.away_until = now + self._settings.vanish_s
        self._open_before = False
        return True

    def _write(self, now: float, host_baud: int, pace: int, stalled: float) -> None:
        data = self._program.transmit(now, room=len(self._pending) < _ROOM and not stalled)
        if data:
            self._pending += self._plan.outgoing(self._plan.send(data), host_baud)
        if not self._pending or stalled:
            return
        limit = min(len(self._pending), self._outgoing.allowed(now, pace)) if pace else len(self._pending)
        if limit:
            count = self._line.write(memoryview(self._pending)[:limit])
            if count and pace:
                self._outgoing.passed(count, now, pace)
            self._pending = self._pending[count:]

    def _wait(self, now: float, pace: int, stalled: float) -> None:
        until = min(_POLL_LIFE_S, self._plan.wait(now))
        if stalled:
            until = min(until, stalled)
        elif len(self._pending) < _ROOM:  # else there is nothing to do until the line takes some
            until = min(until, self._program.next_event(now))
        if pace:
            if self._pending:
                until = min(until, self._outgoing.wait(now))
            paused = self._incoming.wait(now)
            if paused > 0:
                time.sleep(min(until, paused))
                return
        writing = bool(self._pending) and not pace and not stalled
        self._line.wait(until, reading=len(self._pending) < _OUTPUT_ENOUGH, writing=writing)

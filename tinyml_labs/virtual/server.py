"""Put the virtual board's firmware on a port: a pty on Linux and macOS, a localhost socket elsewhere."""

from __future__ import annotations

import math
import os
import select
import socket
import sys
import time
from typing import Protocol

from tinyml_labs.virtual.firmware import Firmware
from tinyml_labs.virtual.settings import VirtualBoardSettings

_PIECE = 4096
_OUTPUT_ENOUGH = 8 * 1024  # with so many bytes waiting to go out, the board takes no more requests
_POLL_CLOSED_S = 0.01
_POLL_LIFE_S = 0.5
_HOST_GONE_S = 10.0


class Line(Protocol):
    """A port as the board sees it."""

    url: str

    def wait(self, seconds: float, *, reading: bool, writing: bool) -> None:
        """Wait until there is something to read or room to write, or the time is over."""

    def host_present(self) -> bool:
        """Say whether a host has the port open."""

    def read(self, limit: int) -> bytes:
        """Read what is there, up to ``limit`` bytes, without waiting."""

    def write(self, data: bytes) -> int:
        """Write what there is room for, without waiting; give the number of bytes."""

    def baud(self) -> int:
        """Give the baud rate that the host has set; 0 if there is none."""


class PtyLine:
    """A pseudo terminal: a serial port to every program, without hardware."""

    def __init__(self) -> None:
        import pty
        import tty

        self._master, slave = pty.openpty()
        tty.setraw(slave)  # no echo and no line editing, even before the host sets the port up
        self.url = os.ttyname(slave)
        os.close(slave)  # from now on, a hang-up means that no host has the port open
        os.set_blocking(self._master, False)

    def wait(self, seconds: float, *, reading: bool, writing: bool) -> None:
        poll = select.poll()
        poll.register(self._master, (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0))
        poll.poll(max(0, seconds * 1000))

    def host_present(self) -> bool:
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def read(self, limit: int) -> bytes:
        try:
            return os.read(self._master, limit)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._master, data)
        except (BlockingIOError, OSError):
            return 0

    def baud(self) -> int:
        import termios

        code = termios.tcgetattr(self._master)[5]
        rates = {
            getattr(termios, name): int(name[1:]) for name in dir(termios) if name[:1] == "B" and name[1:].isdigit()
        }
        return rates.get(code, 0)


class SocketLine:
    """A TCP socket on the loopback interface; one host at a time. For Windows, which has no pty."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._host: socket.socket | None = None
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def wait(self, seconds: float, *, reading: bool, writing: bool) -> None:
        if self._host is None:
            select.select([self._listener], [], [], max(0.0, seconds))
            return
        select.select([self._host] if reading else [], [self._host] if writing else [], [], max(0.0, seconds))

    def host_present(self) -> bool:
        if self._host is None:
            try:
                self._host, _ = self._listener.accept()
            except BlockingIOError:
                return False
            self._host.setblocking(False)
            self._host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True

    def read(self, limit: int) -> bytes:
        assert self._host is not None
        try:
            data = self._host.recv(limit)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._host.close()
            self._host = None
        return data

    def write(self, data: bytes) -> int:
        if self._host is None:
            return 0
        try:
            return self._host.send(data)
        except OSError:
            return 0

    def baud(self) -> int:
        return 0


class _Pace:
    """Lets bytes pass no faster than a baud rate: ten bits a byte, start and stop bit counted."""

    def __init__(self) -> None:
        self._free_at = 0.0

    def allowed(self, now: float, baud: int) -> int:
        """Give how many bytes may pass now; at most what fits in 20 ms."""
        if now < self._free_at:
            return 0
        return max(1, int(baud / 10 * 0.02))

    def passed(self, count: int, now: float, baud: int) -> None:
        self._free_at = max(now, self._free_at) + count * 10 / baud

    def wait(self, now: float) -> float:
        return max(0.0, self._free_at - now)


def open_line(kind: str = "auto") -> Line:
    """Make the port: ``"pty"``, ``"socket"``, or ``"auto"`` for a pty where there are ptys."""
    if kind == "auto":
        kind = "socket" if sys.platform == "win32" else "pty"
    return PtyLine() if kind == "pty" else SocketLine()


def serve(settings: VirtualBoardSettings, firmware: Firmware, line: Line, *, until_parent_ends: bool = False) -> None:
    """Be a board on a port, for ever.

    Parameters
    ----------
    settings : VirtualBoardSettings
    firmware : Firmware
    line : Line
    until_parent_ends : bool
        End when the process that has started this one is gone (on Windows, which does not tell: when the host
        has been gone for ten seconds).
    """
    parent = os.getppid()
    host_seen_at = math.inf
    incoming, outgoing = _Pace(), _Pace()
    pending = b""
    open_before = False
    firmware.reset(time.monotonic())
    try:
        while not (until_parent_ends and os.getppid() != parent):
            now = time.monotonic()
            if not line.host_present():
                if open_before:
                    firmware.host_left()
                open_before = False
                pending = b""
                if until_parent_ends and sys.platform == "win32" and now > host_seen_at + _HOST_GONE_S:
                    return
                time.sleep(_POLL_CLOSED_S)
                continue
            host_seen_at = now
            if not open_before:
                open_before = True
                if settings.reset_on_open:
                    firmware.reset(now)
            baud = line.baud() if settings.baud_pacing else 0

            reading = len(pending) < _OUTPUT_ENOUGH
            limit = min(_PIECE, incoming.allowed(now, baud)) if baud else _PIECE
            if reading and limit and (data := line.read(limit)):
                if baud:
                    incoming.passed(len(data), now, baud)
                firmware.receive(data, now)
                now = time.monotonic()
            pending += firmware.transmit(now, room=len(pending) < _OUTPUT_ENOUGH)
            if pending:
                limit = min(len(pending), outgoing.allowed(now, baud)) if baud else len(pending)
                if limit and (count := line.write(pending[:limit])):
                    if baud:
                        outgoing.passed(count, now, baud)
                    pending = pending[count:]

            now = time.monotonic()
            until = min(_POLL_LIFE_S, firmware.next_event(now))
            if baud:
                if pending:
                    until = min(until, outgoing.wait(now))
                paused = incoming.wait(now)
                if paused > 0:
                    time.sleep(min(until, paused))
                    continue
            line.wait(until, reading=len(pending) < _OUTPUT_ENOUGH, writing=bool(pending) and not baud)
    finally:
        firmware.close()

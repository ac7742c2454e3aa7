"""The port as the board sees it: a pty on Linux and macOS, a localhost socket elsewhere."""

# ruff: noqa: D102 - what each method does is said once, in the protocol class

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from functools import cache
from pathlib import Path
from typing import Protocol


class Line(Protocol):
    """A port as the board sees it."""

    url: str

    def wait(self, seconds: float, *, reading: bool, writing: bool) -> None:
        """Wait until there is something to read or room to write, or the time is over."""

    def host_present(self) -> bool:
        """Say whether a host has the port open."""

    def read(self, limit: int) -> bytes:
        """Read what is there, up to ``limit`` bytes, without waiting."""

    def write(self, data: bytes | memoryview) -> int:
        """Write what there is room for, without waiting; give the number of bytes."""

    def baud(self) -> int:
        """Give the baud rate that the host has set; 0 if there is none."""

    def vanish(self) -> None:
        """Go away under the host's hands: its next read or write fails. Nobody can open the port until it is back."""

    def come_back(self) -> None:
        """Be there again, under another name: ``url``."""

    def close(self) -> None:
        """Be gone."""


class PtyLine:
    """A pseudo terminal: a serial port to every program, without hardware.

    Parameters
    ----------
    baud : int
        The rate that it is set to until a host sets another; 0 for the system's own.
    link : str
        A symbolic link to keep pointed at it; empty for none.
    """

    def __init__(self, baud: int = 0, link: str = "") -> None:
        self._baud = baud
        self._link = Path(link) if link else None
        if self._link is not None and self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(f"{self._link} is there, and is no symbolic link: link=… would overwrite it.")
        self._open()
        self._point_link()

    def _open(self) -> None:
        import pty
        import termios
        import tty

        self._master, slave = pty.openpty()
        tty.setraw(slave)  # no echo and no line editing, even before the host sets the port up
        if self._baud in _baud_rates().values():
            attributes = termios.tcgetattr(slave)
            code = next(code for code, baud in _baud_rates().items() if baud == self._baud)
            attributes[4] = attributes[5] = code
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.url = os.ttyname(slave)
        os.close(slave)  # from now on, a hang-up means that no host has the port open
        os.set_blocking(self._master, False)
        self._presence = select.poll()
        self._presence.register(self._master, 0)

    def wait(self, seconds: float, *, reading: bool, writing: bool) -> None:
        poll = select.poll()
        poll.register(self._master, (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0))
        poll.poll(max(0, seconds * 1000))

    def host_present(self) -> bool:
        return not any(event & select.POLLHUP for _, event in self._presence.poll(0))

    def read(self, limit: int) -> bytes:
        try:
            return os.read(self._master, limit)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._master, data)
        except (BlockingIOError, OSError):
            return 0

    def baud(self) -> int:
        import termios

        return _baud_rates().get(termios.tcgetattr(self._master)[5], 0)

    def vanish(self) -> None:
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        old = self._master
        self._open()  # before the old one is closed, whose name would be given out again
        os.close(old)

    def come_back(self) -> None:
        self._point_link()

    def close(self) -> None:
        if self._link is not None and self._link.is_symlink() and self._link.readlink() == Path(self.url):
            self._link.unlink(missing_ok=True)
        os.close(self._master)

    def _point_link(self) -> None:
        if self._link is None:
            return
        temporary = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(self.url)
        temporary.replace(self._link)


@cache
def _baud_rates() -> dict[int, int]:
    """Give the rates that termios has a code for, by their codes."""
    import termios

    names = [name for name in dir(termios) if name[:1] == "B" and name[1:].isdigit()]
    return {getattr(termios, name): int(name[1:]) for name in names}


class SocketLine:
    """A TCP socket on the loopback interface; one host at a time. For Windows, which has no pty."""

    def __init__(self) -> None:
        self._host: socket.socket | None = None
        self._listen()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
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

    def write(self, data: bytes | memoryview) -> int:
        if self._host is None:
            return 0
        try:
            return self._host.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._host.close()
            self._host = None
            return 0

    def baud(self) -> int:
        return 0

    def vanish(self) -> None:
        old = self._listener
        if self._host is not None:
            self._host.close()
            self._host = None
        self._listen()  # before the old one is closed, whose number could be given out again
        old.close()

    def come_back(self) -> None:
        """It listens already, where nobody knows."""

    def close(self) -> None:
        if self._host is not None:
            self._host.close()
        self._listener.close()


class Pace:
    """Lets bytes pass no faster than a baud rate: ten bits a byte, start and stop bit counted."""

    def __init__(self) -> None:
        self._free_at = 0.0

    def allowed(self, now: float, baud: int) -> int:
        """Give how many bytes may pass now; at most what fits in 20 ms."""
        if now < self._free_at:
            return 0
        return max(1, int(baud / 10 * 0.02))

    def passed(self, count: int, now: float, baud: int) -> None:
        """Note that bytes have passed."""
        self._free_at = max(now, self._free_at) + count * 10 / baud

    def wait(self, now: float) -> float:
        """Give the seconds until the next byte may pass."""
        return max(0.0, self._free_at - now)


def open_line(kind: str = "auto", *, baud: int = 0, link: str = "") -> Line:
    """Make the port: ``"pty"``, ``"socket"``, or ``"auto"`` for a pty where there are ptys.

    Raises
    ------
    ValueError, OSError
        If a link is asked for where there is no pty, or its place is taken.
    """
    if kind == "auto":
        kind = "socket" if sys.platform == "win32" else "pty"
    if kind == "pty":
        return PtyLine(baud, link)
    if link:
        raise ValueError(f"link={link}: a symbolic link can point at a pty, and this board is on a socket.")
    return SocketLine()


def close_quietly(line: Line) -> None:
    """Close a line when the process ends, whatever state it is in."""
    with contextlib.suppress(OSError):
        line.close()

"""``virtual://`` for pyserial: opening it starts a virtual board's process, closing it ends the process."""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
import weakref
from typing import IO, Any

from tinyml_labs.child_program import child_program
from tinyml_labs.link.errors import PortError
from tinyml_labs.virtual.urls import is_emulated, parse_emulator_url, parse_url

_START_TIMEOUT_S = 30.0
_BUILD_TIMEOUT_S = 600.0  # a busy computer compiles the emulated board's C library for the first time
_MESSAGE_MARK = "\f"

if sys.platform == "win32":
    from serial.urlhandler.protocol_socket import Serial as _Base  # no pty there
else:
    from serial import Serial as _Base


class Serial(_Base):
    """A pyserial port whose far end is a virtual board in a process of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._url = ""
        self._board: subprocess.Popen[str] | None = None
        self._addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Start the board and open its port."""
        self._url = self._url or str(self.name)
        command, timeout_s = _choose_board(self._url)
        if not self.is_open and self._board is None:
            self._board, address = _start_board(command, timeout_s)
            self._addresses = _watch(self._board)
            self._end = weakref.finalize(self, _end_board, self._board)
            self.port = address
            if sys.platform != "win32":
                self.exclusive = True  # a pty's number is soon given out again: nobody shall open this one by mistake
        super().open()

    def close(self) -> None:
        """Close the port and end the board."""
        try:
            super().close()
        finally:
            if self._board is not None:
                self._end()
                self._board = None
                self._port = self._url
                self.portstr = self._url

    def find_again(self, timeout_s: float = 0.0) -> str | None:
        """Say where the board is after it has vanished: a virtual board comes back under another name.

        Parameters
        ----------
        timeout_s : float
            How long to wait for it to come back.

        Returns
        -------
        str or None
            The port to open; this object stays the one whose :meth:`close` ends the board. None if the board has
            not come back since the last call.
        """
        found = None
        try:
            found = self._addresses.get(timeout=max(timeout_s, 1e-6))
            while True:  # it may have vanished again
                found = self._addresses.get_nowait()
        except queue.Empty:
            return found


def _choose_board(url: str) -> tuple[list[str], float]:
    """Give the command that starts a URL's board, and how long that may take."""
    if is_emulated(url):
        emulated = parse_emulator_url(url).to_json()
        return [*child_program("tinyml_labs.emulator.board_process"), "--settings", emulated], _BUILD_TIMEOUT_S
    return [*child_program("tinyml_labs.virtual.__main__"), "--settings", parse_url(url).to_json()], _START_TIMEOUT_S


def _start_board(command: list[str], timeout_s: float) -> tuple[subprocess.Popen[str], str]:
    # Its errors go to a file: a pipe that nobody reads would fill and stop the board.
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*command, "--until-parent-ends"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=sys.platform != "win32",  # Ctrl-C in the terminal is for the host
        )
        assert process.stdout is not None
        impatience = threading.Timer(timeout_s, process.kill)
        impatience.daemon = True
        impatience.start()
        try:
            address = process.stdout.readline().strip()
        except BaseException:  # interrupted: leave no board behind
            _end_board(process)
            process.stdout.close()
            raise
        finally:
            impatience.cancel()
        if address:
            return process, address
        process.stdout.close()
        process.wait(timeout=_START_TIMEOUT_S)
        errors.seek(0)
        said = errors.read().strip()
    if _MESSAGE_MARK in said:  # a message of several lines, such as a compiler's
        reason = said.rpartition(_MESSAGE_MARK)[2]
    else:
        reason = said.splitlines()[-1] if said else f"no reason given within {timeout_s:g} s"
    raise PortError(f"The virtual board did not start: {reason}")


def _watch(process: subprocess.Popen[str]) -> queue.SimpleQueue[str]:
    """Read the names of the ports under which the board comes back, in a thread that knows nothing else."""
    addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
    assert process.stdout is not None
    threading.Thread(target=_read_lines, args=(process.stdout, addresses), name="virtual board", daemon=True).start()
    return addresses


def _read_lines(stdout: IO[str], addresses: queue.SimpleQueue[str]) -> None:
    with stdout:
        for line in stdout:
            addresses.put(line.strip())


def _end_board(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=3)

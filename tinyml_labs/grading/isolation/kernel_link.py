"""The grader's end of one of a kernel's sockets: Jupyter's messages over ZeroMQ's protocol (ZMTP 3), written by hand.

The other end is a kernel in which a student's code runs. It knows the key, and can write any bytes. ZeroMQ's own
library limits the size of a frame, but not of a message, which may have any number of them, and it reads ahead in a
thread of its own. Here nothing is read before it is asked for, nothing is kept beyond a cap, each wait has an end,
and a message counts only if it answers the request that was sent last.

ZMTP: https://rfc.zeromq.org/spec/23/ . Messages: https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tinyml_labs.grading.isolation.plain_reader import BadAnswer, read_json

_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_MORE, _LONG, _COMMAND = 1, 2, 4
_MOST_FRAMES = 2100
_MOST_STRAYS = 1000
_LARGEST_HEADER = 2**16
_PATIENCE_SECONDS = 0.05  # how often it is looked whether the kernel still runs
_DELIMITER = b"<IDS|MSG>"


class LinkBroken(Exception):
    """The kernel has ended, closed its socket, or sent what is no answer."""


class LinkTimeout(Exception):
    """The time is up."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply: its type, its content (JSON, read) and the blocks of bytes behind it."""

    kind: str
    content: Any
    blocks: list[bytes]


class KernelLink:
    """One socket of a kernel.

    Parameters
    ----------
    stream : socket.socket
        Connected.
    key : bytes
        Signs the messages of both sides.
    largest_bytes : int
        Of one message.
    still_runs : callable
        Whether the kernel's process does.
    """

    def __init__(
        self, stream: socket.socket, *, key: bytes, largest_bytes: int, still_runs: Callable[[], bool]
    ) -> None:
        self._stream, self._key, self._largest_bytes, self._still_runs = stream, key, largest_bytes, still_runs
        self._read = bytearray()
        self._session = secrets.token_hex(8)

    def greet(self, deadline: float) -> None:
        """Shake hands, once the kernel is there.

        Raises
        ------
        LinkTimeout, LinkBroken
            As all methods do.
        """
        self._write([_GREETING], deadline)
        greeting = self._take(64, deadline)
        if greeting[0] != 0xFF or greeting[10] < 3 or greeting[12:32].rstrip(b"\0") != b"NULL":
            raise LinkBroken("It does not speak ZMTP 3.")
        ready = b"\x05READY" + _property(b"Socket-Type", b"DEALER") + _property(b"Identity", b"")
        self._write([bytes([_COMMAND, len(ready)]), ready], deadline)

    def send(
        self, kind: str, content: Any, *, deadline: float, metadata: Any = None, blocks: Sequence[Any] = ()
    ) -> str:
        """Send a request; return its id, which an answer has to name."""
        message_id = secrets.token_hex(16)
        header = {"msg_id": message_id, "session": self._session, "username": "grader", "msg_type": kind,
                  "version": "5.3", "date": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())}  # fmt: skip
        signed = [json.dumps(part).encode() for part in (header, {}, metadata or {}, content)]
        frames = [_DELIMITER, self._sign(signed), *signed, *blocks]
        parts: list[Any] = []
        for index, frame in enumerate(frames):
            size = memoryview(frame).nbytes
            flags = (_MORE if index < len(frames) - 1 else 0) | (_LONG if size > 255 else 0)
            parts += [bytes([flags]) + size.to_bytes(8 if size > 255 else 1, "big"), frame]
        self._write(parts, deadline)
        return message_id

    def receive(self, message_id: str, deadline: float, *, more_bytes: int = 0) -> Answer:
        """Wait for the answer to a request; drop what answers another one, or nothing.

        `more_bytes` may come on top of `largest_bytes`: of the request's own arrays, if they are changed.
        """
        for _ in range(_MOST_STRAYS):
            frames = self._receive_message(deadline, self._largest_bytes + more_bytes)
            answer = self._read_answer(frames, message_id)
            if answer is not None:
                return answer
        raise LinkBroken("It sends messages that nobody has asked for.")

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def _read_answer(self, frames: list[bytes], message_id: str) -> Answer | None:
        if len(frames) < 6 or frames[0] != _DELIMITER or max(map(len, frames[2:5])) > _LARGEST_HEADER:
            return None
        if not hmac.compare_digest(frames[1], self._sign(frames[2:6])):
            return None
        try:
            header, parent = read_json(frames[2]), read_json(frames[3])
            if type(parent) is not dict or parent.get("msg_id") != message_id or type(header) is not dict:
                return None
            kind = header.get("msg_type")
            content = read_json(frames[5])
        except BadAnswer as error:
            raise LinkBroken(f"It has sent a message that cannot be read. {error}") from None
        return Answer(kind=kind, content=content, blocks=frames[6:]) if type(kind) is str else None

    def _receive_message(self, deadline: float, largest_bytes: int) -> list[bytes]:
        frames: list[bytes] = []
        size = commands = 0
        while True:
            flags = self._take(1, deadline)[0]
            length = int.from_bytes(self._take(8 if flags & _LONG else 1, deadline), "big")
            size += length
            if flags > 7 or size > largest_bytes or len(frames) >= _MOST_FRAMES or commands > _MOST_STRAYS:
                raise LinkBroken("It has sent a message that is too large, or none.")
            body = self._take(length, deadline)
            if flags & _COMMAND:
                commands += 1
                continue
            frames.append(body)
            if not flags & _MORE:
                return frames

    def _take(self, count: int, deadline: float) -> bytes:
        while len(self._read) < count:
            self._read += self._read_some(min(max(count - len(self._read), 2**16), 2**20), deadline)
        taken = bytes(memoryview(self._read)[:count])
        del self._read[:count]
        return taken

    def _read_some(self, count: int, deadline: float) -> bytes:
        while True:
            runs = self._still_runs()  # what it wrote before it ended is read all the same
            some = self._try(functools.partial(self._stream.recv, count), deadline, runs)
            if some:
                return some
            if some is not None:
                raise LinkBroken("It has closed its socket.")
            if not runs:
                raise LinkBroken("It has ended.")

    def _write(self, parts: Sequence[Any], deadline: float) -> None:
        view = memoryview(b"".join(parts))
        while view:
            runs = self._still_runs()
            sent = self._try(functools.partial(self._stream.send, view), deadline, runs)
            if sent is None and not runs:
                raise LinkBroken("It has ended.")
            view = view[sent or 0 :]

    def _try(self, read_or_write: Callable[[], Any], deadline: float, runs: bool) -> Any:
        """Return what it returns, or None if the other end does not move for a moment."""
        left = deadline - time.monotonic()
        if left <= 0:  # bytes that trickle in for ever are no answer either
            raise LinkTimeout
        self._stream.settimeout(min(left, _PATIENCE_SECONDS) if runs else 0)
        try:
            return read_or_write()
        except (TimeoutError, BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise LinkBroken(f"Its socket has failed: {error.strerror}.") from None

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        return hmac.new(self._key, b"".join(parts), hashlib.sha256).hexdigest().encode()


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value

"""From the recorder's messages to those of the live plot: few, and none that grows while the page is slow."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

Send = Callable[[dict[str, Any], list[bytes]], None]

EVERY_S = 1 / 30


class LiveFeed:
    """Puts columns, images and status into at most 30 messages a second.

    What comes sooner waits for the next message; a recorder sends ten a second at least, so that no clock of our own
    is needed. If a busy program lets messages pile up, they leave together.

    Parameters
    ----------
    send : callable
        Takes a message and its buffers. ``{"kind": "live"}`` with what is new of ``columns`` (how many; a buffer
        holds float32 lows and highs, (columns, channels, 2)), ``image`` ([rows, width]; a buffer of uint8 grey) and
        ``status``.
    clock : callable
        Gives seconds.
    """

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._next_at = -math.inf
        self._forget()

    def _forget(self) -> None:
        self._columns = bytearray()
        self._count = 0
        self._image: tuple[list[int], bytes] | None = None
        self._status: dict[str, Any] | None = None

    def take(self, message: dict[str, Any], data: bytes) -> None:
        """Take a message of kind ``columns``, ``image`` or ``status``."""
        kind = message["kind"]
        if kind == "columns":
            self._columns += data
            self._count += message["shape"][0]
        elif kind == "image":
            self._image = (message["shape"], data)
        else:
            self._status = {key: value for key, value in message.items() if key != "kind"}
        now = self._clock()
        if now >= self._next_at and (kind != "status" or self._count or self._overdue(now)):
            self.flush(now)

    def _overdue(self, now: float) -> bool:
        return self._image is not None or now >= self._next_at + 2 * EVERY_S

    def flush(self, now: float | None = None) -> None:
        """Send what waits."""
        content: dict[str, Any] = {"kind": "live"}
        buffers: list[bytes] = []
        if self._count:
            content["columns"] = self._count
            buffers.append(bytes(self._columns))
        if self._image is not None:
            content["image"] = self._image[0]
            buffers.append(self._image[1])
        if self._status is not None:
            content["status"] = self._status
        self._forget()
        self._next_at = (self._clock() if now is None else now) + EVERY_S
        if len(content) > 1:
            self._send(content, buffers)

    def clear(self) -> None:
        """Forget what waits: another stream begins."""
        self._forget()

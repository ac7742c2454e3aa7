"""What the recorder's process and the program that started it say to each other, over two pipes.

To the process: a JSON object a line. From it: the sizes of a JSON object and of its bytes (two little-endian
uint32), then both.
"""

from __future__ import annotations

import collections
import json
import struct
import threading
from typing import IO, Any

_SIZES = struct.Struct("<II")
_FEW = 64


class MessageSender:
    """Sends messages from a thread of its own: a reader who is busy does not hold the recorder up.

    While the reader lags behind, messages that a later one replaces are dropped; others wait.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._waiting: collections.deque[tuple[bytes, bytes]] = collections.deque()
        self._changed = threading.Condition()
        self._closed = self._broken = False
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, kind: str, data: bytes = b"", *, droppable: bool = False, **fields: Any) -> None:
        """Queue a message."""
        head = json.dumps({"kind": kind, **fields}).encode()
        with self._changed:
            if self._broken or (droppable and len(self._waiting) > _FEW):
                return
            self._waiting.append((head, data))
            self._changed.notify()

    def close(self) -> None:
        """Send what waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                head, data = self._waiting.popleft()
            try:
                self._pipe.write(_SIZES.pack(len(head), len(data)) + head + data)
                self._pipe.flush()
            except (OSError, ValueError):  # nobody listens any more
                with self._changed:
                    self._broken = True
                    self._waiting.clear()
                return


def read_message(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one message; None at the end."""
    sizes = pipe.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    head_size, data_size = _SIZES.unpack(sizes)
    head, data = pipe.read(head_size), pipe.read(data_size)
    if len(data) < data_size or len(head) < head_size:
        return None
    return json.loads(head), data

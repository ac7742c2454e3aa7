"""The wire under a board's client: a thread that reads, requests with numbers, answers in order."""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import serial

from tinyml_labs.link.errors import BoardRefused, BoardTimeout, BoardVanished
from tinyml_labs.link.fields import MessageError
from tinyml_labs.link.framing import PROTOCOL_VERSION, Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import ANSWERS, Refusal, Result, Type, answered_request
from tinyml_labs.link.ports import describe_ports, open_port, read_what_is_there

Request = tuple[Type, bytes]

_HELLO_EVERY_S = 0.4
_WRITE_BYTES = 4096
_WAITING_FRAMES = 65_536  # of a stream that nobody reads; then the oldest are dropped, as a gap that is reported

_OPEN: weakref.WeakValueDictionary[str, Connection] = weakref.WeakValueDictionary()


class _Line:
    """What the reading thread needs: the port, the decoder, and the queues for what it finds."""

    def __init__(self, port: serial.SerialBase) -> None:
        self.port = port
        self.decoder = FrameDecoder()
        self.lost_frames = 0
        self.answers: queue.SimpleQueue[Frame | BaseException] = queue.SimpleQueue()
        self.stream: queue.SimpleQueue[Frame | BaseException] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._expected: int | None = None

    def read(self) -> None:
        try:
            while not self.closing.is_set():
                for frame in self.decoder.feed(read_what_is_there(self.port)):
                    self._sort(frame)
        except (OSError, TypeError) as error:  # TypeError: pyserial reads a port that was closed under it
            if not self.closing.is_set():
                self.answers.put(error)
                self.stream.put(error)

    def _sort(self, frame: Frame) -> None:
        if self._expected is not None:
            self.lost_frames += (frame.sequence - self._expected) % 65536
        self._expected = (frame.sequence + 1) % 65536
        if frame.type in (Type.SAMPLES, Type.STREAM_END):
            self.stream.put(frame)
            if self.stream.qsize() > _WAITING_FRAMES:
                with contextlib.suppress(queue.Empty):
                    self.stream.get_nowait()
        elif frame.type in ANSWERS:
            self.answers.put(frame)


def _close(line: _Line, reader: threading.Thread) -> None:
    line.closing.set()
    if reader.is_alive() and reader is not threading.current_thread():
        with contextlib.suppress(Exception):  # sockets have no cancel_read
            line.port.cancel_read()
        reader.join(timeout=2)
    with contextlib.suppress(OSError):
        line.port.close()


def _close_earlier(port: str) -> None:
    """Close what this process has open on a port: a notebook's cell that opens a board may run a second time."""
    earlier = _OPEN.pop(port, None)
    if earlier is not None and not port.startswith("virtual://"):
        earlier.close()


class Connection:
    """Frames to and from a port. All that comes is read in a thread of its own, so that the board never waits.

    Parameters
    ----------
    port : str
        A device or URL.
    baud : int
    timeout_s : float
        How long to wait for an answer.

    Raises
    ------
    PortError
        If the port does not open.
    """

    def __init__(self, port: str, *, baud: int, timeout_s: float) -> None:
        self.port = port
        self.timeout_s = timeout_s
        self._sequence = 0
        self._failure: BaseException | None = None
        _close_earlier(port)
        self._serial = open_port(port, baud=baud, write_timeout=timeout_s + _WRITE_BYTES * 20 / baud)
        # The reader knows the line, not this object: so a forgotten connection is collected, and closes its port.
        self._line = _Line(self._serial)
        self._reader = threading.Thread(target=self._line.read, name=f"reader of {port}", daemon=True)
        self._reader.start()
        self._finish = weakref.finalize(self, _close, self._line, self._reader)
        _OPEN[port] = self

    def request(self, kind: Type, payload: bytes = b"", *, answer: Type | None = None) -> Frame:
        """Send one request and wait for its answer, which has to be of the type ``answer`` if that is given.

        Raises
        ------
        BoardTimeout, BoardVanished
            If none comes.
        BoardRefused
            If the answer is an error message.
        """
        number, data = self._encode(kind, payload)
        self._write(data)
        return self._answer_to({number}, self.timeout_s, kind=answer)

    def request_hello(self) -> Frame:
        """Ask who is there, again and again until the time is out; take the answer to any of the questions.

        Raises
        ------
        BoardTimeout, BoardVanished
        """
        asked: set[int] = set()
        deadline = time.monotonic() + self.timeout_s
        while True:
            number, data = self._encode(Type.HELLO, b"")
            asked.add(number)
            self._write(data)
            left = deadline - time.monotonic()
            try:
                return self._answer_to(asked, max(0.01, min(_HELLO_EVERY_S, left)), kind=Type.BOARD)
            except BoardTimeout:
                if time.monotonic() >= deadline:
                    raise BoardTimeout(self.explain_silence(self.timeout_s)) from None

    def pipeline(self, requests: Iterator[Request], *, buffer_bytes: int) -> Iterator[tuple[Frame, bool]]:
        """Send requests without waiting for each answer, as far as the board's buffer goes.

        Parameters
        ----------
        requests : iterator of (Type, payload)
        buffer_bytes : int
            How many bytes of unanswered requests may be under way; a single longer one is sent alone.

        Yields
        ------
        (Frame, bool)
            The answers, in the order of the requests; True with the last frame that answers a request.
        """
        waiting: collections.deque[tuple[int, int]] = collections.deque()  # number of the request, its bytes
        under_way = 0
        following = self._next_encoded(requests)
        while following is not None or waiting:
            batch = bytearray()
            while following is not None and (not waiting or under_way + len(following[1]) <= buffer_bytes):
                waiting.append((following[0], len(following[1])))
                under_way += len(following[1])
                batch += following[1]
                following = self._next_encoded(requests)
            if batch:
                self._write(bytes(batch))
            enough = buffer_bytes // 2 if following is not None else 0  # refill in large pieces
            while waiting and under_way > enough:
                frame = self._answer_to({waiting[0][0]}, self.timeout_s)
                last = _is_last(frame)
                if last:
                    under_way -= waiting.popleft()[1]
                yield frame, last

    def next_of_stream(self) -> Frame:
        """Give the next SAMPLES or STREAM_END frame."""
        return self._get(self._line.stream, self.timeout_s)

    def clear_stream(self) -> None:
        """Forget samples of an earlier stream."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._line.stream.get_nowait()
                if isinstance(item, BaseException):
                    self._failure = item

    @property
    def decoder(self) -> FrameDecoder:
        """The decoder of what comes in, with its counts."""
        return self._line.decoder

    @property
    def lost_frames(self) -> int:
        """Frames that did not arrive, by the board's sequence numbers."""
        return self._line.lost_frames

    @property
    def is_open(self) -> bool:
        """Whether the port is open and has not failed."""
        return self._finish.alive and self._failure is None

    def close(self) -> None:
        """Close the port; for good measure more than once."""
        self._finish()

    def explain_silence(self, waited_s: float) -> str:
        """Say what may be wrong when nobody answers, from what has come instead."""
        counts = self.decoder.counts
        if counts.bytes == 0:
            hint = "Nothing came at all. Is the sketch on the board, and is this its port?"
            if self.port.startswith("socket://"):
                hint += " Or does another program hold the connection?"
        elif counts.other_version:
            hint = (
                f"The board speaks version {self.decoder.other_version} of the protocol, this kit version "
                f"{PROTOCOL_VERSION}. Upload the sketch of this kit."
            )
        elif counts.frames:
            hint = "It has sent frames, and none that answers."
        elif counts.text_bytes:
            hint = f"The board prints text: {self.decoder.text.strip()[-120:]!r}. Is it another sketch?"
        else:
            hint = f"{counts.bytes} bytes came, and no frame in them. Is the baud rate right?"
        return f"No answer from {self.port} in {waited_s:.1f} s. {hint} {describe_ports()}"

    def _encode(self, kind: Type, payload: bytes) -> tuple[int, bytes]:
        number = self._sequence
        self._sequence = (number + 1) % 65536
        return number, encode_frame(Frame(kind, number, 0, payload))

    def _next_encoded(self, requests: Iterator[Request]) -> tuple[int, bytes] | None:
        request = next(requests, None)
        return None if request is None else self._encode(*request)

    def _write(self, data: bytes) -> None:
        if self._failure is not None:
            raise self._vanished(self._failure)
        try:
            for at in range(0, len(data), _WRITE_BYTES):  # the port's time-out counts for each piece
                self._serial.write(data[at : at + _WRITE_BYTES])
        except serial.SerialTimeoutException:
            raise BoardTimeout(f"{self.port} takes no more bytes: has the board stopped reading?") from None
        except OSError as error:
            raise self._vanished(error) from error

    def _answer_to(self, numbers: set[int], timeout_s: float, *, kind: Type | None = None) -> Frame:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                frame = self._get(self._line.answers, max(0.0, deadline - time.monotonic()))
            except BoardTimeout:
                raise BoardTimeout(self.explain_silence(timeout_s)) from None
            if answered_request(frame.type, frame.payload) not in numbers:
                continue  # a late answer to a request that was given up
            if frame.type == Type.REFUSAL:
                refusal = Refusal.unpack(frame.payload)
                raise BoardRefused(f"The board refused: {refusal.text}", refusal.code)
            if kind is not None and frame.type != kind:
                raise MessageError(f"The board answered with a frame of type {frame.type:#04x}, not {kind.name}.")
            return frame

    def _get(self, frames: queue.SimpleQueue[Frame | BaseException], timeout_s: float) -> Frame:
        if self._failure is not None:
            raise self._vanished(self._failure)
        try:
            item = frames.get(timeout=timeout_s)
        except queue.Empty:
            raise BoardTimeout(self.explain_silence(timeout_s)) from None
        if isinstance(item, BaseException):
            self._failure = item
            raise self._vanished(item)
        return item

    def _vanished(self, error: Any) -> BoardVanished:
        return BoardVanished(
            f"{self.port} went away while it was in use ({error}). Cable, reset or power? {describe_ports()}"
        )


def _is_last(frame: Frame) -> bool:
    if frame.type != Type.RESULT:
        return True
    result = Result.unpack(frame.payload)
    return result.offset + len(result.data) >= result.total

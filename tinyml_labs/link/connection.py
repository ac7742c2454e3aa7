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

from tinyml_labs.link.diagnosis import explain_silence
from tinyml_labs.link.errors import BoardRefused, BoardTimeout, BoardVanished
from tinyml_labs.link.fields import MessageError
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import ANSWERS, Refusal, Result, Type, answered_request
from tinyml_labs.link.ports import describe_ports, find_again, identify, open_port, read_what_is_there

Request = tuple[Type, bytes]

_HELLO_EVERY_S = 0.4
_WRITE_BYTES = 4096
_WAITING_FRAMES = 65_536  # of a stream that nobody reads; then the oldest are dropped, as a gap that is reported

_MANY_FRAMES = 4096
_LATE_S = 0.005
_RESET_AHEAD = 1000
_WORTH_READING = 2048
_GATHER_S = 0.001  # a stream's bytes come in small pieces: waiting for some more halves the reader's work

_OPEN: weakref.WeakValueDictionary[str, Connection] = weakref.WeakValueDictionary()


class _Line:
    """What the reading thread needs: the port, the decoder, and the queues for what it finds."""

    def __init__(self, port: serial.SerialBase) -> None:
        self.port = port
        self.decoder = FrameDecoder()
        self.lost_frames = 0
        self.answers: queue.SimpleQueue[Frame | BaseException] = queue.SimpleQueue()
        self.stream: queue.SimpleQueue[Frame | BaseException] = queue.SimpleQueue()
        self.logs: collections.deque[str] = collections.deque(maxlen=20)
        self.closing = threading.Event()
        self.streaming = False
        self._expected: int | None = None
        self._micros = 0

    def read(self) -> None:
        try:
            while not self.closing.is_set():
                data = read_what_is_there(self.port)
                for frame in self.decoder.feed(data):
                    self._sort(frame)
                if self.streaming and 0 < len(data) < _WORTH_READING:
                    time.sleep(_GATHER_S)
                elif self.stream.qsize() > _MANY_FRAMES:  # who takes them is late: let the board wait a little
                    time.sleep(_LATE_S)
        except (OSError, TypeError) as error:  # TypeError: pyserial reads a port that was closed under it
            if not self.closing.is_set():
                self.answers.put(error)
                self.stream.put(error)

    def _sort(self, frame: Frame) -> None:
        if self._expected is not None:
            ahead = (frame.sequence - self._expected) % 65536
            clock_back = (frame.micros - self._micros) % 2**32 > 2**31
            if ahead < 2**15 and not (ahead > _RESET_AHEAD and clock_back):  # else: a reset board counts from 0
                self.lost_frames += ahead
        self._expected = (frame.sequence + 1) % 65536
        self._micros = frame.micros
        if frame.type in (Type.SAMPLES, Type.STREAM_END):
            self.stream.put(frame)
            if self.stream.qsize() > _WAITING_FRAMES:
                with contextlib.suppress(queue.Empty):
                    self.stream.get_nowait()
        elif frame.type in ANSWERS:
            self.answers.put(frame)
        elif frame.type == Type.LOG:
            self.logs.append(frame.payload.decode("utf-8", errors="replace"))


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
        self._baud = baud
        _close_earlier(port)
        self._identity = identify(port)
        self._serial = self._open(port)
        # A virtual board's port object is its process: it stays, though the board comes back on another port.
        self._home = self._serial if hasattr(self._serial, "find_again") else None
        self._address: str | None = None
        self._read_from(_Line(self._serial))
        _OPEN[port] = self

    def _open(self, port: str) -> serial.SerialBase:
        return open_port(port, baud=self._baud, write_timeout=self.timeout_s + _WRITE_BYTES * 20 / self._baud)

    def _read_from(self, line: _Line) -> None:
        # The reader knows the line, not this object: so a forgotten connection is collected, and closes its port.
        self._line = line
        self._reader = threading.Thread(target=line.read, name=f"reader of {self.port}", daemon=True)
        self._reader.start()
        self._finish = weakref.finalize(self, _close, line, self._reader)

    def reconnect(self, timeout_s: float) -> str:
        """Open the port again after it went away, under whatever name it has now.

        Returns
        -------
        str
            The port that was opened.

        Raises
        ------
        BoardVanished
            If it has not come back in time.
        PortError
            If it is back and does not open (yet: the system may still be setting it up).
        """
        if self._serial is not self._home:
            self._finish()
        found = find_again(self._identity, timeout_s=timeout_s, opened=self._home)
        self._address = found or self._address
        if self._address is None:
            raise BoardVanished(f"{self.port} has not come back. {describe_ports()}")
        reopened = self._open(self._address)
        old = self._line
        if self._serial is self._home:
            self._finish.detach()
            weakref.finalize(self, _close, old, self._reader)
        self._serial = reopened
        if self._home is None:
            self._identity = identify(self._address)
        line = _Line(self._serial)
        line.decoder.counts, line.lost_frames, line.logs = old.decoder.counts, old.lost_frames, old.logs
        self._failure = None
        self._read_from(line)
        address, self._address = self._address, None
        return address

    def request(
        self, kind: Type, payload: bytes = b"", *, answer: Type | None = None, timeout_s: float | None = None
    ) -> Frame:
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
        return self._answer_to({number}, self.timeout_s if timeout_s is None else timeout_s, kind=answer)

    def request_hello(self, timeout_s: float | None = None) -> Frame:
        """Ask who is there, again and again until the time is out; take the answer to any of the questions.

        Raises
        ------
        BoardTimeout, BoardVanished
        """
        asked: set[int] = set()
        wait_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + wait_s
        while True:
            number, data = self._encode(Type.HELLO, b"")
            asked.add(number)
            self._write(data)
            left = deadline - time.monotonic()
            try:
                return self._answer_to(asked, max(0.01, min(_HELLO_EVERY_S, left)), kind=Type.BOARD)
            except BoardTimeout:
                if time.monotonic() >= deadline:
                    raise BoardTimeout(self.explain_silence(wait_s)) from None

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

    def stream_frames(self, timeout_s: float) -> list[Frame]:
        """Give all SAMPLES and STREAM_END frames that have come; wait for one at most so long.

        Raises
        ------
        BoardVanished
            Once every frame before it has been given.
        """
        found: list[Frame] = []
        if self._failure is not None:
            raise self._vanished(self._failure)
        with contextlib.suppress(queue.Empty):
            item = self._line.stream.get(timeout=timeout_s)
            while True:
                if isinstance(item, BaseException):
                    self._failure = item
                    break
                found.append(item)
                item = self._line.stream.get_nowait()
        if self._failure is not None and not found:
            raise self._vanished(self._failure)
        return found

    @property
    def logs(self) -> list[str]:
        """The last lines that the board has sent as log messages."""
        return list(self._line.logs)

    def expect_stream(self, coming: bool) -> None:
        """Say whether a stream is running: its bytes are then read in larger pieces, a millisecond later."""
        self._line.streaming = coming

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
        if self._home is not None:
            with contextlib.suppress(OSError):
                self._home.close()

    def explain_silence(self, waited_s: float) -> str:
        """Say what may be wrong when nobody answers, from what has come instead."""
        decoder = self.decoder
        return explain_silence(
            self.port,
            decoder.counts,
            decoder.text,
            waited_s,
            other_version=decoder.other_version,
            recent=decoder.recent,
            baud=self._baud,
        )

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
    if frame.type == Type.LAYER:
        return False
    if frame.type != Type.RESULT:
        return True
    result = Result.unpack(frame.payload)
    return result.offset + len(result.data) >= result.total

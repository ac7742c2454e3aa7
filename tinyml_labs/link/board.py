"""The client of a board: open, hello, load, infer, stream, close."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import operator
import os
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.link.arrays import outputs_of, rows_of
from tinyml_labs.link.connection import Connection
from tinyml_labs.link.descriptions import NO_MODEL, BoardInfo, ModelInfo, Sensor
from tinyml_labs.link.errors import (
    BoardEnd,
    BoardError,
    BoardRefused,
    BoardTimeout,
    ModelMismatch,
)
from tinyml_labs.link.framing import DecoderCounts, Frame
from tinyml_labs.link.layers import LayerTrace, collect_layers
from tinyml_labs.link.messages import (
    EVERY_LAYER,
    ErrorCode,
    LoadBegin,
    Piece,
    Result,
    Samples,
    StreamEnd,
    StreamStart,
    Trace,
    Type,
)
from tinyml_labs.link.ports import DEFAULT_BAUD

_PIECE_OVERHEAD = 8
_T = TypeVar("_T")
_OPEN: weakref.WeakValueDictionary[str, Board] = weakref.WeakValueDictionary()
_ASK_AGAIN_S = 1.0
_FEW = 8  # so few need no progress bar: making one takes longer than asking the board


def _one_at_a_time(method: Callable[..., _T]) -> Callable[..., _T]:
    @functools.wraps(method)
    def locked(self: Board, *arguments: Any, **options: Any) -> _T:
        with self._lock:
            return method(self, *arguments, **options)

    return locked


@dataclass(frozen=True, kw_only=True)
class Inference:
    """What :meth:`Board.infer` gives.

    Attributes
    ----------
    outputs : array, (samples, \\*output shape without its batch of 1), in the model's output dtype
        A tuple of arrays for a model of several outputs.
    microseconds : int array, (samples,)
        The time of each invocation by the board's clock. On a virtual board it is this computer's time.
    """

    outputs: Any
    microseconds: NDArray[np.int64]


class Board:
    """A board on a port. Opening it waits for the board's hello; ``with`` or :meth:`close` lets go of it.

    Parameters
    ----------
    port : str
        A device or URL; see :func:`tinyml_labs.link.open_port`.
    baud : int
        Bits a second.
    timeout_s : float
        How long to wait for the hello, and for each later answer.

    Attributes
    ----------
    port : str
    info : BoardInfo
        The board's hello: names, sensors, hash of its model.

    Raises
    ------
    PortError, BoardTimeout, BoardVanished
        If the port does not open, nobody answers on it, or it goes away.
    """

    def __init__(self, port: str, *, baud: int = DEFAULT_BAUD, timeout_s: float = 5.0) -> None:
        self.port = port
        self.timeout_s = timeout_s
        self._model: ModelInfo | None = None
        self._lock = threading.RLock()  # one request at a time, from whatever thread
        self._connection = Connection(port, baud=baud, timeout_s=timeout_s)
        try:
            self.info = self.hello()
        except BaseException:
            self.close()
            raise
        _OPEN[port] = self

    @property
    def lost_frames(self) -> int:
        """Frames from the board that did not arrive, by its sequence numbers."""
        return self._connection.lost_frames

    @property
    def damaged_frames(self) -> int:
        """Pieces that arrived damaged."""
        return self._connection.decoder.counts.damaged

    @property
    def text(self) -> str:
        """What the board has printed besides frames: boot messages, ``Serial.print``."""
        return self._connection.decoder.text

    @property
    def counts(self) -> DecoderCounts:
        """What the decoder has seen: bytes, frames, damage."""
        return self._connection.decoder.counts

    @property
    def logs(self) -> list[str]:
        """The board's last log messages."""
        return self._connection.logs

    @_one_at_a_time
    def hello(self, *, timeout_s: float | None = None) -> BoardInfo:
        """Ask who is there, again and again until the time is out: a board may need seconds to start.

        Parameters
        ----------
        timeout_s : float, optional
            The board's own time-out by default.

        Returns
        -------
        BoardInfo
        """
        self.info = BoardInfo.unpack(self._connection.request_hello(timeout_s).payload)
        return self.info

    @_one_at_a_time
    def reconnect(self, *, timeout_s: float = 5.0) -> str:
        """Open the board's port again after it went away, under whatever name it has come back.

        Returns
        -------
        str
            The port's name.

        Raises
        ------
        BoardVanished, PortError, BoardTimeout
            If it is not there yet; one may try again.
        BoardError
            If another board is there.
        """
        known = self.info.board_id
        self._model = None
        port = self._connection.reconnect(timeout_s)
        self.hello(timeout_s=timeout_s)
        if known and self.info.board_id and self.info.board_id != known:
            raise BoardError(f"Another board is on {port}: its number is {self.info.board_id}, and not {known}.")
        return port

    @_one_at_a_time
    def model_info(self) -> ModelInfo | None:
        """Ask for the model on the board; None if there is none."""
        if self.info.model_sha256 == NO_MODEL:
            return None
        if self._model is None or self._model.sha256 != self.info.model_sha256:
            self._model = ModelInfo.unpack(self._connection.request(Type.MODEL_INFO, answer=Type.MODEL).payload)
        return self._model

    @_one_at_a_time
    def load(self, model: bytes | str | os.PathLike[str], *, progress: bool = True) -> ModelInfo:
        """Put a ``.tflite`` model into the board's RAM, and check that it arrived whole.

        Parameters
        ----------
        model : bytes or path
        progress : bool
            Show a progress bar if it takes over two seconds.

        Returns
        -------
        ModelInfo
            Hash, arena, inputs and outputs, as the board sees them.

        Raises
        ------
        BoardRefused
            If the board cannot hold or run the model, with its reason: which says too what it runs now.
        BoardTimeout, BoardVanished
            If a piece or an answer is lost. Loading again begins anew.
        """
        data = bytes(model) if isinstance(model, (bytes, bytearray, memoryview)) else Path(model).read_bytes()
        if not data:
            raise ValueError("The model is empty: 0 bytes.")
        try:
            found = self._send_model(data, progress)
        except BoardRefused:
            with contextlib.suppress(BoardError):
                self.hello()  # it may run another model than before, or none
            raise
        self.info = self.hello()
        return found

    def _send_model(self, data: bytes, progress: bool) -> ModelInfo:
        digest = hashlib.sha256(data).digest()
        begin = LoadBegin(size=len(data), crc32=zlib.crc32(data), sha256=digest)
        self._connection.request(Type.LOAD_BEGIN, begin.pack())
        step = self.info.max_payload - _PIECE_OVERHEAD
        pieces = (
            (Type.LOAD_DATA, Piece(offset=at, data=data[at : at + step]).pack_load())
            for at in range(0, len(data), step)
        )
        answer: Frame | None = None
        with _progress_bar(len(data), "load", "B", progress) as bar:
            for frame, _ in self._connection.pipeline(pieces, buffer_bytes=self.info.receive_buffer):
                answer = frame
                bar.update(min(step, len(data) - bar.n))
        if answer is None or answer.type != Type.MODEL:
            raise BoardError("The board took every piece of the model and did not say that it has it.")
        found = ModelInfo.unpack(answer.payload)
        if found.sha256 != digest:
            raise ModelMismatch("The board says that it holds another model than the one that was sent.")
        return found

    @_one_at_a_time
    def require_model(self, model: bytes | str | os.PathLike[str]) -> ModelInfo:
        """Make sure that the board runs this very model: by its SHA-256.

        Raises
        ------
        ModelMismatch
            If it runs another one, or none.
        """
        data = bytes(model) if isinstance(model, (bytes, bytearray, memoryview)) else Path(model).read_bytes()
        expected = hashlib.sha256(data).digest()
        found = self.model_info()
        if found is None or found.sha256 != expected:
            other = "no model" if found is None else f"the model {found.sha256.hex()[:12]}…"
            raise ModelMismatch(
                f"{self.info.board} has {other}, and the host compares with {expected.hex()[:12]}…. "
                "Load the model (board.load), or upload the sketch that was exported with it."
            )
        return found

    @_one_at_a_time
    def infer(self, inputs: ArrayLike, *, progress: bool = True) -> Inference:
        """Run the model on the board, once for each sample.

        Parameters
        ----------
        inputs : array, (samples, \\*window), in the model's input dtype (int8 for an int8 model)
            Quantize first: :func:`tinyml_labs.inference.quantize`.
        progress : bool
            Show a progress bar if it takes over two seconds.

        Returns
        -------
        Inference

        Raises
        ------
        TypeError, ValueError
            If dtype or shape is not the model's.
        BoardRefused, BoardTimeout, BoardVanished
        """
        found = self.model_info()
        if found is None:
            raise BoardError(f"{self.info.board} has no model. Load one first: board.load(model).")
        rows = rows_of(inputs, found)
        outputs_bytes = sum(t.nbytes for t in found.outputs)
        raw = bytearray()
        times = np.zeros(len(rows), np.int64)
        pieces = _infer_requests(rows, self.info.max_payload)
        done = received = 0
        with _progress_bar(len(rows), "infer", " inferences", progress) as bar:
            for frame, last in self._connection.pipeline(pieces, buffer_bytes=self.info.receive_buffer):
                if frame.type != Type.RESULT:
                    continue
                result = Result.unpack(frame.payload)
                end = result.offset + len(result.data)
                if result.total != outputs_bytes or result.offset != received or end > outputs_bytes:
                    raise BoardError(
                        f"Answer {done} of the board is not whole: it gave bytes {result.offset} to {end} of "
                        f"{result.total}, and byte {received} of {outputs_bytes} was next (damaged frames: "
                        f"{self.damaged_frames}, lost: {self.lost_frames})."
                    )
                raw += result.data
                received = end
                times[done] = result.microseconds
                if last:
                    received = 0
                    done += 1
                    bar.update(1)
        if done != len(rows):
            raise BoardError(f"The board answered {done} of {len(rows)} inferences.")
        return Inference(outputs=outputs_of(bytes(raw), len(rows), found), microseconds=times)

    @_one_at_a_time
    def infer_layers(self, sample: ArrayLike, *, first: int = 0, count: int = EVERY_LAYER) -> LayerTrace:
        """Run the model on one sample, and see what its layers gave: all, or ``count`` of them from ``first`` on.

        Parameters
        ----------
        sample : array, (\\*window), in the model's input dtype
        first, count : int

        Returns
        -------
        LayerTrace

        Raises
        ------
        BoardRefused
            If the firmware does not show its layers, or has no such layer.
        TypeError, ValueError, BoardError
            As :meth:`infer`.
        """
        found = self.model_info()
        if found is None:
            raise BoardError(f"{self.info.board} has no model. Load one first: board.load(model).")
        rows = rows_of(np.asarray(sample)[None], found)
        self._connection.request(Type.TRACE, Trace(first=first, count=count).pack(), answer=Type.DONE)
        try:
            requests = _infer_requests(rows, self.info.max_payload)
            answers = self._connection.pipeline(requests, buffer_bytes=self.info.receive_buffer)
            return collect_layers(frame for frame, _ in answers)
        finally:
            with contextlib.suppress(BoardError):
                self._connection.request(Type.TRACE, Trace(first=first, count=0).pack())

    @_one_at_a_time
    def stream(self, sensor: str, samples: int, *, progress: bool = True) -> NDArray[Any]:
        """Read that many samples of a sensor.

        Parameters
        ----------
        sensor : str
            One of the names in ``board.info.sensors``.
        samples : int
        progress : bool
            Show a progress bar if it takes over two seconds.

        Returns
        -------
        array, (samples, channels), in the sensor's dtype

        Raises
        ------
        BoardEnd
            If the board ends the stream sooner.
        BoardError
            If samples were lost on the way or dropped by the board: none is ever made up.
        """
        samples = operator.index(samples)
        if samples < 1:
            raise ValueError(f"samples is {samples}; ask for one at least.")
        chosen = self.start_stream(sensor, samples)
        bar = _progress_bar(samples, "stream", " samples", progress)
        parts: list[NDArray[Any]] = []
        count = 0
        dtype = np.dtype(chosen.dtype).newbyteorder("<")
        try:
            while count < samples:
                frame = self._connection.next_of_stream()
                if frame.type == Type.STREAM_END:
                    end = StreamEnd.unpack(frame.payload)
                    raise BoardEnd(
                        f"The board ended the stream of {sensor!r} after {end.samples} of {samples} samples "
                        f"({end.overruns} overruns)."
                    )
                message = Samples.unpack(frame.payload)
                if message.sensor != chosen.id:
                    continue
                if message.first != count:
                    raise BoardError(
                        f"Samples {count} to {message.first - 1} of {sensor!r} are missing "
                        f"(overruns on the board: {message.overruns}; damaged frames: {self.damaged_frames})."
                    )
                if len(message.data) % (dtype.itemsize * chosen.channels):
                    raise BoardError(f"{len(message.data)} bytes are no whole samples of {sensor!r}.")
                part = np.frombuffer(message.data, dtype).reshape(-1, chosen.channels)
                parts.append(part)
                count += len(part)
                bar.update(len(part))
        finally:
            bar.close()
            with contextlib.suppress(BoardError):
                self.stop_stream()
        return np.concatenate(parts)[:samples].astype(chosen.dtype)

    @_one_at_a_time
    def start_stream(self, sensor: str, samples: int = 0) -> Sensor:
        """Let a sensor's samples come: :meth:`read_stream` gives them. A stream that runs is ended first.

        Parameters
        ----------
        sensor : str
        samples : int
            How many; 0 for no end.

        Raises
        ------
        BoardRefused, BoardTimeout, BoardVanished
        """
        chosen = self.sensor(sensor)
        self._connection.expect_stream(False)
        self._insist(Type.STREAM_STOP)  # of a host before us that left in the middle
        self._connection.clear_stream()
        self.resume_stream(chosen, samples)
        return chosen

    @_one_at_a_time
    def resume_stream(self, sensor: Sensor, samples: int = 0) -> bool:
        """Ask for a stream, without ending one that runs.

        Returns
        -------
        bool
            Whether the board says that it has begun one; False if one is running: an earlier one or, if an answer
            was lost, the one asked for.
        """
        self._connection.expect_stream(True)
        return self._insist(Type.STREAM_START, StreamStart(sensor=sensor.id, samples=samples).pack())

    def _insist(self, kind: Type, payload: bytes = b"") -> bool:
        """Ask again if no answer comes: on a bad line, question or answer may be lost.

        Returns
        -------
        bool
            False if the board says that it is at it already.
        """
        deadline = time.monotonic() + self.timeout_s
        while True:
            left = deadline - time.monotonic()
            try:
                self._connection.request(kind, payload, timeout_s=max(0.05, min(_ASK_AGAIN_S, left)))
            except BoardTimeout:
                if time.monotonic() >= deadline:
                    raise
            except BoardRefused as refusal:
                if refusal.code != ErrorCode.BUSY:
                    raise
                return False
            else:
                return True

    def read_stream(self, timeout_s: float = 0.1) -> list[Frame]:
        """Give the SAMPLES and STREAM_END frames that have come: at least one, unless the time is out.

        Raises
        ------
        BoardVanished
        """
        return self._connection.stream_frames(timeout_s)

    @_one_at_a_time
    def stop_stream(self) -> None:
        """End the stream."""
        self._connection.expect_stream(False)
        self._insist(Type.STREAM_STOP)

    def sensor(self, name: str) -> Sensor:
        """Give the description of a sensor of this board."""
        for sensor in self.info.sensors:
            if sensor.name == name:
                return sensor
        names = ", ".join(repr(s.name) for s in self.info.sensors) or "none"
        raise BoardError(f"{self.info.board} has no sensor {name!r}. Its sensors: {names}.")

    def close(self) -> None:
        """Close the port; for good measure more than once."""
        self._connection.close()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Board {self.info.board!r} on {self.port}: {self.info.firmware} {self.info.firmware_version}>"


def _infer_requests(rows: NDArray[np.uint8], max_payload: int) -> Iterator[tuple[Type, bytes]]:
    """Cut each input, a row of bytes, into pieces that the board takes."""
    step = max_payload - _PIECE_OVERHEAD
    for row in rows:
        data = row.tobytes()
        for at in range(0, max(1, len(data)), step):
            yield Type.INFER, Piece(offset=at, total=len(data), data=data[at : at + step]).pack_infer()


def find_open_board(port: str) -> Board | None:
    """Give the board that this process has open on a port; None if it has none.

    A port has room for one: opening it a second time closes the first.
    """
    board = _OPEN.get(port)
    return board if board is not None and board._connection.is_open else None


def _progress_bar(total: int, what: str, unit: str, shown: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, desc=what, unit=unit, leave=False, delay=2, disable=not shown or total <= _FEW)

"""The virtual board's firmware: bytes in, bytes out. No port and no clock: both come in as arguments."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinyml_labs import __version__, inference
from tinyml_labs.link.descriptions import NO_MODEL, BoardInfo, ModelInfo, TensorLayout
from tinyml_labs.link.fields import MessageError
from tinyml_labs.link.framing import MAX_PAYLOAD, Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import (
    RESULT_OVERHEAD,
    ErrorCode,
    LoadBegin,
    Piece,
    Refusal,
    Result,
    StreamStart,
    Type,
    pack_done,
)
from tinyml_labs.virtual.sensors import PlayedSensor, SensorStream
from tinyml_labs.virtual.settings import VirtualBoardSettings

RECEIVE_BUFFER = 16 * 1024


class _RequestFailed(Exception):
    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class Firmware:
    """The board from its reset on.

    Parameters
    ----------
    settings : VirtualBoardSettings
    sensor : PlayedSensor
        What the board measures.
    """

    def __init__(self, settings: VirtualBoardSettings, sensor: PlayedSensor) -> None:
        self._settings = settings
        self._sensor = sensor
        self._model: inference.Interpreter | None = None
        self._handlers: dict[int, Callable[[Frame, float], None]] = {
            Type.HELLO: self._on_hello,
            Type.LOAD_BEGIN: self._on_load_begin,
            Type.LOAD_DATA: self._on_load_data,
            Type.MODEL_INFO: self._on_model_info,
            Type.INFER: self._on_infer,
            Type.STREAM_START: self._on_stream_start,
            Type.STREAM_STOP: self._on_stream_stop,
        }
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """Start anew: RAM is empty, the clock is 0, the boot text is printed."""
        self._close_model()
        self._decoder = FrameDecoder()
        self._sequence = 0
        self._booted_at = now
        self._ready_at = now + self._settings.boot_ms / 1000
        self._said_hello = False
        self._out = bytearray()
        self._loading: LoadBegin | None = None
        self._loaded = bytearray()
        self._input = bytearray()
        self._waiting: list[tuple[Frame, bytes]] = []  # whole inputs that came together run together
        self._stream: SensorStream | None = None
        self._sha256 = NO_MODEL
        self._layout: ModelInfo | None = None

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host. Before the board is ready they are lost, as on a real one."""
        if now < self._ready_at:
            return
        self._finish_boot()
        for frame in self._decoder.feed(data):
            if frame.type != Type.INFER:
                self._infer_waiting(now)
            self._answer(frame, now)
        self._infer_waiting(now)

    def transmit(self, now: float, *, room: bool) -> bytes:
        """Give what the board has to send.

        Parameters
        ----------
        now : float, seconds
        room : bool
            Whether the line takes more: a sensor's samples that find no room wait in the board's buffer, and are
            overruns when that is full.
        """
        if now >= self._ready_at:
            self._finish_boot()
        if self._stream is not None:
            for kind, payload in self._stream.advance(now, room=room):
                self._send(kind, payload, now)
            if self._stream.ended:
                self._stream = None
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self, now: float) -> float:
        """Give the seconds until there may be something to send; infinity if nothing is to come."""
        if now < self._ready_at:
            return self._ready_at - now
        return self._stream.next_event(now) if self._stream is not None else float("inf")

    def host_left(self) -> None:
        """Stop what the host has asked for: it has closed the port."""
        self._stream = None
        self._waiting.clear()
        self._input.clear()
        self._decoder = FrameDecoder()
        self._out.clear()

    def check_model(self) -> None:
        """Load the model that is on the board from the start, if there is one.

        Raises
        ------
        ValueError
            If it is no model, or one that this board cannot run, with the reason.
        """
        if not self._settings.model:
            return
        try:
            self._start_model(Path(self._settings.model).read_bytes())
        except _RequestFailed as failure:
            raise ValueError(f"{self._settings.model}: {failure}") from None

    def close(self) -> None:
        """Let go of the model."""
        self._close_model()

    # -- requests

    def _answer(self, frame: Frame, now: float) -> None:
        handler = self._handlers.get(frame.type)
        try:
            if handler is None:
                raise _RequestFailed(ErrorCode.UNKNOWN_REQUEST, f"I know no request of type {frame.type:#04x}.")
            handler(frame, now)
        except _RequestFailed as failure:
            code, text = failure.code, str(failure)
        except MessageError as error:
            code, text = ErrorCode.BAD_REQUEST, str(error)
        except Exception as error:  # a fault of this firmware ends a request, not the board
            code, text = ErrorCode.BAD_REQUEST, f"{type(error).__name__}: {error}"
        else:
            return
        self._infer_waiting(now)
        self._refuse(frame, code, text, now)

    def _refuse(self, frame: Frame, code: ErrorCode, text: str, now: float) -> None:
        self._send(Type.REFUSAL, Refusal(request=frame.sequence, code=code, text=text).pack(), now)

    def _on_hello(self, frame: Frame, now: float) -> None:
        info = BoardInfo(
            board="virtual board",
            firmware="tinyml-labs-virtual",
            firmware_version=__version__,
            max_payload=MAX_PAYLOAD,
            receive_buffer=RECEIVE_BUFFER,
            model_sha256=self._sha256,
            sensors=(self._sensor.description,),
        )
        self._send(Type.BOARD, info.pack(frame.sequence), now)

    def _on_load_begin(self, frame: Frame, now: float) -> None:
        begin = LoadBegin.unpack(frame.payload)
        room = self._settings.ram_kb * 1024
        if begin.size > room:
            raise _RequestFailed(
                ErrorCode.OUT_OF_MEMORY,
                f"the model has {begin.size:,} bytes, and this board {room:,} bytes of RAM for model and arena.",
            )
        self._close_model()
        self._sha256, self._layout = NO_MODEL, None
        self._loading, self._loaded = begin, bytearray()
        self._done(frame, now)

    def _on_load_data(self, frame: Frame, now: float) -> None:
        piece = Piece.unpack_load(frame.payload)
        if self._loading is None:
            raise _RequestFailed(ErrorCode.BAD_REQUEST, "no load has begun.")
        if piece.offset != len(self._loaded) or piece.offset + len(piece.data) > self._loading.size:
            raise _RequestFailed(
                ErrorCode.BAD_REQUEST,
                f"this piece begins at {piece.offset}, and I have {len(self._loaded)} of {self._loading.size} bytes.",
            )
        self._loaded += piece.data
        if len(self._loaded) < self._loading.size:
            self._done(frame, now)
            return
        begin, self._loading = self._loading, None
        if zlib.crc32(self._loaded) != begin.crc32:
            raise _RequestFailed(ErrorCode.MODEL_DAMAGED, "the model's CRC-32 is wrong: it arrived damaged.")
        self._start_model(bytes(self._loaded))
        assert self._layout is not None
        self._send(Type.MODEL, self._layout.pack(frame.sequence), now)

    def _start_model(self, data: bytes) -> None:
        arena_limit = self._settings.ram_kb * 1024 - len(data)
        if arena_limit < 1:
            raise _RequestFailed(ErrorCode.OUT_OF_MEMORY, "the model fills the RAM, and leaves none for its arena.")
        try:
            if inference.tflm_available():
                model = inference.load(data, "tflm", arena_bytes=arena_limit)
            else:
                model = inference.load(data, "litert")
        except (inference.InferenceError, ValueError) as error:
            small = isinstance(error, inference.InferenceError) and error.kind == "arena"
            code = ErrorCode.OUT_OF_MEMORY if small else ErrorCode.MODEL_FAILED
            raise _RequestFailed(code, str(error)) from None
        self._model = model
        self._sha256 = hashlib.sha256(data).digest()

        def describe(tensors: tuple[inference.TensorInfo, ...]) -> tuple[TensorLayout, ...]:
            return tuple(
                TensorLayout(dtype=t.dtype.name, shape=t.shape, scale=t.scale, zero_point=t.zero_point)
                for t in tensors
            )

        self._layout = ModelInfo(
            sha256=self._sha256,
            arena_bytes=arena_limit,
            inputs=describe(model.inputs),
            outputs=describe(model.outputs),
        )

    def _on_model_info(self, frame: Frame, now: float) -> None:
        if self._layout is None:
            raise _RequestFailed(ErrorCode.NO_MODEL, "there is no model on this board.")
        self._send(Type.MODEL, self._layout.pack(frame.sequence), now)

    def _on_infer(self, frame: Frame, now: float) -> None:
        piece = Piece.unpack_infer(frame.payload)
        if self._model is None or self._layout is None:
            raise _RequestFailed(ErrorCode.NO_MODEL, "there is no model on this board.")
        expected = sum(tensor.nbytes for tensor in self._layout.inputs)
        if piece.offset == 0:
            self._input.clear()
        fits = piece.total == expected and piece.offset == len(self._input)
        if not fits or piece.offset + len(piece.data) > expected:
            raise _RequestFailed(
                ErrorCode.BAD_REQUEST,
                f"the model takes {expected} bytes, and I have {len(self._input)}; this piece begins at "
                f"{piece.offset} of {piece.total}.",
            )
        self._input += piece.data
        if len(self._input) < expected:
            self._infer_waiting(now)
            self._done(frame, now)
            return
        self._waiting.append((frame, bytes(self._input)))

    def _infer_waiting(self, now: float) -> None:
        """Run the inputs that have come whole, and send each its result."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._model is None:
            return
        table = np.frombuffer(b"".join(data for _, data in waiting), np.uint8).reshape(len(waiting), -1)
        inputs, start = [], 0
        for tensor in self._model.inputs:
            size = int(np.prod(tensor.shape, dtype=np.int64)) * tensor.dtype.itemsize
            part = np.ascontiguousarray(table[:, start : start + size]).view(tensor.dtype.newbyteorder("<"))
            inputs.append(part.astype(tensor.dtype).reshape(len(waiting), *tensor.window_shape))
            start += size
        try:
            outputs, microseconds = self._model.run_timed(inputs if len(inputs) > 1 else inputs[0], progress=False)
        except inference.InferenceError as error:
            for frame, _ in waiting:
                self._refuse(frame, ErrorCode.MODEL_FAILED, str(error), now)
            return
        every = outputs if isinstance(outputs, tuple) else (outputs,)
        little = [output.astype(output.dtype.newbyteorder("<")) for output in every]
        for index, (frame, _) in enumerate(waiting):
            raw = b"".join(output[index].tobytes() for output in little)
            self._send_result(frame, raw, int(microseconds[index]), now)

    def _send_result(self, frame: Frame, raw: bytes, microseconds: int, now: float) -> None:
        step = MAX_PAYLOAD - RESULT_OVERHEAD
        for at in range(0, len(raw), step):
            result = Result(
                request=frame.sequence,
                microseconds=microseconds,
                offset=at,
                total=len(raw),
                data=raw[at : at + step],
            )
            self._send(Type.RESULT, result.pack(), now)

    def _on_stream_start(self, frame: Frame, now: float) -> None:
        start = StreamStart.unpack(frame.payload)
        if start.sensor != self._sensor.description.id:
            raise _RequestFailed(ErrorCode.NO_SENSOR, f"this board has no sensor number {start.sensor}.")
        if self._stream is not None:
            raise _RequestFailed(ErrorCode.BUSY, "a stream is running; stop it first.")
        self._done(frame, now)
        self._stream = SensorStream(self._sensor, start=now, samples=start.samples, speed=self._settings.speed)

    def _on_stream_stop(self, frame: Frame, now: float) -> None:
        self._stream = None
        self._done(frame, now)

    # -- sending

    def _done(self, frame: Frame, now: float) -> None:
        self._send(Type.DONE, pack_done(frame.sequence), now)

    def _send(self, kind: Type, payload: bytes, now: float) -> None:
        micros = int((now - self._booted_at) * 1e6) % 2**32
        self._out += encode_frame(Frame(kind, self._sequence, micros, payload))
        self._sequence = (self._sequence + 1) % 65536

    def _finish_boot(self) -> None:
        if self._said_hello:
            return
        self._said_hello = True
        self._out += self._settings.boot_text.encode("ascii", errors="replace")
        if self._model is None:
            self.check_model()

    def _close_model(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

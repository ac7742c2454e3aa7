"""The virtual board's firmware: bytes in, bytes out. No port and no clock: both come in as arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinyml_labs import __version__, inference
from tinyml_labs.link.descriptions import NO_MODEL, BoardInfo
from tinyml_labs.link.fields import MessageError
from tinyml_labs.link.framing import MAX_PAYLOAD, Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import (
    LAYER_OVERHEAD,
    RESULT_OVERHEAD,
    ErrorCode,
    Layer,
    LoadBegin,
    Piece,
    Refusal,
    Result,
    StreamStart,
    Trace,
    Type,
    pack_done,
)
from tinyml_labs.virtual.loaded_model import LoadedModel, ModelTransfer, RequestRefused
from tinyml_labs.virtual.program import BoardClock
from tinyml_labs.virtual.score_source import ScoreSource
from tinyml_labs.virtual.sensors import SampleSource
from tinyml_labs.virtual.settings import VirtualBoardSettings
from tinyml_labs.virtual.streaming import SensorStream

RECEIVE_BUFFER = 16 * 1024


class Firmware:
    """The kit's own firmware, which speaks frames: a :class:`tinyml_labs.virtual.program.Program`.

    Parameters
    ----------
    settings : VirtualBoardSettings
    sensors : tuple of SampleSource
        What the board measures.
    board_id : str
        The chip's number.
    """

    terminator = b"\0"

    def __init__(self, settings: VirtualBoardSettings, sensors: tuple[SampleSource, ...], board_id: str) -> None:
        self._settings = settings
        self._sensors = {source.description.id: source for source in sensors}
        self._scores = next((source for source in sensors if isinstance(source, ScoreSource)), None)
        self._board_id = board_id
        self._clock = BoardClock(settings)
        self._flash: LoadedModel | None = None  # the sketch's own model
        self._model: LoadedModel | None = None  # the one that runs: the sketch's, or one that was loaded into RAM
        self._handlers: dict[int, Callable[[Frame, float], None]] = {
            Type.HELLO: self._on_hello,
            Type.LOAD_BEGIN: self._on_load_begin,
            Type.LOAD_DATA: self._on_load_data,
            Type.MODEL_INFO: self._on_model_info,
            Type.INFER: self._on_infer,
            Type.TRACE: self._on_trace,
            Type.STREAM_START: self._on_stream_start,
            Type.STREAM_STOP: self._on_stream_stop,
        }
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """Start anew: RAM is empty, the clock is 0, the boot text is printed."""
        self._close_ram()
        self._model = self._flash
        self._decoder = FrameDecoder()
        self._sequence = 0
        self._clock.reset(now)
        self._said_hello = False
        self._out = bytearray()
        self._transfer: ModelTransfer | None = None
        self._input = bytearray()
        self._traced = Trace(first=0, count=0)  # layers that an inference shows
        self._waiting: list[tuple[Frame, bytes]] = []  # whole inputs that came together run together
        self._stream: SensorStream | None = None
        self._faults: list[dict[str, Any]] = []
        self.running_since: float | None = None
        if self._scores is not None:
            self._scores.stop()

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host. Before the board is ready they are lost, as on a real one."""
        if now < self._clock.ready_at:
            return
        self._finish_boot()
        for frame in self._decoder.feed(data):
            if frame.type != Type.INFER:
                self._infer_waiting(now)
            self._answer(frame, now)
        self._infer_waiting(now)

    def transmit(self, now: float, *, room: bool) -> bytes:
        """Give what the board has to send; see :class:`tinyml_labs.virtual.program.Program`."""
        if now >= self._clock.ready_at:
            self._finish_boot()
        now_s = self._clock.seconds(now)
        if self._scores is not None:
            events, now_s = self._scores.listen(now_s)
            for at_s, text in events:
                self._send_at(Type.LOG, text.encode(), at_s)
        if self._stream is not None:
            for kind, payload, taken_at in self._stream.advance(now_s, room=room):
                self._send_at(kind, payload, now_s if taken_at is None else taken_at)
            if self._stream.ended:
                self._end_stream()
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self, now: float) -> float:
        """Give the seconds until there may be something to send; infinity if nothing is to come."""
        if now < self._clock.ready_at:
            return self._clock.ready_at - now
        times = [] if self._stream is None else [self._stream.next_event()]
        times += [] if self._scores is None else [self._scores.next_s]
        return min((self._clock.until(time, now) for time in times), default=float("inf"))

    def host_came(self, now: float) -> None:
        """Note that a host has opened the port: this firmware waits until it is spoken to."""

    def host_left(self) -> None:
        """Stop what the host has asked for: it has closed the port."""
        self._end_stream()
        if self._scores is not None:
            self._scores.stop()
        self._waiting.clear()
        self._input.clear()
        self._decoder = FrameDecoder()
        self._out.clear()

    def position(self, now: float) -> dict[str, Any]:
        """Say how far the stream is."""
        if self._stream is None:
            return {}
        return {"sensor": self._stream.sensor.name, "taken": self._stream.taken(self._clock.seconds(now))}

    def take_faults(self) -> list[dict[str, Any]]:
        """Give the overruns since the last call."""
        faults, self._faults = self._faults, []
        if self._stream is not None:
            faults += self._stream.faults
            self._stream.faults = []
        return faults

    def check_model(self) -> None:
        """Load the model that is on the board from the start, if there is one.

        Raises
        ------
        ValueError
            If it is no model, or one that this board cannot run, with the reason.
        """
        path = self._settings.spotter or self._settings.detector or self._settings.model
        if not path:
            return
        try:
            model = Path(path).read_bytes() if self._scores is None else self._scores.model
            self._flash = LoadedModel(model, self._settings.ram_kb)
        except RequestRefused as refusal:
            raise ValueError(f"{path}: {refusal}") from None
        self._model = self._flash
        if self._scores is not None:
            self._scores.use(self._flash)

    def close(self) -> None:
        """Let go of the models."""
        self._close_ram()
        if self._flash is not None:
            self._flash.close()

    # -- requests

    def _answer(self, frame: Frame, now: float) -> None:
        handler = self._handlers.get(frame.type)
        try:
            if handler is None:
                raise RequestRefused(ErrorCode.UNKNOWN_REQUEST, f"I know no request of type {frame.type:#04x}.")
            handler(frame, now)
        except RequestRefused as failure:
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
            board_id=self._board_id,
            max_payload=MAX_PAYLOAD,
            receive_buffer=RECEIVE_BUFFER,
            model_sha256=NO_MODEL if self._model is None else self._model.info.sha256,
            sensors=tuple(source.description for source in self._sensors.values()),
        )
        self._send(Type.BOARD, info.pack(frame.sequence), now)
        if self._scores is not None and not self._scores.listening:
            self._scores.begin(self._clock.seconds(now))

    def _on_load_begin(self, frame: Frame, now: float) -> None:
        transfer = ModelTransfer(LoadBegin.unpack(frame.payload), self._settings.ram_kb)
        self._close_ram()
        self._model, self._transfer = None, transfer
        self._done(frame, now)

    def _on_load_data(self, frame: Frame, now: float) -> None:
        piece = Piece.unpack_load(frame.payload)
        if self._transfer is None:
            raise RequestRefused(ErrorCode.BAD_REQUEST, "no load has begun.")
        self._transfer.add(piece)
        if not self._transfer.complete:
            self._done(frame, now)
            return
        transfer, self._transfer = self._transfer, None
        self._model = transfer.load()
        self._send(Type.MODEL, self._model.info.pack(frame.sequence), now)

    def _on_model_info(self, frame: Frame, now: float) -> None:
        self._send(Type.MODEL, self._require_model().info.pack(frame.sequence), now)

    def _on_infer(self, frame: Frame, now: float) -> None:
        piece = Piece.unpack_infer(frame.payload)
        expected = self._require_model().input_bytes
        if piece.offset == 0:
            self._input.clear()
        fits = piece.total == expected and piece.offset == len(self._input)
        if not fits or piece.offset + len(piece.data) > expected:
            raise RequestRefused(
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

    def _on_trace(self, frame: Frame, now: float) -> None:
        trace, layers = Trace.unpack(frame.payload), self._require_model().layers()
        if trace.first >= layers:
            raise RequestRefused(ErrorCode.BAD_REQUEST, f"{trace.first} is no layer: the model has {layers}.")
        self._traced = trace
        self._done(frame, now)

    def _show_layers(self, frame: Frame, data: bytes, now: float) -> None:
        assert self._model is not None
        step = MAX_PAYLOAD - LAYER_OVERHEAD
        chosen = range(self._traced.first, self._traced.first + self._traced.count)
        for number, raw in self._model.layer_outputs(data, chosen):
            for at in range(0, max(1, len(raw)), step):
                part = raw[at : at + step]
                shown = Layer(request=frame.sequence, layer=number, offset=at, total=len(raw), data=part)
                self._send(Type.LAYER, shown.pack(), now)

    def _infer_waiting(self, now: float) -> None:
        """Run the inputs that have come whole, and send each its result."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._model is None:
            return
        try:
            outputs, microseconds = self._model.run([data for _, data in waiting])
        except inference.InferenceError as error:
            for frame, _ in waiting:
                self._refuse(frame, ErrorCode.MODEL_FAILED, str(error), now)
            return
        step = MAX_PAYLOAD - RESULT_OVERHEAD
        for (frame, data), raw, took in zip(waiting, outputs, microseconds, strict=True):
            if self._traced.count:
                self._show_layers(frame, data, now)
            for at in range(0, len(raw), step):
                part = raw[at : at + step]
                result = Result(request=frame.sequence, microseconds=took, offset=at, total=len(raw), data=part)
                self._send(Type.RESULT, result.pack(), now)

    def _on_stream_start(self, frame: Frame, now: float) -> None:
        start = StreamStart.unpack(frame.payload)
        if start.sensor not in self._sensors:
            raise RequestRefused(ErrorCode.NO_SENSOR, f"this board has no sensor number {start.sensor}.")
        if self._stream is not None:
            raise RequestRefused(ErrorCode.BUSY, "a stream is running; stop it first.")
        source, start_s = self._sensors[start.sensor], self._clock.seconds(now)
        if self._scores is not None:
            self._scores.begin(start_s)  # whatever is streamed, it is what the model hears or sees
        source.take(0, 1)  # what is made up is made now, and not while samples wait
        self._done(frame, now)
        self._stream = SensorStream(source, start_s=start_s, samples=start.samples, settings=self._settings)
        self.running_since = now

    def _on_stream_stop(self, frame: Frame, now: float) -> None:
        self._end_stream()
        self._done(frame, now)

    def _require_model(self) -> LoadedModel:
        if self._model is None:
            raise RequestRefused(ErrorCode.NO_MODEL, "there is no model on this board.")
        return self._model

    # -- sending

    def _done(self, frame: Frame, now: float) -> None:
        self._send(Type.DONE, pack_done(frame.sequence), now)

    def _send(self, kind: Type, payload: bytes, now: float) -> None:
        self._send_at(kind, payload, self._clock.seconds(now))

    def _send_at(self, kind: Type, payload: bytes, seconds: float) -> None:
        self._out += encode_frame(Frame(kind, self._sequence, self._clock.micros(seconds), payload))
        self._sequence = (self._sequence + 1) % 65536

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._faults += self._stream.faults
        self._stream = None
        self.running_since = None

    def _finish_boot(self) -> None:
        if not self._said_hello:
            self._said_hello = True
            self._out += self._settings.boot_text.encode("ascii", errors="replace")

    def _close_ram(self) -> None:
        if self._model is not None and self._model is not self._flash:
            self._model.close()
            self._model = None

"""Where samples come from: a board that speaks the kit's frames. (A board that prints numbers: csv_source.)"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Protocol

from tinyml_labs.capture.assembler import Block, SampleAssembler
from tinyml_labs.capture.images import ImageCollector
from tinyml_labs.capture.rate import BoardClockRate
from tinyml_labs.link import Board, BoardEnd, BoardError, BoardTimeout, BoardVanished
from tinyml_labs.link.descriptions import NO_MODEL, BoardInfo, Sensor, SensorKind
from tinyml_labs.link.framing import Frame
from tinyml_labs.link.messages import Samples, StreamEnd, Type

SILENCE_S = 1.0
ANY_SENSOR = "*"
_LIKELY_SENSORS = ("imu", "accelerometer")
_HELLO_S = 0.6
_RETRY_S = 0.2


class Source(Protocol):
    """Samples as they come, with what is known of where they come from.

    Attributes
    ----------
    sensor : Sensor
    rate_hz : float or None
        The nominal rate; of a camera, in images a second. None if nothing says it.
    board : dict
        For ``recording.json``.
    sensors : tuple of str
        Names of all the sensors there are.
    """

    sensor: Sensor
    rate_hz: float | None
    board: dict[str, Any]
    sensors: tuple[str, ...]

    def read(self, timeout_s: float) -> list[Block]:
        """Give the samples that have come; wait for some at most so long.

        Raises
        ------
        BoardError
            When no more can come: the board has ended the stream, or is gone and has not come back.
        """

    def mark(self) -> None:
        """Begin to count and to measure the rate anew: a recording begins."""

    def facts(self) -> dict[str, Any]:
        """Give what was counted since :meth:`mark`, for ``recording.json``."""

    def news(self) -> list[str]:
        """Give what has happened since the last call, in words."""

    def select(self, sensor: str) -> None:
        """Take another sensor's samples from now on."""

    def close(self) -> None:
        """Let go of the port."""


class FrameSource:
    """Samples of a board that speaks frames.

    A board that falls silent is asked whether it is there: if it was reset, the stream is started again, and the gap
    is as long as the host's clock says. A port that went away is looked for, under its own name and others, for
    ``reconnect_s`` seconds.

    Parameters
    ----------
    board : Board
    sensor : str
        One of the board's; empty if it has but one; ``"*"`` for the likeliest, such as ``"imu"``.
    reconnect_s : float
        How long a board may be gone.

    Raises
    ------
    BoardError
        If the board has no such sensor.
    """

    def __init__(self, board: Board, sensor: str = "", *, reconnect_s: float = 10.0) -> None:
        self._link = board
        self._reconnect_s = reconnect_s
        self._news: list[str] = []
        self.sensors = tuple(s.name for s in board.info.sensors)
        if sensor == ANY_SENSOR and self.sensors:
            sensor = next((name for name in _LIKELY_SENSORS if name in self.sensors), self.sensors[0])
        self.select(sensor or self._only_sensor())

    def _only_sensor(self) -> str:
        if len(self.sensors) == 1:
            return self.sensors[0]
        names = ", ".join(repr(name) for name in self.sensors) or "none"
        raise BoardError(f"{self._link.info.board} has {len(self.sensors)} sensors: {names}. Choose with sensor=….")

    def select(self, sensor: str) -> None:
        """Stream another sensor."""
        self.sensor = self._link.start_stream(sensor)
        image = self.sensor.kind == SensorKind.IMAGE
        self._images = ImageCollector(self.sensor) if image else None
        self.rate_hz: float | None = self.sensor.rate_hz / (self.sensor.rows if image else 1)
        self.board = describe_board(self._link.info, self._link.port)
        self._assembler = SampleAssembler(self.sensor)
        self._heard_at = self._asked_at = self._tried_at = time.monotonic()
        self._gone = ""
        self._text_bytes = self._link.counts.text_bytes
        self._bytes = self._link.counts.bytes
        self.mark()

    def read(self, timeout_s: float) -> list[Block]:
        """Give the samples that have come. See :class:`Source`."""
        if self._gone:
            self._return(timeout_s)
            return []
        try:
            frames = self._link.read_stream(timeout_s)
        except BoardVanished as error:
            self._gone = str(error)
            self._news.append(f"The board went away: {error}")
            return []
        now = time.monotonic()
        if frames:
            blocks = self._blocks(frames)
            self._heard_at = self._asked_at = now
            self._text_bytes = self._link.counts.text_bytes
            return blocks
        came = self._link.counts.bytes
        if came != self._bytes:  # all of it damaged, perhaps, but the board is there
            self._bytes, self._asked_at = came, now
        rebooted = self._link.counts.text_bytes > self._text_bytes  # it prints: a boot text?
        if now - self._asked_at > (SILENCE_S / 4 if rebooted else self._patience()):
            self._ask(now)
        return []

    def mark(self) -> None:
        """Count anew."""
        self._assembler.rate = BoardClockRate()
        counts = self._link.counts
        self._marked = (counts.crc_errors, counts.damaged, self._link.lost_frames, self._assembler.repeated)

    def facts(self) -> dict[str, Any]:
        """Give the measured rate and the counts since :meth:`mark`."""
        counts, rows = self._link.counts, self.sensor.rows or 1
        crc_errors, damaged, lost, repeated = self._marked
        hz = self._assembler.rate.hz
        return {
            "measured_rate_hz": None if hz is None else hz / rows,
            "crc_errors": counts.crc_errors - crc_errors,
            "damaged_frames": counts.damaged - damaged,
            "lost_frames": self._link.lost_frames - lost,
            "repeated_samples": self._assembler.repeated - repeated,
        }

    def news(self) -> list[str]:
        """Give what has happened, in words."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """End the stream and close the port."""
        with contextlib.suppress(BoardError, OSError):
            if not self._gone:
                self._link.stop_stream()
        self._link.close()

    def _blocks(self, frames: list[Frame]) -> list[Block]:
        blocks: list[Block] = []
        for frame in frames:
            if frame.type == Type.STREAM_END:
                end = StreamEnd.unpack(frame.payload)
                raise BoardEnd(f"The board ended the stream of {self.sensor.name!r} after {end.samples} samples.")
            message = Samples.unpack(frame.payload)
            if message.sensor != self.sensor.id:
                continue
            if self._assembler.begins_anew(message, frame.micros):
                self._restart("The board was reset and began to stream anew")
            block = self._assembler.feed(message, frame.micros)
            if block is not None:
                blocks += [block] if self._images is None else self._images.feed(block)
        return blocks

    def _patience(self) -> float:
        slowest = 60 / self.sensor.rate_hz  # a sensor of few samples a second sends few frames
        return max(SILENCE_S, slowest)

    def _ask(self, now: float) -> None:
        """Find out why nothing comes: is the board busy, was it reset, is it dead?"""
        self._asked_at = now
        try:
            self._link.hello(timeout_s=_HELLO_S)
            if not self._link.resume_stream(self.sensor):
                return  # it is streaming, and slow
        except BoardTimeout as error:
            silent = time.monotonic() - self._heard_at
            if silent > self._reconnect_s:
                raise BoardTimeout(f"The board fell silent {silent:.0f} s ago. {error}") from None
            return
        except BoardVanished as error:
            self._gone = str(error)
            return
        self._restart("The board was reset while it was streaming")

    def _return(self, timeout_s: float) -> None:
        """Look for the board that went away."""
        now = time.monotonic()
        if now - self._tried_at < _RETRY_S:
            time.sleep(min(timeout_s, _RETRY_S))
            return
        self._tried_at = now
        try:
            port = self._link.reconnect(timeout_s=_HELLO_S)
            self._link.start_stream(self.sensor.name)
        except (BoardError, OSError):
            if now - self._heard_at > self._reconnect_s:
                raise BoardVanished(f"{self._gone} It has not come back within {self._reconnect_s:g} s.") from None
            return
        self._gone = ""
        self._restart(f"The board came back on {port}")

    def _restart(self, what: str) -> None:
        now = time.monotonic()
        seconds = now - self._heard_at
        self._heard_at = self._asked_at = now
        self._text_bytes = self._link.counts.text_bytes
        self._assembler.restart(missing=round(seconds * self.sensor.rate_hz))
        self._news.append(f"{what}; about {seconds:.2f} s are missing.")


def describe_board(info: BoardInfo, port: str) -> dict[str, Any]:
    """Give what ``recording.json`` says of a board."""
    return {
        "board": info.board,
        "firmware": info.firmware,
        "firmware_version": info.firmware_version,
        "board_id": info.board_id,
        "model_sha256": "" if info.model_sha256 == NO_MODEL else info.model_sha256.hex(),
        "port": port,
    }

"""Where samples come from: a board that speaks the kit's frames. (A board that prints numbers: csv_source.)"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any, Protocol

from tinyml_labs.capture.assembler import Block, SampleAssembler, in_runs
from tinyml_labs.capture.images import ImageCollector
from tinyml_labs.capture.rate import BoardClockRate
from tinyml_labs.link import Board, BoardEnd, BoardError, BoardTimeout, BoardVanished
from tinyml_labs.link.descriptions import NO_MODEL, BoardInfo, Sensor, SensorKind
from tinyml_labs.link.framing import Frame
from tinyml_labs.link.messages import Samples, StreamEnd

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

    def tail(self) -> tuple[float, str]:
        """Give the seconds for which nothing has come, if that is too long, and why; else 0 and an empty text."""

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
        self._failure: BoardError | None = None
        self._told_silence = False
        self._text_bytes = self._link.counts.text_bytes
        self.mark()

    def read(self, timeout_s: float) -> list[Block]:
        """Give the samples that have come. See :class:`Source`."""
        if self._failure is not None:
            raise self._failure
        if self._gone:
            self._return(timeout_s)
            return []
        try:
            frames = self._link.read_stream(timeout_s)
        except BoardVanished as error:
            self._gone = str(error)
            self._news.append(f"The board went away: {error}")
            return []
        blocks = self._blocks(frames) if frames else []
        now = time.monotonic()
        if blocks:
            self._heard_at = self._asked_at = now
            self._told_silence = False
            self._text_bytes = self._link.counts.text_bytes
            return blocks
        rebooted = self._link.counts.text_bytes > self._text_bytes  # it prints: a boot text?
        if now - self._asked_at > (SILENCE_S / 4 if rebooted else self._patience()):
            self._ask(now)
        return []

    def tail(self) -> tuple[float, str]:
        """Give the seconds for which nothing has come, if that is too long. See :class:`Source`."""
        seconds = time.monotonic() - self._heard_at
        if self._gone:
            return seconds, "vanished"
        return (seconds, "silent") if seconds > self._patience() else (0.0, "")

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
        """Give the samples in frames; an error among them waits until the samples before it are taken."""
        blocks: list[Block] = []
        try:
            for message, micros in in_runs(frames, self.sensor):
                if isinstance(message, StreamEnd):
                    self._check_end(message)
                else:
                    blocks += self._samples(message, micros)
        except BoardError as error:
            self._failure = error
        return blocks

    def _check_end(self, end: StreamEnd) -> None:
        if end.sensor == self.sensor.id:
            raise BoardEnd(f"The board ended the stream of {self.sensor.name!r} after {end.samples} samples.")

    def _samples(self, message: Samples, micros: int) -> list[Block]:
        if message.sensor != self.sensor.id:
            return []
        if self._assembler.begins_anew(message, micros):
            self._restart("The board was reset and began to stream anew")
        block = self._assembler.feed(message, micros)
        self._heard_at = time.monotonic()
        if block is None:
            return []
        return [block] if self._images is None else self._images.feed(block)

    def _patience(self) -> float:
        slowest = 60 / self.sensor.rate_hz  # a sensor of few samples a second sends few frames
        return max(SILENCE_S, slowest)

    def _ask(self, now: float) -> None:
        """Find out why nothing comes: is the board busy, was it reset, is it dead?"""
        self._asked_at = now
        silent = now - self._heard_at
        if silent > SILENCE_S and not self._told_silence:
            self._told_silence = True
            damaged = self._link.counts.damaged
            self._news.append(f"No samples for {silent:.1f} s ({damaged} damaged frames so far).")
        try:
            self._link.hello(timeout_s=_HELLO_S)
            self._check_sensor()
            began = self._link.resume_stream(self.sensor)
        except BoardTimeout as error:
            silent = time.monotonic() - self._heard_at
            if silent > self._reconnect_s:
                raise BoardTimeout(f"The board fell silent {silent:.0f} s ago. {error}") from None
            return
        except BoardVanished as error:
            self._gone = str(error)
            self._news.append(f"The board went away: {error}")
            return
        if began:
            self._restart("The board was reset while it was streaming")
        elif silent > max(self._reconnect_s, self._patience()):
            raise BoardTimeout(f"The board says that it is streaming, and no sample has come for {silent:.0f} s.")

    def _check_sensor(self) -> None:
        """Compare what the board offers now with what is being recorded: another sketch may be on it."""
        found = self._link.sensor(self.sensor.name)
        if repr(replace(found, id=self.sensor.id)) != repr(self.sensor):  # repr: NaN is equal to NaN there
            raise BoardError(f"The board offers another {self.sensor.name!r} now: {found}. Is it another sketch?")
        self.sensor = found

    def _return(self, timeout_s: float) -> None:
        """Look for the board that went away."""
        now = time.monotonic()
        if now - self._tried_at < _RETRY_S:
            time.sleep(min(timeout_s, _RETRY_S))
            return
        self._tried_at = now
        try:
            port = self._link.reconnect(timeout_s=_HELLO_S)
        except (BoardError, OSError):
            if now - self._heard_at > self._reconnect_s:
                raise BoardVanished(f"{self._gone} It has not come back within {self._reconnect_s:g} s.") from None
            return
        self._check_sensor()
        try:
            self._link.start_stream(self.sensor.name)
        except (BoardError, OSError):  # it went away again, or does not listen yet
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

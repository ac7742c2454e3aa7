"""Samples of any board that prints numbers: other people's sketches, without a change."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any

import numpy as np

from tinyml_labs.capture.arrival_rate import estimate_rate
from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.csv_report import CsvRows, CsvSettings
from tinyml_labs.capture.csv_stream import CsvDecoder
from tinyml_labs.link import BoardError, BoardTimeout, BoardVanished
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.link.ports import describe_ports, find_again, identify, open_port, read_what_is_there

_RETRY_S = 0.2
_MOST_CHUNKS = 20_000  # of those that the rate is measured by; then every other one is forgotten
_MEASURE_EVERY_S = 1.0
_GUESS_HZ = 100.0


class CsvSource:
    """Samples of a board that prints a row of numbers a line.

    The lines carry no numbers of their own: a line that cannot be read is a gap of one sample, and a pause, such as
    between the gestures of Arduino's IMU_Capture, is a gap as long as the host's clock says.

    Parameters
    ----------
    port : str
    baud : int
    rate_hz : float, optional
        The nominal rate, in lines a second, if it is known.
    reconnect_s : float
        How long the board may be gone.
    wait_s : float
        How long to wait for the first lines.

    Raises
    ------
    PortError
        If the port does not open.
    BoardTimeout
        If no lines of numbers come.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int,
        rate_hz: float | None = None,
        reconnect_s: float = 10.0,
        wait_s: float = 8.0,
    ) -> None:
        self.rate_hz = rate_hz
        self._port, self._baud, self._reconnect_s = port, baud, reconnect_s
        self._identity = identify(port)
        self._news: list[str] = []
        self._numbered = 0  # rows so far, bad ones and pauses counted
        self._stored = 0
        self._arrivals: list[tuple[float, int]] = []
        self._breaks: list[int] = []
        self._measured: float | None = None
        self._measured_at = 0.0
        self._serial = open_port(port, baud=baud)
        self._home = self._serial if hasattr(self._serial, "find_again") else None
        self._address: str | None = None
        self._gone = ""
        self._failure: BoardError | None = None
        self._tried_at = 0.0
        self._begin(starts_mid_line=True)
        try:
            self._ahead = self._wait_for_numbers(wait_s)
        except BaseException:
            self.close()
            raise
        self.mark()

    def read(self, timeout_s: float) -> list[Block]:
        """Give the rows that have come. See :class:`tinyml_labs.capture.sources.Source`."""
        if self._ahead:
            ahead, self._ahead = self._ahead, []
            return [block for rows in ahead for block in self._blocks(rows)]
        if self._failure is not None:
            raise self._failure
        if self._gone:
            self._return(timeout_s)
            return []
        blocks: list[Block] = []
        with contextlib.suppress(queue.Empty):
            item = self._incoming.get(timeout=timeout_s)
            while True:
                if isinstance(item, BaseException):
                    self._gone = f"{self._port} went away while it was in use ({item})."
                    self._news.append(f"The board went away: {item}")
                    break
                try:
                    blocks += self._blocks(self._decoder.feed(*item))
                except BoardError as error:  # the samples before it are taken first
                    self._failure = error
                    break
                item = self._incoming.get_nowait()
        if not blocks and not self._gone and time.monotonic() - self._heard_at > self._reconnect_s:
            raise BoardTimeout(f"{self._port} has printed nothing for {self._reconnect_s:g} s. {describe_ports()}")
        return blocks

    def tail(self) -> tuple[float, str]:
        """Give the seconds for which nothing has come, if that is too long."""
        seconds = time.monotonic() - self._heard_at
        if self._gone:
            return seconds, "vanished"
        rate = self.rate_hz or self._measured_hz() or _GUESS_HZ
        return (seconds, "silent") if seconds > max(1.0, 60 / rate) else (0.0, "")

    def select(self, sensor: str) -> None:
        """Refuse: what a board prints is one sensor."""
        raise BoardError(f"A board that prints numbers has no sensors to choose from, and {sensor!r} was asked for.")

    def mark(self) -> None:
        """Count anew."""
        self._arrivals, self._breaks = [], []
        self._measured = None
        self._measured_at = 0.0
        self._bad_before = self._decoder.report().bad_lines

    def facts(self) -> dict[str, Any]:
        """Give the measured rate, the bad lines, and what the decoder has noticed."""
        report = self._decoder.report()
        first = report.first_bad_line
        bad = report.bad_lines - self._bad_before
        return {
            "measured_rate_hz": self._measured_hz(),
            "bad_lines": {"count": bad, "first": str(first) if first is not None and bad else ""},
            "text_lines": report.text_lines,
            "restarts": report.restarts,
        }

    def news(self) -> list[str]:
        """Give what has happened, in words."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Close the port."""
        self._closing.set()
        with contextlib.suppress(Exception):
            self._serial.cancel_read()
        self._reader.join(timeout=2)
        for port in (self._serial, self._home):
            with contextlib.suppress(OSError):
                if port is not None:
                    port.close()

    def _begin(self, *, starts_mid_line: bool) -> None:
        self._decoder = CsvDecoder(CsvSettings(starts_mid_line=starts_mid_line))
        self._incoming: queue.SimpleQueue[tuple[bytes, float] | BaseException] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._heard_at = time.monotonic()
        self._row_at = 0.0  # when the last row came
        self._pending: Gap | None = None
        self._reader = threading.Thread(
            target=_read,
            args=(self._serial, self._incoming, self._closing),
            name=f"reader of {self._port}",
            daemon=True,
        )
        self._reader.start()

    def _wait_for_numbers(self, wait_s: float) -> list[CsvRows]:
        deadline = time.monotonic() + wait_s
        came = b""
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                item = self._incoming.get(timeout=0.1)
                if isinstance(item, BaseException):
                    raise BoardVanished(f"{self._port} went away ({item}). {describe_ports()}")
                came = (came + item[0])[-200:]
                rows = self._decoder.feed(*item)
                if len(rows):
                    self._describe()
                    return [rows]
        what = f"The last of it: {came[-80:]!r}." if came else "Nothing came at all."
        raise BoardTimeout(
            f"No lines of numbers from {self._port} in {wait_s:g} s at {self._baud} baud. {what} Is the baud rate "
            f"right, and does the sketch print one row of numbers a line? {describe_ports()}"
        )

    def _describe(self) -> None:
        report = self._decoder.report()
        units = set(report.units)
        self.sensor = Sensor(
            id=0,
            name="numbers",
            unit=units.pop() if len(units) == 1 else ",".join(report.units),
            channels=len(report.channel_names),
            dtype="float64",
            rate_hz=self.rate_hz or _GUESS_HZ,
            channel_names=",".join(name.replace(",", " ") for name in report.channel_names),
        )
        self.sensors: tuple[str, ...] = (self.sensor.name,)
        self.board = {"board": "a board that prints numbers", "port": self._port, "baud": self._baud}

    def _blocks(self, rows: CsvRows) -> list[Block]:
        if not len(rows) and not rows.damaged:
            return []
        if len(rows) and rows.rows.shape[1] != self.sensor.channels:
            raise BoardError(
                f"The board on {self._port} prints {rows.rows.shape[1]} columns now; it printed "
                f"{self.sensor.channels} before. Is it another sketch?"
            )
        before = self._decoder.report().rows - len(rows)  # rows of this decoder before these
        self._heard_at = time.monotonic()
        pauses = {*rows.block_ends, *rows.restarts}
        blocks: list[Block] = []
        at = 0
        for cut in sorted({*rows.damaged, *pauses}):
            if cut - before > at:
                blocks.append(self._block(rows, at, cut - before))
                at = cut - before
            if cut in rows.damaged:
                self._miss(rows.damaged.count(cut), "bad line")
            if cut in pauses:
                self._miss(0, "reset" if cut in rows.restarts else "pause")
        if at < len(rows):
            blocks.append(self._block(rows, at, len(rows)))
        return blocks

    def _miss(self, count: int, cause: str) -> None:
        old = self._pending
        if old is not None:
            cause = old.cause if old.cause == cause or cause == "bad line" else cause
        self._pending = Gap(
            at=self._stored,
            first=self._numbered,
            missing=count + (old.missing if old is not None else 0),
            cause=cause,
            estimated=cause in ("pause", "reset"),
        )

    def _block(self, rows: CsvRows, start: int, end: int) -> Block:
        samples, arrivals = rows.rows[start:end], rows.arrival_seconds[start:end]
        gap, self._pending = self._pending, None
        if gap is not None:
            missing = gap.missing
            if gap.estimated:  # a pause is as long as the host's clock says
                pause_s = float(arrivals[0]) - self._row_at if self._row_at else 0.0
                missing = max(1, missing, round(pause_s * (self.rate_hz or self._measured_hz() or _GUESS_HZ)) - 1)
                self._breaks.append(len(self._arrivals))
            gap = Gap(
                at=self._stored, first=self._numbered, missing=missing, cause=gap.cause, estimated=gap.estimated
            )
            self._numbered += missing
        block = Block(self._numbered, np.ascontiguousarray(samples), gap)
        missed = gap.missing if gap is not None and not gap.estimated else 0
        for arrival, count in zip(*np.unique(arrivals, return_counts=True), strict=True):
            self._arrivals.append((float(arrival), int(count) + missed))
            missed = 0
        if len(self._arrivals) > _MOST_CHUNKS:
            self._halve()
        self._row_at = float(arrivals[-1])
        self._numbered += len(samples)
        self._stored += len(samples)
        return block

    def _halve(self) -> None:
        """Forget every other time of arrival, and count its rows with the next: memory stays bounded."""
        pairs = iter(self._arrivals)
        self._arrivals = [(later, first + second) for (_, first), (later, second) in zip(pairs, pairs, strict=False)]
        self._breaks = sorted({at // 2 for at in self._breaks})

    def _measured_hz(self) -> float | None:
        now = time.monotonic()
        if now < self._measured_at + _MEASURE_EVERY_S and self._measured is not None:
            return self._measured
        self._measured_at, self._measured = now, None
        if len(self._arrivals) > 2:
            seconds, counts = zip(*self._arrivals, strict=True)
            with contextlib.suppress(ValueError):  # too little came so far
                self._measured = estimate_rate(seconds, counts, breaks=self._breaks).rate_hz
        return self._measured

    def _return(self, timeout_s: float) -> None:
        now = time.monotonic()
        if now - self._tried_at < _RETRY_S:
            time.sleep(min(timeout_s, _RETRY_S))
            return
        self._tried_at = now
        try:
            if self._serial is not self._home:
                self._serial.close()
            found = find_again(self._identity, timeout_s=_RETRY_S, opened=self._home)
            self._address = found or self._address
            if self._address is None:
                raise BoardVanished(self._gone)
            self._serial = open_port(self._address, baud=self._baud)
        except (BoardError, OSError):
            if now - self._heard_at > self._reconnect_s:
                raise BoardVanished(f"{self._gone} It has not come back within {self._reconnect_s:g} s.") from None
            return
        row_at = self._row_at
        self._bad_before -= self._decoder.report().bad_lines
        self._gone = ""
        self._begin(starts_mid_line=True)
        self._row_at = row_at
        self._pending = Gap(at=self._stored, first=self._numbered, missing=0, cause="reset", estimated=True)
        self._news.append(f"The board came back on {self._address}.")
        self._address = None


def _read(
    port: Any, incoming: queue.SimpleQueue[tuple[bytes, float] | BaseException], closing: threading.Event
) -> None:
    try:
        while not closing.is_set():
            data = read_what_is_there(port)
            if data:
                incoming.put((data, time.monotonic()))
    except (OSError, TypeError) as error:  # TypeError: pyserial reads a port that was closed under it
        if not closing.is_set():
            incoming.put(error)

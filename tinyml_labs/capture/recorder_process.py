"""The recorder's process: reads the port and writes to disk, whatever the notebook's kernel is doing.

Started by :class:`tinyml_labs.capture.Recorder`. If the program that started it ends, the recording is finished and
the process ends too.
"""

from __future__ import annotations

import contextlib
import io
import json
import queue
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.capture.images import to_rgb
from tinyml_labs.capture.open_source import open_source
from tinyml_labs.capture.preview import Preview
from tinyml_labs.capture.process_messages import MessageSender
from tinyml_labs.capture.recording_writer import RecordingWriter, describe_sensor
from tinyml_labs.capture.sources import Source
from tinyml_labs.link import BoardEnd, BoardError
from tinyml_labs.link.descriptions import SensorKind

READ_S = 0.02
GATHER_S = 0.01  # what comes in the meantime is then written in one go
PREVIEW_EVERY_S = 1 / 30
_AS_ASKED = ("complete", "stopped", "interrupted")
IMAGE_EVERY_S = 0.1
STATUS_EVERY_S = 0.1


class Session:
    """A port that is open: live, and recording when told to.

    Parameters
    ----------
    source : Source
    sender : MessageSender
    preview : bool
        Whether somebody looks: only then is a preview made.
    """

    def __init__(self, source: Source, sender: MessageSender, *, preview: bool = True) -> None:
        self._source, self._sender, self._looked_at = source, sender, preview
        self._writer: RecordingWriter | None = None
        self._order: dict[str, Any] | None = None  # a recording that begins with the next sample
        self._limit: int | None = None
        self._stop_at: float | None = None
        self._columns: list[np.ndarray] = []
        self._image: np.ndarray | None = None
        self._received = 0
        self._preview_at = self._status_at = 0.0
        self._over = ""
        self._greet()

    def run(self, commands: queue.SimpleQueue[dict[str, Any]]) -> None:
        """Serve until told to quit, or until no more samples can come."""
        with contextlib.closing(self._source):
            while not self._over:
                try:
                    blocks = self._source.read(READ_S)
                except (BoardError, OSError) as error:
                    self._end(error)
                    return
                self._tell_news()
                try:
                    for block in blocks:
                        self._take(block)
                    self._check_clock()
                    self._obey(commands)
                except Exception as error:  # the disk is full, or no file holds such samples: the port stays open
                    text = f"The recording could not be written: {error}"
                    self._sender.send("trouble", text=text)
                    self._stop(text)
                self._show()
                if blocks:
                    time.sleep(GATHER_S)
            self._stop(self._over)

    # -- samples

    def _take(self, block: Block) -> None:
        self._received += len(block.samples)
        if block.gap is not None:
            self._missing += block.gap.missing
            self._overruns += block.gap.overruns
        if not self._looked_at:
            pass
        elif self._source.sensor.kind == SensorKind.IMAGE:
            self._image = block.samples[-1]
        else:
            self._columns.append(self._preview.feed(block))
        if self._order is not None:
            self._begin()
        if self._writer is not None:
            self._write(self._writer, block)

    def _begin(self) -> None:
        order = self._order
        assert order is not None
        rate = self._source.rate_hz
        seconds = order.get("seconds")
        self._source.mark()
        self._missing = self._overruns = 0
        self._writer = RecordingWriter(
            order["folder"],
            self._source.sensor,
            rate_hz=rate,
            label=order.get("label", ""),
            subject=order.get("subject", ""),
            session=order.get("session", ""),
            board=self._source.board,
        )
        self._order = None
        self._limit = max(1, round(seconds * rate)) if seconds and rate else None
        self._stop_at = time.monotonic() + seconds if seconds and not rate else None
        self._first: int | None = None
        self._sender.send("started", path=str(self._writer.path))

    def _write(self, writer: RecordingWriter, block: Block) -> None:
        if self._first is None:
            self._first = block.first
        at = block.first - self._first
        if self._limit is not None and at >= self._limit:  # all that was left to come is missing
            gap = block.gap
            assert gap is not None
            writer.end_with(gap, missing=self._limit - writer.span)
            self._stop("complete")
            return
        room = [n for n in (writer.room, None if self._limit is None else self._limit - at) if n is not None]
        samples = block.samples[: min(room)] if room else block.samples
        writer.append(Block(block.first, samples, block.gap))
        if self._limit is not None and writer.span >= self._limit:
            self._stop("complete")
        elif writer.room == 0:
            self._stop("the file is full: a WAV file holds 4 GiB")

    def _check_clock(self) -> None:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._stop("complete")

    def _stop(self, ended: str) -> None:
        order, self._order = self._order, None
        writer, self._writer, self._stop_at = self._writer, None, None
        if writer is None:
            if order is not None:
                self._sender.send("nothing", text=f"No sample came before the end ({ended}).")
            return
        if ended in _AS_ASKED:
            ended = self._note_tail(writer, ended)
        writer.update(**self._source.facts())
        try:
            path = writer.finish(ended)
        except OSError as error:  # what is on the disk stays there, as an unfinished recording
            path = writer.path
            self._sender.send("trouble", text=f"The recording {path} could not be finished: {error}")
        self._sender.send("take", path=str(path), samples=writer.stored, ended=ended)

    def _note_tail(self, writer: RecordingWriter, ended: str) -> str:
        """Say it if nothing came at the end: a recording of less than was asked for is not complete."""
        seconds, cause = self._source.tail()
        if not cause or (self._limit is not None and writer.span >= self._limit):
            return ended
        rate = self._source.rate_hz or writer.measured_rate_hz
        missing = round(seconds * rate) if rate else 0
        if self._limit is not None:
            missing = min(missing, self._limit - writer.span)
        if not missing:
            return f"{ended}, with nothing in the last {seconds:.1f} s: the board was {cause}"
        writer.end_with(Gap(at=0, first=0, missing=0, cause=cause, estimated=True), missing=missing)
        return ended

    def _end(self, error: Exception) -> None:
        """Nothing more can come: keep what there is, and say why."""
        as_asked = isinstance(error, BoardEnd) and self._limit is None
        why = "complete" if as_asked else str(error) or type(error).__name__
        waiting = self._order is not None or self._writer is not None
        if self._writer is not None and not isinstance(error, BoardEnd):
            self._writer.note(str(error))
        self._stop(why)
        self._sender.send("ended", error=type(error).__name__, text=str(error), waiting=waiting)

    # -- commands

    def _obey(self, commands: queue.SimpleQueue[dict[str, Any]]) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                command = commands.get_nowait()
                do = command["do"]
                if do == "start":
                    if self._writer is None:
                        self._order, self._limit = command, None
                elif do == "stop":
                    self._stop(command.get("why", "stopped"))
                elif do == "select":
                    self._select(command["sensor"])
                elif do == "quit":
                    self._over = command.get("why", "stopped")

    def _select(self, sensor: str) -> None:
        self._stop("stopped")
        try:
            self._source.select(sensor)
        except BoardError as error:
            self._sender.send("trouble", text=str(error))
        else:
            self._greet()

    # -- what the other side is told

    def _greet(self) -> None:
        source = self._source
        self._preview = Preview(source.sensor.channels, source.rate_hz or 100.0)
        self._columns, self._image = [], None
        self._received = self._missing = self._overruns = 0
        self._sender.send(
            "hello",
            board=source.board,
            sensor=describe_sensor(source.sensor, source.rate_hz),
            sensors=list(source.sensors),
            columns_a_second=self._preview.columns_a_second,
        )

    def _tell_news(self) -> None:
        for text in self._source.news():
            if self._writer is not None:
                self._writer.note(text)
            self._sender.send("trouble", text=text)

    def _show(self) -> None:
        now = time.monotonic()
        if now >= self._preview_at:
            if self._columns:
                columns = np.concatenate(self._columns)
                self._columns.clear()
                self._preview_at = max(self._preview_at + PREVIEW_EVERY_S, now)
                if len(columns):
                    self._sender.send(
                        "columns", columns.astype("<f4").tobytes(), droppable=True, shape=list(columns.shape)
                    )
            elif self._image is not None:
                image, self._image = self._image, None
                self._preview_at = now + IMAGE_EVERY_S
                self._sender.send("image", _as_grey(image).tobytes(), droppable=True, shape=list(image.shape))
        if now >= self._status_at:
            self._status_at = now + STATUS_EVERY_S
            writer = self._writer
            facts = self._source.facts()
            if writer is not None:
                writer.update(**facts)
            self._sender.send(
                "status",
                droppable=True,
                recording=writer is not None,
                received=self._received,
                stored=0 if writer is None else writer.stored,
                span=0 if writer is None else writer.span,
                missing=self._missing,
                overruns=self._overruns,
                limit=self._limit,
                rate_hz=self._source.rate_hz,
                facts=facts,
            )


def _as_grey(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    red, green, blue = np.moveaxis(to_rgb(image).astype(np.float32), -1, 0)
    return (0.299 * red + 0.587 * green + 0.114 * blue).astype(np.uint8)


def _read_commands(commands: queue.SimpleQueue[dict[str, Any]]) -> None:
    with io.FileIO(0, closefd=False) as pipe:  # sys.stdin's lock would be held at the end
        for line in pipe:
            commands.put(json.loads(line))
    commands.put({"do": "quit", "why": "the program that recorded has ended"})


def main() -> int:
    """Run the process; its settings are a JSON object, the only argument."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the notebook; it says when to stop
    signal.signal(signal.SIGTERM, lambda *_: commands.put({"do": "quit", "why": "the recorder was ended"}))
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    sender = MessageSender(sys.stdout.buffer)
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    status = 0
    try:
        settings = json.loads(sys.argv[1])
        preview = settings.pop("preview")
        Session(open_source(**settings), sender, preview=preview).run(commands)
    except Exception as error:
        sender.send("ended", error=type(error).__name__, text=str(error), waiting=True)
        status = 1
    finally:
        sender.close()
    return status


if __name__ == "__main__":
    sys.exit(main())

"""From SAMPLES frames to samples in a row, and every gap between them: no port, no clock, bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.rate import BoardClockRate
from tinyml_labs.link.descriptions import Sensor
from tinyml_labs.link.errors import BoardError
from tinyml_labs.link.fields import MessageError
from tinyml_labs.link.framing import Frame
from tinyml_labs.link.messages import Samples, StreamEnd, Type

_FAR_S = 10.0
_LONG_BYTES = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Samples that are missing, between two that are there.

    Attributes
    ----------
    at : int
        How many samples are stored before the gap.
    first : int
        The number of the first missing sample, as the board counts them from the beginning of the recording.
    missing : int
        How many samples are missing.
    cause : str
        ``"overrun"`` (the board dropped them: the link was too slow), ``"damaged"`` (lost on the way),
        ``"overrun and damaged"``, ``"reset"`` (the board began anew, or came back), ``"vanished"`` and ``"silent"``
        (it had not come back when the recording was stopped), ``"bad line"``, ``"pause"``, ``"merged"``.
    overruns : int
        How many of the missing ones the board says that it dropped.
    estimated : bool
        Whether ``missing`` is an estimate by the host's clock, since a board that was reset has not counted.
    """

    at: int
    first: int
    missing: int
    cause: str
    overruns: int = 0
    estimated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give the fields for ``recording.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples, and the gap before them if there is one.

    Attributes
    ----------
    first : int
        The number of the first sample, lost ones counted.
    samples : array, (samples, channels), in the sensor's dtype
    gap : Gap or None
        What is missing just before; its ``at`` counts the samples since the assembler began.
    """

    first: int
    samples: NDArray[Any]
    gap: Gap | None = None


class SampleAssembler:
    """Put a sensor's messages in a row.

    Parameters
    ----------
    sensor : Sensor

    Attributes
    ----------
    stored : int
        Samples that came.
    next : int
        The number of the sample that is due: stored and missing ones.
    missing, overruns : int
        Samples that did not come, and how many of them the board dropped itself.
    repeated : int
        Samples that came again, and were left out.
    rate : BoardClockRate
        Measures the rate by the board's clock.
    """

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.stored = self.next = self.missing = self.overruns = self.repeated = 0
        self.rate = BoardClockRate()
        self._dtype = np.dtype(sensor.dtype).newbyteorder("<")
        self._base = 0  # the number that the running stream's sample 0 has here
        self._overruns = 0  # the board's count in the running stream
        self._micros: int | None = None
        self._restart: Gap | None = None

    def begins_anew(self, message: Samples, micros: int) -> bool:
        """Say whether a message is of a new stream: its number has gone back, and its clock too, or far."""
        behind = (self.next - self._base - message.first) % 2**32
        if not 0 < behind <= 2**31 or self._micros is None:
            return False
        clock_back = (micros - self._micros) % 2**32 >= 2**31
        return clock_back or behind > _FAR_S * self.sensor.rate_hz

    def restart(self, *, missing: int, cause: str = "reset") -> None:
        """Note that the board counts from 0 again: it was reset, or came back after it had vanished.

        Parameters
        ----------
        missing : int
            How many samples that cost, by the host's clock.
        cause : str
        """
        before = self._restart  # if there was no sample since the last time, both are one gap
        first = before.first if before is not None else self.next
        total = max(0, missing) + (before.missing if before is not None else 0)
        total += -(first + total) % (self.sensor.rows or 1)  # a camera's new stream begins with a whole image
        self._restart = Gap(at=self.stored, first=first, missing=total, cause=cause, estimated=True)
        self.next = self._base = first + total
        self._overruns = 0
        self._micros = None
        self.rate.restart()

    def feed(self, message: Samples, micros: int) -> Block | None:
        """Take a message; give its samples, or None if all of them have come before.

        Raises
        ------
        BoardError
            If its bytes are no whole samples.
        """
        channels = self.sensor.channels
        if len(message.data) % (self._dtype.itemsize * channels):
            raise BoardError(
                f"{len(message.data)} bytes are no whole samples of {self.sensor.name!r}, which has {channels} "
                f"channels of {self.sensor.dtype}."
            )
        samples = np.frombuffer(message.data, self._dtype).reshape(-1, channels)
        ahead = (message.first - (self.next - self._base)) % 2**32
        whole = ahead < 2**31
        if not whole:  # behind: these samples came before
            again = min(len(samples), 2**32 - ahead)
            self.repeated += again
            samples = samples[again:]
            ahead = 0
        if not len(samples):
            return None
        first = self.next + ahead
        gap = self._gap(ahead, (message.overruns - self._overruns) % 2**32)
        self._overruns, self._micros = message.overruns, micros
        if whole:
            self.rate.add(first, micros)
        self.next = first + len(samples)
        self.stored += len(samples)
        return Block(first, samples, gap)

    def _gap(self, ahead: int, overruns: int) -> Gap | None:
        restart, self._restart = self._restart, None
        if restart is None and ahead == 0:
            return None
        dropped = min(overruns, ahead)
        missing = ahead + (restart.missing if restart is not None else 0)
        self.missing += missing
        self.overruns += dropped
        if restart is not None:
            return replace(restart, missing=missing, overruns=dropped)
        cause = "damaged" if not dropped else "overrun" if dropped == ahead else "overrun and damaged"
        return Gap(at=self.stored, first=self.next, missing=ahead, cause=cause, overruns=dropped)


def in_runs(frames: Iterable[Frame], sensor: Sensor) -> Iterator[tuple[Samples | StreamEnd, int]]:
    """Give the messages of a stream, and the board's time of each; those that continue each other come as one.

    Fewer and longer messages are less work: of a fast stream, hundreds of frames come at a time.

    Raises
    ------
    MessageError
        For a frame that is none, after what came before it.
    """
    sample_bytes = sensor.channels * np.dtype(sensor.dtype).itemsize
    run: list[bytes] = []
    begin = Samples(sensor=sensor.id, first=0, overruns=0, data=b"")
    begin_micros = size = 0
    for frame in [*frames, None]:
        message = error = None
        try:
            if frame is not None:
                kind = StreamEnd if frame.type == Type.STREAM_END else Samples
                message = kind.unpack(frame.payload)
        except MessageError as found:
            error = found
        continues = (
            isinstance(message, Samples)
            and size < _LONG_BYTES
            and not size % sample_bytes
            and (message.first - begin.first) % 2**32 * sample_bytes == size
            and (message.sensor, message.overruns) == (begin.sensor, begin.overruns)
        )
        if run and not continues:
            yield begin._replace(data=b"".join(run)), begin_micros
            run = []
        if error is not None:
            raise error
        if frame is None or message is None:
            return
        if isinstance(message, StreamEnd):
            yield message, frame.micros
            continue
        if not run:
            begin, begin_micros, size = message, frame.micros, 0
        run.append(message.data)
        size += len(message.data)

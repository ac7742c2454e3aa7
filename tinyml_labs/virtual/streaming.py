"""One stream of a sensor, by the board's own sample clock: which samples are due, and the messages with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinyml_labs.link.messages import SAMPLES_OVERHEAD, Samples, StreamEnd, Type
from tinyml_labs.virtual.sensors import SampleSource, sample_bytes
from tinyml_labs.virtual.settings import VirtualBoardSettings

SECONDS_A_FRAME = 1 / 30
SECONDS_A_BATCH = 0.01
BYTES_A_BATCH = 16 * 1024

Message = tuple[Type, bytes, "float | None"]
"""A message's type and payload; of SAMPLES, the board's time at which the first one was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overruns:
    """Samples that a board drops on purpose: ``samples`` after each ``every``, ``count`` times (0: no end)."""

    every: int
    samples: int
    count: int


class SensorStream:
    """The samples of one sensor, from the beginning of a stream on. All times are the board's, in seconds.

    Sample ``k`` is taken at ``start_s + (k + 1) / rate``, and the source's delay later.

    Parameters
    ----------
    source : SampleSource
    start_s : float
    samples : int
        How many to send; 0 for no end.
    settings : VirtualBoardSettings

    Attributes
    ----------
    ended : bool
    faults : list of dict
        What was dropped since the list was last emptied, for the log.
    """

    def __init__(self, source: SampleSource, *, start_s: float, samples: int, settings: VirtualBoardSettings) -> None:
        self.ended = False
        self.faults: list[dict[str, Any]] = []
        self.sensor = source.description
        self._source = source
        self._wanted = samples
        self._rate = self.sensor.rate_hz * (1 + settings.rate_error_percent / 100)
        self._start_s = start_s + source.delay_s * self.sensor.rate_hz / self._rate
        self._next = 0  # the first sample that was neither sent nor dropped
        self._overruns = 0
        size = sample_bytes(self.sensor)
        real_rate = self._rate * settings.speed
        fits = (settings.frame_payload - SAMPLES_OVERHEAD) // size
        self._chunk = max(1, min(fits, round(real_rate * SECONDS_A_FRAME)))
        self._batch = max(self._chunk, int(real_rate * SECONDS_A_BATCH))
        self._most = max(1, BYTES_A_BATCH // (size * self._chunk)) * self._chunk
        self._kept = max(1, settings.buffer_kb * 1024 // size)
        self._dropped = 0
        self._purpose = _overruns_of(settings, self._rate)
        self._purpose_at = self._purpose.every if self._purpose else 0
        self._purposes = 0

    def taken(self, now_s: float) -> int:
        """Give how many samples have been taken."""
        due = max(0, int((now_s - self._start_s) * self._rate))
        return min(due, self._wanted) if self._wanted else due

    def taken_at(self, number: int) -> float:
        """Give the time at which a sample is taken."""
        return self._start_s + (number + 1) / self._rate

    def advance(self, now_s: float, *, room: bool) -> Iterator[Message]:
        """Give the messages that are due; without room, samples wait or are dropped."""
        due = self.taken(now_s)
        if not room:
            self._drop(due - self._next - self._kept)  # the board's buffer is full: the oldest samples are lost
            return
        self._note_dropped()
        last = min(due, self._next + self._most)
        while True:
            if self._purpose is not None and self._next >= self._purpose_at:
                if not self._drop_on_purpose(due):
                    break
                last = max(last, self._next)
            end = self._next + self._chunk
            if self._purpose is not None:
                end = min(end, self._purpose_at)
            if self._wanted:
                end = min(end, self._wanted)
            if end > last or end == self._next:
                break
            yield self._message(end)
        if self._wanted and self._next >= self._wanted:
            self.ended = True
            end_message = StreamEnd(sensor=self.sensor.id, samples=self._next, overruns=self._overruns)
            yield Type.STREAM_END, end_message.pack(), None

    def next_event(self) -> float:
        """Give the time at which messages are due again."""
        target = self._next + self._batch
        if self._wanted:
            target = min(target, self._wanted)
        return self.taken_at(target - 1)

    def _message(self, end: int) -> Message:
        first, self._next = self._next, end
        data = self._source.take(first, end - first).tobytes()
        message = Samples(sensor=self.sensor.id, first=first % 2**32, overruns=self._overruns % 2**32, data=data)
        return Type.SAMPLES, message.pack(), self.taken_at(first)

    def _drop(self, count: int) -> None:
        if count > 0:
            self._next += count
            self._overruns += count
            self._dropped += count
            self._skip_purposes()

    def _note_dropped(self) -> None:
        if self._dropped:
            self._note("overrun", self._next - self._dropped, self._dropped)
            self._dropped = 0

    def _note(self, fault: str, first: int, samples: int) -> None:
        self.faults.append({"fault": fault, "sensor": self.sensor.name, "first": first, "samples": samples})

    def _drop_on_purpose(self, due: int) -> bool:
        """Drop what is to be dropped here; say whether it has been taken already."""
        assert self._purpose is not None
        count = self._purpose.samples
        if self._wanted:
            count = min(count, self._wanted - self._next)
        if due < self._next + count:
            return False
        self._next += count
        self._overruns += count
        self._note("overrun on purpose", self._next - count, count)
        self._purposes += 1
        self._skip_purposes()
        if self._purpose.count and self._purposes >= self._purpose.count:
            self._purpose = None
        return True

    def _skip_purposes(self) -> None:
        while self._purpose is not None and self._purpose_at <= self._next:
            self._purpose_at += self._purpose.every


def _overruns_of(settings: VirtualBoardSettings, rate: float) -> Overruns | None:
    if not settings.overrun_every_s:
        return None
    every = max(1, round(settings.overrun_every_s * rate))
    return Overruns(every=every, samples=settings.overrun_samples, count=settings.fault_count)

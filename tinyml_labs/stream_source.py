"""Where a stream's samples come from, piece by piece: a recording, an array, or a board's sensor as it measures."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.capture import Gap, Recording
from tinyml_labs.capture.sources import ANY_SENSOR, FrameSource
from tinyml_labs.features import WindowSettings, cut_windows
from tinyml_labs.link import Board, BoardError
from tinyml_labs.link.descriptions import SensorKind

RATE_OFF = 0.02
"""A source whose rate differs from the windows' by a larger part is refused."""

_BYTES_A_BATCH = 1024 * 1024
_MEASURE_S = 2.0
_WAIT_S = 0.1

Channels = Sequence[str] | Sequence[int] | None


class Piece(NamedTuple):
    """Samples in a row, (N, channels), the number of the first, and whether there is a gap before it."""

    first: int
    samples: NDArray[Any]
    anew: bool


class StreamSource(Protocol):
    """Samples in pieces, and what is known of them.

    Attributes
    ----------
    rate_hz : float
    gaps : list of Gap
        Those passed so far.
    end : int
        How many samples were looked at so far, missing ones counted.
    total : int or None
        How many there are going to be; None if nobody knows.
    live : bool
        Whether samples come as they are measured.
    """

    rate_hz: float
    total: int | None
    live: bool

    @property
    def gaps(self) -> list[Gap]: ...  # noqa: D102

    @property
    def end(self) -> int: ...  # noqa: D102

    def pieces(self) -> Iterator[Piece]:
        """Give the samples, in order."""


class StoredSource:
    """Samples that are all there: of a recording, cut at its gaps, or an array without a gap."""

    live = False

    def __init__(self, source: Recording | ArrayLike, rate_hz: float, channels: Channels, seconds: float | None):
        if isinstance(source, Recording):
            if source.kind == "image":
                raise ValueError(f"{source.path} is of a camera; windows are cut out of signals and sound.")
            mend = "Resample the samples (features.resample), or cut the windows at the recording's own rate."
            check_rate(source.nominal_rate_hz or source.rate_hz, rate_hz, f"{source.path} is said to have", mend)
            check_rate(source.measured_rate_hz, rate_hz, f"{source.path} was measured to have", mend)
            chosen = choose_channels(channels, source.channel_names)
            self.rate_hz = source.rate_hz
            self._numbers, self._parts = source.sample_numbers, source.segments()
            gaps, span = source.gaps, source.span
        else:
            samples = _as_samples(source)
            chosen = choose_channels(channels, samples.shape[1])
            self.rate_hz = rate_hz
            self._numbers, self._parts = np.arange(len(samples)), [samples]
            gaps, span = [], len(samples)
        self._chosen = chosen
        self._limit = span if seconds is None else min(span, round(seconds * self.rate_hz))
        self.gaps: list[Gap] = [gap for gap in gaps if gap.first < self._limit]
        self.end = self._limit
        self.total: int | None = self._limit

    def pieces(self) -> Iterator[Piece]:
        """Give one piece between two gaps."""
        at = 0
        for part in self._parts:
            first = int(self._numbers[at])
            keep = part[: max(0, self._limit - first)]
            if len(keep):
                yield Piece(first, keep[:, self._chosen], at > 0)
            at += len(part)


class LiveSource:
    """A board's sensor, as long as somebody takes its samples. What comes while nobody does waits in the link.

    The stream ends with the iteration: use :func:`contextlib.closing`.
    """

    live = True

    def __init__(
        self, board: Board, rate_hz: float, channels: Channels, seconds: float | None, sensor: str | None
    ) -> None:
        self._board, self._expected_hz = board, rate_hz
        self._source = FrameSource(board, sensor or ANY_SENSOR)
        try:
            found = self._source.sensor
            if found.kind == SensorKind.IMAGE:
                raise ValueError(f"The sensor {found.name!r} is a camera; windows are cut out of signals and sound.")
            self._mend = (
                f"Set the sensor's rate (in the sketch; virtual://?sensor_rate_hz={rate_hz:g} of a virtual "
                "board), choose another sensor with sensor=…, or train at the sensor's rate (features.resample)."
            )
            check_rate(found.rate_hz, rate_hz, f"The sensor {found.name!r} says that it has", self._mend)
            self._chosen = choose_channels(channels, list(found.names))
        except BaseException:
            self.close()
            raise
        self.rate_hz = found.rate_hz
        self.gaps: list[Gap] = []
        self.end = 0
        self.total = None if seconds is None else round(seconds * self.rate_hz)

    def pieces(self) -> Iterator[Piece]:
        """Give the samples as they come, until there are enough."""
        measured = False
        limit = math.inf if self.total is None else self.total
        while self.end < limit:
            for block in self._source.read(_WAIT_S):
                if block.gap is not None and block.gap.first < limit:
                    self.gaps.append(block.gap)
                keep = block.samples[: int(min(len(block.samples), max(0, limit - block.first)))]
                self.end = int(min(limit, block.first + len(block.samples)))
                if len(keep):
                    yield Piece(block.first, keep[:, self._chosen], block.gap is not None)
            if not measured and self.end > _MEASURE_S * self.rate_hz:
                measured = True
                hz = self._source.facts()["measured_rate_hz"]
                name = self._source.sensor.name
                check_rate(hz, self._expected_hz, f"By the board's clock, the sensor {name!r} has", self._mend)

    def close(self) -> None:
        """End the stream; the board stays open."""
        with contextlib.suppress(BoardError):
            self._board.stop_stream()


class WindowStream:
    """:func:`tinyml_labs.features.cut_windows` for samples that come piece by piece.

    Parameters
    ----------
    settings : WindowSettings

    Attributes
    ----------
    span : int
        How many samples of the source a window is made of.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self.span = settings.length
        self._settings = settings
        self._rest: NDArray[Any] | None = None
        self._start = self._skip = 0

    def feed(self, piece: Piece) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Give the windows that a piece completes, a megabyte at a time.

        Yields
        ------
        windows : float32 array, (W, length, channels)
        starts : int64 array, (W,)
            The number of each window's first sample.
        """
        length, stride = self._settings.length, self._settings.stride
        if self._rest is None or piece.anew:
            self._rest, self._start, self._skip = piece.samples[:0], piece.first, 0
        new = piece.samples[self._skip :]
        self._skip -= len(piece.samples) - len(new)
        samples = np.concatenate([self._rest, new]) if len(self._rest) else new
        most = max(1, _BYTES_A_BATCH // (4 * length * max(1, samples.shape[1])))
        while len(samples) >= length:
            windows, starts = cut_windows(samples[: (most - 1) * stride + length], self._settings)
            yield windows, starts + self._start
            done = len(windows) * stride
            self._start += done
            self._skip = max(0, done - len(samples))  # a stride longer than the window
            samples = samples[done:]
        self._rest = samples


def open_source(
    source: Any, rate_hz: float, *, channels: Channels, sensor: str | None, seconds: float | None
) -> StreamSource:
    """Make a source of a recording, an array, or a board.

    Parameters
    ----------
    source : Recording, array or Board
    rate_hz : float
        That of the samples which the windows, or the front end, are for.
    channels, sensor, seconds
        As in :func:`tinyml_labs.streaming.stream_predict`.

    Raises
    ------
    ValueError, TypeError, BoardError
        For something else, a rate that does not fit, channels that are not there.
    """
    check_seconds(seconds)
    if isinstance(source, Board):
        return LiveSource(source, rate_hz, channels, seconds, sensor)
    if sensor is not None:
        raise ValueError(f"sensor is {sensor!r}, and only a board has sensors to choose from; this source is none.")
    return StoredSource(source, rate_hz, channels, seconds)


def check_seconds(seconds: float | None) -> None:
    """Refuse a length of time that is none.

    Raises
    ------
    ValueError
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds is {seconds}, expected a time above 0, or None for all there is.")


def check_rate(hz: float | None, rate_hz: float, whose: str, mend: str) -> None:
    """Refuse a rate ``hz`` that is more than 2 % off the expected one.

    Raises
    ------
    ValueError
    """
    if hz is None or abs(hz / rate_hz - 1) <= RATE_OFF:
        return
    raise ValueError(
        f"{whose} {hz:.5g} samples a second, and the model is for {rate_hz:g}: {hz / rate_hz - 1:+.1%}, and "
        f"{RATE_OFF:.0%} is the most. To the model everything would look slower or faster. {mend}"
    )


def choose_channels(channels: Channels, there: Sequence[str] | int) -> list[int]:
    """Give the columns of the channels that are asked for, by name or by number; None: all.

    Raises
    ------
    ValueError
    """
    names = list(there) if not isinstance(there, int) else []
    count = there if isinstance(there, int) else len(names)
    if channels is None:
        return list(range(count))
    if isinstance(channels, str) or not len(channels):
        raise ValueError(f"channels is {channels!r}, expected a list of names or numbers, one at least.")
    chosen = []
    for channel in channels:
        if isinstance(channel, str) and channel in names:
            chosen.append(names.index(channel))
        elif not isinstance(channel, str) and 0 <= int(channel) < count:
            chosen.append(int(channel))
        else:
            known = ", ".join(map(repr, names)) if names else f"numbers from 0 to {count - 1}"
            raise ValueError(f"There is no channel {channel!r}. There are: {known}.")
    return chosen


def _as_samples(source: ArrayLike) -> NDArray[Any]:
    samples = np.asarray(source)
    if samples.dtype.kind not in "biuf":
        raise TypeError(
            f"The source is {source!r:.80}; expected a Recording (capture.load_recording(folder)), an array of "
            "samples (N, channels), or an open link.Board."
        )
    if samples.ndim == 1:
        samples = samples.reshape(-1, 1)
    if samples.ndim != 2 or not samples.shape[1]:
        raise ValueError(f"The samples have shape {samples.shape}, expected (N, channels).")
    return samples

"""What a model says about a stream, window by window, and whether a board says the same as the host."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.event_matching import Event, TruthInterval
from tinyml_labs.features import WindowSettings
from tinyml_labs.host_board import HostBoardComparison, compare_host_board
from tinyml_labs.smoothing import SmootherSettings, smooth_scores

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tinyml_labs.capture import Gap

_MOST_ROWS = 20


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StreamPrediction(Shown):
    """What a model says about a stream; :func:`tinyml_labs.streaming.stream_predict` gives it.

    Attributes
    ----------
    starts : int64 array, (W,)
        The number of each window's first sample; missing samples are counted.
    outputs : array, (W, classes), in the model's output dtype
    scores : float32 array, (W, classes)
        The outputs in real units: probabilities, for a softmax.
    decisions : int64 array, (W,)
        The class of the event that a window is, or -1: what the smoother says.
    resets : tuple of int
        Windows before which windower and smoother began anew, since there is a gap.
    labels : tuple of str
        A name for each class.
    window : WindowSettings
    smoother : SmootherSettings or None
        None: nothing was made an event.
    rate_hz : float
        Of the source: sample number k is at k / rate_hz.
    seconds : float
        How much of the source was looked at, missing samples counted.
    gaps : tuple of Gap
        Where samples are missing.
    model_sha256 : str
        Hash of the model, in hexadecimal.
    ended : str
        ``"complete"``; ``"stopped"`` if it was interrupted, ``"broken off"`` if the board went away.
    """

    starts: NDArray[np.int64]
    outputs: NDArray[Any]
    scores: NDArray[np.float32]
    decisions: NDArray[np.int64]
    resets: tuple[int, ...]
    labels: tuple[str, ...]
    window: WindowSettings
    smoother: SmootherSettings | None
    rate_hz: float
    seconds: float
    gaps: tuple[Gap, ...]
    model_sha256: str
    ended: str = "complete"

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The end of each window, (W,), in seconds from sample 0: when a board could know."""
        return (self.starts + self.window.length) / self.rate_hz

    @property
    def events(self) -> list[Event]:
        """What was found, and when: at the end of the window that made it an event."""
        times = self.times_s
        return [
            Event(self.labels[self.decisions[k]], float(times[k]))
            for k in np.flatnonzero(self.decisions >= 0).tolist()
        ]

    def with_smoother(self, smoother: SmootherSettings | None) -> StreamPrediction:
        """Give the same with the events of another smoother, without running the model again."""
        decisions = decide(self.outputs, smoother, self.resets)
        return replace(self, smoother=smoother, decisions=decisions)

    @property
    def table(self) -> pd.DataFrame:
        """One row a window, as a pandas DataFrame: first sample, end in seconds, scores, event."""
        import pandas as pd

        scores = {label: self.scores[:, k] for k, label in enumerate(self.labels)}
        events = [self.labels[k] if k >= 0 else "" for k in self.decisions.tolist()]
        return pd.DataFrame({"start": self.starts, "time_s": self.times_s, **scores, "event": events})

    def __str__(self) -> str:
        """Show the headline and a table of few windows in plain text."""
        table = self.table.to_string(float_format="{:.4g}".format, max_rows=_MOST_ROWS)
        return f"{self.headline()}\n{table}"

    def _repr_html_(self) -> str:
        table = self.table.to_html(float_format="{:.4g}".format, border=0, max_rows=_MOST_ROWS)
        return f"<p>{html.escape(self.headline())}</p>{table}"

    def headline(self) -> str:
        """Say in one line what was looked at and what was found."""
        events = self.events
        counts = ", ".join(
            f"{label} {sum(event.label == label for event in events)}"
            for label in self.labels
            if any(event.label == label for event in events)
        )
        found = f"{len(events)} event" + ("" if len(events) == 1 else "s") + (f" ({counts})" if counts else "")
        missing = sum(gap.missing for gap in self.gaps)
        lost = f", {missing:,} samples missing in {len(self.gaps)} gaps" if self.gaps else ""
        state = "" if self.ended == "complete" else f", {self.ended}"
        return f"{self.seconds:.4g} s at {self.rate_hz:g} Hz, {len(self.starts):,} windows, {found}{lost}{state}"

    def to_dict(self) -> dict[str, Any]:
        """The events and the settings, for JSON."""
        return {
            "seconds": self.seconds,
            "rate_hz": self.rate_hz,
            "windows": len(self.starts),
            "window_samples": self.window.length,
            "stride_samples": self.window.stride,
            "smoother": None if self.smoother is None else self.smoother.to_dict(),
            "labels": list(self.labels),
            "events": [event._asdict() for event in self.events],
            "gaps": len(self.gaps),
            "missing": sum(gap.missing for gap in self.gaps),
            "model_sha256": self.model_sha256,
            "ended": self.ended,
        }

    def plot(self, ax: Axes | None = None, *, truth: Iterable[TruthInterval | tuple[str, float, float]] = ()) -> Axes:
        """Draw the scores over time with a mark for each event; truth, if it is given, as coloured bands."""
        from tinyml_labs.event_views import plot_stream

        return plot_stream(self, ax, truth)


def decide(
    outputs: NDArray[Any], smoother: SmootherSettings | None, resets: tuple[int, ...] = ()
) -> NDArray[np.int64]:
    """Give the decision of each window; without a smoother, none is an event."""
    if smoother is None or not len(outputs):
        return np.full(len(outputs), -1, np.int64)
    return smooth_scores(outputs, smoother, resets=resets)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StreamComparison(Shown):
    """Two predictions of one stream, the host's and the board's.

    Attributes
    ----------
    outputs : HostBoardComparison
        Of the windows that both have.
    bytes_compared, bytes_differing : int
        Of their raw outputs.
    only_host, only_board : int
        Windows that one side alone has: the other lost samples, or was stopped sooner.
    host_events, board_events : tuple of (label, sample)
        Each event with the number of its window's last sample.
    """

    outputs: HostBoardComparison
    bytes_compared: int
    bytes_differing: int
    only_host: int
    only_board: int
    host_events: tuple[tuple[str, int], ...]
    board_events: tuple[tuple[str, int], ...]

    @property
    def events_equal(self) -> bool:
        """Whether both have the same events, each at the same sample."""
        return self.host_events == self.board_events

    @property
    def equal(self) -> bool:
        """Whether everything is the same: windows, every byte of the outputs, events."""
        return self.outputs.equal and self.events_equal and not self.only_host and not self.only_board

    @property
    def table(self) -> pd.DataFrame:
        """The counts, and the first event that differs if there is one, as a pandas DataFrame."""
        import pandas as pd

        rows: dict[str, str] = {
            "windows compared": f"{self.outputs.inputs_compared:,}",
            "windows that differ": f"{self.outputs.inputs_differing:,}",
            "windows of the host alone": f"{self.only_host:,}",
            "windows of the board alone": f"{self.only_board:,}",
            "output bytes compared": f"{self.bytes_compared:,}",
            "output bytes that differ": f"{self.bytes_differing:,}",
            "events on the host": f"{len(self.host_events):,}",
            "events on the board": f"{len(self.board_events):,}",
        }
        differing = sorted(set(self.host_events) ^ set(self.board_events), key=lambda event: event[1])
        if differing:
            label, sample = differing[0]
            side = "host" if differing[0] in self.host_events else "board"
            rows["first event that differs"] = f"{label!r} at sample {sample:,}, on the {side} alone"
        return pd.DataFrame({"host against board": rows})

    def headline(self) -> str:
        """Say in one line whether host and board agree."""
        if self.equal:
            return (
                f"The board says what the host says: all {self.bytes_compared:,} output bytes of "
                f"{self.outputs.inputs_compared:,} windows and all {len(self.host_events)} events are equal."
            )
        alone = self.only_host + self.only_board
        windows = f"; {alone:,} windows are on one side alone" if alone else ""
        events = "are equal" if self.events_equal else "differ"
        return (
            f"{self.bytes_differing:,} of {self.bytes_compared:,} output bytes differ{windows}; the events "
            f"({len(self.host_events)} on the host, {len(self.board_events)} on the board) {events}."
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "equal": self.equal,
            "events_equal": self.events_equal,
            "bytes_compared": self.bytes_compared,
            "bytes_differing": self.bytes_differing,
            "windows_of_host_alone": self.only_host,
            "windows_of_board_alone": self.only_board,
            "host_events": [list(event) for event in self.host_events],
            "board_events": [list(event) for event in self.board_events],
            "outputs": self.outputs.to_dict(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the histogram of the outputs' differences."""
        return self.outputs.plot(ax)


def compare_streams(host: StreamPrediction, board: StreamPrediction) -> StreamComparison:
    """Compare what the host and a board say about the same stream: raw outputs to the byte, events to the sample.

    Windows are paired by their first sample. The stream has to begin at the same sample on both sides: replay a
    recording, or let the virtual board play it from its beginning.

    Parameters
    ----------
    host, board : StreamPrediction

    Returns
    -------
    StreamComparison

    Raises
    ------
    ValueError
        If they are of different models, windows or labels, or have no window in common.
    """
    for what, ours, theirs in (
        ("models", host.model_sha256[:12], board.model_sha256[:12]),
        ("window lengths", host.window.length, board.window.length),
        ("strides", host.window.stride, board.window.stride),
        ("labels", host.labels, board.labels),
    ):
        if ours != theirs:
            raise ValueError(f"Host and board have different {what}: {ours} and {theirs}. Expected the same on both.")
    _, mine, other = np.intersect1d(host.starts, board.starts, assume_unique=True, return_indices=True)
    if not len(mine):
        raise ValueError(
            f"The host has {len(host.starts)} windows and the board {len(board.starts)}, and none begins at the same "
            "sample: are they of the same stream?"
        )
    outputs = compare_host_board(host.outputs[mine], board.outputs[other])
    ours_bytes = np.ascontiguousarray(host.outputs[mine]).view(np.uint8)
    their_bytes = np.ascontiguousarray(board.outputs[other]).view(np.uint8)
    return StreamComparison(
        outputs=outputs,
        bytes_compared=ours_bytes.size,
        bytes_differing=int((ours_bytes != their_bytes).sum()),
        only_host=len(host.starts) - len(mine),
        only_board=len(board.starts) - len(other),
        host_events=_events(host),
        board_events=_events(board),
    )


def _events(prediction: StreamPrediction) -> tuple[tuple[str, int], ...]:
    at = np.flatnonzero(prediction.decisions >= 0)
    ends = prediction.starts[at] + prediction.window.length - 1
    return tuple(
        (prediction.labels[k], int(end)) for k, end in zip(prediction.decisions[at].tolist(), ends, strict=True)
    )

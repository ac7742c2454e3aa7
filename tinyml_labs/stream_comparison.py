"""Whether a board says the same about a stream as the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.host_board import HostBoardComparison, compare_host_board
from tinyml_labs.stream_prediction import StreamPrediction

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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
        ("window lengths", host.window_samples, board.window_samples),
        ("strides", host.stride_samples, board.stride_samples),
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
    ends = prediction.starts[at] + prediction.window_samples - 1
    return tuple(
        (prediction.labels[k], int(end)) for k, end in zip(prediction.decisions[at].tolist(), ends, strict=True)
    )

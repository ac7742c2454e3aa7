"""Recordings as labelled samples: one label for all of it, or what a log says was done when."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml_labs.capture.recordings import Recording
from tinyml_labs.features import Interval, LabelledSamples


def labelled_samples(
    recordings: Recording | Sequence[Recording], log: str | os.PathLike[str] | None = None
) -> list[LabelledSamples]:
    """Give recordings as samples in a row, each with what it shows: for `features.cut_labelled_windows`.

    A recording is cut at its gaps, so that no window goes across one.

    Parameters
    ----------
    recordings : Recording or sequence of Recording
        Without a log, each shows its label from beginning to end.
    log : path, optional
        What was done when, of one recording: a line of JSON each, ``{"label": "circle", "start": 119, "end": 476}``,
        in samples since the stream began. A virtual board that performs writes it (``gesture_log``).

    Returns
    -------
    list of LabelledSamples
        One for each piece without a gap.

    Raises
    ------
    ValueError
        A recording without a label (and without a log), a log for several recordings, or one that has no such lines.
    """
    several = [recordings] if isinstance(recordings, Recording) else list(recordings)
    if log is not None and len(several) != 1:
        raise ValueError(f"There is one log, and there are {len(several)} recordings; give each its own log.")
    done = None if log is None else _read_log(Path(log))
    made = []
    for recording in several:
        if done is None and not recording.label:
            raise ValueError(
                f"{recording.path} has no label. Give it one: capture.relabel(recording, 'circle'); or a log."
            )
        at = 0
        for piece in recording.segments():
            first = int(recording.sample_numbers[at]) + int(recording.metadata.get("first_sample") or 0)
            shown = [Interval(0, len(piece), recording.label)] if done is None else _inside(done, first, len(piece))
            made.append(LabelledSamples(samples=piece.astype(np.float32), intervals=shown, subject=recording.subject))
            at += len(piece)
    return made


def _inside(done: Sequence[Interval], first: int, count: int) -> list[Interval]:
    """What was done during a piece, by the piece's own samples; half of it may lie before or behind."""
    here = [interval.later(-first) for interval in done]
    return [interval for interval in here if interval.start < count and interval.end > 0]


def _read_log(path: Path) -> list[Interval]:
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            found.append(Interval(entry["start"], entry["end"], entry["label"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number}: {line[:60]!r} does not say what was done when ({error}); expected such as "
                '{"label": "circle", "start": 119, "end": 476}.'
            ) from None
    if not found:
        raise ValueError(f"{path} is empty: nothing was done while it was written.")
    return found

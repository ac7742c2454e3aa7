"""Windows of whole recordings with their labels, and of whom each one is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.features.windows import Interval, WindowSettings, cut_windows, label_windows


class LabelledRecording(Protocol):
    """What is needed of a recording: its samples, what it shows and when, and who made it."""

    @property
    def samples(self) -> NDArray[np.float32]:
        """Samples, (N, channels)."""

    @property
    def intervals(self) -> Sequence[Interval]:
        """What it shows, and when."""

    @property
    def subject(self) -> str:
        """Who made it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSamples:
    """Samples in a row with what they show: the simplest labelled recording.

    Attributes
    ----------
    samples : array, (N, channels)
    intervals : sequence of Interval
        What they show, and when.
    subject : str
        Who made them.
    """

    samples: NDArray[np.float32]
    intervals: Sequence[Interval]
    subject: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledWindows:
    """Windows that show one thing each.

    Attributes
    ----------
    x : float32 array, (windows, length, channels)
    y : int64 array, (windows,)
        Index into ``labels``.
    subjects : str array, (windows,)
    recordings, starts : int64 array, (windows,)
        From which recording each one is, and its first sample there.
    labels : tuple of str
    ambiguous : int
        Windows that were left out, because they show two things, or half of one: nobody could say what is right.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    subjects: NDArray[np.str_]
    recordings: NDArray[np.int64]
    starts: NDArray[np.int64]
    labels: tuple[str, ...]
    ambiguous: int

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.y)

    def __str__(self) -> str:
        """Count windows by label."""
        counts = ", ".join(f"{label} {int((self.y == k).sum())}" for k, label in enumerate(self.labels))
        people = len(set(self.subjects.tolist()))
        return f"{len(self)} windows of {people} subjects ({counts}); {self.ambiguous} ambiguous ones left out"


def cut_labelled_windows(
    recordings: Iterable[LabelledRecording],
    settings: WindowSettings,
    labels: Sequence[str],
    *,
    channels: slice | Sequence[int] = slice(None),
    background: Collection[str] = ("idle", "other"),
) -> LabelledWindows:
    """Cut recordings into windows, and keep those that show one thing.

    Parameters
    ----------
    recordings : iterable
        Each with ``samples`` (N, channels), ``intervals`` and ``subject``: those of
        `tinyml_labs.datasets.load_gestures`, simulated sessions, or `LabelledSamples` of one's own takes
        (`tinyml_labs.capture.labelled_samples`).
    settings : WindowSettings
    labels : sequence of str
        The classes, in the order of the model's scores.
    channels : slice or sequence of int
        Which channels to take; ``slice(3)`` is the first three.
    background : collection of str
        The labels that are no gesture.

    Returns
    -------
    LabelledWindows

    Raises
    ------
    ValueError
        No recordings, no window at all, or an interval with another label.
    """
    x, y, subjects, numbers, firsts = [], [], [], [], []
    ambiguous = 0
    count = 0
    for number, recording in enumerate(recordings):
        count += 1
        windows, starts = cut_windows(recording.samples[:, channels], settings)
        found = label_windows(starts, settings.length, recording.intervals, labels, background=background)
        clear = found >= 0
        ambiguous += int((~clear).sum())
        x.append(windows[clear])
        y.append(found[clear])
        subjects.append(np.full(int(clear.sum()), recording.subject))
        numbers.append(np.full(int(clear.sum()), number, np.int64))
        firsts.append(starts[clear])
    if not count:
        raise ValueError("There are no recordings.")
    if not sum(map(len, y)):
        raise ValueError(
            f"None of {count} recordings has a window of {settings.length} samples that shows one thing "
            f"({ambiguous} are ambiguous). Take a shorter window, or longer recordings."
        )
    return LabelledWindows(
        x=np.concatenate(x),
        y=np.concatenate(y),
        subjects=np.concatenate(subjects),
        recordings=np.concatenate(numbers),
        starts=np.concatenate(firsts),
        labels=tuple(labels),
        ambiguous=ambiguous,
    )

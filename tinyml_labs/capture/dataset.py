"""Recordings to windows for training and testing, split by who was recorded, never by window."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.recordings import Recording
from tinyml_labs.features.windows import WindowSettings, cut_windows


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowDataset:
    """Windows of recordings, in two parts that share no group.

    Attributes
    ----------
    x_train, x_test : float32 array, (windows, length, channels)
    y_train, y_test : int array, (windows,)
        Index into ``labels``.
    groups_train, groups_test : str array, (windows,)
        The subject or session of each window.
    labels : list of str
    rate_hz : float
    left_out : dict of str to str
        Recordings that gave no window, and why.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    groups_train: NDArray[np.str_]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    groups_test: NDArray[np.str_]
    labels: list[str]
    rate_hz: float
    left_out: dict[str, str]

    def __str__(self) -> str:
        """Count windows by label, and name the groups of each part."""
        lines = []
        for part, y, groups in (("train", self.y_train, self.groups_train), ("test", self.y_test, self.groups_test)):
            counts = ", ".join(f"{name} {int((y == k).sum())}" for k, name in enumerate(self.labels))
            lines.append(f"{part}: {len(y)} windows ({counts}) of {', '.join(sorted(set(groups.tolist())))}")
        return "\n".join(lines)


def recordings_to_dataset(
    recordings: Sequence[Recording],
    *,
    window_s: float,
    stride_s: float | None = None,
    split_by: str = "subject",
    test: float | str | Collection[str] = 0.25,
    seed: int = 0,
) -> WindowDataset:
    """Cut recordings into windows, and put whole subjects (or sessions) aside for testing.

    No window goes across a gap. A person's windows resemble each other: with some of them in training, a test with
    the others says how well the network knows this person, and not how well it knows the next one.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one sensor and rate, each with a label.
    window_s, stride_s : float
        A window's length, and the distance between two; half a window by default.
    split_by : str
        ``"subject"`` or ``"session"``.
    test : float, str or collection of str
        The part of the groups that is put aside (at least one), or their names (or one name).
    seed : int
        Which groups those are.

    Raises
    ------
    ValueError
        If recordings differ, lack a label or group, there are too few groups to split, or a part or a label gets
        no window.
    """
    if split_by not in ("subject", "session"):
        raise ValueError(f"split_by is {split_by!r}; it is 'subject' or 'session': never split by window.")
    for name, value in (("window_s", window_s), ("stride_s", stride_s)):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name} is {value}; it is a time in seconds, such as 1.0.")
    rate = _common_rate(recordings)
    length = round(window_s * rate)
    stride = length // 2 if stride_s is None else round(stride_s * rate)
    if length < 1 or stride < 1:
        raise ValueError(f"At {rate:g} Hz a window of {window_s} s has {length} samples, its stride {stride}.")
    cut = WindowSettings(rate_hz=rate, window_ms=1000 * length / rate, stride_ms=1000 * stride / rate)
    groups = [_group(recording, split_by) for recording in recordings]
    test_groups = _choose(sorted(set(groups)), test, seed, split_by)
    labels = sorted({recording.label for recording in recordings})
    parts: dict[bool, tuple[list[NDArray[np.float32]], list[int], list[str]]] = {
        False: ([], [], []),
        True: ([], [], []),
    }
    left_out: dict[str, str] = {}
    for recording, group in zip(recordings, groups, strict=True):
        windows = _windows(recording, cut)
        if not len(windows):
            longest = max((len(piece) for piece in recording.segments()), default=0)
            left_out[str(recording.path)] = f"its longest piece without a gap has {longest} of {length} samples"
            continue
        x, y, names = parts[group in test_groups]
        x.append(windows)
        y += [labels.index(recording.label)] * len(windows)
        names += [group] * len(windows)
    _check_windows(parts, labels, left_out, test_groups)
    channels = len(recordings[0].channel_names)

    def stack(x: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.concatenate(x) if x else np.empty((0, length, channels), np.float32)

    (x0, y0, g0), (x1, y1, g1) = parts[False], parts[True]
    return WindowDataset(
        x_train=stack(x0),
        y_train=np.array(y0, np.int64),
        groups_train=np.array(g0, np.str_),
        x_test=stack(x1),
        y_test=np.array(y1, np.int64),
        groups_test=np.array(g1, np.str_),
        labels=labels,
        rate_hz=rate,
        left_out=left_out,
    )


def _check_windows(
    parts: dict[bool, tuple[list[NDArray[np.float32]], list[int], list[str]]],
    labels: list[str],
    left_out: dict[str, str],
    test_groups: set[str],
) -> None:
    """Check that there is something to train with, something to test with, and something of each label."""
    why = "Left out: " + "; ".join(f"{path} ({reason})" for path, reason in left_out.items()) + "."
    mend = f"{why} Take a shorter window, or record longer."
    for is_test, (_, y, _) in parts.items():
        if not y:
            part = "test" if is_test else "train"
            groups = ", ".join(sorted(test_groups))
            raise ValueError(f"There is no window to {part} with (the test groups are {groups}). {mend}")
    without = [label for k, label in enumerate(labels) if not any(k in y for _, y, _ in parts.values())]
    if without:
        raise ValueError(f"The label {without[0]!r} has no window at all. {mend}")


def _common_rate(recordings: Sequence[Recording]) -> float:
    if not recordings:
        raise ValueError("There are no recordings.")
    first = recordings[0]
    for recording in recordings:
        if not recording.label:
            raise ValueError(f"{recording.path} has no label. Give it one: capture.relabel(recording, 'circle').")
        if recording.kind == "image":
            raise ValueError(f"{recording.path} is of a camera; windows are cut out of signals and sound.")
        if recording.channel_names != first.channel_names:
            raise ValueError(
                f"{recording.path} has the channels {recording.channel_names}, and {first.path} "
                f"{first.channel_names}."
            )
        if recording.units != first.units:
            raise ValueError(
                f"{recording.path} is in {recording.units}, and {first.path} in {first.units}: a network would take "
                "one for the other. Leave one out; if the numbers are in one unit, correct units in recording.json."
            )
        if abs(recording.rate_hz / first.rate_hz - 1) > 0.01:
            raise ValueError(
                f"{recording.path} has {recording.rate_hz:g} Hz, and {first.path} {first.rate_hz:g} Hz. "
                "Resample, or leave one out."
            )
    return first.rate_hz


def _group(recording: Recording, split_by: str) -> str:
    group = str(getattr(recording, split_by))
    if not group:
        raise ValueError(
            f"{recording.path} has no {split_by}, so nobody can say in which part it belongs. "
            + ("Give it one: capture.relabel(recording, subject='ana')." if split_by == "subject" else "")
        )
    return group


def _choose(groups: list[str], test: float | str | Collection[str], seed: int, split_by: str) -> set[str]:
    if len(groups) < 2:
        raise ValueError(
            f"All recordings are of one {split_by}, {groups[0]!r}: there is none left to test with. Record another "
            f"{split_by}, and say so when you report the result."
        )
    if isinstance(test, (int, float)):
        if not 0 < test < 1:
            raise ValueError(f"test is {test}; it is the part of the {split_by}s to put aside, between 0 and 1.")
        count = min(len(groups) - 1, max(1, math.floor(test * len(groups) + 0.5)))
        return set(np.random.default_rng(seed).permutation(groups)[:count].tolist())
    test = {test} if isinstance(test, str) else set(test)
    unknown = sorted(test - set(groups))
    if unknown:
        raise ValueError(f"There is no {split_by} {unknown[0]!r}; there are {', '.join(groups)}.")
    if not 0 < len(test) < len(groups):
        raise ValueError(f"{len(test)} of {len(groups)} {split_by}s are for testing: none is left in one part.")
    return test


def _windows(recording: Recording, settings: WindowSettings) -> NDArray[np.float32]:
    """Cut each piece between gaps alone."""
    found = [cut_windows(piece, settings)[0] for piece in recording.segments()]
    nothing = np.empty((0, settings.length, len(recording.channel_names)), np.float32)
    return np.concatenate([nothing, *found])

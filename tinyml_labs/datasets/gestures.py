"""Hand gestures as an inertial sensor sees them: 38 simulated people, a sitting each."""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.features.windows import Interval

_TEST_SUBJECTS = tuple(f"s{number}" for number in range(130, 138))


@dataclass(frozen=True, kw_only=True, eq=False)
class GestureRecording:
    """One sitting: what the board streamed without a pause, and what the person did.

    Attributes
    ----------
    name : str
    subject : str
    samples : float32 array, (N, 6)
        Acceleration in g along the board's x, y and z, with gravity, and rotation in deg/s around them.
    rate_hz : float
    intervals : tuple of Interval
        What the person did, and when, in samples. Between them the hand goes from one pose to the next.
    sensor : str
        The sensor that was simulated, and its range.
    """

    name: str
    subject: str
    samples: NDArray[np.float32]
    rate_hz: float
    intervals: tuple[Interval, ...]
    sensor: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate_hz

    def __str__(self) -> str:
        """Say in a line what it is."""
        parts = len(self.intervals)
        return f"{self.name}: {self.seconds:.0f} s of {self.subject}, {parts} labelled parts, {self.sensor}"


@dataclass(frozen=True, kw_only=True, eq=False)
class GestureData:
    """The recordings, and how they are split.

    Attributes
    ----------
    recordings : tuple of GestureRecording
    labels : tuple of str
        The classes, in the order of the models' scores.
    background : tuple of str
        Those of them that are no gesture.
    test_subjects : tuple of str
        The people that are kept for testing: whoever compares results keeps these.
    channel_names, units : tuple of str
        Of the samples' six columns.
    """

    recordings: tuple[GestureRecording, ...]
    labels: tuple[str, ...]
    background: tuple[str, ...]
    test_subjects: tuple[str, ...]
    channel_names: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def rate_hz(self) -> float:
        """Samples a second, of every recording."""
        return self.recordings[0].rate_hz

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody, in alphabetical order."""
        return tuple(sorted({recording.subject for recording in self.recordings}))

    def of(self, subjects: Collection[str]) -> tuple[GestureRecording, ...]:
        """Give the recordings of some people.

        Raises
        ------
        ValueError
            If nobody has such a name.
        """
        unknown = sorted(set(subjects) - set(self.subjects))
        if unknown:
            raise ValueError(f"There is no subject {unknown[0]!r}; there are {', '.join(self.subjects)}.")
        return tuple(recording for recording in self.recordings if recording.subject in subjects)

    def split(
        self, test: Collection[str] | None = None
    ) -> tuple[tuple[GestureRecording, ...], tuple[GestureRecording, ...]]:
        """Split by subject: nobody is in both parts.

        Parameters
        ----------
        test : collection of str or None
            The people to test with; None takes ``test_subjects``.

        Returns
        -------
        tuple of two tuples of GestureRecording
            To train with, and to test with.
        """
        test = set(self.test_subjects if test is None else test)
        return self.of(set(self.subjects) - test), self.of(test)

    def __str__(self) -> str:
        """Say what there is."""
        seconds = sum(recording.seconds for recording in self.recordings)
        return (
            f"{len(self.recordings)} recordings of {len(self.subjects)} simulated people, {seconds / 60:.0f} minutes "
            f"at {self.rate_hz:g} Hz; {len(self.labels)} classes: {', '.join(self.labels)}"
        )


def load_gestures() -> GestureData:
    """Load the bundled gestures: made by a simulator, `datasets/gestures/README.md` says how.

    Returns
    -------
    GestureData

    Raises
    ------
    FileNotFoundError
        The bundled data are not where they are expected.
    ValueError
        A file was changed.

    Notes
    -----
    Introduced in `notebooks/02_gesture_recognition.ipynb`.

    Examples
    --------
    >>> data = load_gestures()
    >>> train, test = data.split()
    >>> len(train), len(test), data.channel_names[:3]
    (30, 8, ('accX', 'accY', 'accZ'))
    """
    facts = json.loads(read_checked("gestures", "recordings.json"))
    with np.load(io.BytesIO(read_checked("gestures", "recordings.npz"))) as arrays:
        counts = unpack_counts(arrays["low_bytes"], arrays["high_bytes"])
    recordings = []
    at = 0
    for entry in facts["recordings"]:
        end = at + entry["samples"]
        samples = (counts[at:end] * np.array(entry["lsb"])).astype(np.float32)
        samples.flags.writeable = False
        recordings.append(_recording(entry, samples, facts["rate_hz"]))
        at = end
    return GestureData(
        recordings=tuple(recordings),
        labels=tuple(facts["labels"]),
        background=tuple(facts["background"]),
        test_subjects=_TEST_SUBJECTS,
        channel_names=tuple(facts["channel_names"]),
        units=tuple(facts["units"]),
    )


def _recording(entry: dict[str, Any], samples: NDArray[np.float32], rate_hz: float) -> GestureRecording:
    return GestureRecording(
        name=entry["name"],
        subject=entry["subject"],
        samples=samples,
        rate_hz=rate_hz,
        intervals=tuple(Interval(start, end, label) for start, end, label in entry["parts"]),
        sensor=entry["sensor"],
    )


def pack_counts(counts: NDArray[np.int16]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Write a sensor's counts so that they compress well: as small changes, low and high bytes apart.

    Parameters
    ----------
    counts : int16 array, (N, channels)

    Returns
    -------
    low_bytes, high_bytes : uint8 array, (channels, N)
        Of the change from each sample to the next, modulo 65,536; before the first sample all was 0. Changes are
        counted 0, -1, 1, -2, 2, ..., so that the high byte of every small one is 0.
    """
    changes = np.diff(counts, axis=0, prepend=np.zeros((1, counts.shape[1]), np.int16)).T  # int16 wraps around
    folded = ((changes << 1) ^ (changes >> 15)).view(np.uint16)
    return (folded & 255).astype(np.uint8), (folded >> 8).astype(np.uint8)


def unpack_counts(low_bytes: NDArray[np.uint8], high_bytes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Undo :func:`pack_counts`: int16 array, (N, channels)."""
    folded = low_bytes.astype(np.int64) | (high_bytes.astype(np.int64) << 8)
    changes = (folded >> 1) ^ -(folded & 1)
    return np.cumsum(changes, axis=1).astype(np.int16).T

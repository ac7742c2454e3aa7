"""Grade a recording that a lab asks for: can it be what it says, and is it the student's own?

Only samples that are the same to the byte cost points as a copy. What merely moves like another recording is a note:
a person should look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from tinyml_labs.capture import Recording
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.hand_ins.hand_in_file import HandInError
from tinyml_labs.grading.hand_ins.recording_copies import COURSE, KnownRecordings, find_similar, with_course
from tinyml_labs.grading.hand_ins.recording_files import open_recording
from tinyml_labs.grading.hand_ins.recording_fingerprints import RecordingFingerprint, make_fingerprint
from tinyml_labs.grading.hand_ins.recording_plausibility import (
    find_alterations,
    find_clock_faults,
    find_clock_notes,
    find_impossible_values,
    is_simulated,
)
from tinyml_labs.grading.pages.shown_text import clean_line, clean_message
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Verdict

__all__ = ["KnownRecordings", "WantedRecording", "grade_recording", "known_recordings"]

_SHARES = {"whole": 1, "asked": 1, "clock": 1, "values": 1, "own": 4}
_RIGHT = {
    "whole": "The recording is complete, and as the recorder wrote it.",
    "asked": "Sensor and length are as asked for.",
    "clock": "Rate, times and gaps fit together.",
    "values": "The values are such as a sensor gives.",
    "own": "It is no copy of another recording.",
}
_COPIED_PART = 0.5
_PARTLY_COPIED = 0.1


@dataclass(frozen=True, kw_only=True)
class WantedRecording:
    """A recording that a lab asks for: an entry of ``recordings`` in its ``grading.json``.

    Attributes
    ----------
    grade_id, title : str
    points : float
        Divided among the checks in these shares: it is whole 1, as asked for 1, its clock 1, its values 1, the
        student's own 4. A copy of the course's own data earns nothing.
    folder : str
        Its name in the hand-in.
    sensor : str
        The name of the sensor, such as ``imu``; empty takes any.
    labels : tuple of str
        One of which it has to have; empty takes any.
    least_seconds : float
    rate_hz : float or None
        What the sensor has, to a tenth; None takes any.
    most_missing : float
        The part of its samples that may be missing.
    virtual_board : bool
        Whether one of a virtual board does.
    largest_mb : float
        All its files together; more are not read.
    """

    grade_id: str
    points: float
    title: str = ""
    folder: str = "recording"
    sensor: str = ""
    labels: tuple[str, ...] = ()
    least_seconds: float = 0.0
    rate_hz: float | None = None
    most_missing: float = 0.1
    virtual_board: bool = True
    largest_mb: float = 32.0

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.folder).parts
        if not parts or self.folder.startswith("/") or "\\" in self.folder or ".." in parts:
            raise ValueError(f"{self.folder!r} is no name of a folder in a hand-in: expected such as 'recording'.")
        if not 0 <= self.most_missing <= 1:
            raise ValueError(f"most_missing is {self.most_missing}; it is a part, from 0 to 1.")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path | None = None) -> WantedRecording:
        """Read an entry of ``grading.json``; ``folder``, where that lies, is not needed.

        Raises
        ------
        ValueError
            If a key is unknown or missing, or a value is of the wrong kind.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ValueError(f"A recording has the key {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        if missing := sorted({"grade_id", "points"} - set(data)):
            raise ValueError(f"A recording has no {missing[0]!r}: {dict(data)}.")
        return cls(**{**data, "labels": tuple(data.get("labels", ()))})


def grade_recording(
    hand_in: Path, wanted: WantedRecording, *, known: KnownRecordings | Path | None = None
) -> ExerciseResult:
    """Grade the recording in a student's hand-in.

    Parameters
    ----------
    hand_in : Path
        The folder.
    wanted : WantedRecording
    known : KnownRecordings, path of a saved one, or None
        The class's and the course's. None compares with the course's alone.

    Returns
    -------
    ExerciseResult
        One result a check, in a fixed order. Its notes are for a person, and name nobody.
    """
    try:
        recording = open_recording(hand_in, wanted.folder, wanted.largest_mb)
    except HandInError as error:
        absent = not (hand_in / wanted.folder).exists()
        text = f"There is no folder {wanted.folder} in the hand-in." if absent else str(error)
        return _result(wanted, {kind: [text] for kind in _SHARES}, verdict="open" if absent else "wrong")
    if isinstance(known, Path):
        known = KnownRecordings.load(known)
    found = _fingerprint(recording, known)
    if known is None:
        known = KnownRecordings(fingerprints=with_course([found]))
    copied, notes = _copies(found, known)
    faults = {
        "whole": list(find_alterations(recording)),
        "asked": _not_as_asked(recording, wanted),
        "clock": list(find_clock_faults(recording, wanted.most_missing)),
        "values": list(find_impossible_values(recording)),
        "own": [] if copied is None else [_copy_text(copied)],
    }
    if copied is not None and copied.owner == COURSE:
        faults = {kind: [*own, *([_copy_text(copied)] if kind != "own" else [])] for kind, own in faults.items()}
    return _result(wanted, faults, notes=[*find_clock_notes(recording), *notes])


def known_recordings(hand_ins: Iterable[HandIn], wanted: Sequence[WantedRecording]) -> KnownRecordings:
    """Read the recordings of a class, and find those that are alike: once, before anything is graded.

    Parameters
    ----------
    hand_ins : iterable of HandIn
    wanted : sequence of WantedRecording
        What the lab asks for.
    """
    found = []
    for hand_in in hand_ins:
        for one in wanted:
            try:
                recording = open_recording(hand_in.folder, one.folder, one.largest_mb)
                found.append(make_fingerprint(recording, owner=hand_in.student, simulated=is_simulated(recording)))
            except (HandInError, ValueError):  # its own grading says why
                continue
    every = with_course(found)
    return KnownRecordings(fingerprints=every, similar=tuple(find_similar(every)))


def _fingerprint(recording: Recording, known: KnownRecordings | None) -> RecordingFingerprint:
    """Make the fingerprint; the class's list says whose it is."""
    place = str(recording.path)
    own = [found for found in known.fingerprints if found.place == place] if known is not None else []
    if own:
        return own[0]
    try:
        return make_fingerprint(recording, owner=place, simulated=is_simulated(recording))
    except ValueError:  # it has no rate: only what is the same to the byte can be found
        return _without_rate(recording)


def _without_rate(recording: Recording) -> RecordingFingerprint:
    from tinyml_labs.grading.hand_ins.recording_fingerprints import fingerprint_samples

    return fingerprint_samples(
        recording.samples,
        20.0,
        kind=recording.kind,
        owner=str(recording.path),
        place=str(recording.path),
        simulated=is_simulated(recording),
    )


def _copies(found: RecordingFingerprint, known: KnownRecordings) -> tuple[RecordingFingerprint | None, list[str]]:
    """Return whose copy it is, if it is one to the byte, and what a person should look at."""
    match = known.copied_from(found)
    if match is not None and match[1] >= _COPIED_PART:
        return match[0], []
    notes = []
    if match is not None and match[1] >= _PARTLY_COPIED:
        notes.append(f"A person should look: {match[1]:.0%} of its samples stand in {_whose(match[0])}, to the byte.")
    for pair in known.similar_to(found.place):
        other = pair.second if pair.first.place == found.place else pair.first
        notes.append(
            f"A person should look: it moves like {_whose(other)} for {pair.seconds:.0f} s "
            f"(correlation {pair.correlation:.2f})."
        )
    return None, notes[:3]


def _whose(other: RecordingFingerprint) -> str:
    return "the course's own data" if other.owner == COURSE else "the recording of another hand-in"


def _copy_text(other: RecordingFingerprint) -> str:
    return f"Its samples are the same, to the byte, as those of {_whose(other)}. Hand in a recording of your own."


def _not_as_asked(recording: Recording, wanted: WantedRecording) -> list[str]:
    said = []
    name = clean_line(str(recording.sensor["name"]), longest=50)
    if wanted.sensor and recording.sensor["name"] != wanted.sensor:
        said.append(f"It is of the sensor {name}; the task asks for {wanted.sensor}.")
    if wanted.labels and recording.label not in wanted.labels:
        label = clean_line(recording.label, longest=50) or "none"
        said.append(f"Its label is {label}; the task asks for {' or '.join(wanted.labels)}.")
    if not wanted.virtual_board and is_simulated(recording):
        said.append("A virtual board made it; the task asks for one of a board.")
    rate = recording.measured_rate_hz or recording.nominal_rate_hz
    if wanted.rate_hz and not 0.9 * wanted.rate_hz <= (rate or 0.0) <= 1.1 * wanted.rate_hz:
        said.append(f"Its rate is {rate or 0:.4g} Hz; the task asks for {wanted.rate_hz:g} Hz.")
    seconds = recording.span / rate if rate else 0.0
    if seconds < 0.999 * wanted.least_seconds:
        said.append(f"It has {seconds:.3g} s; the task asks for {wanted.least_seconds:g} s.")
    return said


def _result(
    wanted: WantedRecording,
    faults: Mapping[str, Sequence[str]],
    *,
    notes: Sequence[str] = (),
    verdict: Verdict = "wrong",
) -> ExerciseResult:
    checks = []
    said: set[str] = set()
    for kind, share in _SHARES.items():
        points = wanted.points * share / sum(_SHARES.values())
        right = not faults[kind]
        news = [text for text in faults[kind] if text not in said]  # once is enough
        said.update(news)
        checks.append(
            CheckResult(
                part="recording",
                verdict="ok" if right else verdict,
                points=points if right else 0.0,
                max_points=points,
                message=clean_message(_RIGHT[kind] if right else " ".join(news), longest=1000),
            )
        )
    return ExerciseResult(
        grade_id=wanted.grade_id,
        title=wanted.title or wanted.folder,
        checks=tuple(checks),
        notes=tuple(clean_message(note, longest=300) for note in notes),
    )

"""What a student hands in beside the notebook: models and recordings. And one checksum over all of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tinyml_labs.grading.assignment import Assignment
from tinyml_labs.grading.hand_ins.collect import HandIn
from tinyml_labs.grading.hand_ins.hand_in_file import HandInError, read_plain_file
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Part

_LARGEST_FILE = 64_000_000
_MOST_FILES = 500  # of a recording


def fingerprint(hand_in: HandIn, assignment: Assignment) -> str:
    """Return the SHA-256 (hex) of what was handed in, as far as the lab asks for it.

    It is that of the notebook's file if there is nothing else, so that a student can compare it. Together with
    `Assignment.source_sha256` it says whether grading again can give anything new.
    """
    files = list(_files_of(hand_in, assignment))
    if hand_in.notebook is not None and not files:
        return _digest(hand_in.notebook, assignment.largest_notebook_mb * 1e6)
    total = hashlib.sha256(hand_in.problem.encode("utf-8", "replace"))
    for path in [hand_in.notebook, *files] if hand_in.notebook is not None else files:
        total.update(f"\n{path.name} ".encode("utf-8", "surrogatepass"))
        total.update(_digest(path, _LARGEST_FILE).encode())
    return total.hexdigest()


def grade_files(
    hand_in: HandIn,
    assignment: Assignment,
    *,
    limits: Limits,
    unsafe: bool = False,
    known_recordings: Path | None = None,
) -> list[ExerciseResult]:
    """Grade the models and recordings that the lab asks for.

    Parameters
    ----------
    hand_in : HandIn
    assignment : Assignment
    limits : Limits
        Of the process that a model runs in.
    unsafe : bool
        Whether to go on without a sandbox.
    known_recordings : Path, optional
        The whole class's recordings, to find copies.

    Returns
    -------
    list of ExerciseResult
        One for each; ``not graded`` if the grader itself fails.
    """
    results = []
    for entry in assignment.artefacts:
        try:
            from tinyml_labs.grading.hand_ins.artefacts import WantedModel, grade_model

            wanted = WantedModel.from_dict(entry, assignment.folder)
            results.append(grade_model(hand_in.folder, wanted, limits=limits, unsafe=unsafe))
        except Exception as error:
            results.append(_not_graded(entry, "artefact", error))
    for entry in assignment.recordings:
        try:
            from tinyml_labs.grading.hand_ins.recording_checks import WantedRecording, grade_recording

            asked = WantedRecording.from_dict(entry, assignment.folder)
            results.append(grade_recording(hand_in.folder, asked, known=known_recordings))
        except Exception as error:
            results.append(_not_graded(entry, "recording", error))
    return results


def _not_graded(entry: object, part: Part, error: Exception) -> ExerciseResult:
    import logging

    assert isinstance(entry, dict)
    logging.getLogger(__name__).error("%s was not graded: %s: %s", entry["grade_id"], type(error).__name__, error)
    check = CheckResult(
        part=part,
        verdict="not graded",
        points=None,
        max_points=float(entry["points"]),
        message="This could not be graded. It is not your fault; it will be graded again.",
    )
    return ExerciseResult(
        grade_id=str(entry["grade_id"]), title=str(entry.get("title", entry["grade_id"])), checks=(check,)
    )


def _files_of(hand_in: HandIn, assignment: Assignment) -> Iterator[Path]:
    """Yield what else is graded: copies of the notebook, and the files that the lab's settings name."""
    yield from hand_in.alternatives
    for entry in assignment.artefacts:
        for key in ("file", "claimed_outputs"):
            if entry.get(key):
                yield hand_in.folder / str(entry[key])
    for entry in assignment.recordings:
        folder = hand_in.folder / str(entry.get("folder", "recording"))
        if folder.is_dir() and not folder.is_symlink():
            inside = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
            yield from sorted(islice(inside, _MOST_FILES))


def _digest(path: Path, largest_bytes: float) -> str:
    try:
        return hashlib.sha256(read_plain_file(path, largest_bytes)).hexdigest()
    except HandInError as error:
        return hashlib.sha256(str(error).encode("utf-8", "replace")).hexdigest()

"""Grade a .tflite file that a lab asks for: is it a model, small enough, of allowed operators, right on hidden data?

The file is only ever opened in a process of its own, in the sandbox (`artefact_child`): a broken flatbuffer makes
TensorFlow Lite Micro end its process, a hostile one may do worse. Labels stay here; inputs go in, answers come out.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.child_program import child_program
from tinyml_labs.grading.hand_ins import artefact_child
from tinyml_labs.grading.hand_ins.hand_in_file import HandInError, read_plain_file
from tinyml_labs.grading.hand_ins.wanted_model import WantedModel
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.sandbox import ProcessOutcome, run_in_sandbox
from tinyml_labs.grading.pages.shown_text import clean_message
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Verdict

__all__ = ["WantedModel", "grade_artefact", "grade_model"]

_LARGEST_BYTES = 32_000_000
_ENDS: dict[str, str] = {
    "timeout": "Reading or running the model took too long, and was ended.",
    "out of memory": "Reading or running the model took more memory than it may.",
    "killed": "Reading or running the model ended the process that did it.",
    "error": "Reading or running the model failed.",
}


def grade_model(folder: Path, wanted: WantedModel, *, limits: Limits, unsafe: bool = False) -> ExerciseResult:
    """Grade the model in a student's hand-in.

    Parameters
    ----------
    folder : Path
        The hand-in.
    wanted : WantedModel
    limits : Limits
        Of the process that reads it; ``total_seconds`` is its time.
    unsafe : bool
        Whether to go on without a sandbox.

    Returns
    -------
    ExerciseResult

    Raises
    ------
    NoSandbox
        If there is none, and ``unsafe`` is not set.
    ValueError, OSError, RuntimeError
        If the instructor's own data are not as they should be, or the machine is not; never for what a student does.
    """
    contents: list[bytes | None] = []
    for name in (wanted.file, wanted.claimed_outputs):
        try:
            contents.append(_read_from(folder, name) if name else None)
        except HandInError as error:
            if name == wanted.file:
                absent = not (folder / name).exists()
                text = f"{name} is not in the hand-in." if absent else _sentence(error)
                return _result(wanted, _fail_all(wanted, "open" if absent else "wrong", text))
            contents.append(None)
    model, claimed = contents
    assert model is not None
    checks = grade_artefact(model, wanted, claimed=claimed, limits=limits, unsafe=unsafe)
    return _result(wanted, checks)


def grade_artefact(
    model: bytes | Path, wanted: WantedModel, *, claimed: bytes | None = None, limits: Limits, unsafe: bool = False
) -> list[CheckResult]:
    """Grade a model: one result for each check that applies, in a fixed order.

    Parameters
    ----------
    model : bytes or Path
    wanted : WantedModel
    claimed : bytes or None
        The content of the .npy file with the claimed outputs.
    limits, unsafe
        As for `grade_model`, which says what is raised.
    """
    content = model if isinstance(model, bytes) else model.read_bytes()
    if len(content) > _LARGEST_BYTES:
        text = f"The file has {len(content) / 1e6:,.1f} MB; no board takes such a model, and it was not opened."
        return _fail_all(wanted, "wrong", text)
    files = {artefact_child.MODEL: content}
    expected: NDArray[np.int64] | None = None
    if wanted.hidden_data is not None:
        files[artefact_child.HIDDEN_INPUTS], expected = _hidden(wanted.hidden_data)
    if wanted.claimed_inputs is not None:
        files[artefact_child.CLAIMED_INPUTS] = wanted.claimed_inputs.read_bytes()
        files[artefact_child.CLAIMED_OUTPUTS] = claimed or b""
    outcome = run_in_sandbox(
        child_program(artefact_child.__name__), files=files, limits=_roomy(limits, files, expected), unsafe=unsafe
    )
    told = _told(outcome)
    if outcome.verdict == "error" and not told:  # it tells of its own errors
        raise RuntimeError(f"The process that reads models does not start: {outcome.stderr[-2000:]}")
    checks = _Checks(wanted, outcome, told)
    checks.add("model", lambda: _check_model(told))
    if wanted.largest_kb is not None:
        checks.add("size", lambda: _check_size(len(content), wanted.largest_kb))
    if wanted.ops:
        checks.add("ops", lambda: _check_ops(told.get("read"), wanted.ops))
    if expected is not None:
        checks.add("hidden", lambda: _check_accuracy(told.get("hidden"), expected, wanted.least_accuracy))
    if wanted.claimed_inputs is not None:
        checks.add("claimed", lambda: _check_claim(told.get("claimed"), claimed is not None, wanted.claimed_outputs))
    return checks.results


Finding = tuple[bool, str] | None
"""Whether it is right, and a sentence; None if the process has not come so far."""


class _Checks:
    """Turns findings into results, with their share of the points."""

    def __init__(self, wanted: WantedModel, outcome: ProcessOutcome, told: Mapping[str, Any]) -> None:
        self.results: list[CheckResult] = []
        self._points = wanted.shared_points()
        self._outcome, self._told = outcome, told
        self._seconds = outcome.seconds

    def add(self, kind: str, check: Callable[[], Finding]) -> None:
        try:
            finding = check()
        except (KeyError, TypeError, ValueError, OverflowError):  # an answer that is none of ours
            finding = None
        verdict: Verdict
        if finding is not None:
            verdict, text = ("ok" if finding[0] else "wrong"), finding[1]
        elif self._outcome.verdict in _ENDS and "stopped" not in self._told:
            verdict, text = self._outcome.verdict, _ENDS[self._outcome.verdict]
        else:
            verdict, text = "wrong", "This could not be looked at: the model cannot be read or does not run."
        points = self._points[kind]
        self.results.append(
            CheckResult(
                part="artefact",
                verdict=verdict,
                points=points if verdict == "ok" else 0.0,
                max_points=points,
                message=clean_message(text, longest=1000),
                seconds=self._seconds,
            )
        )
        self._seconds = 0.0  # one process for all: its time counts once


def _check_model(told: Mapping[str, Any]) -> Finding:
    for step in ("read", "run"):
        if step not in told:
            return None
        if "problem" in told[step]:
            return False, str(told[step]["problem"])
    return True, "The file is a model, and TensorFlow Lite Micro runs it."


def _check_size(size: int, largest_kb: float | None) -> Finding:
    assert largest_kb is not None
    return size <= 1000 * largest_kb, f"The model has {size / 1000:,.1f} kB; it may have {largest_kb:g} kB."


def _check_ops(read: Mapping[str, Any] | None, allowed: Sequence[str]) -> Finding:
    if read is None or "ops" not in read:
        return None
    found = [str(name) for name in read["ops"]]
    if more := [name for name in found if name not in allowed]:
        return False, f"It has operators that are not allowed: {', '.join(more)}. Allowed: {', '.join(allowed)}."
    return True, f"Its operators: {', '.join(found)}."


def _check_accuracy(hidden: Mapping[str, Any] | None, expected: NDArray[np.int64] | None, least: float) -> Finding:
    assert expected is not None
    if hidden is None:
        return None
    if "problem" in hidden:
        return False, str(hidden["problem"])
    classes = hidden["classes"]
    if len(classes) != len(expected) or not all(type(k) is int for k in classes):
        return None
    accuracy = float(np.mean([k == int(y) for k, y in zip(classes, expected, strict=True)]))
    right = accuracy >= least
    shown = math.floor(100 * accuracy) / 100  # 0.799 is no 0.80
    return right, f"Of data that it has not seen it gets {shown:.0%} right; at least {least:.0%} are asked for."


def _check_claim(claimed: Mapping[str, Any] | None, is_there: bool, name: str) -> Finding:
    if not is_there:
        return False, f"{name} is not in the hand-in, or cannot be read."
    if claimed is None:
        return None
    if "problem" in claimed:
        return False, str(claimed["problem"])
    theirs, ours = claimed["claimed"], claimed["outputs"]
    for key, what in (("dtype", "type"), ("shape", "shape")):
        if theirs[key] != ours[key]:
            return False, f"{name} has the {what} {theirs[key]}; what the model gives here has {ours[key]}."
    if theirs["sha256"] == ours["sha256"]:
        return True, f"{name} holds what the model gives, to the byte."
    return False, f"{name} differs from what the model gives in {claimed['differing']} of {ours['shape'][0]} rows."


def _told(outcome: ProcessOutcome) -> dict[str, dict[str, Any]]:
    """Read the lines of the child; what is none of its lines is left out."""
    told: dict[str, dict[str, Any]] = {}
    for line in outcome.stdout.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("step"), str):
            told.setdefault(found["step"], found)
    return told


@lru_cache(maxsize=8)
def _hidden_by_time(path: Path, changed_ns: int) -> tuple[bytes, NDArray[np.int64]]:
    with np.load(path, allow_pickle=False) as arrays:
        if sorted(arrays.files) != ["x", "y"]:
            raise ValueError(f"{path} holds {', '.join(arrays.files) or 'nothing'}; expected x and y.")
        x, y = arrays["x"], arrays["y"]
    if x.ndim < 2 or y.shape != x.shape[:1] or not len(y) or y.dtype.kind not in "iu" or x.dtype.kind not in "iufb":
        raise ValueError(
            f"{path}: x is {x.dtype} {x.shape} and y is {y.dtype} {y.shape}; expected numbers (N, ...) and whole "
            "numbers (N,)."
        )
    stream = io.BytesIO()
    np.save(stream, x, allow_pickle=False)
    return stream.getvalue(), y.astype(np.int64)


def _hidden(path: Path) -> tuple[bytes, NDArray[np.int64]]:
    """Read the hidden data once: the inputs as a file, the labels as an array."""
    return _hidden_by_time(path, path.stat().st_mtime_ns)


def _roomy(limits: Limits, files: Mapping[str, bytes], expected: NDArray[np.int64] | None) -> Limits:
    """Give the files room in the scratch folder, and the answers room in the output."""
    megabytes = sum(map(len, files.values())) // 1_000_000 + 16
    kilobytes = 64 + (len(expected) if expected is not None else 0) * 12 // 1024
    return replace(limits, scratch_mb=max(limits.scratch_mb, megabytes), output_kb=max(limits.output_kb, kilobytes))


def _read_from(folder: Path, name: str) -> bytes:
    """Read a file of a hand-in; no folder on the way to it may be a link."""
    path = folder
    for part in PurePosixPath(name).parts[:-1]:
        path = path / part
        if path.is_symlink():
            raise HandInError(f"{part} is a link to another folder. Hand in the folder itself.")
    return read_plain_file(folder / name, _LARGEST_BYTES)


def _sentence(error: HandInError) -> str:
    return str(error).partition(" Hand in the notebook")[0].partition(" In JupyterLab:")[0]


def _fail_all(wanted: WantedModel, verdict: Verdict, text: str) -> list[CheckResult]:
    points = wanted.shared_points().values()
    return [
        CheckResult(
            part="artefact", verdict=verdict, points=0.0, max_points=most, message=clean_message(text * first)
        )
        for most, first in zip(points, [True] + [False] * len(points), strict=False)
    ]


def _result(wanted: WantedModel, checks: Sequence[CheckResult]) -> ExerciseResult:
    return ExerciseResult(grade_id=wanted.grade_id, title=wanted.title or wanted.file, checks=tuple(checks))

"""What a lab asks of a student's model: an entry of ``artefacts`` in its ``grading.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

_SHARES = {"model": 1, "size": 1, "ops": 1, "hidden": 5, "claimed": 2}


@dataclass(frozen=True, kw_only=True)
class WantedModel:
    """A model that a lab asks for.

    Attributes
    ----------
    file : str
        Its name in the hand-in.
    grade_id, title : str
    points : float
        Divided among the checks that apply, in these shares: it is a model that the board's kernels run 1, its size
        1, its operators 1, its accuracy 5, its claimed outputs 2.
    largest_kb : float or None
        Of 1000 bytes.
    ops : tuple of str
        The operators that it may have, by their name in the schema; empty allows all that run.
    hidden_data : Path or None
        An .npz file with ``x``, (N, ...), real values as the model's input takes them before it is quantized, and
        ``y``, (N,), the classes as whole numbers.
    least_accuracy : float
        The part of the hidden data on which the highest score has to be right.
    claimed_inputs : Path or None
        An .npy file that students have too, (N, ...): raw values in the model's own type, or real ones.
    claimed_outputs : str
        The name of a file in the hand-in: what the student says that the model gives for these, raw, as .npy.
    """

    file: str
    grade_id: str
    points: float
    title: str = ""
    largest_kb: float | None = None
    ops: tuple[str, ...] = ()
    hidden_data: Path | None = None
    least_accuracy: float = 0.0
    claimed_inputs: Path | None = None
    claimed_outputs: str = ""

    def __post_init__(self) -> None:
        for name in (self.file, self.claimed_outputs):
            parts = PurePosixPath(name).parts
            if name and (name.startswith("/") or "\\" in name or ".." in parts or not parts):
                raise ValueError(f"{name!r} is no name of a file in a hand-in: expected such as 'gestures.tflite'.")
        if not self.file:
            raise ValueError("The artefact has no file: expected a name such as 'gestures.tflite'.")
        if not 0 <= self.least_accuracy <= 1:
            raise ValueError(f"least_accuracy is {self.least_accuracy}; it is a part, from 0 to 1.")
        if bool(self.claimed_inputs) != bool(self.claimed_outputs):
            raise ValueError(
                f"{self.grade_id}: claimed_outputs (a file that students hand in) and claimed_inputs (an .npy file "
                "beside grading.json that they were given) come together, and one is missing."
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path) -> WantedModel:
        """Read an entry of ``grading.json``; its data files lie in ``folder``.

        Raises
        ------
        ValueError
            If a key is unknown or missing, or a value is of the wrong kind.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ValueError(f"An artefact has the key {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        if missing := sorted({"file", "grade_id", "points"} - set(data)):
            raise ValueError(f"An artefact has no {missing[0]!r}: {dict(data)}.")
        found = dict(data)
        for key in ("hidden_data", "claimed_inputs"):
            if found.get(key):
                found[key] = folder / found[key]
        return cls(**{**found, "ops": tuple(found.get("ops", ()))})

    def shared_points(self) -> dict[str, float]:
        """Return the points of each check that applies, in the order of the checks."""
        applies = {
            "model": True,
            "size": self.largest_kb is not None,
            "ops": bool(self.ops),
            "hidden": self.hidden_data is not None,
            "claimed": self.claimed_inputs is not None,
        }
        shares = {kind: _SHARES[kind] for kind, does in applies.items() if does}
        return {kind: self.points * share / sum(shares.values()) for kind, share in shares.items()}

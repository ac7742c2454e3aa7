"""A wake word: a streaming model of microWakeWord, and when its answers are a detection."""

from __future__ import annotations

import json
import operator
import os
from dataclasses import dataclass, field
from pathlib import Path

from tinyml_labs.features import SPECTROGRAM_CHANNELS
from tinyml_labs.model_file import Tensor, read_model
from tinyml_labs.model_state import describe_state

__all__ = ["FRAME_MS", "WakeWord", "load_wake_word"]

FRAME_MS = 10


@dataclass(frozen=True, kw_only=True)
class WakeWord:
    """A streaming model and when its answers are a detection.

    Attributes
    ----------
    phrase : str
        What it listens for, such as "Alexa".
    model : bytes
        The ``.tflite``: int8 (1, stride_frames, 40) in, uint8 (1, 1) out, and variables.
    cutoff : float, 0 to 1
        A detection is an average above it.
    window : int
        Over so many inferences the probability is averaged.
    languages : tuple of str
        In which it was trained.
    stride_frames : int
        New frames that an inference takes, of 10 ms each. Read from the model.
    scale : float
        What a step of the model's output is. Read from the model.

    Raises
    ------
    ValueError
        If the model is no streaming model of this kind, or a number is out of its range.
    """

    phrase: str
    model: bytes = field(repr=False)
    cutoff: float
    window: int
    languages: tuple[str, ...] = ()
    stride_frames: int = field(init=False)
    scale: float = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.cutoff < 1:
            raise ValueError(f"cutoff is {self.cutoff!r}, expected a probability between 0 and 1, such as 0.9.")
        if operator.index(self.window) < 1:
            raise ValueError(f"window is {self.window}, expected 1 or more inferences.")
        parsed = read_model(self.model)
        if not describe_state(parsed).stateful:
            raise ValueError(
                "The model has no variables: it answers each window by itself, and does not stream. "
                "streaming.stream_predict runs such a model over a stream."
            )
        takes, gives = parsed.inputs, parsed.outputs
        shape = takes[0].shape if len(takes) == 1 else ()
        fits = len(shape) == 3 and (shape[0], shape[2]) == (1, SPECTROGRAM_CHANNELS) and takes[0].type_name == "INT8"
        if not (fits and len(gives) == 1 and gives[0].size == 1 and gives[0].type_name == "UINT8" and gives[0].scale):
            raise ValueError(
                f"The model takes {_show(takes)} and gives {_show(gives)}; a microWakeWord model takes int8 "
                f"1×frames×{SPECTROGRAM_CHANNELS} and gives uint8 1×1."
            )
        object.__setattr__(self, "stride_frames", shape[1])
        object.__setattr__(self, "scale", gives[0].scale)

    @property
    def level(self) -> int:
        """The cutoff as the board has it, 0 to 255: an average of the raw outputs above it is a detection."""
        return int(self.cutoff * 255)

    @property
    def step_s(self) -> float:
        """Seconds from one inference to the next."""
        return self.stride_frames * FRAME_MS / 1000


def load_wake_word(path: str | os.PathLike[str]) -> WakeWord:
    """Read a microWakeWord model: its manifest, and the ``.tflite`` beside it.

    Parameters
    ----------
    path : path
        Of the manifest (``.json``), or of the ``.tflite``, whose manifest has the same name but for the ending.

    Returns
    -------
    WakeWord

    Raises
    ------
    FileNotFoundError
        If one of the two is missing.
    ValueError
        If the manifest is none, or not of version 2, or the model not of this kind.
    """
    manifest = Path(path).with_suffix(".json")
    if not manifest.exists():
        raise FileNotFoundError(
            f"There is no manifest {manifest}: it holds cutoff and window. Download it with the model, or give your "
            "own numbers: WakeWord(phrase=..., model=Path(...).read_bytes(), cutoff=0.9, window=5)."
        )
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        kind, version, name, micro = found["type"], found["version"], found["model"], found["micro"]
        step_ms, cutoff, window = (
            micro[key] for key in ("feature_step_size", "probability_cutoff", "sliding_window_size")
        )
        phrase, languages = str(found["wake_word"]), tuple(map(str, found.get("trained_languages", ())))
        cutoff, window = float(cutoff), operator.index(window)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{manifest} is no manifest of a microWakeWord model: {error!r}. Expected JSON with type, version, "
            "wake_word, model and micro (feature_step_size, probability_cutoff, sliding_window_size)."
        ) from None
    if (kind, version) != ("micro", 2) or step_ms != FRAME_MS:
        raise ValueError(
            f"{manifest} has type {kind!r}, version {version!r} and a feature_step_size of {step_ms!r} ms; expected "
            f"'micro', 2 and {FRAME_MS}. Models of version 1 have another front end: take a newer one."
        )
    beside = Path(path) if Path(path).suffix == ".tflite" else manifest.with_name(Path(str(name)).name)
    if not beside.exists():
        raise FileNotFoundError(f"{manifest} names the model {name!r}, and there is no {beside}. Download it too.")
    return WakeWord(phrase=phrase, model=beside.read_bytes(), cutoff=cutoff, window=window, languages=languages)


def _show(tensors: tuple[Tensor, ...]) -> str:
    return " and ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in tensors) or "nothing"

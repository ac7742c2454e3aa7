"""All that belongs to a trained keyword model: the model, and how sound becomes its input.

>>> from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
>>> classifier = load_reference_keyword_classifier()                                    # doctest: +SKIP
>>> found = stream_predict(sound, classifier.model, **classifier.stream_settings())     # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.datasets.bundled import load_reference_model, read_checked
from tinyml_labs.features import AudioFrontEnd, SpectrogramSettings, WindowSettings, spectrograms, to_real
from tinyml_labs.features.audio import SPECTROGRAM_CHANNELS, SPECTROGRAM_STEP_MS
from tinyml_labs.model_file import read_model
from tinyml_labs.smoothing import SmootherSettings

__all__ = [
    "KeywordClassifier",
    "load_keyword_classifier",
    "load_reference_keyword_classifier",
    "save_keyword_classifier",
]

_SMOOTHING = {"average_windows": 3, "threshold": 0.8, "release": 0.5, "hold_off": 7}
_SPECTROGRAM = SpectrogramSettings()
_WINDOW = WindowSettings(rate_hz=50, window_ms=980, stride_ms=100)


@dataclass(frozen=True, kw_only=True, eq=False)
class KeywordClassifier:
    """A model with everything that training and the board must agree on.

    Attributes
    ----------
    model : bytes
        A .tflite model that takes spectrograms, (1, length, 40, 1), and gives a score for each label.
    labels : tuple of str
        The classes, in the order of its scores.
    background : tuple of str
        Those that are no keyword.
    spectrogram : SpectrogramSettings
    window : WindowSettings
        In frames of the spectrogram: 49 of them, and ten windows a second.
    smoothing : mapping
        ``average_windows``, ``threshold`` and ``release`` as probabilities, and ``hold_off``.

    Raises
    ------
    ValueError
        A window whose rate is not that of the frames, a model whose input or output has another size, a background
        that is no label.
    """

    model: bytes = field(repr=False)
    labels: tuple[str, ...] = ("silence", "unknown", "yes", "no")
    background: tuple[str, ...] = ("silence", "unknown")
    spectrogram: SpectrogramSettings = _SPECTROGRAM
    window: WindowSettings = _WINDOW
    smoothing: Mapping[str, float] = field(default_factory=lambda: dict(_SMOOTHING))

    def __post_init__(self) -> None:
        frames_hz = self.spectrogram.rate_of_frames_hz
        if self.window.rate_hz != frames_hz:
            raise ValueError(
                f"The window counts frames at {self.window.rate_hz:g} Hz, and the spectrogram has {frames_hz:g} a "
                f"second. Expected the same: WindowSettings(rate_hz={frames_hz:g}, ...)."
            )
        unknown = [label for label in self.background if label not in self.labels]
        if unknown:
            raise ValueError(f"background names {unknown[0]!r}; the labels are {', '.join(self.labels)}.")
        parsed = read_model(self.model)
        sizes = (parsed.inputs[0].size, parsed.outputs[0].size)
        expected = (self.window.length * SPECTROGRAM_CHANNELS, len(self.labels))
        if sizes != expected:
            raise ValueError(
                f"The model takes {sizes[0]} values and gives {sizes[1]} scores; the settings are for {expected[0]} "
                f"values ({self.window.length} frames of {SPECTROGRAM_CHANNELS}) and {expected[1]} labels. They "
                "belong to another model."
            )

    @property
    def clip_samples(self) -> int:
        """How many samples a clip has that fills a window: 16,000, a second, for 49 frames of 20 ms."""
        front_end_step = round(self.spectrogram.rate_hz * SPECTROGRAM_STEP_MS / 1000)
        return self.spectrogram.samples(self.window.length + 1) - front_end_step

    def inputs(self, clips: ArrayLike, processes: int = 1) -> NDArray[np.float32]:
        """Turn clips into what the model takes: spectrograms, each of a fresh front end.

        Parameters
        ----------
        clips : int16 array, (N, ``clip_samples``)
            Mono, 16 kHz; or float in -1..1.
        processes : int
            As in :func:`tinyml_labs.features.spectrograms`.

        Returns
        -------
        float32 array, (N, length, 40, 1)
            Real numbers; `inference.predict` quantizes them.

        Raises
        ------
        ValueError, TypeError
            Clips of another length, shape or dtype.
        """
        sound = np.asarray(clips)
        if sound.ndim != 2 or self.spectrogram.frames(sound.shape[1]) != self.window.length:
            raise ValueError(
                f"clips has shape {sound.shape}, expected (N, {self.clip_samples}): of a window of "
                f"{self.window.length} frames each. Pad or cut the clips."
            )
        return to_real(spectrograms(sound, self.spectrogram, processes))[..., np.newaxis]

    @cached_property
    def smoother(self) -> SmootherSettings:
        """The smoother, in the unit of the model's scores."""
        output = read_model(self.model).outputs[0]
        return SmootherSettings.from_probabilities(
            average_windows=int(self.smoothing["average_windows"]),
            threshold=self.smoothing["threshold"],
            release=self.smoothing["release"],
            hold_off=int(self.smoothing["hold_off"]),
            background=[self.labels.index(label) for label in self.background],
            scale=float(output.scale),
            zero_point=int(output.zero_point),
        )

    def stream_settings(self) -> dict[str, Any]:
        """Give the settings of :func:`tinyml_labs.streaming.stream_predict` for this model.

        >>> stream_predict(sound, classifier.model, **classifier.stream_settings())   # doctest: +SKIP
        """
        smoother = self.smoother  # before the front end: what is wrong with the settings is said first
        return {
            "window": self.window,
            "front_end": AudioFrontEnd(self.spectrogram),
            "smoother": smoother,
            "labels": self.labels,
        }

    def to_json(self) -> str:
        """Write everything but the model as JSON."""
        stored = {
            "labels": self.labels,
            "background": self.background,
            "spectrogram": asdict(self.spectrogram),
            "window": asdict(self.window),
            "smoothing": dict(self.smoothing),
        }
        return json.dumps(stored, indent=1) + "\n"

    @classmethod
    def from_json(cls, model: bytes, text: str) -> KeywordClassifier:
        """Put a model and what :meth:`to_json` wrote together.

        Raises
        ------
        ValueError
            If something is missing, or the model takes another number of values or gives another number of scores.
        """
        stored: dict[str, Any] = json.loads(text)
        wanted = {each.name for each in fields(cls)} - {"model"}
        if set(stored) != wanted:
            raise ValueError(f"The settings have {sorted(stored)}, expected {sorted(wanted)}.")
        return cls(
            model=model,
            labels=tuple(stored["labels"]),
            background=tuple(stored["background"]),
            spectrogram=SpectrogramSettings(**stored["spectrogram"]),
            window=WindowSettings(**stored["window"]),
            smoothing=stored["smoothing"],
        )


def save_keyword_classifier(path: str | os.PathLike[str], classifier: KeywordClassifier) -> Path:
    """Write the settings to ``path`` and the model beside it: ``keywords.json`` and ``keywords_int8.tflite``.

    Returns
    -------
    Path
        Of the settings: what ``virtual://?spotter=`` and :func:`load_keyword_classifier` take.

    Raises
    ------
    ValueError
        A name that does not end in .json.
    """
    settings = Path(path)
    for target, content in (
        (_model_beside(settings), classifier.model),
        (settings, classifier.to_json().encode()),
    ):
        unfinished = target.with_name(f".{target.name}.part")
        unfinished.write_bytes(content)
        unfinished.replace(target)
    return settings


def load_keyword_classifier(path: str | os.PathLike[str]) -> KeywordClassifier:
    """Load what :func:`save_keyword_classifier` wrote.

    Parameters
    ----------
    path
        Of the settings, such as ``keywords.json``; the model is ``keywords_int8.tflite`` in the same folder.

    Raises
    ------
    FileNotFoundError
        The settings or the model are missing.
    ValueError
        Files that are something else, or do not belong together.
    """
    settings = Path(path)
    model = _model_beside(settings)
    for file in (settings, model):
        if not file.is_file():
            raise FileNotFoundError(
                f"There is no {file}. A keyword classifier is two files in one folder, {settings.name} and "
                f"{model.name}, as save_keyword_classifier writes them."
            )
    try:
        return KeywordClassifier.from_json(model.read_bytes(), settings.read_text("utf-8"))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{settings} is no keyword classifier: {error}") from None


def load_reference_keyword_classifier() -> KeywordClassifier:
    """Load the small trained classifier that comes with the keyword lab.

    Returns
    -------
    KeywordClassifier
        Trained on synthetic voices alone: `datasets/keywords/README.md` says on which, how, and how good it is.

    Raises
    ------
    FileNotFoundError, ValueError
        The files are missing, or were changed.

    Notes
    -----
    Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    settings = read_checked("keywords", "keywords.json").decode()
    return KeywordClassifier.from_json(load_reference_model("keywords"), settings)


def _model_beside(settings: Path) -> Path:
    if settings.suffix != ".json":
        raise ValueError(f"{settings} does not end in .json; expected the settings' file, such as keywords.json.")
    return settings.with_name(f"{settings.stem}_int8.tflite")

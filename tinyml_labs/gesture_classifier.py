"""All that belongs to a trained gesture model: the model, and how a window of samples becomes its input.

>>> from tinyml_labs.gesture_classifier import load_reference_classifier
>>> classifier = load_reference_classifier()
>>> classifier.window.length, classifier.channels, len(classifier.labels)
(238, 3, 11)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.datasets.bundled import load_reference_model, read_checked
from tinyml_labs.features import MotionFeatureSettings, Normalisation, WindowSettings, motion_features
from tinyml_labs.model_file import read_model
from tinyml_labs.smoothing import SmootherSettings

_SMOOTHING = {"average_windows": 4, "threshold": 0.85, "release": 0.5, "hold_off": 4}


@dataclass(frozen=True, kw_only=True, eq=False)
class GestureClassifier:
    """A model with everything that training and the board must agree on.

    Attributes
    ----------
    model : bytes
        A .tflite model that takes normalised motion features.
    labels : tuple of str
        The classes, in the order of its scores.
    background : tuple of str
        Those that are no gesture.
    window : WindowSettings
    channels : int
        3: acceleration alone; 6: with rotation.
    features : MotionFeatureSettings
    normalisation : Normalisation
    smoothing : mapping
        ``average_windows``, ``threshold`` and ``release`` as probabilities, and ``hold_off``.
    """

    model: bytes = field(repr=False)
    labels: tuple[str, ...]
    background: tuple[str, ...]
    window: WindowSettings
    channels: int
    features: MotionFeatureSettings
    normalisation: Normalisation = field(repr=False)
    smoothing: Mapping[str, float] = field(default_factory=lambda: dict(_SMOOTHING))

    def inputs(self, windows: ArrayLike) -> NDArray[np.float32]:
        """Turn windows into what the model takes: features, normalised.

        Parameters
        ----------
        windows : array, (N, length, at least ``channels``)
            g (and deg/s), at the window's rate.

        Returns
        -------
        float32 array, (N, features)
            Real numbers; `inference.predict` quantizes them.
        """
        chosen = np.asarray(windows)[:, :, : self.channels]
        return self.normalisation.apply(motion_features(chosen, self.features))

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

        >>> stream_predict(recording, classifier.model, **classifier.stream_settings())   # doctest: +SKIP
        """
        return {"window": self.window, "features": self.inputs, "smoother": self.smoother, "labels": self.labels}

    def to_json(self) -> str:
        """Write everything but the model as JSON."""
        stored = {
            "labels": self.labels,
            "background": self.background,
            "window": asdict(self.window),
            "channels": self.channels,
            "features": asdict(self.features),
            "normalisation": self.normalisation.to_dict(),
            "smoothing": dict(self.smoothing),
        }
        return json.dumps(stored, indent=1) + "\n"

    @classmethod
    def from_json(cls, model: bytes, text: str) -> GestureClassifier:
        """Put a model and what :meth:`to_json` wrote together.

        Raises
        ------
        ValueError
            If something is missing, or the model takes another number of features or gives another number of scores.
        """
        stored: dict[str, Any] = json.loads(text)
        wanted = {each.name for each in fields(cls)} - {"model"}
        if set(stored) != wanted:
            raise ValueError(f"The settings have {sorted(stored)}, expected {sorted(wanted)}.")
        bands = {**stored["features"], "bands_hz": tuple(stored["features"]["bands_hz"])}
        made = cls(
            model=model,
            labels=tuple(stored["labels"]),
            background=tuple(stored["background"]),
            window=WindowSettings(**stored["window"]),
            channels=stored["channels"],
            features=MotionFeatureSettings(**bands),
            normalisation=Normalisation.from_dict(stored["normalisation"]),
            smoothing=stored["smoothing"],
        )
        parsed = read_model(model)
        sizes = (parsed.inputs[0].size, parsed.outputs[0].size)
        expected = (len(made.normalisation.mean), len(made.labels))
        if sizes != expected:
            raise ValueError(
                f"The model takes {sizes[0]} features and gives {sizes[1]} scores; the settings are for "
                f"{expected[0]} features and {expected[1]} labels. They belong to another model."
            )
        return made


def load_reference_classifier() -> GestureClassifier:
    """Load the small trained classifier that comes with the gesture lab.

    Returns
    -------
    GestureClassifier
        Trained on the bundled gestures alone: `datasets/gestures/README.md` says how, and how good it is.

    Raises
    ------
    FileNotFoundError, ValueError
        The files are missing, or were changed.

    Notes
    -----
    Introduced in `notebooks/02_gesture_recognition.ipynb`.
    """
    settings = read_checked("gestures", "gestures.json").decode()
    return GestureClassifier.from_json(load_reference_model("gestures"), settings)

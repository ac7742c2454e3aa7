"""All that belongs to a trained person model: the model, and how a picture becomes its input.

>>> from tinyml_labs.person_classifier import load_reference_person_classifier
>>> classifier = load_reference_person_classifier()                                     # doctest: +SKIP
>>> scores = inference.predict(classifier.model, classifier.inputs(photographs))        # doctest: +SKIP
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

from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.features import ImageSettings, image_input
from tinyml_labs.model_file import read_model
from tinyml_labs.smoothing import SmootherSettings

__all__ = [
    "PersonClassifier",
    "load_person_classifier",
    "load_reference_person_classifier",
    "save_person_classifier",
]

_SMOOTHING = {"average_windows": 3, "threshold": 0.7, "release": 0.4, "hold_off": 2}
_IMAGE = ImageSettings()
_LEAST_WHITE = 128  # an input that ends below was made for pixels from 0 to 1, or -1 to 1


@dataclass(frozen=True, kw_only=True, eq=False)
class PersonClassifier:
    """A model with everything that training and the board must agree on.

    Attributes
    ----------
    model : bytes
        A .tflite model that takes a grey picture, (1, height, width, 1), as real numbers from 0 to 255, and gives a
        score for each label.
    labels : tuple of str
        The classes, in the order of its scores.
    detected : str
        The one that is looked for.
    image : ImageSettings
        What becomes of a camera's picture: cut and resized.
    smoothing : mapping
        How pictures become a state (:class:`tinyml_labs.presence.Presence`): ``average_windows``, the pictures in an
        average; ``threshold`` and ``release``, probabilities above which a person is there, and below which no more;
        ``hold_off``, the pictures after a change in which there is no other.

    Raises
    ------
    ValueError
        A model whose input or output has another shape, or whose input is no pixels from 0 to 255; labels among
        which ``detected`` is not.
    """

    model: bytes = field(repr=False)
    labels: tuple[str, ...] = ("no_person", "person")
    detected: str = "person"
    image: ImageSettings = _IMAGE
    smoothing: Mapping[str, float] = field(default_factory=lambda: dict(_SMOOTHING))

    def __post_init__(self) -> None:
        if self.detected not in self.labels:
            raise ValueError(f"detected is {self.detected!r}; the labels are {', '.join(self.labels)}.")
        parsed = read_model(self.model)
        found = (tuple(parsed.inputs[0].shape), parsed.outputs[0].size)
        expected = ((1, self.image.height, self.image.width, 1), len(self.labels))
        if found != expected:
            raise ValueError(
                f"The model takes {found[0]} and gives {found[1]} scores; the settings are for {expected[0]}, a grey "
                f"picture, and {expected[1]} labels. They belong to another model."
            )
        pixels = parsed.inputs[0]
        if pixels.scale and (largest := float(pixels.scale) * (127 - int(pixels.zero_point))) < _LEAST_WHITE:
            raise ValueError(
                f"The model's input goes up to {largest:.3g}, and pixels to 255: nearly all would be white. Divide "
                "them within the model (a Rescaling layer first), not before it."
            )

    def inputs(self, images: ArrayLike) -> NDArray[np.uint8]:
        """Turn pictures into what the model takes: the middle cut out, grey, of its size, as on the board.

        Parameters
        ----------
        images : uint8 array
            One picture, (H, W) or (H, W, 3), or a batch, (N, H, W), (N, H, W, 1) or (N, H, W, 3): as in
            :func:`tinyml_labs.features.image_input`.

        Returns
        -------
        uint8 array, (N, height, width, 1)
            The model's real numbers are the pixels themselves: `inference.predict` quantizes them, and
            `inference.quantize` gives what `Board.infer` takes.

        Raises
        ------
        ValueError, TypeError
            Pictures of another shape or dtype.
        """
        return image_input(images, self.image)

    @cached_property
    def detected_class(self) -> int:
        """The number of what is looked for among the labels."""
        return self.labels.index(self.detected)

    @cached_property
    def smoother(self) -> SmootherSettings:
        """The settings of :class:`tinyml_labs.presence.Presence`, in the unit of the model's scores."""
        output = read_model(self.model).outputs[0]
        return SmootherSettings.from_probabilities(
            average_windows=int(self.smoothing["average_windows"]),
            threshold=self.smoothing["threshold"],
            release=self.smoothing["release"],
            hold_off=int(self.smoothing["hold_off"]),
            background=[k for k in range(len(self.labels)) if k != self.detected_class],
            scale=float(output.scale),
            zero_point=int(output.zero_point),
        )

    def to_json(self) -> str:
        """Write everything but the model as JSON."""
        stored = {
            "labels": self.labels,
            "detected": self.detected,
            "image": asdict(self.image),
            "smoothing": dict(self.smoothing),
        }
        return json.dumps(stored, indent=1) + "\n"

    @classmethod
    def from_json(cls, model: bytes, text: str) -> PersonClassifier:
        """Put a model and what :meth:`to_json` wrote together.

        Raises
        ------
        ValueError
            If something is missing, or the model takes other pictures or gives another number of scores.
        """
        stored: dict[str, Any] = json.loads(text)
        wanted = {each.name for each in fields(cls)} - {"model"}
        if set(stored) != wanted:
            raise ValueError(f"The settings have {sorted(stored)}, expected {sorted(wanted)}.")
        return cls(
            model=model,
            labels=tuple(stored["labels"]),
            detected=stored["detected"],
            image=ImageSettings(**stored["image"]),
            smoothing=stored["smoothing"],
        )


def save_person_classifier(path: str | os.PathLike[str], classifier: PersonClassifier) -> Path:
    """Write the settings to ``path`` and the model beside it: ``person.json`` and ``person_int8.tflite``.

    Returns
    -------
    Path
        Of the settings: what ``virtual://?detector=`` and :func:`load_person_classifier` take.

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


def load_person_classifier(path: str | os.PathLike[str]) -> PersonClassifier:
    """Load what :func:`save_person_classifier` wrote.

    Parameters
    ----------
    path
        Of the settings, such as ``person.json``; the model is ``person_int8.tflite`` in the same folder.

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
                f"There is no {file}. A person classifier is two files in one folder, {settings.name} and "
                f"{model.name}, as save_person_classifier writes them."
            )
    try:
        return PersonClassifier.from_json(model.read_bytes(), settings.read_text("utf-8"))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{settings} is no person classifier: {error}") from None


def load_reference_person_classifier() -> PersonClassifier:
    """Load the small trained classifier that comes with the person detection lab.

    Returns
    -------
    PersonClassifier
        `datasets/people/README.md` says on what it was trained, how, and how good it is.

    Raises
    ------
    FileNotFoundError, ValueError
        The files are missing, or were changed.

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    settings = read_checked("people", "person.json").decode()
    return PersonClassifier.from_json(read_checked("people", "person_int8.tflite"), settings)


def _model_beside(settings: Path) -> Path:
    if settings.suffix != ".json":
        raise ValueError(f"{settings} does not end in .json; expected the settings' file, such as person.json.")
    return settings.with_name(f"{settings.stem}_int8.tflite")

"""The virtual board as person detector: it looks at its camera's pictures, as the sketch ``person_detector`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.person_classifier import PersonClassifier, load_person_classifier
from tinyml_labs.presence import Presence
from tinyml_labs.virtual import camera
from tinyml_labs.virtual.picture_files import read_pictures
from tinyml_labs.virtual.score_source import ScoreSource
from tinyml_labs.virtual.sensors import LoopSource, SampleSource
from tinyml_labs.virtual.settings import VirtualBoardSettings

PICTURES_A_SECOND = 1.0
_PICTURES_A_TURN = 4  # then the board looks whether somebody asks for something


def make_detector(settings: VirtualBoardSettings) -> tuple[SampleSource, ...]:
    """Make the sensors of a person detector: ``scores`` and ``camera``.

    Raises
    ------
    FileNotFoundError, ValueError
        If the classifier is not there or is none, or what is to be played holds no pictures.
    """
    classifier = load_person_classifier(Path(settings.detector))
    if settings.play:
        found = read_pictures(Path(settings.play), lambda picture: classifier.inputs(picture)[0])
        pictures = np.stack(list(found.values()))
    else:
        pictures = classifier.inputs(camera.watch(settings.seed).reshape(-1, camera.ROWS, camera.WIDTH))
    rate = settings.sensor_rate_hz or PICTURES_A_SECOND
    height, width = pictures.shape[1:3]
    description = Sensor(
        id=2,
        name="camera",
        unit="grey",
        channels=width,
        dtype="uint8",
        rate_hz=rate * height,
        low=0,
        high=255,
        kind=SensorKind.IMAGE,
        rows=height,
    )
    pace = 1 + settings.rate_error_percent / 100
    return (
        PersonDetector(classifier, pictures, rate_hz=rate, number=1, pace=pace),
        LoopSource(description, lambda: pictures),
    )


class PersonDetector(ScoreSource):
    """The sensor ``scores``: what the model says of each picture, and whether somebody has come or gone.

    Parameters
    ----------
    classifier : PersonClassifier
    pictures : uint8 array, (N, height, width, 1)
        As the model gets them; played over and over.
    rate_hz : float
        Pictures a second.
    number : int
        Of the sensor.
    pace : float
        How much faster than it says the camera is.
    """

    def __init__(
        self,
        classifier: PersonClassifier,
        pictures: NDArray[np.uint8],
        *,
        rate_hz: float = PICTURES_A_SECOND,
        number: int = 1,
        pace: float = 1.0,
    ) -> None:
        self._pictures = pictures
        self._detected = classifier.detected_class
        self._presence = Presence(classifier.smoother)
        super().__init__(
            model=classifier.model,
            labels=classifier.labels,
            rate_hz=rate_hz,
            delay_s=0.0,
            number=number,
            pace=pace,
            windows_a_turn=_PICTURES_A_TURN,
        )

    def _restart(self) -> None:
        self._presence.reset()

    def _inputs(self, first: int, count: int) -> NDArray[np.uint8]:
        return self._pictures[np.arange(first, first + count) % len(self._pictures)]

    def _decide(self, scores: NDArray[np.int8]) -> str:
        if not self._presence.update(scores[self._detected]):
            return ""
        if not self._presence.present:
            return "gone"
        return f"{self.labels[self._detected]} {self._probability(self._presence.average)}"

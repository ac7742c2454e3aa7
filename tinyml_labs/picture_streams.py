"""Long streams of pictures in which it is known when a person is there, and what a detector made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PictureStream", "make_picture_stream"]

_REACH = 2  # pixels to each side
_FLICKER = 0.03  # of the brightness, standard deviation
_NOISE = 2.5  # grey levels, standard deviation
_PICTURES_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureStream:
    """Pictures at equal times; number k was taken at ``k / rate_hz`` seconds.

    Attributes
    ----------
    images : uint8 array, (N, H, W, 1)
    person : bool array, (N,)
        Whether a person is there.
    scene : int array, (N,)
        Which of the given pictures the camera is looking at.
    rate_hz : float
        Pictures a second.
    seconds : float
        How long the stream is: ``N / rate_hz``.
    """

    images: NDArray[np.uint8] = field(repr=False)
    person: NDArray[np.bool_] = field(repr=False)
    scene: NDArray[np.int64] = field(repr=False)
    rate_hz: float
    seconds: float

    @property
    def times_s(self) -> NDArray[np.float64]:
        """When each picture was taken, in seconds since the first; (N,)."""
        return np.arange(len(self.images)) / self.rate_hz


def make_picture_stream(
    images: ArrayLike,
    labels: ArrayLike,
    seconds: float,
    *,
    rate_hz: float = 2.0,
    visits: int | None = None,
    stay_s: tuple[float, float] = (4.0, 15.0),
    empty_s: tuple[float, float] = (10.0, 60.0),
    seed: int = 0,
) -> PictureStream:
    """Let a camera look at one picture after the other: an empty scene, a visit, an empty scene, a visit, …

    It begins and ends with an empty scene. No picture comes again before all of its kind were used. While the camera
    looks at one, it trembles by up to 2 pixels to each side, one at a time (the edge is repeated), the light flickers
    by 3 %, and the sensor adds noise of 2.5 grey levels (standard deviations): no two pictures are the same, and a
    detector that is unsure of one is now on this side and now on that. The place is another for each visit, though,
    and nobody is seen coming or moving: this is no film.

    Parameters
    ----------
    images : uint8 array, (M, H, W, 1) or (M, H, W)
        Pictures with and without a person, such as ``LabelledImages.images``.
    labels : int or bool array, (M,)
        1 where a person is, else 0.
    seconds : float
    rate_hz : float
        Pictures a second.
    visits : int, optional
        How many there are; after the last, empty scenes follow each other. By default as many as fit; 0 is a stream
        in which every alarm is false.
    stay_s, empty_s : (shortest, longest)
        How long a visit is, and how long nobody is there before the next: evenly distributed between the two.
    seed : int
        The same seed gives the same stream.

    Returns
    -------
    PictureStream

    Raises
    ------
    TypeError
        Images that are no uint8.
    ValueError
        Other shapes, labels other than 0 and 1, no picture with a person or none without, times that are none, or
        visits for which there is no room.

    Examples
    --------
    >>> images = np.zeros((4, 8, 8, 1), np.uint8)
    >>> stream = make_picture_stream(images, [0, 1, 0, 1], 60, stay_s=(5, 5), empty_s=(10, 10))
    >>> len(stream.images), int(stream.person.sum()), np.flatnonzero(np.diff(stream.person)).tolist()
    (120, 30, [19, 29, 49, 59, 79, 89])

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    pictures, is_person = _check_pictures(images, labels)
    count = _check_times(seconds, rate_hz, stay_s, empty_s)
    if visits is not None and visits < 0:
        raise ValueError(f"visits is {visits}, expected 0 or more.")
    stay, empty = ([max(1, round(rate_hz * time)) for time in pair] for pair in (stay_s, empty_s))
    random = np.random.default_rng([seed, 21])
    decks = [_shuffle(np.flatnonzero(is_person == kind), random) for kind in (False, True)]
    scene = np.zeros(count, np.int64)
    at, made = 0, 0
    while at < count:
        start = at + int(random.integers(empty[0], empty[1] + 1))
        scene[at:start] = next(decks[0])
        end = start + int(random.integers(stay[0], stay[1] + 1))
        if made == visits or end + empty[0] > count:
            at = start
            continue
        scene[start:end] = next(decks[1])
        at, made = end, made + 1
    if made < (1 if visits is None else visits):
        raise ValueError(
            f"{seconds:g} s have room for {made} visits of {stay_s[0]:g} to {stay_s[1]:g} s with {empty_s[0]:g} to "
            f"{empty_s[1]:g} s before each{'' if visits is None else f', expected {visits}'}. Make it longer."
        )
    return PictureStream(
        images=_look(pictures, scene, random),
        person=is_person[scene],
        scene=scene,
        rate_hz=float(rate_hz),
        seconds=count / rate_hz,
    )


def _look(pictures: NDArray[np.uint8], scene: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    """Give what a trembling camera sees of each scene."""
    count, (height, width) = len(scene), pictures.shape[1:3]
    # A walk that is reflected at both ends: neighbours differ by a pixel at most, and every place is as frequent.
    period = 4 * _REACH + 2
    walk = (np.cumsum(random.integers(-1, 2, (count, 2)), axis=0) + random.integers(0, period, 2)) % period
    rows, columns = np.minimum(walk, period - 1 - walk).T
    gains = 1 + _FLICKER * random.standard_normal(count)
    seen = np.empty((count, height, width, 1), np.uint8)
    edge = ((0, 0), (_REACH, _REACH), (_REACH, _REACH), (0, 0))
    for begin in range(0, count, _PICTURES_AT_ONCE):
        part = slice(begin, begin + _PICTURES_AT_ONCE)
        noise = random.standard_normal(seen[part].shape, dtype=np.float32)
        padded = np.pad(pictures[scene[part]], edge, mode="edge")
        for k, (row, column) in enumerate(zip(rows[part], columns[part], strict=True)):
            picture = padded[k, row : row + height, column : column + width]
            light = picture * np.float32(gains[begin + k]) + np.float32(_NOISE) * noise[k]
            seen[begin + k] = np.clip(np.rint(light), 0, 255)
    return seen


def _shuffle(numbers: NDArray[np.intp], random: np.random.Generator) -> Iterator[int]:
    """Give numbers without end; none comes again before all were there."""
    while True:
        yield from random.permutation(numbers).tolist()


def _check_pictures(images: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    pictures, found = np.asarray(images), np.asarray(labels)
    if pictures.dtype != np.uint8:
        raise TypeError(f"images are of dtype {pictures.dtype}, expected uint8, 0 to 255.")
    if pictures.ndim == 3:
        pictures = pictures[..., np.newaxis]
    if pictures.ndim != 4 or pictures.shape[-1] != 1 or 0 in pictures.shape:
        raise ValueError(
            f"images have shape {np.shape(images)}, expected (M, H, W, 1): grey. See features.image_input."
        )
    if found.shape != (len(pictures),):
        raise ValueError(f"labels has shape {found.shape}, expected ({len(pictures)},): one for each picture.")
    for label, meaning in ((1, "with a person"), (0, "without a person")):
        if not (found == label).any():
            raise ValueError(f"No picture is {meaning} (label {label}), expected one at least.")
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"labels has {np.setdiff1d(found, (0, 1))[0]}, expected 1 where a person is, else 0.")
    return pictures, found == 1


def _check_times(seconds: float, rate_hz: float, stay_s: tuple[float, float], empty_s: tuple[float, float]) -> int:
    """Give the number of pictures."""
    for name, value in (("seconds", seconds), ("rate_hz", rate_hz)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}, expected a number above 0.")
    for name, (low, high) in (("stay_s", stay_s), ("empty_s", empty_s)):
        if not 0 < low <= high < math.inf:
            raise ValueError(f"{name} is {(low, high)}, expected (shortest, longest) in seconds, above 0.")
    return round(seconds * rate_hz)

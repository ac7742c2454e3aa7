"""The drawing of a whole take: no spike and no gap is hidden."""

from dataclasses import dataclass

import numpy as np
import pytest

from tinyml_labs.widgets.take_outline import outline_images, outline_samples, outline_take


@pytest.mark.parametrize(("count", "columns"), [(1, 800), (799, 800), (800, 800), (801, 800), (10_007, 800), (10, 3)])
def test_outline_agrees_with_a_loop_over_the_columns(count: int, columns: int) -> None:
    rng = np.random.default_rng(count)
    samples = rng.normal(size=(count, 3)).astype(np.float32)
    per_column, outline = outline_samples(np.arange(count), samples, columns)
    assert len(outline) <= columns
    for column in range(len(outline)):
        part = samples[column * per_column : (column + 1) * per_column]
        np.testing.assert_array_equal(outline[column], np.stack((part.min(axis=0), part.max(axis=0)), axis=-1))


def test_one_wrong_sample_in_a_minute_of_sound_is_seen() -> None:
    samples = np.zeros((960_000, 1), np.int16)
    samples[123_456] = -32768
    per_column, outline = outline_samples(np.arange(len(samples)), samples)
    assert outline[123_456 // per_column].tolist() == [[-32768, 0]]
    assert np.count_nonzero(outline) == 1


def test_what_is_missing_stays_blank() -> None:
    numbers = np.concatenate((np.arange(1000), np.arange(3000, 4000)))
    per_column, outline = outline_samples(numbers, np.ones((2000, 2)), 400)
    assert per_column == 10
    blank = np.isnan(outline).all(axis=(1, 2))
    assert np.flatnonzero(blank).tolist() == list(range(100, 300))
    assert not np.isnan(outline[~blank]).any()


def test_nothing_gives_nothing() -> None:
    assert outline_samples(np.empty(0, np.int64), np.empty((0, 6)))[1].shape == (0, 6, 2)
    assert outline_images(np.empty((0, 96, 96), np.uint8)).shape == (0, 96, 96)


def test_images_are_few_small_and_evenly_spaced() -> None:
    images = np.arange(100, dtype=np.uint8)[:, None, None] * np.ones((1, 240, 320), np.uint8)
    strip = outline_images(images, count=5)
    assert strip.shape == (5, 60, 80)
    assert strip[:, 0, 0].tolist() == [0, 25, 50, 74, 99]


def test_colour_images_become_grey() -> None:
    white, black = np.full((1, 2, 2), 0xFFFF, np.uint16), np.zeros((1, 2, 2), np.uint16)
    strip = outline_images(np.concatenate((white, black)))
    assert strip.dtype == np.uint8
    assert strip.min(axis=(1, 2)).tolist() == strip.max(axis=(1, 2)).tolist()
    assert strip[0, 0, 0] >= 240
    assert strip[1, 0, 0] == 0


@dataclass
class _Signal:
    sample_numbers: np.ndarray
    samples: np.ndarray
    kind: str = "signal"
    nominal_rate_hz: float | None = None
    measured_rate_hz: float | None = None


def test_a_take_without_any_rate_is_drawn_too() -> None:
    description, data = outline_take(_Signal(np.arange(5), np.ones((5, 2))))  # type: ignore[arg-type]
    assert description == {"kind": "wave", "shape": [5, 2, 2], "column_s": None}
    assert np.frombuffer(data, "<f4").tolist() == [1] * 20

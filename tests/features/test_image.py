"""Images against values by hand, a loop of fractions, and what has to hold for any image."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinyml_labs.capture.images import from_rgb, to_rgb
from tinyml_labs.features import ImageSettings, crop_middle, decode_camera, image_input, resize, to_grey
from tinyml_labs.inference import quantize

CAMERAS = [(640, 480), (352, 240), (320, 240), (176, 144), (160, 120)]  # of Arduino_OV767X
sizes = st.integers(1, 40)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def averaged(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float64]:
    """The mean over each rectangle in float64, its edges as real numbers: a matrix of overlaps for each axis."""

    def overlaps(size: int, count: int) -> NDArray[np.float64]:
        begin = np.arange(count)[:, np.newaxis] * size / count
        pixel = np.arange(size)
        shared = np.minimum(begin + size / count, pixel + 1) - np.maximum(begin, pixel)
        return np.maximum(shared, 0) * count / size

    return overlaps(image.shape[0], height) @ image.astype(float) @ overlaps(image.shape[1], width).T


def in_fractions(image: NDArray[np.uint8], width: int, height: int) -> list[list[int]]:
    """One pixel after the other, exactly."""

    def shares(size: int, count: int, place: int) -> list[Fraction]:
        begin, end = Fraction(place * size, count), Fraction((place + 1) * size, count)
        return [max(Fraction(0), min(end, i + 1) - max(begin, i)) for i in range(size)]

    rows, columns = image.shape
    area = Fraction(rows * columns, width * height)
    out = []
    for y in range(height):
        down = shares(rows, height, y)
        line = []
        for x in range(width):
            across = shares(columns, width, x)
            total = sum(
                down[i] * across[j] * int(image[i, j])
                for i in range(rows)
                for j in range(columns)
                if down[i] and across[j]
            )
            line.append(int(total / area + Fraction(1, 2)))  # towards 0, which is down here
        out.append(line)
    return out


# -- resize -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "width", "height", "expected"),
    [
        ([[0, 30, 90]], 2, 1, [[10, 70]]),  # (2 * 0 + 30) / 3, (30 + 2 * 90) / 3
        ([[0], [30], [90]], 1, 2, [[10], [70]]),
        ([[0, 1]], 1, 1, [[1]]),  # a half is rounded up
        ([[2, 3], [2, 3]], 1, 1, [[3]]),  # an even one too
        ([[0, 0], [0, 1]], 1, 1, [[0]]),
        ([[10, 20]], 4, 1, [[10, 10, 20, 20]]),
        ([[10, 20]], 3, 1, [[10, 15, 20]]),
        ([[7]], 3, 2, [[7, 7, 7], [7, 7, 7]]),
        ([[0, 255], [255, 0]], 1, 1, [[128]]),
        ([[0, 100, 200, 40]], 2, 2, [[50, 120], [50, 120]]),
    ],
)
def test_resizes_to_values_by_hand(
    image: list[list[int]], width: int, height: int, expected: list[list[int]]
) -> None:
    assert resize(np.array(image, np.uint8), width, height).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), width=st.integers(1, 9), height=st.integers(1, 9))
def test_equals_a_loop_of_fractions(rows: int, columns: int, width: int, height: int) -> None:
    image = noise(rows, columns, seed=rows * 100 + columns)
    assert resize(image, width, height).tolist() == in_fractions(image, width, height)


@pytest.mark.parametrize(("width", "height"), [*CAMERAS, (97, 131), (96, 96), (1, 500), (500, 1), (30, 20)])
def test_is_the_mean_over_areas(width: int, height: int) -> None:
    """Float64 is exact enough to know the rounding but at a half."""
    image = noise(height, width)
    expected = averaged(image, 96, 96)
    found = resize(image, 96, 96)
    assert np.abs(found - expected).max() <= 0.5 + 1e-9


@settings(max_examples=80, deadline=None)
@given(value=st.integers(0, 255), rows=sizes, columns=sizes, width=sizes, height=sizes)
def test_a_constant_image_stays_constant(value: int, rows: int, columns: int, width: int, height: int) -> None:
    found = resize(np.full((rows, columns), value, np.uint8), width, height)
    assert found.shape == (height, width)
    assert found.dtype == np.uint8
    assert (found == value).all()


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), rows=sizes, columns=sizes, width=sizes, height=sizes)
def test_keeps_the_mean_and_the_range(seed: int, rows: int, columns: int, width: int, height: int) -> None:
    image = noise(rows, columns, seed=seed)
    found = resize(image, width, height)
    assert abs(found.mean() - image.mean()) <= 0.5 + 1e-9
    assert image.min() <= found.min() and found.max() <= image.max()


@settings(max_examples=40, deadline=None)
@given(rows=sizes, columns=sizes, width=sizes, height=sizes)
def test_mirrors_and_turns_with_its_image(rows: int, columns: int, width: int, height: int) -> None:
    image = noise(rows, columns)
    found = resize(image, width, height)
    np.testing.assert_array_equal(resize(image[::-1, ::-1], width, height), found[::-1, ::-1])
    np.testing.assert_array_equal(resize(image.T, height, width), found.T)


@settings(max_examples=40, deadline=None)
@given(rows=sizes, columns=sizes, times=st.integers(1, 5))
def test_at_its_own_size_and_after_going_up_an_image_is_what_it_was(rows: int, columns: int, times: int) -> None:
    image = noise(rows, columns)
    same = resize(image, columns, rows)
    np.testing.assert_array_equal(same, image)
    assert not np.shares_memory(same, image)
    larger = resize(image, columns * times, rows * times)
    np.testing.assert_array_equal(larger, image.repeat(times, axis=0).repeat(times, axis=1))
    np.testing.assert_array_equal(resize(larger, columns, rows), image)


def test_the_largest_sums_do_not_wrap() -> None:
    """White at the most pixels there may be; running sums wrap at 640 x 480 already."""
    assert (resize(np.full((480, 640), 255, np.uint8), 96, 96) == 255).all()
    assert (resize(np.full((4096, 4096), 255, np.uint8), 1, 1) == 255).all()
    with pytest.raises(ValueError, match="4097 x 4112 pixels.*16.8 million"):
        resize(np.zeros((4112, 4097), np.uint8), 96, 96)


def test_a_batch_is_its_images() -> None:
    """Of more images than are computed at once, of none, and of two leading axes."""
    batch = noise(11, 240, 320)
    found = resize(batch, 96, 48)
    assert found.shape == (11, 48, 96)
    for image, one in zip(batch, found, strict=True):
        np.testing.assert_array_equal(resize(image, 96, 48), one)
    assert resize(batch[:0], 96, 48).shape == (0, 48, 96)
    two = resize(batch[:6].reshape(2, 3, 240, 320), 96, 48)
    np.testing.assert_array_equal(two.reshape(6, 48, 96), found[:6])


# -- grey, the middle, and all of it --------------------------------------------------------------------------------


def test_grey_is_what_its_formula_says() -> None:
    colours = noise(3, 50, 20, 3)
    colours[0, :2] = [[0, 0, 0]], [[255, 255, 255]]
    red, green, blue = np.moveaxis(colours.astype(int), -1, 0)
    np.testing.assert_array_equal(to_grey(colours), (77 * red + 150 * green + 29 * blue + 128) >> 8)
    exact = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(to_grey(colours) - exact).max() < 1.1
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_grey(np.stack([grey] * 3, axis=-1)), grey)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [(144, 176, 0, 16), (240, 320, 0, 40), (5, 2, 1, 0), (2, 5, 0, 1), (3, 3, 0, 0)],
)
def test_the_middle_is_the_largest_square(height: int, width: int, top: int, left: int) -> None:
    image = noise(2, height, width)
    side = min(height, width)
    found = crop_middle(image)
    np.testing.assert_array_equal(found, image[:, top : top + side, left : left + side])
    assert np.shares_memory(found, image)
    np.testing.assert_array_equal(crop_middle(image, ImageSettings(crop="whole")), image)


@pytest.mark.parametrize("crop", ["square", "whole"])
def test_an_input_is_all_steps_in_a_row(crop: str) -> None:
    chosen = ImageSettings(width=20, height=10, crop=crop)
    colours = noise(3, 40, 60, 3)
    grey = to_grey(colours)
    expected = resize(crop_middle(grey, chosen), 20, 10)[..., np.newaxis]
    assert expected.shape == (3, 10, 20, 1)
    for given_ in (colours, grey, grey[..., np.newaxis], colours[:, :, ::-1][:, :, ::-1]):
        np.testing.assert_array_equal(image_input(given_, chosen), expected)
    np.testing.assert_array_equal(image_input(colours[1], chosen), expected[[1]])
    np.testing.assert_array_equal(image_input(grey[1], chosen), expected[[1]])
    assert image_input(colours[:0], chosen).shape == (0, 10, 20, 1)


def test_int8_is_the_value_minus_128() -> None:
    grey = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(quantize(grey.astype(np.float32), 1.0, -128), grey.astype(int) - 128)


# -- a camera's bytes -----------------------------------------------------------------------------------------------


def test_unpacks_each_format_by_hand() -> None:
    assert decode_camera(b"\x00\x07\xff\x80", 2, 2, "GRAYSCALE").tolist() == [[0, 7], [255, 128]]
    assert decode_camera(b"\x0a\x80\x14\x81\x1e\x80\x28\x81", 2, 2, "YUV422").tolist() == [[10, 20], [30, 40]]
    of_565 = b"\xf8\x00\x07\xe0\x00\x1f\xff\xff\x84\x10\x00\x00"  # the fifth: 16, 32, 16
    assert decode_camera(of_565, 3, 2, "RGB565").tolist() == [[77, 149, 29], [255, 131, 0]]
    of_444 = b"\x0f\x00\x00\xf0\x00\x0f\xff\xff\x98\x88\xa0\x00"  # the high nibble is nothing
    assert decode_camera(of_444, 3, 2, "RGB444").tolist() == [[77, 149, 29], [255, 136, 0]]


def test_the_same_picture_in_any_format_is_about_the_same() -> None:
    colours = noise(24, 32, 3)
    grey = to_grey(colours).astype(int)
    wide = colours.astype(np.uint16)
    of_444 = wide[..., 0] >> 4 << 8 | wide[..., 1] >> 4 << 4 | wide[..., 2] >> 4
    for said, words, most in (("RGB565", from_rgb(colours), 8), ("RGB444", of_444, 16)):
        found = decode_camera(words.astype(">u2").tobytes(), 32, 24, said)
        assert np.abs(found - grey).max() < most


def test_rgb565_is_what_a_recording_shows() -> None:
    words = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    found = decode_camera(words.astype(">u2").tobytes(), 256, 256, "RGB565")
    np.testing.assert_array_equal(found, to_grey(to_rgb(words)))


def test_takes_bytes_of_any_kind_and_gives_a_copy() -> None:
    raw = noise(12)
    for given_ in (raw, raw.tobytes(), bytearray(raw), memoryview(raw), raw.reshape(3, 4)):
        found = decode_camera(given_, 4, 3, "GRAYSCALE")
        np.testing.assert_array_equal(found.ravel(), raw)
        found[:] = 0
        assert raw.any()


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw_bytes", "camera_format", "said"),
    [
        (25344 * 2, "GRAYSCALE", r"50,688 bytes, expected 25,344 for 176 x 144 .*raw\[:25344\]"),
        (25344, "RGB565", "expected 50,688.*a byte a pixel is 'GRAYSCALE'"),
        (25343, "GRAYSCALE", "expected 25,344.*the size that the sketch gave"),
        (0, "YUV422", "raw has 0 bytes"),
        (9, "JPEG", "camera_format is 'JPEG', expected one of 'GRAYSCALE', 'YUV422'"),
    ],
)
def test_a_wrong_number_of_bytes_says_what_it_may_be(raw_bytes: int, camera_format: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode_camera(bytes(raw_bytes), 176, 144, camera_format)


def test_errors_say_what_was_found_and_what_to_do() -> None:
    image = noise(4, 4)
    for change, said in (
        ({"width": 0}, "width is 0, expected a whole number of pixels, 1 to 4096"),
        ({"height": 96.0}, "height is 96.0"),
        ({"height": True}, "height is True"),
        ({"crop": "middle"}, "crop is 'middle', expected 'square'"),
    ):
        with pytest.raises(ValueError, match=said):
            ImageSettings(**change)
    for call in (resize, lambda *_: image_input(image / 255), lambda *_: crop_middle(image / 255)):
        with pytest.raises(TypeError, match=r"dtype float64, expected uint8.*\.round\(\)\.astype"):
            call(image / 255, 2, 2)
    with pytest.raises(ValueError, match=r"shape \(4, 4\), expected \(\.\.\., H, W, 3\)"):
        to_grey(image)
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4, 4\), expected .*alpha"):
        to_grey(noise(2, 4, 4, 4))
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4, 4\), expected \(H, W\)"):
        image_input(noise(2, 4, 4, 4))
    with pytest.raises(ValueError, match=r"shape \(4,\), expected \(\.\.\., H, W\)"):
        resize(noise(4), 2, 2)
    with pytest.raises(ValueError, match=r"shape \(0, 4\).*at least one pixel"):
        crop_middle(noise(0, 4))
    with pytest.raises(ValueError, match="height is 0"):
        resize(image, 4, 0)
    with pytest.raises(TypeError, match="raw is of dtype int64"):
        decode_camera(np.zeros(16, np.int64), 4, 4, "GRAYSCALE")
    with pytest.raises(ValueError, match="width is -4"):
        decode_camera(b"", -4, 4, "GRAYSCALE")

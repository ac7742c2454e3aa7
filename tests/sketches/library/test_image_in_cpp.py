"""A camera's bytes to a model's input in C++ against Python's, every byte: on the host and on a Cortex-M4."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import serial
import simulated_boards
import toolchains
from cpp_programs import FOLDER, run_program
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinyml_labs.features import ImageSettings, crop_middle, decode_camera, image_input, resize
from tinyml_labs.features.image import Crop
from tinyml_labs.inference import quantize

pytestmark = pytest.mark.slow

Size = tuple[int, int, int, int]  # width and height of the camera's picture, and of the model's
_LISTED = re.findall(r"^  RESIZE\((.*)\)$", (FOLDER / "image.cpp").read_text(), re.MULTILINE)
SIZES: list[Size] = [tuple(map(int, sizes.split(", "))) for sizes in _LISTED]  # type: ignore[misc]


def pictures(width: int, height: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    """Noise, noise of black and white, slopes, all black, and all white, which has the largest sums."""
    noise = chance.integers(0, 256, (2, height, width), np.uint8)
    noise[1] = np.where(noise[1] > 127, 255, 0)
    slope = (np.arange(height)[:, np.newaxis] * 3 + np.arange(width)) % 256
    flat = np.stack([np.zeros((height, width)), np.full((height, width), 255)])
    return np.concatenate([noise, slope[np.newaxis], flat]).astype(np.uint8)


def assert_equal_in_cpp(grey: NDArray[np.uint8], sizes: Size, crop: Crop) -> None:
    _, _, to_width, to_height = sizes
    expected = resize(crop_middle(grey, ImageSettings(crop=crop)), to_width, to_height)
    said = run_program("image", "resize", *sizes, crop, given=grey.tobytes())
    found = np.frombuffer(said, np.uint8).reshape(-1, to_height, to_width)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("crop", ["square", "whole"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_resizes_to_the_same_bytes(sizes: Size, crop: Crop) -> None:
    chance = np.random.default_rng(sizes)
    assert_equal_in_cpp(pictures(*sizes[:2], chance), sizes, crop)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.sampled_from(SIZES[3:]), crop=st.sampled_from(["square", "whole"]))
def test_resizes_any_picture_to_the_same_bytes(seed: int, sizes: Size, crop: Crop) -> None:
    """From dark and even to bright and full of contrast."""
    chance = np.random.default_rng(seed)
    middle, spread = chance.uniform(0, 255), 10 ** chance.uniform(-1, 2.5)
    grey = np.clip(chance.normal(middle, spread, (4, sizes[1], sizes[0])), 0, 255).astype(np.uint8)
    assert_equal_in_cpp(grey, sizes, crop)


@pytest.mark.parametrize("camera_format", ["GRAYSCALE", "YUV422", "RGB565", "RGB444"])
def test_decodes_to_the_same_bytes(camera_format: str) -> None:
    """All 65,536 pairs of bytes."""
    raw = np.arange(65536, dtype=">u2").tobytes()
    rows = len(raw) // 256 if camera_format == "GRAYSCALE" else len(raw) // 512
    expected = decode_camera(raw, 256, rows, camera_format)
    assert run_program("image", "decode", camera_format, 256, given=raw) == expected.tobytes()


def test_int8_is_what_quantizing_gives() -> None:
    grey = np.arange(256, dtype=np.uint8)
    expected = quantize(grey.astype(np.float32), 1.0, -128)
    assert run_program("image", "int8", given=grey.tobytes()) == expected.astype(np.int8).tobytes()


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    """How long it takes is printed (pytest -s), not asserted: QEMU counts instructions."""
    toolchains.need_cortex_m4()
    chance = np.random.default_rng(8)
    grey = pictures(176, 144, chance)
    colours = chance.integers(0, 256, (3, 320 * 240 * 2), np.uint8)
    program = toolchains.compile_for_cortex_m4(
        "image_on_board", tmp_path, recording=grey.tobytes() + colours.tobytes(), source=FOLDER
    )
    decoded = np.stack([decode_camera(raw, 320, 240, "RGB565") for raw in colours])
    expected = np.concatenate([image_input(grey), image_input(decoded)]).astype(np.int16) - 128
    with simulated_boards.qemu(program) as port, serial.Serial(port, timeout=60) as line:
        line.write(b"!")
        said = line.read(expected.size + 8)
    np.testing.assert_array_equal(np.frombuffer(said[:-8], np.int8).reshape(expected.shape), expected)
    of_grey, of_colours = (np.frombuffer(said[-8:], "<f4") / 64).round()  # 64 ns an instruction
    print(
        f"about {of_grey:.0f} thousand instructions for 176 x 144 in grey, {of_colours:.0f} for 320 x 240 in RGB565"
    )

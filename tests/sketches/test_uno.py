"""The sketches that are for any board fit an Uno, compiled by Arduino's own tools."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from toolchains import UnoProgram

pytestmark = pytest.mark.slow

FLASH_BYTES, RAM_BYTES = 32256, 2048  # an Uno's, without its boot loader


@pytest.mark.parametrize(
    ("sketch", "defines", "free_ram"),
    [
        ("capture_analog", (), 768),
        ("capture_analog", ("CSV_MODE",), 768),
        ("capture_imu", (), 512),  # Wire has 0.4 KB of buffers
        ("capture_imu", ("USE_ADXL335",), 768),
    ],
)
def test_it_fits_with_room_for_the_stack(
    sketch: str, defines: tuple[str, ...], free_ram: int, uno_program: Callable[..., UnoProgram]
) -> None:
    compiled = uno_program(sketch, *defines)
    assert compiled.warnings == []
    assert compiled.flash_bytes < 0.75 * FLASH_BYTES
    assert RAM_BYTES - compiled.ram_bytes >= free_ram

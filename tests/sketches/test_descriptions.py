"""How the sketches describe themselves to the host: names, units, rates, ranges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import recordings_to_play
from recordings_to_play import BOARD_ID
from simulated_boards import qemu

from tinyml_labs.link import Board
from tinyml_labs.link.descriptions import SensorKind

pytestmark = pytest.mark.slow

IMU = {
    "names": ("accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"),
    "units": ("g", "g", "g", "deg/s", "deg/s", "deg/s"),
    "dtype": "float32",
    "kind": SensorKind.SIGNAL,
}


@pytest.mark.parametrize(
    ("name", "sensor", "expected"),
    [
        (
            "analog",
            "analog",
            {"names": ("A0",), "units": ("counts",), "dtype": "uint16", "rate_hz": 200, "high": 1023},
        ),
        ("lsm9ds1", "imu", {**IMU, "rate_hz": 119}),
        ("bmi270", "imu", {**IMU, "rate_hz": pytest.approx(99.84)}),
        ("mpu6050", "imu", {**IMU, "rate_hz": 100}),
        ("adxl335", "accelerometer", {"names": ("accX", "accY", "accZ"), "units": ("g",) * 3, "dtype": "float32"}),
        ("microphone", "microphone", {"dtype": "int16", "rate_hz": 16_000, "kind": SensorKind.AUDIO, "channels": 1}),
        (
            "camera",
            "camera",
            {"dtype": "uint8", "kind": SensorKind.IMAGE, "channels": 96, "rows": 96, "rate_hz": 192},
        ),
        ("camera", "camera_raw", {"dtype": "uint8", "kind": SensorKind.IMAGE, "channels": 176, "rows": 144}),
    ],
)
def test_sensor(name: str, sensor: str, expected: dict[str, object], cortex_m4_program: Callable[..., Path]) -> None:
    played = getattr(recordings_to_play, name)()
    with qemu(cortex_m4_program(played)) as port, Board(port, timeout_s=60) as board:
        info, found = board.info, board.sensor(sensor)
    assert {field: getattr(found, field) for field in expected} == expected
    assert info.firmware == played.sketch
    if name in ("lsm9ds1", "bmi270"):
        assert (info.board, info.board_id) == ("Arduino Nano 33 BLE", BOARD_ID)

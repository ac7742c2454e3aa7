"""The table of boards: every figure has its document, and says nothing that the board cannot be."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tinyml_labs import boards
from tinyml_labs.boards import ADAPTERS, BOARDS, FIGURES, SHARED_IDS, BoardModel

EACH = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
SKETCHES = {"capture_imu", "capture_audio", "capture_camera", "capture_analog"}
KINDS = {
    "accelerometer",
    "gyroscope",
    "magnetometer",
    "microphone",
    "camera",
    "gesture",
    "light",
    "proximity",
    "distance",
    "pressure",
    "temperature",
    "humidity",
    "gas",
}
CORES = {
    "Cortex-M0+",
    "Cortex-M4F",
    "Cortex-M7",
    "Cortex-M33",
    "Xtensa LX6",
    "Xtensa LX7",
    "ARC EM9D",
    "AVR",
}
USB_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")


def ids_of(board: BoardModel) -> tuple[str, ...]:
    return (*board.usb_ids, *board.bootloader_ids, *board.other_ids)


def test_the_boards_of_the_course_are_there() -> None:
    assert len(BOARDS) >= 23
    for title in (
        "Arduino Nano 33 BLE Sense",
        "Arduino Nano 33 BLE Sense Rev2",
        "Arduino Nicla Vision",
        "Arduino Nicla Sense ME",
        "Arduino Portenta H7",
        "SparkFun Edge",
        "STM32F746G Discovery",
        "Adafruit EdgeBadge",
        "Circuit Playground Bluefruit",
        "ESP32-DevKitC",
        "ESP-EYE",
        "XIAO ESP32S3 Sense",
        "XIAO nRF52840 Sense",
        "Wio Terminal",
        "himax_we_i_plus",
        "Raspberry Pi Pico",
        "Pico W",
        "Pico 2",
        "Pico 2 W",
        "coral_micro",
        "Arduino Uno R3",
        "Uno R4 Minima",
        "Uno R4 WiFi",
    ):
        boards.find_board(title)


@EACH
def test_every_figure_has_a_source(board: BoardModel) -> None:
    for name in FIGURES:
        value = getattr(board, name)
        if name in board.sources:
            assert board.sources[name], name
            assert value is not None, name
        else:
            assert value in (None, "", ()) or value == {}, f"{name} of {board.name} has no source"


@EACH
def test_what_is_not_verified_is_said(board: BoardModel) -> None:
    words = " ".join((*board.notes, *board.sources.values()))
    if any(not sensor.part and sensor.kinds == ("microphone",) for sensor in board.sensors):
        assert re.search("not verified|without part names|analog", words), "a microphone without a name"
    if any(not meaning for meaning in board.other_ids.values()):
        assert "not verified" in words or "boards.txt" in words


@EACH
def test_figures_are_plausible(board: BoardModel) -> None:
    assert board.core in CORES
    assert board.clock_mhz is not None
    assert 16 <= board.clock_mhz <= 1000
    assert board.flash_bytes is not None
    assert 32 * 1024 <= board.flash_bytes <= 128 * 1024**2
    assert board.flash_bytes % 1024 == 0
    if board.ram_bytes is not None:
        assert 2 * 1024 <= board.ram_bytes <= 4 * 1024**2
        assert board.ram_bytes % 1024 == 0
    if board.external_ram_bytes is not None:
        assert board.external_ram_bytes >= 1024**2
    for sensor in board.sensors:
        assert sensor.kinds
        assert set(sensor.kinds) <= KINDS
    assert set(board.sketches) <= SKETCHES
    assert not board.enter_bootloader or board.enter_bootloader[0].islower()


@EACH
def test_a_sketch_gets_no_more_than_the_board_has(board: BoardModel) -> None:
    for sketch, whole in (
        (board.sketch_flash_bytes, board.flash_bytes),
        (board.sketch_ram_bytes, board.ram_bytes),
    ):
        if sketch is not None and whole is not None:
            assert whole // 4 <= sketch <= whole


@EACH
def test_a_board_has_the_sensors_of_its_sketches(board: BoardModel) -> None:
    assert ("capture_imu" in board.sketches) <= board.has("accelerometer")
    assert ("capture_audio" in board.sketches) <= board.has("microphone")
    on_a_shield = any("shield" in note for note in board.notes)
    assert ("capture_camera" in board.sketches) <= (board.has("camera") or on_a_shield)


@EACH
def test_the_names_for_arduino_cli_have_its_form(board: BoardModel) -> None:
    assert not board.fqbn or re.fullmatch(r"[\w-]+:\w+:\w+(:\w+=\w+(,\w+=\w+)*)?", board.fqbn)
    assert bool(board.fqbn) == bool(board.sketches)
    assert len(set(board.libraries)) == len(board.libraries)


@EACH
def test_usb_ids_have_their_form(board: BoardModel) -> None:
    assert all(USB_ID.fullmatch(usb_id) for usb_id in ids_of(board))


def test_usb_ids_are_unique_or_said_to_be_shared() -> None:
    count = Counter(usb_id for board in BOARDS.values() for usb_id in ids_of(board))
    several = {usb_id for usb_id, number in count.items() if number > 1}
    assert several <= set(ADAPTERS) | set(SHARED_IDS)
    assert set(SHARED_IDS) <= several
    assert all(SHARED_IDS.values())
    assert all(USB_ID.fullmatch(usb_id) and adapter.source for usb_id, adapter in ADAPTERS.items())


def test_every_id_of_every_board_is_recognised() -> None:
    for board in BOARDS.values():
        for usb_id in ids_of(board):
            found = boards.recognise(usb_id.upper())
            assert board in found.boards or usb_id in board.bootloader_ids
            assert found.label


@pytest.mark.parametrize(
    ("usb_id", "label", "bootloader", "baud_matters"),
    [
        ("2341:805a", "Arduino Nano 33 BLE", False, False),
        ("2341:005a", "Arduino Nano 33 BLE in its bootloader", True, False),
        ("2341:035b", "Arduino Portenta H7 in its bootloader", True, False),
        ("2886:0045", "Seeed XIAO nRF52840 in its bootloader", True, False),
        ("2341:0043", "Arduino Uno", False, True),
        ("10c4:ea60", "USB serial adapter CP210x, as on ESP32-DevKitC, ESP-EYE", False, True),
        ("0403:6001", "USB serial adapter FT232", False, True),
        ("303a:1001", "ESP32 with USB of its own, as on Seeed XIAO ESP32S3", False, False),
        ("239a:8046", "Adafruit Circuit Playground Bluefruit with CircuitPython", False, False),
        ("2e8a:0005", "Raspberry Pi board with MicroPython", False, False),
        ("dead:beef", "", False, None),
        ("", "", False, None),
    ],
)
def test_an_id_tells_the_board_and_what_runs(
    usb_id: str, label: str, bootloader: bool, baud_matters: bool | None
) -> None:
    found = boards.recognise(usb_id)
    assert (found.label, found.bootloader, found.baud_matters) == (label, bootloader, baud_matters)


def test_a_port_with_the_id_of_the_rp2350s_bootsel_mode_is_a_sketch() -> None:
    """In BOOTSEL mode it is a drive and no port, and the core gives sketches on a Pico 2 the same id."""
    found = boards.recognise("2e8a:000f")
    assert [board.name for board in found.boards] == ["pico_2"]
    assert not found.bootloader


def test_a_board_is_found_by_any_spelling() -> None:
    assert boards.find_board("nano33ble").title == "Arduino Nano 33 BLE Sense"
    assert boards.find_board("arduino NANO 33 BLE sense rev2") is BOARDS["nano33ble_rev2"]
    assert boards.find_board("Pico-2-W") is BOARDS["pico_2_w"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nano33bel", "Did you mean nano33ble, nano33ble_rev2?"),
        ("xiao", "Did you mean xiao_esp32s3, xiao_nrf52840_sense?"),
        ("toaster", "The boards are nano33ble, "),
    ],
)
def test_a_misspelt_board_gets_the_near_names(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"No board is called {name!r}. {re.escape(words)}"):
        boards.find_board(name)


def test_the_sketches_named_are_in_the_repository() -> None:
    folder = Path(__file__).parents[1] / "arduino_sketches"
    there = {path.name for path in folder.glob("capture_*")}
    if not there >= SKETCHES:
        pytest.skip(f"not all capture sketches are in {folder.name}: {sorted(there)}")
    for board in BOARDS.values():
        for name in board.sketches:
            assert (folder / name / f"{name}.ino").is_file()


def test_boards_needs_nothing_but_python() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['numpy', 'serial', 'tensorflow', 'pandas']));"
        "from tinyml_labs import boards; assert boards.BOARDS"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

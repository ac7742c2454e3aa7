"""The boards that the labs know: memory, clock, sensors, USB ids, and what to build a sketch with.

The figures stand in ``boards.json`` beside this module, each with the document that it was read from. What could not
be read anywhere is None, and a note says so: a figure is never guessed.

>>> from tinyml_labs import boards
>>> nano = boards.find_board("nano33ble")
>>> nano.title, nano.ram_bytes // 1024, nano.sources["ram_bytes"][:24]
('Arduino Nano 33 BLE Sense', 256, 'arduino/docs-content har')
>>> boards.recognise("2341:005a").label
'Arduino Nano 33 BLE in its bootloader'
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from types import MappingProxyType
from typing import Any

FIGURES = (
    "core",
    "flash_bytes",
    "ram_bytes",
    "external_ram_bytes",
    "sketch_flash_bytes",
    "sketch_ram_bytes",
    "clock_mhz",
    "sensors",
    "usb_ids",
    "bootloader_ids",
    "other_ids",
    "fqbn",
    "libraries",
)
"""The fields of :class:`BoardModel` that come from a document: each that is given has an entry in ``sources``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSensor:
    """A sensor on a board.

    Attributes
    ----------
    part : str
        The maker's name, ``"LSM9DS1"``; empty if it is not verified.
    kinds : tuple of str
        What it measures: ``"accelerometer"``, ``"microphone"``, ``"camera"``, …
    """

    part: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BoardModel:
    """A model of board, as one buys it. (:class:`tinyml_labs.link.Board` is the one on a port.)

    Attributes
    ----------
    name : str
        The short name: ``"nano33ble"``.
    title, maker, chip : str
    family : str
        What the USB id tells: boards that share their ids share it.
    core : str
        The processor that sketches run on: ``"Cortex-M4F"``.
    flash_bytes, ram_bytes : int or None
        On the chip, or, for flash, beside it, where programs run from it.
    external_ram_bytes : int or None
        Besides that.
    sketch_flash_bytes, sketch_ram_bytes : int or None
        What the Arduino core leaves a sketch.
    clock_mhz : int or None
    sensors : tuple of BoardSensor
    native_usb : bool
        Whether the sketch's own chip speaks USB: then the baud rate does not matter, and a reset makes the port go.
    usb_ids : tuple of str
        ``vid:pid`` while a sketch runs.
    bootloader_ids : tuple of str
        ``vid:pid`` while it waits for an upload.
    other_ids : mapping of str to str
        Further ids, with what runs then: ``"CircuitPython"``; empty if that is not verified.
    fqbn : str
        What ``arduino-cli compile --fqbn`` takes; empty if there is no Arduino core.
    libraries : tuple of str
        What its sensors need from Arduino's library manager.
    sketches : tuple of str
        The kit's capture sketches that it has sensors for.
    enter_bootloader : str
        What to do with one's fingers.
    notes : tuple of str
        What else one should know, and what is not verified.
    sources : mapping of str to str
        For each of :data:`FIGURES` that is known: the document.
    """

    name: str
    title: str
    family: str
    maker: str
    chip: str
    native_usb: bool
    core: str = ""
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    external_ram_bytes: int | None = None
    sketch_flash_bytes: int | None = None
    sketch_ram_bytes: int | None = None
    clock_mhz: int | None = None
    sensors: tuple[BoardSensor, ...] = ()
    usb_ids: tuple[str, ...] = ()
    bootloader_ids: tuple[str, ...] = ()
    other_ids: Mapping[str, str] = field(default_factory=dict, hash=False)
    fqbn: str = ""
    libraries: tuple[str, ...] = ()
    sketches: tuple[str, ...] = ()
    enter_bootloader: str = ""
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    def has(self, kind: str) -> bool:
        """Say whether it has a sensor of a kind: ``board.has("microphone")``."""
        return any(kind in sensor.kinds for sensor in self.sensors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A USB serial adapter: a chip between USB and the board, which says nothing of the board.

    Attributes
    ----------
    name : str
    baud_matters : bool
    source : str
    """

    name: str
    baud_matters: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a USB id tells.

    Attributes
    ----------
    boards : tuple of BoardModel
        Those that may have it; empty if none is known.
    bootloader : bool
        Whether the board waits for an upload: no sketch runs.
    firmware : str
        What runs instead of a sketch, if the id says so: ``"MicroPython"``.
    adapter : Adapter or None
    """

    boards: tuple[BoardModel, ...] = ()
    bootloader: bool = False
    firmware: str = ""
    adapter: Adapter | None = None

    @property
    def label(self) -> str:
        """A name to show; empty if nothing is known.

        >>> recognise("10c4:ea60").label
        'USB serial adapter CP210x, as on ESP32-DevKitC, ESP-EYE'
        """
        families = list(dict.fromkeys(board.family for board in self.boards))
        if self.adapter is not None:
            kind = "USB serial adapter " if self.adapter.baud_matters else ""
            return f"{kind}{self.adapter.name}" + (f", as on {', '.join(families)}" if families else "")
        if not families:
            return ""
        makers = {board.maker for board in self.boards}
        name = f"{makers.pop()} board" if len(families) > 2 and len(makers) == 1 else " or ".join(families)
        if self.firmware:
            return f"{name} with {self.firmware}"
        return f"{name} in its bootloader" if self.bootloader else name

    @property
    def baud_matters(self) -> bool | None:
        """Whether the rate has to be the sketch's; None if nothing is known."""
        if self.adapter is not None:
            return self.adapter.baud_matters
        return not all(board.native_usb for board in self.boards) if self.boards else None


def find_board(name: str) -> BoardModel:
    """Give a board by its short name or title; capitals, spaces and dashes do not matter.

    Raises
    ------
    ValueError
        With the names that are near.
    """
    wanted = _plain(name)
    known = {}
    for board in BOARDS.values():
        known.update({_plain(key): board for key in (board.name, board.title, board.title.removeprefix(board.maker))})
    if wanted in known:
        return known[wanted]
    near = [board for key, board in known.items() if len(wanted) > 2 and wanted in key]
    near = near or [known[key] for key in difflib.get_close_matches(wanted, known, n=4, cutoff=0.6)]
    names = dict.fromkeys(board.name for board in near)
    hint = f"Did you mean {', '.join(names)}?" if names else f"The boards are {', '.join(BOARDS)}."
    raise ValueError(f"No board is called {name!r}. {hint}")


def recognise(usb_id: str) -> Recognition:
    """Say which boards have a USB id. A serial port with an id of a sketch and of a bootloader is a sketch's.

    Parameters
    ----------
    usb_id : str
        ``vid:pid`` in hexadecimal, as in :class:`tinyml_labs.link.ports.PortDescription`.

    Returns
    -------
    Recognition
        Empty if the id is unknown, as it is for a port that is no USB device.
    """
    usb_id = usb_id.lower()
    running = tuple(board for board in BOARDS.values() if usb_id in board.usb_ids)
    adapter = ADAPTERS.get(usb_id)
    if running or adapter:
        return Recognition(boards=running, adapter=adapter)
    waiting = tuple(board for board in BOARDS.values() if usb_id in board.bootloader_ids)
    if waiting:
        return Recognition(boards=waiting, bootloader=True)
    others = tuple(board for board in BOARDS.values() if usb_id in board.other_ids)
    return Recognition(boards=others, firmware=others[0].other_ids[usb_id] if others else "")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _make_board(name: str, entry: dict[str, Any], documents: dict[str, str]) -> BoardModel:
    unknown = set(entry) - {f.name for f in fields(BoardModel)}
    if unknown:
        raise ValueError(f"boards.json, {name}: unknown entries {sorted(unknown)}")
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value in entry.items():
        if key in FIGURES:
            value, document = value
            sources[key] = documents[document]
        values[key] = _frozen(key, value)
    return BoardModel(name=name, sources=MappingProxyType(sources), **values)


def _frozen(key: str, value: Any) -> Any:
    if key == "sensors":
        return tuple(BoardSensor(part=part, kinds=tuple(kinds)) for part, *kinds in value)
    if isinstance(value, dict):
        return MappingProxyType(value)
    return tuple(value) if isinstance(value, list) else value


def _in_order(boards: Iterable[BoardModel]) -> Mapping[str, BoardModel]:
    return MappingProxyType({board.name: board for board in boards})


_TABLE: dict[str, Any] = json.loads(resources.files("tinyml_labs").joinpath("boards.json").read_text("utf-8"))

BOARDS: Mapping[str, BoardModel] = _in_order(
    _make_board(name, entry, _TABLE["sources"]) for name, entry in _TABLE["boards"].items()
)
"""The boards by their short names."""

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        usb_id: Adapter(name=name, baud_matters=matters, source=_TABLE["sources"][document])
        for usb_id, (name, matters, document) in _TABLE["adapters"].items()
    }
)
"""USB serial adapters by ``vid:pid``."""

SHARED_IDS: Mapping[str, str] = MappingProxyType(_TABLE["shared_ids"])
"""Ids that more than one entry has, besides the adapters', with the reason."""

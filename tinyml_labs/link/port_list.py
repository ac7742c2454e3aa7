"""The serial ports of this computer, and what the USB ids say of the boards on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports as serial_list_ports

from tinyml_labs.boards import recognise
from tinyml_labs.link.errors import PortError

Comports = Callable[[], Iterable[Any]]
"""What lists ports as pyserial's ``comports`` does; an argument, so that tests can describe hardware."""

BY_ID = "/dev/serial/by-id"
"""Where Linux keeps links that name a port by the maker and serial number of what is on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortDescription:
    """A serial port of this computer.

    Attributes
    ----------
    device : str
        What to open: ``/dev/ttyACM0``, ``COM5``.
    description : str
        The system's words for it.
    usb_id : str
        ``vid:pid`` in hexadecimal; empty if it is no USB device.
    serial_number : str
        The USB device's; empty if it says none, as cheap adapters do.
    location : str
        Where it is plugged in, and which interface of the device it is: ``1-1.2:1.0``.
    board : str
        The board, by its USB id: ``Arduino Nano 33 BLE``; empty if the id is not known.
    by_id : str
        The link in ``/dev/serial/by-id``, a name that stays; empty where there is none.
    """

    device: str
    description: str
    usb_id: str
    serial_number: str = ""
    location: str = ""
    board: str = ""
    by_id: str = ""


def list_ports(*, comports: Comports | None = None, by_id_folder: str = BY_ID) -> list[PortDescription]:
    """List the serial ports of this computer, USB devices first.

    Returns
    -------
    list of PortDescription
    """
    links = links_by_target(by_id_folder)
    found = []
    for port in (comports or serial_list_ports.comports)():
        usb_id = f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None and port.pid is not None else ""
        found.append(
            PortDescription(
                device=port.device,
                description=port.description if port.description and port.description != "n/a" else "",
                usb_id=usb_id,
                serial_number=port.serial_number or "",
                location=port.location or "",
                board=recognise(usb_id).label if usb_id else "",
                by_id=links.get(os.path.realpath(port.device), ""),
            )
        )
    return sorted(found, key=lambda port: (not port.usb_id, port.device))


def describe_ports(*, comports: Comports | None = None) -> str:
    """Give the ports found as the end of a sentence: ``Ports found: /dev/ttyACM0 (Arduino Nano 33 BLE).``"""
    ports = list_ports(comports=comports)
    if not ports:
        return "Ports found: none. The virtual board, virtual://, is always there."
    words = ((port.device, port.board or port.description) for port in ports)
    names = ", ".join(f"{device} ({what})" if what else device for device, what in words)
    return f"Ports found: {names}. The virtual board, virtual://, is always there."


def check_name(port: object) -> None:
    """Refuse what is no name of a port.

    Raises
    ------
    PortError
    """
    if not isinstance(port, str) or not port:
        raise PortError(
            f"A port is a name such as /dev/ttyACM0 or COM5, or a URL, and not {port!r}. {describe_ports()}"
        )


def find_port(port: str, ports: Iterable[PortDescription]) -> PortDescription | None:
    """Give the description of a port by any of its names: a link to it, ``com5``, a Mac's ``/dev/tty.…``."""
    wanted = canonical(port)
    return next((found for found in ports if canonical(found.device) == wanted), None)


def canonical(port: str) -> str:
    """Give the one name for a port that has several."""
    if os.name == "nt":
        return port.upper().removeprefix("\\\\.\\")
    return os.path.realpath(port).replace("/dev/tty.", "/dev/cu.")


def links_by_target(folder: str) -> dict[str, str]:
    """Give, for each device that a link in a folder leads to, the link."""
    try:
        links = sorted(str(path) for path in Path(folder).iterdir() if path.is_symlink())
    except OSError:
        return {}
    return {os.path.realpath(link): link for link in links}

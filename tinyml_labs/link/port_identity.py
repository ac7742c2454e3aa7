"""Find a board's port again after a reset: it may come back under another name.

A board with USB of its own leaves the bus when it restarts. If a program still holds ``/dev/ttyACM0`` then, the
system calls the board ``/dev/ttyACM1`` when it returns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml_labs.boards import recognise
from tinyml_labs.link.port_list import (
    Comports,
    PortDescription,
    canonical,
    check_name,
    find_port,
    list_ports,
)

_LOOK_EVERY_S = 0.1
_ENDS_WITH_ITS_PROCESS = ("virtual:", "replay:")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortIdentity:
    """What tells a port from others, taken when it is opened.

    Attributes
    ----------
    port : str
        As the user wrote it.
    link : str
        The same, if it is a symbolic link; empty otherwise.
    device : str
        Where it led.
    usb_id, serial_number, location, by_id : str
        As in :class:`~tinyml_labs.link.port_list.PortDescription`; empty if unknown.
    others : frozenset of str
        The other ports there were: one of them is not the board that returns.
    """

    port: str
    link: str = ""
    device: str = ""
    usb_id: str = ""
    serial_number: str = ""
    location: str = ""
    by_id: str = ""
    others: frozenset[str] = frozenset()


def identify(port: str, *, comports: Comports | None = None) -> PortIdentity:
    """Take down what tells a port from others, while it is there.

    Parameters
    ----------
    port : str
        A device, a link to one, or a URL.
    comports : callable, optional
        What lists the ports; pyserial's ``comports``.

    Returns
    -------
    PortIdentity

    Raises
    ------
    PortError
        If it is no name of a port.
    """
    check_name(port)
    if "://" in port:
        return PortIdentity(port=port, device=port)
    ports = list_ports(comports=comports)
    here = find_port(port, ports)
    link = port if os.name != "nt" and Path(port).is_symlink() else ""
    device = here.device if here else canonical(port)
    return PortIdentity(
        port=port,
        link=link,
        device=device,
        usb_id=here.usb_id if here else "",
        serial_number=here.serial_number if here else "",
        location=here.location if here else "",
        by_id=here.by_id if here else "",
        others=frozenset(found.device for found in ports if found is not here),
    )


def find_again(
    identity: PortIdentity, *, timeout_s: float, opened: Any = None, comports: Comports | None = None
) -> str | None:
    """Find the port again, waiting for it: by USB serial number, by its link, by its USB id, by its name.

    A board that has come back in its bootloader is not taken: its sketch does not run.

    Parameters
    ----------
    identity : PortIdentity
    timeout_s : float
        How long to look.
    opened : serial.SerialBase, optional
        The port object that failed. If it has a method ``find_again(timeout_s) -> str | None``, as that of
        ``virtual://``, it knows better, and is asked instead.
    comports : callable, optional
        What lists the ports; pyserial's ``comports``.

    Returns
    -------
    str or None
        What to open; None if the time is out. It may be there before it can be opened: try again for a moment.
    """
    own = getattr(opened, "find_again", None)
    if callable(own):
        answer = own(timeout_s)
        return None if answer is None else str(answer)
    if "://" in identity.port:
        return None if identity.port.startswith(_ENDS_WITH_ITS_PROCESS) else identity.port
    deadline = time.monotonic() + timeout_s
    while True:
        found = _look(identity, list_ports(comports=comports))
        left = deadline - time.monotonic()
        if found or left <= 0:
            return found
        time.sleep(min(_LOOK_EVERY_S, left))


def _look(identity: PortIdentity, ports: Sequence[PortDescription]) -> str | None:
    running = [port for port in ports if port.usb_id == identity.usb_id or not recognise(port.usb_id).bootloader]
    if identity.serial_number:
        vendor = identity.usb_id[:4]
        same = [p for p in running if p.serial_number == identity.serial_number and p.usb_id[:4] == vendor]
        found = _closest(same, identity)
        if found:
            return _as_given(found.device, identity)
    for link in (identity.link, identity.by_id):
        if link and Path(link).exists():
            here = find_port(link, ports)
            if here is None or here in running:
                return link if link == identity.link else os.path.realpath(link)
    if identity.usb_id:
        strangers = {identity.serial_number, ""} if identity.serial_number else None
        new = [
            port
            for port in running
            if port.usb_id == identity.usb_id
            and port.device not in identity.others
            and (strangers is None or port.serial_number in strangers)
        ]
        found = _closest(new, identity)
        return _as_given(found.device, identity) if found else None
    if os.name == "nt":
        return identity.port if find_port(identity.port, ports) else None
    return identity.port if Path(identity.port).exists() else None


def _closest(ports: Sequence[PortDescription], identity: PortIdentity) -> PortDescription | None:
    """Give the one port; of several, the one in the same socket, or else the one with the same interface."""
    if len(ports) == 1:
        return ports[0]
    if identity.location:
        for key in (lambda text: text, lambda text: text.partition(":")[2]):
            same = [port for port in ports if key(port.location) == key(identity.location)]
            if len(same) == 1:
                return same[0]
    return None


def _as_given(device: str, identity: PortIdentity) -> str:
    return identity.link if identity.link and canonical(identity.link) == canonical(device) else device

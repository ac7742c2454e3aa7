"""Open a port, whatever it is: ``/dev/ttyACM0``, ``COM5``, ``socket://…``, ``rfc2217://…`` or ``virtual://``."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass

import serial
from serial.tools import list_ports as serial_list_ports
from serial.urlhandler.protocol_socket import Serial as SocketSerial

from tinyml_labs.link.errors import PortError

# pyserial looks up "virtual://" in these packages, as it does for its own socket:// and rfc2217://.
_HANDLERS = "tinyml_labs.virtual.urlhandler"
if _HANDLERS not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(_HANDLERS)

DEFAULT_BAUD = 115200


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
    """

    device: str
    description: str
    usb_id: str


def list_ports() -> list[PortDescription]:
    """List the serial ports of this computer, USB devices first.

    Returns
    -------
    list of PortDescription
    """
    found = [
        PortDescription(
            device=port.device,
            description=port.description if port.description != "n/a" else "",
            usb_id=f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else "",
        )
        for port in serial_list_ports.comports()
    ]
    return sorted(found, key=lambda port: (not port.usb_id, port.device))


def open_port(
    port: str, *, baud: int = DEFAULT_BAUD, timeout: float = 0.1, write_timeout: float | None = None
) -> serial.SerialBase:
    """Open a serial port by name or URL.

    Parameters
    ----------
    port : str
        A device (``/dev/ttyACM0``, ``COM5``) or a URL (``virtual://``, ``socket://host:port``, ``rfc2217://…``).
    baud : int
        Bits a second. A board on USB ignores it; one behind a UART has to be told the same.
    timeout : float
        Seconds that one read waits at most.
    write_timeout : float, optional
        Seconds that one write waits at most; for ever by default.

    Returns
    -------
    serial.SerialBase

    Raises
    ------
    PortError
        With the cause, and the ports that are there.
    """
    if not isinstance(port, str) or not port:
        raise PortError(
            f"A port is a name such as /dev/ttyACM0 or COM5, or a URL, and not {port!r}. {describe_ports()}"
        )
    try:
        options: dict[str, bool] = {"exclusive": True} if "://" not in port and sys.platform != "win32" else {}
        return serial.serial_for_url(port, baudrate=baud, timeout=timeout, write_timeout=write_timeout, **options)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise PortError(_explain(port, error)) from error


def read_what_is_there(port: serial.SerialBase) -> bytes:
    """Wait for bytes up to the port's time-out, and read all that have come.

    pyserial's sockets say of ``in_waiting`` only whether there is something: they are emptied without waiting.
    """
    if not isinstance(port, SocketSerial):
        return bytes(port.read(max(1, port.in_waiting)))
    data = bytes(port.read(1))
    if data:
        timeout, port.timeout = port.timeout, 0
        data += port.read(65536)
        port.timeout = timeout
    return data


def describe_ports() -> str:
    """Give the ports found as the end of a sentence: ``Ports found: /dev/ttyACM0 (Nano 33 BLE).``"""
    ports = list_ports()
    if not ports:
        return "Ports found: none. The virtual board, virtual://, is always there."
    names = ", ".join(f"{p.device} ({p.description})" if p.description else p.device for p in ports)
    return f"Ports found: {names}. The virtual board, virtual://, is always there."


def _explain(port: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    text = str(error)
    if isinstance(error, PortError):
        return text
    if number == errno.ENOENT or "FileNotFoundError" in text:
        cause = "there is no such port. Is the board plugged in, by a cable that carries data?"
    elif number == errno.EACCES and sys.platform == "linux":
        cause = (
            "this user may not open it. Mend: sudo usermod -a -G dialout $USER, then log out and in again "
            "(on Arch the group is uucp)."
        )
    elif number in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text or "lock" in text:
        cause = "another program holds it: the Arduino serial monitor, or another notebook's kernel. Close it there."
    elif "://" in port and "Connection refused" in text:
        cause = "nothing listens at that address."
    else:
        cause = text
    return f"Could not open {port}: {cause} {describe_ports()}"

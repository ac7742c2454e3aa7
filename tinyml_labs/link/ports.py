"""Open a port, whatever it is: ``/dev/ttyACM0``, ``COM5``, ``socket://…``, ``rfc2217://…`` or ``virtual://``."""

from __future__ import annotations

import os
import select
import sys

import serial
from serial.urlhandler.protocol_socket import Serial as SocketSerial

from tinyml_labs.link.diagnosis import explain_open_error
from tinyml_labs.link.errors import PortError
from tinyml_labs.link.port_identity import PortIdentity, find_again, identify
from tinyml_labs.link.port_list import PortDescription, check_name, describe_ports, list_ports

__all__ = [
    "DEFAULT_BAUD",
    "PortDescription",
    "PortIdentity",
    "describe_ports",
    "find_again",
    "identify",
    "list_ports",
    "open_port",
    "read_what_is_there",
]

# pyserial looks up "virtual://" in these packages, as it does for its own socket:// and rfc2217://.
_HANDLERS = "tinyml_labs.virtual.urlhandler"
if _HANDLERS not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(_HANDLERS)

DEFAULT_BAUD = 115200
_ENOUGH_BYTES = 60_000


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
    check_name(port)
    try:
        options: dict[str, bool] = {"exclusive": True} if "://" not in port and sys.platform != "win32" else {}
        return serial.serial_for_url(port, baudrate=baud, timeout=timeout, write_timeout=write_timeout, **options)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise PortError(explain_open_error(port, error)) from error


def read_what_is_there(port: serial.SerialBase) -> bytes:
    """Wait for bytes up to the port's time-out, and read all that have come, 64 KB at most.

    pyserial asks how much there is, waits, reads, and looks for time-outs: three system calls for at most 4 KB of a
    tty. Here the tty is read until it is empty, so that a fast stream costs a third. pyserial's sockets say of
    ``in_waiting`` only whether there is something: they are emptied without waiting.

    Raises
    ------
    OSError
        If the port went away.
    """
    if hasattr(port, "pipe_abort_read_r"):  # serialposix
        return _read_tty(port)
    if not isinstance(port, SocketSerial):
        return bytes(port.read(max(1, port.in_waiting)))
    data = bytes(port.read(1))
    if data:
        timeout, port.timeout = port.timeout, 0
        data += port.read(65536)
        port.timeout = timeout
    return data


def _read_tty(port: serial.SerialBase) -> bytes:
    descriptor = port.fd
    if descriptor is None:
        raise serial.PortNotOpenError
    data = _read_without_waiting(descriptor)
    if not data:
        cancel = port.pipe_abort_read_r  # what cancel_read() writes to
        ready, _, _ = select.select([descriptor, cancel], [], [], port.timeout)
        if cancel in ready:
            os.read(cancel, 1000)
            return b""
        if not ready:
            return b""
        data = _read_without_waiting(descriptor)
        if not data:
            raise serial.SerialException("the port is ready to read and gives nothing: the device is gone")
    parts, size = [data], len(data)
    while size < _ENOUGH_BYTES and (data := _read_without_waiting(descriptor)):
        parts.append(data)
        size += len(data)
    return b"".join(parts)


def _read_without_waiting(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""

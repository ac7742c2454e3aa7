"""Say what is wrong when a port does not open, or nobody answers on it, and what to do about it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from tinyml_labs.boards import Recognition, recognise
from tinyml_labs.link.errors import PortError
from tinyml_labs.link.framing import PROTOCOL_VERSION, DecoderCounts
from tinyml_labs.link.other_output import explain_text, likely_rates, looks_like_text, printable_share
from tinyml_labs.link.port_holders import (
    MODEM_MANAGER,
    Access,
    Holder,
    find_holders,
    look_at_access,
    modem_manager_runs,
)
from tinyml_labs.link.port_list import Comports, describe_ports, find_port, list_ports

_ENOUGH_TO_JUDGE = 32  # bytes


def explain_open_error(port: str, error: Exception, *, comports: Comports | None = None) -> str:
    """Say why a port did not open.

    Parameters
    ----------
    port : str
        As it was asked for.
    error : Exception
        What pyserial raised.
    comports : callable, optional
        What lists the ports; pyserial's ``comports``.

    Returns
    -------
    str
        The cause, the mend, and the ports that are there.
    """
    if isinstance(error, PortError):
        return str(error)
    if "://" in port:
        cause = _explain_address(str(error))
    else:
        usb_id = _usb_id_of(port, comports)
        cause = _explain_device(port, getattr(error, "errno", None), str(error), usb_id)
    return f"Could not open {port}: {cause} {describe_ports(comports=comports)}"


def explain_silence(
    port: str,
    counts: DecoderCounts,
    text: str,
    waited_s: float,
    *,
    other_version: int | None = None,
    recent: bytes = b"",
    baud: int | None = None,
    comports: Comports | None = None,
) -> str:
    """Say what may be wrong when nobody answers, from what has come instead.

    Parameters
    ----------
    port : str
    counts : DecoderCounts
        What has come so far.
    text : str
        The printable text among it: :attr:`FrameDecoder.text <tinyml_labs.link.framing.FrameDecoder.text>`.
    waited_s : float
    other_version : int, optional
        The version of the protocol that the board spoke, if it was another one.
    recent : bytes, optional
        The last bytes, some hundreds, as they came: without them a wrong baud rate is only guessed.
    baud : int, optional
        The rate that the port is open with.
    comports : callable, optional
        What lists the ports; pyserial's ``comports``.

    Returns
    -------
    str
    """
    usb_id = _usb_id_of(port, comports)
    if counts.bytes == 0:
        hint = _explain_nothing(port, usb_id)
    elif counts.other_version:
        hint = (
            f"The board speaks version {other_version} of the protocol, this kit version {PROTOCOL_VERSION}. "
            "Upload the sketch of this kit."
        )
    elif counts.frames:
        hint = "It has sent frames, and none that answers." + _explain_rivals(port, usb_id)
    elif looks_like_text(recent) or (counts.text_bytes and len(recent) < _ENOUGH_TO_JUDGE):
        heard = recent.decode("utf-8", errors="replace").replace("\0", "\n") if recent else text
        hint = explain_text(heard if len(heard) > len(text) else text) + _explain_rivals(port, usb_id)
    else:
        hint = _explain_noise(counts, recent, baud, usb_id)
    return f"No answer from {port} in {waited_s:.1f} s. {hint} {describe_ports(comports=comports)}"


def explain_access(device: str, access: Access, usb_id: str = "") -> str:
    """Say what lets this user open a device that he may not open."""
    group = access.group
    if access.member and access.group_allowed and not access.active:
        return (
            f"This user is in the group {group}, and was not yet when this session began. "
            "Mend: log out and in again, or restart the computer."
        )
    if access.group_allowed and group != "root":
        return f"Mend: sudo usermod -a -G {group} $USER, then log out and in again."
    vendor = f', ATTRS{{idVendor}}=="{usb_id[:4]}"' if usb_id else ""
    rule = f'SUBSYSTEM=="tty"{vendor}, MODE="0660", TAG+="uaccess"'
    return (
        f"Its group, {group}, may not either. Mend, until it is unplugged: sudo chmod a+rw {device}; for good: "
        f"echo '{rule}' | sudo tee /etc/udev/rules.d/60-board.rules, then plug the board in again."
    )


def explain_bootloader(recognition: Recognition) -> str:
    """Say what a board in its bootloader waits for."""
    enter = next((board.enter_bootloader for board in recognition.boards if board.enter_bootloader), "")
    return (
        f"It is {_with_article(recognition.label)}: it waits for an upload, and the sketch is not running. Upload "
        "the sketch, or press the reset button once to start the one that is on it"
        + (f" (to upload: {enter})." if enter else ".")
    )


def explain_modem_manager(usb_id: str = "") -> str:
    """Say how to keep ModemManager off a board."""
    vendor = f'ATTRS{{idVendor}}=="{usb_id[:4]}", ' if usb_id else ""
    rule = f'{vendor}ENV{{ID_MM_DEVICE_IGNORE}}="1"'
    return (
        f"{MODEM_MANAGER} tries each new port for a modem, and lets go after some 20 s: wait, or stop it "
        f"(sudo systemctl stop {MODEM_MANAGER}), or tell it for good: echo '{rule}' | "
        "sudo tee /etc/udev/rules.d/61-no-modem.rules."
    )


def name_holders(holders: list[Holder]) -> str:
    """Give the processes that hold a port, as words: ``screen (process 4711)``."""
    return " and ".join(str(holder) for holder in holders)


def _usb_id_of(port: str, comports: Comports | None) -> str:
    here = None if "://" in port else find_port(port, list_ports(comports=comports))
    return here.usb_id if here else ""


def _explain_device(port: str, number: int | None, text: str, usb_id: str) -> str:
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return "there is no such port. Is the board plugged in, by a cable that carries data?" + _explain_dangling(
            port
        )
    if number == errno.EACCES and sys.platform != "win32":
        access = look_at_access(port)
        mend = explain_access(port, access, usb_id) if access else "Mend: sudo usermod -a -G dialout $USER."
        return f"this user may not open it. {mend}"
    if number == errno.EPERM:
        return (
            "the system forbids it, even to root: a container or sandbox does so. Mend: start that with the device, "
            f"such as docker run --device={port}."
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text or "exclusively lock" in text:
        return _explain_busy(port, usb_id)
    if number == errno.EISDIR or "Inappropriate ioctl" in text:
        return "it is no serial port."
    if number in (errno.EIO, errno.ENXIO, errno.ENODEV) or "Input/output error" in text:
        return "the name is there, and no device behind it. Plug the board in again."
    return _as_sentence(text)


def _explain_dangling(port: str) -> str:
    if Path(port).is_symlink():
        return f" ({port} is a link to {os.path.realpath(port)}, which is not there.)"
    return ""


def _explain_busy(port: str, usb_id: str) -> str:
    holders = find_holders(port)
    if any(holder.name == MODEM_MANAGER for holder in holders):
        return f"{MODEM_MANAGER} holds it. {explain_modem_manager(usb_id)}"
    others = [holder for holder in holders if holder.pid != os.getpid()]
    if others:
        return f"another program holds it: {name_holders(others)}. Close it there."
    if holders:
        return "this very program holds it, by another variable. Close that one, or restart the kernel."
    cause = "another program holds it: the Arduino serial monitor, or another notebook's kernel. Close it there."
    if sys.platform == "linux":
        cause += f" (sudo fuser -v {port} says which.)"
        if modem_manager_runs():
            cause += f" Or {explain_modem_manager(usb_id)}"
    return cause


def _explain_address(text: str) -> str:
    if "Connection refused" in text or "actively refused" in text:
        return "nothing listens at that address."
    if "Name or service not known" in text or "getaddrinfo failed" in text or "nodename nor servname" in text:
        return "there is no computer of that name."
    if "timed out" in text:
        return "that computer does not answer. Is it on, and is a firewall between?"
    if "not known" in text:
        return f"there is no such kind of address ({text}). There are virtual://, socket:// and rfc2217://."
    return _as_sentence(text)


def _explain_nothing(port: str, usb_id: str) -> str:
    hint = "Nothing came at all."
    recognition = recognise(usb_id)
    if recognition.bootloader:
        return f"{hint} {explain_bootloader(recognition)}"
    if "://" not in port and os.name != "nt" and not Path(port).exists():
        return f"{hint} And the port has gone: the board has restarted under another name, or was unplugged."
    hint += " Is the sketch on the board, and is this its port?"
    if port.startswith("socket://"):
        return hint + " Or does another program hold the connection?"
    if recognition.adapter is not None and recognition.adapter.baud_matters:
        hint += " Behind an adapter, the board may be without power, or held in reset."
    return hint + _explain_rivals(port, usb_id)


def _explain_rivals(port: str, usb_id: str) -> str:
    """Say who else reads the same port: each byte goes to one reader only."""
    if "://" in port:
        return ""
    others = [holder for holder in find_holders(port) if holder.pid != os.getpid()]
    if not others:
        return ""
    hint = f" {name_holders(others)} has the port open, too, and takes bytes away: close it there."
    if any(holder.name == MODEM_MANAGER for holder in others):
        hint += f" {explain_modem_manager(usb_id)}"
    return hint


def _explain_noise(counts: DecoderCounts, recent: bytes, baud: int | None, usb_id: str) -> str:
    matters = recognise(usb_id).baud_matters
    heard = f"{counts.bytes} bytes came, and no frame in them"
    if len(recent) >= _ENOUGH_TO_JUDGE:
        heard += f" ({printable_share(recent):.0%} of the last ones are text)"
    if matters is False:
        return (
            f"{heard}. The baud rate does not matter on this board: it runs another sketch. Upload one of this kit."
        )
    if baud is None or len(recent) < _ENOUGH_TO_JUDGE:
        return f"{heard}. Is the baud rate right? It has to be the sketch's, often 9600 or 115200."
    rates = ", then ".join(str(rate) for rate in likely_rates(recent, baud)[:3])
    return (
        f"{heard}. Is the baud rate right? Try baud={rates}. If none fits, it is another sketch, that sends no text."
    )


def _as_sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _with_article(name: str) -> str:
    return f"an {name}" if name[:1] in "AEIOU" else f"a {name}"

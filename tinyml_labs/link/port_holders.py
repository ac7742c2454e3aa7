"""What the system says of a device: which processes hold it, and who may open it."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MODEM_MANAGER = "ModemManager"
"""Linux's service for mobile modems: it opens each new serial port for some seconds, to ask whether it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a device open.

    Attributes
    ----------
    pid : int
    name : str
    """

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may open a device.

    Attributes
    ----------
    allowed : bool
        Whether this process may read and write it.
    group : str
        The name of the group that owns it; its number if it has no name.
    group_allowed : bool
        Whether that group may read and write it.
    member : bool
        Whether the user is in the group by the system's list.
    active : bool
        Whether this session has the group: it was in it when it began.
    """

    allowed: bool
    group: str
    group_allowed: bool
    member: bool
    active: bool


def find_holders(device: str) -> list[Holder]:
    """Find the processes that have a device open, as far as this user may see them.

    Linux shows a user his own processes, and root all. macOS is asked through ``lsof``. Windows does not say.

    Returns
    -------
    list of Holder
    """
    if sys.platform == "linux":
        return _holders_in_proc(device)
    if sys.platform == "darwin":
        return _holders_by_lsof(device)
    return []


def modem_manager_runs() -> bool:
    """Say whether Linux's ModemManager is running."""
    return sys.platform == "linux" and any(_process_name(process) == MODEM_MANAGER for process in _processes())


def look_at_access(device: str) -> Access | None:
    """Say who may open a device; None if it is not there, or on Windows.

    Returns
    -------
    Access or None
    """
    if sys.platform == "win32":
        return None
    import grp
    import pwd

    try:
        found = Path(device).stat()
    except OSError:
        return None
    members: list[str] = []
    try:
        group = grp.getgrgid(found.st_gid).gr_name
        members = grp.getgrgid(found.st_gid).gr_mem
    except KeyError:
        group = str(found.st_gid)
    try:
        user = pwd.getpwuid(os.getuid())
        member = user.pw_name in members or user.pw_gid == found.st_gid
    except KeyError:
        member = False
    both = stat.S_IRGRP | stat.S_IWGRP
    return Access(
        allowed=os.access(device, os.R_OK | os.W_OK),
        group=group,
        group_allowed=found.st_mode & both == both,
        member=member,
        active=found.st_gid in {os.getegid(), *os.getgroups()},
    )


def _holders_in_proc(device: str) -> list[Holder]:
    try:
        wanted = Path(device).stat()
    except OSError:
        return []
    path = os.path.realpath(device)
    found = []
    for process in _processes():
        with contextlib.suppress(OSError):  # of another user, or gone meanwhile
            if any(_is_open_on(link, path, wanted) for link in (process / "fd").iterdir()):
                found.append(Holder(pid=int(process.name), name=_process_name(process) or "a process"))
    return found


def _is_open_on(link: Path, path: str, wanted: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        if str(link.readlink()) == path:  # the name first: looking at every open file could hang on a network's
            here = link.stat()
            return (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino)
    return False


def _processes() -> list[Path]:
    return [path for path in Path("/proc").iterdir() if path.name.isdigit()]


def _process_name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _holders_by_lsof(device: str) -> list[Holder]:
    names = {device, device.replace("/dev/cu.", "/dev/tty."), device.replace("/dev/tty.", "/dev/cu.")}
    try:
        done = subprocess.run(
            ["lsof", "-F", "pc", "--", *sorted(names)], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found: dict[int, str] = {}
    pid = 0
    for line in done.stdout.splitlines():
        if line[:1] == "p" and line[1:].isdigit():
            pid = int(line[1:])
        elif line[:1] == "c" and pid:
            found[pid] = line[1:]
    return [Holder(pid=pid, name=name) for pid, name in found.items()]

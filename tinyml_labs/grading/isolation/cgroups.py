"""Control groups of Linux: limits of memory and processes for all of a sandbox's processes together.

They hold for root too, where ``RLIMIT_NPROC`` does not, and they count what ``RLIMIT_DATA`` counts for each process
alone. Version 1 (one tree for each controller) and version 2 (one tree, where a part of it was handed to us) are used
where they can be written to. Where neither can, `make_group` gives None, and `process_watch` does it instead.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinyml_labs.grading.isolation.limits import Limits

_PREFIX = "tinyml-labs"
_OUR_OWN = 4  # processes of bubblewrap and of the shell that it starts with, beside those of the student
_counter = itertools.count()
_in_use: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class ControlGroup:
    """One sandbox's group: a folder in each controller's tree (version 1), or one for all (version 2)."""

    version: int
    folders: dict[str, Path]

    def add(self, process_id: int) -> bool:
        """Put a process into the group, before it has children; whether that worked."""
        try:
            for folder in dict.fromkeys(self.folders.values()):
                (folder / "cgroup.procs").write_text(str(process_id))
        except OSError:
            return False
        return True

    def count_memory_kills(self) -> int:
        """Return how often the system has killed a process of the group because its memory was used up."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _read_count(self.folders["memory"] / name, "oom_kill")

    def count_refused_processes(self) -> int:
        """Return how often a process or thread was not started, because there were too many."""
        return _read_count(self.folders["pids"] / "pids.events", "max")

    def kill(self) -> None:
        """Kill every process of the group."""
        _kill_all(self.folders["pids"])

    def remove(self, seconds: float = 2) -> bool:
        """Remove the group once its processes have ended; whether it is gone."""
        _in_use.discard(self.folders["pids"].name)
        deadline = time.monotonic() + seconds
        for folder in dict.fromkeys(self.folders.values()):
            while not _removed(folder):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.002)
        return True


def make_group(limits: Limits) -> ControlGroup | None:
    """Make a group with the memory and the processes that the limits allow, and an equal share of the processors.

    Returns
    -------
    ControlGroup or None
        None if this process must not make one: `process_watch` has to do.
    """
    for version, parents in _find_parents():
        name = f"{_own_prefix()}-{next(_counter)}"
        group = ControlGroup(version=version, folders={kind: parent / name for kind, parent in parents.items()})
        _in_use.add(name)
        try:
            for folder in dict.fromkeys(group.folders.values()):
                folder.mkdir()
            _set_limits(group, limits)
        except OSError:
            group.remove(seconds=0)
            continue
        return group
    return None


def remove_leftovers(parent: Path) -> int:
    """Remove the groups that graders which have ended left behind in a folder; return how many.

    A sandbox dies with its grader, unless that one was killed in the very moment in which the sandbox began.
    """
    removed = 0
    for folder in parent.glob(f"{_PREFIX}-*-*-*-*"):
        namespace, process_id, start_time = folder.name.removeprefix(f"{_PREFIX}-").split("-")[:3]
        if namespace != _namespace() or not process_id.isdigit():
            continue  # the numbers of its processes are not ours
        if _start_time(int(process_id)) == start_time and (process_id != str(os.getpid()) or folder.name in _in_use):
            continue
        _kill_all(folder)
        removed += _removed(folder)
    return removed


def _own_prefix() -> str:
    return f"{_PREFIX}-{_namespace()}-{os.getpid()}-{_start_time(os.getpid())}"


def _namespace() -> str:
    """Return which numbering of processes this one has a part in: each container has its own."""
    return str(Path("/proc/self/ns/pid").stat().st_ino)


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "cgroup.kill").write_text("1")  # version 2, Linux 5.14
    for _ in range(100):  # what forks while it is read is found in the next round
        try:
            found = (folder / "cgroup.procs").read_text().split()
        except OSError:
            return
        if not found:
            return
        for process_id in found:
            with contextlib.suppress(OSError):
                os.kill(int(process_id), signal.SIGKILL)
        time.sleep(0.002)


@cache
def _find_parents() -> tuple[tuple[int, dict[str, Path]], ...]:
    """Return the folders in which groups may be made, as (version, {controller: folder}), best first."""
    if sys.platform != "linux":
        return ()
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
        own = Path("/proc/self/cgroup").read_text()
    except OSError:
        return ()
    found = [*find_parents_1(mounts, own), *find_parents_2(mounts, own)]
    for _, parents in found:
        for parent in dict.fromkeys(parents.values()):
            remove_leftovers(parent)
    return tuple(found)


def find_parents_1(mounts: str, own: str) -> list[tuple[int, dict[str, Path]]]:
    """Return where version 1 lets us make groups, from the texts of ``mountinfo`` and ``cgroup`` in /proc/self."""
    paths = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    parents = {}
    for root, mount, kind, options in _cgroup_mounts(mounts):
        for controller in {"memory", "pids", "cpu"} & set(options) if kind == "cgroup" else ():
            folder = mount / paths.get(controller, "/").removeprefix(root).lstrip("/")
            if os.access(folder, os.W_OK):
                parents[controller] = folder
    return [(1, parents)] if {"memory", "pids"} <= set(parents) else []


def find_parents_2(mounts: str, own: str) -> list[tuple[int, dict[str, Path]]]:
    """Return where version 2 lets us make groups: our own group or one above it, nearest first.

    A group that holds processes hands no controllers on, so our own seldom does; the one that systemd gave to us,
    above it, does.
    """
    path = next((line[3:] for line in own.splitlines() if line.startswith("0::")), None)
    found: list[tuple[int, dict[str, Path]]] = []
    if path is None:
        return found
    for root, mount, kind, _ in _cgroup_mounts(mounts):
        if kind != "cgroup2":
            continue
        folder = mount / path.removeprefix(root).lstrip("/")
        for parent in (folder, *folder.parents):
            if not parent.is_relative_to(mount):
                break
            with contextlib.suppress(OSError):
                handed_on = (parent / "cgroup.subtree_control").read_text().split()
                if {"memory", "pids"} <= set(handed_on) and os.access(parent, os.W_OK):
                    kinds = [kind for kind in ("memory", "pids", "cpu") if kind in handed_on]
                    found.append((2, dict.fromkeys(kinds, parent)))
    return found


def _cgroup_mounts(mounts: str) -> list[tuple[str, Path, str, list[str]]]:
    """Return (root, mount point, file system, options) of each tree of control groups."""
    found = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            root, mount = before.split()[3:5]
            found.append((root.rstrip("/"), Path(mount), kind, options.split(",")))
    return found


def _set_limits(group: ControlGroup, limits: Limits) -> None:
    memory, pids = group.folders["memory"], group.folders["pids"]
    size = str(limits.memory_mb * 2**20)
    if group.version == 1:
        (memory / "memory.limit_in_bytes").write_text(size)
        swap = memory / "memory.memsw.limit_in_bytes"  # memory and swap together
    else:
        (memory / "memory.max").write_text(size)
        swap, size = memory / "memory.swap.max", "0"
    with contextlib.suppress(OSError):  # a system without swap accounting has no such file
        swap.write_text(size)
    (pids / "pids.max").write_text(str(limits.processes + _OUR_OWN))


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read_count(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)


def _start_time(process_id: int) -> str:
    """Return when a process began, in the system's ticks; empty if there is none. Numbers of processes come again."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]

"""Puts a command into a sandbox: the words in front of it, and the check that they do what they shall here.

On Linux the process has namespaces of its own (files, processes, network, names), sees what `sandbox_view` says, may
call what `syscall_filter` leaves, and takes what its `Limits` allow. As root it becomes a user that owns nothing, so
that no rule of root's holds for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tinyml_labs.grading.isolation import sandbox_view
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.syscall_filter import make_filter

_FIRST_USER = 0x70000000  # far above what systems give to people and services
_SETPRIV = "/usr/bin/setpriv"
_LARGEST_OPEN_FILES = 1024
_SET_LIMITS = """
ulimit -c 0; ulimit -n {open_files}; ulimit -f {file_blocks}; ulimit -d {memory_kb}
{processes}
exec "$@"
"""

Way = Literal["another user", "user namespace"]


@functools.cache
def probe() -> tuple[str | None, Way, str]:
    """Return (bubblewrap or None, how to become nobody, why there is no sandbox), by trying."""
    if sys.platform != "linux":
        return None, "user namespace", "bubblewrap is a program of Linux."
    program = shutil.which("bwrap")
    if program is None:
        return None, "user namespace", "bubblewrap (the program bwrap) is not installed."
    # Never a user namespace as root: its processes stay root's outside, and may write to /proc/sys, powers or none.
    way: Way = "another user" if os.geteuid() == 0 else "user namespace"
    if way == "another user" and not Path(_SETPRIV).exists():
        return None, way, f"root needs {_SETPRIV} (of util-linux) to become another user."
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", "import tinyml_labs"]
        wrapped, descriptors = wrap(command, Limits(), {}, (), stack, program=program, way=way)
        try:
            run = subprocess.run(
                wrapped, pass_fds=descriptors, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=60, cwd="/", env=sandbox_view.environment(), check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, way, f"{program} does not start a Python: {error}."
    if run.returncode == 0:
        return program, way, ""
    last = (run.stderr.strip().splitlines() or [f"return code {run.returncode}"])[-1][:300]
    words = f"{program} (bubblewrap 0.8 or newer is needed) does not start a Python: {last}."
    if way == "another user" and "ermission denied" in last:
        words += " As root it runs as a user who is nobody, so Python and its packages have to be readable for all."
    return None, way, words


def wrap(
    command: Sequence[str],
    limits: Limits,
    files: Mapping[str, bytes],
    readable: Sequence[Path],
    stack: contextlib.ExitStack,
    *,
    told: int | None = None,
    program: str = "",
    way: Way = "user namespace",
) -> tuple[list[str], list[int]]:
    """Return the command in its sandbox, and the file descriptors that it needs, open as long as the stack is.

    `told` is a file descriptor to which bubblewrap writes the number of the first process in the sandbox.
    """
    if not program:
        found, way, _ = probe()
        assert found is not None
        program = found
    user = _choose_user() if way == "another user" else 65534
    descriptors: list[int] = []

    def hold(content: bytes) -> int:
        stream = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 -- the stack closes it
        stream.write(content)
        stream.seek(0)
        descriptors.append(stream.fileno())
        return stream.fileno()

    passwd, group = map(hold, sandbox_view.user_files(user))
    held = {name: hold(content) for name, content in files.items()}
    view = sandbox_view.view_arguments(
        limits=limits, user=user, files=held, readable=readable, passwd=passwd, group=group
    )
    wrapped = [program, "--die-with-parent", "--new-session", "--hostname", "lab"]
    wrapped += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    wrapped += ["--cap-drop", "ALL"]
    become_nobody: list[str] = []
    if way == "another user":
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            wrapped += ["--cap-add", capability]
        nobody = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
        nothing = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        become_nobody = [_SETPRIV, *nobody, *nothing]
    else:
        wrapped += ["--unshare-user", "--uid", str(user), "--gid", str(user)]
    if calls := make_filter():
        wrapped += ["--seccomp", str(hold(calls))]
    if told is not None:
        wrapped += ["--info-fd", str(told)]
        descriptors.append(told)
    inner = [*become_nobody, *limit_command(limits, processes=_processes_can_be_limited()), *command]
    return [*wrapped, *view, "--", *inner], descriptors


def limit_command(limits: Limits, *, processes: bool) -> list[str]:
    """Return the words in front of a command that limit each of its processes; none on Windows."""
    if os.name != "posix":
        return []
    number = limits.processes
    script = _SET_LIMITS.format(
        open_files=_LARGEST_OPEN_FILES,
        file_blocks=limits.scratch_mb * 2048,
        memory_kb=limits.memory_mb * 1024,
        processes=f"ulimit -p {number} 2>/dev/null || ulimit -u {number}" if processes else ":",
    )
    return ["/bin/sh", "-c", script, "sh"]


def _processes_can_be_limited() -> bool:
    """Whether the limit of processes counts the sandbox's alone; before Linux 5.14 all of the user's counted."""
    if os.geteuid() == 0:
        return True
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


def _choose_user() -> int:
    """Return a user that nobody is, another one for each grader that runs, within those that a container has."""
    try:
        lines = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except (OSError, ValueError):
        return 65534
    wanted = _FIRST_USER + os.getpid()
    if any(first <= wanted < first + count for first, _, count in lines):
        return wanted
    last = max(first + count - 1 for first, _, count in lines)
    return last - os.getpid() % 1000 if last > 20_000 else 65534

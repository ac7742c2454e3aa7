"""One grader at a time: a lock that the operating system takes back when its holder dies.

The lock is on a file beside the gradebook. The file stays there; what counts is the lock, so nothing has to be
cleaned up after a crash.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

from tinyml_labs.grading.scores.gradebook_tables import GradebookError

_LOCKED_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so it lies far behind the text


class GradebookLocked(GradebookError):
    """Another process writes into this gradebook."""


def take_lock(path: Path) -> int:
    """Lock a gradebook for this process.

    Parameters
    ----------
    path : Path
        The gradebook; the lock is on ``NAME.lock`` beside it.

    Returns
    -------
    int
        The open file: closing it, or the end of the process, gives the lock back.

    Raises
    ------
    GradebookLocked
        If somebody else has it; the text says who, on which machine and since when.
    GradebookError
        If the disk has no locks at all.
    """
    file = path.with_name(path.name + ".lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
    except OSError as error:
        holder = _holder(descriptor)
        os.close(descriptor)
        if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK):
            raise GradebookError(
                f"The disk of {path} cannot lock files ({error}), so two graders could write at once. "
                "Put the gradebook on a local disk."
            ) from error
        raise GradebookLocked(
            f"The gradebook {path} is in use{holder}. Wait until that run ends, or stop it: "
            "what it has graded is kept, and the next run continues there."
        ) from error
    text = json.dumps(
        {
            "process": os.getpid(),
            "machine": socket.gethostname(),
            "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
    )
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode())
    return descriptor


def give_back(descriptor: int) -> None:
    """Give the lock back."""
    os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # also between two gradebooks of one process


def _holder(descriptor: int) -> str:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, 1000))
        return f" by process {found['process']} on {found['machine']} since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return " by another process"

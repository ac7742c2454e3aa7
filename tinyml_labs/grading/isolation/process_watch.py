"""Watches the processes below one: for systems without control groups, and for grading without a sandbox.

It looks a few times a second, so it comes later than a control group would: what grows fast is stopped by the limits
of each single process first.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.verdicts import Verdict

MOST_FILES = 20_000
"""Files and folders in the scratch folder: empty ones take memory of the system too."""

_SECONDS = 0.1


class ProcessWatch:
    """A thread that adds up what a process and all below it take, and calls `stop` when it is too much.

    Attributes
    ----------
    verdict : Verdict or None
        Why it was stopped; None if it was not.
    message : str
    """

    def __init__(self, process_id: int, limits: Limits, *, scratch: Path | None, stop: Callable[[], None]) -> None:
        self.verdict: Verdict | None = None
        self.message = ""
        self._process_id, self._limits, self._scratch, self._stop = process_id, limits, scratch, stop
        self._seen: dict[int, Any] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="process watch")
        self._thread.start()

    def close(self) -> None:
        """End the watch."""
        self._ended.set()
        self._thread.join()

    def kill_seen(self) -> None:
        """Kill every process that was ever seen below the one; what has left its parent too."""
        import psutil

        self._look()
        for process in self._seen.values():
            with contextlib.suppress(psutil.Error):  # psutil compares start times: no other process is hit
                process.kill()

    def _watch(self) -> None:
        while not self._ended.wait(_SECONDS):
            self._look()
            if self.verdict is not None:
                self._stop()
                return

    def _look(self) -> None:
        import psutil

        memory = tasks = 0
        for process_id in find_below(self._process_id):
            with contextlib.suppress(psutil.Error, OSError):
                process = self._seen.get(process_id)
                if process is None:
                    process = self._seen[process_id] = psutil.Process(process_id)
                memory += _private_memory(process)
                tasks += process.num_threads()
        limits = self._limits
        if memory > limits.memory_mb * 2**20:
            self.verdict, self.message = "out of memory", f"It took more than {limits.memory_mb:,} MB of memory."
        elif tasks > limits.processes + 8:
            self.verdict, self.message = "killed", f"It had more than {limits.processes} processes and threads."
        elif self._count_files() > MOST_FILES:
            self.verdict, self.message = "killed", f"It made more than {MOST_FILES:,} files."

    def _count_files(self) -> int:
        if self._scratch is None or sys.platform != "linux":
            return 0
        for process_id in [*self._seen][-3:]:
            with contextlib.suppress(OSError):
                state = os.statvfs(f"/proc/{process_id}/root{self._scratch}")
                return state.f_files - state.f_ffree
        return 0


def find_below(process_id: int) -> list[int]:
    """Return the numbers of a process and of all below it."""
    if not Path(f"/proc/{process_id}/task/{process_id}/children").exists():
        return _find_below_slowly(process_id)
    found = [process_id]
    for parent in found:  # the list grows while it is read
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _find_below_slowly(process_id: int) -> list[int]:
    import psutil

    try:
        process = psutil.Process(process_id)
        return [process_id, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return []


def _private_memory(process: Any) -> int:
    """Return the bytes of a process that are its own: of what several share, its part; of libraries none."""
    for name, fields in (("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")), ("status", ("RssAnon:", "RssShmem:"))):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process.pid}/{name}").read_text().splitlines()
            found = [int(line.split()[1]) for line in lines if line.startswith(fields)]
            if found:
                return 1024 * sum(found)
    return int(process.memory_info().rss)

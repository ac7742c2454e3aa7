"""Other programs on the same computer, as a test needs them: real processes that hold a port."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def holding(device: str) -> Iterator[int]:
    """Another program has the port for itself alone, as a serial monitor has it; gives its process id."""
    script = f"import serial; p = serial.Serial({device!r}, exclusive=True); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        try:
            yield holder.pid
        finally:
            holder.communicate("\n")


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what another process does soon; a process that has just begun has its parent's name for a moment."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)

"""Jobs for the tests of the worker pool, in a module that workers can import."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def square(number: int) -> tuple[int, int]:
    """Give the square, and who has worked it out."""
    time.sleep(0.005)
    return number * number, os.getpid()


def poison(number: int) -> int:
    """Kill the worker at 13, every time."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.005)
    return number


def dies_in_company(job: tuple[str, int]) -> int:
    """Kill the worker at 5, but the first time alone; note when each begins and ends."""
    folder, number = Path(job[0]), job[1]
    begin = time.monotonic()
    marker = folder / "died"
    if number == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    (folder / f"{number}.times").write_text(f"{begin} {time.monotonic()}")
    return number


def misbehaves(what: str) -> object:
    """Do something that a job should not."""
    if what == "raises":
        raise ValueError("a bug of the grader")
    if what == "leaves":
        raise SystemExit(0)
    if what == "exits":
        os._exit(0)
    if what == "gives what cannot be sent":
        return threading.Lock()
    if what == "hangs":
        time.sleep(600)
    return what


class CannotBePickled:
    """A job that cannot be sent."""

    def __reduce__(self) -> str:
        raise TypeError("this job cannot be pickled")


def keep(job: object) -> str:
    """Say that a job came."""
    return type(job).__name__


def starts_a_child(folder: str) -> None:
    """Start a program, and wait until told to end; then end the program, as a `with` does."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (Path(folder) / f"{os.getpid()}.child").write_text(str(child.pid))
    try:
        time.sleep(600)
    finally:
        child.kill()
        child.wait()

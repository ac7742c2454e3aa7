"""Stop a check that does not come to its end: by an exception that another thread raises in this one.

A check runs in the grader's process, on what a student's function returned: a count of a billion makes a loop of a
billion turns. Signals would do as well, but a worker of a cluster does not run its jobs in the main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TimeIsUp(BaseException):
    """Raised in the checking thread. No ``except Exception`` of a check takes it."""


class CheckClock:
    """Counts the time of a check alone, without that of the calls into the student's process.

    Parameters
    ----------
    seconds : float
        What the check may take. The calls have limits of their own.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._is_paused = False
        self._started = 0.0
        self._spent_before = 0.0
        self.expired = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count, and do not interrupt, what is done meanwhile: a call into the student's process."""
        try:
            with self._lock:
                self._spent_before += time.monotonic() - self._started
                self._is_paused = True
            yield
        finally:
            with self._lock:
                self._started = time.monotonic()
                self._is_paused = False

    def run(self, check: Callable[[], None]) -> None:
        """Run a check in this thread.

        Raises
        ------
        TimeIsUp
            If it took too long; also if it has caught the exception and come to its end.
        BaseException
            What `check` raises.
        """
        watch = threading.Thread(target=self._watch, args=(threading.get_ident(),), daemon=True, name="check clock")
        self._started = time.monotonic()
        try:
            try:
                watch.start()
                check()
            finally:
                self._stop()
        except TimeIsUp:
            self._stop()  # it may have come while stopping
        if self.expired:
            raise TimeIsUp

    def _watch(self, thread: int) -> None:
        while not self._end.wait(self._wait_seconds()):
            with self._lock:
                if not self._end.is_set() and not self._is_paused and self._spent() >= self._seconds:
                    self.expired = True
                    _raise_in(thread, TimeIsUp)  # again and again: a bare "except:" may take one

    def _stop(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(TimeIsUp), self._lock:
                self._end.set()
        if self.expired:
            # One may still be on its way; it arrives at a jump. Taken back, it would leave CPython 3.11 looking.
            with contextlib.suppress(TimeIsUp):
                for _ in range(100):
                    pass

    def _spent(self) -> float:
        return self._spent_before + (0.0 if self._is_paused else time.monotonic() - self._started)

    def _wait_seconds(self) -> float:
        return max(0.05, min(0.5, self._seconds - self._spent()))


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))

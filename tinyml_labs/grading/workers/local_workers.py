"""Worker processes on this machine: one pool of one process each, so that a death concerns one job alone."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import connection
from typing import Any

from tinyml_labs.grading.workers.job_outcomes import Call, Ended, Outcome, WorkersDoNotStart, carry_out, end_of

_GRACE_S = 3.0  # to put its own children away
_ASK_EVERY_S = 0.1
_FALSE_STARTS = 3  # in a row, of one place


class LocalWorkers:
    """Processes that are started once, import what the work needs, and do one job after the other.

    Parameters
    ----------
    count : int or None
        How many; None takes as many as this process may use processors.
    work : callable
        Each worker imports its module before its first job.

    Raises
    ------
    ValueError
        If ``count`` is below 1.
    """

    def __init__(self, count: int | None, work: Callable[..., Any]) -> None:
        if count is None:
            count = usable_processors()
        if count < 1:
            raise ValueError(f"workers is {count}; at least one worker has to do the work.")
        self._ended: queue.SimpleQueue[tuple[int, Future[Any]]] = queue.SimpleQueue()
        self._tickets = itertools.count()
        self._busy: dict[int, _Place] = {}
        self._places = [_Place(module_of(work)) for _ in range(count)]

    def free(self) -> int:
        """Say how many more jobs may be given now."""
        return len(self._places) - len(self._busy)

    def start(self, call: Call) -> int:
        """Give a free worker a job; return a number for it that no other start has."""
        ticket = next(self._tickets)
        at_work = set(map(id, self._busy.values()))
        place = next(place for place in self._places if id(place) not in at_work)
        self._busy[ticket] = place
        future = place.submit(call)
        future.add_done_callback(lambda done: self._ended.put((ticket, done)))
        return ticket

    def next_ended(self, timeout_s: float) -> Ended | None:
        """Wait for a job to end; None if none did.

        Raises
        ------
        WorkersDoNotStart
            If the workers cannot even import the work.
        """
        try:
            ticket, future = self._ended.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return None
        place = self._busy.pop(ticket, None)
        if place is None:  # it was ended, and nobody waits for it
            return None
        error = future.exception()
        if error is None:
            place.false_starts = 0
            return end_of(ticket, future.result())
        place.replace()
        return Ended(ticket=ticket, kind="died", message="Its worker process ended before it did.")

    def end(self, ticket: int) -> None:
        """End the process that does a job, and put another in its place."""
        place = self._busy.pop(ticket)
        place.end()
        place.replace()

    def close(self, *, at_once: bool) -> None:
        """End all workers; ``at_once`` also those that are at work."""
        if at_once:
            enders = [threading.Thread(target=place.end) for place in self._places]
            for ender in enders:
                ender.start()
            for ender in enders:
                ender.join()
        for place in self._places:
            place.shut()


def usable_processors() -> int:
    """Say how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def module_of(work: Callable[..., Any]) -> str:
    """Give the name of the module that a function is of, also under a `functools.partial`."""
    while isinstance(work, partial):
        work = work.func
    return work.__module__


class _Place:
    """Room for one worker: when it dies, another takes its place."""

    def __init__(self, module: str) -> None:
        self._module = module
        self.false_starts = 0
        self._open()

    def _open(self) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin)
        with _without_interrupts():  # until the worker has its own handler
            self._pid: Future[int] = self._pool.submit(_warm_up, self._module)

    def submit(self, call: Call) -> Future[Outcome]:
        """Hand a job over; to a new worker, if the old one died while it waited."""
        try:
            return self._pool.submit(_do, call)
        except BrokenProcessPool:
            self.replace()
            return self._pool.submit(_do, call)

    def replace(self) -> None:
        """Put a new worker in the place of one that is gone.

        Raises
        ------
        WorkersDoNotStart
            If it is the third in a row that did not begin to work.
        """
        began = self._pid.done() and self._pid.exception() is None
        self.false_starts = 0 if began else self.false_starts + 1
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self.false_starts >= _FALSE_STARTS:
            raise WorkersDoNotStart(
                f"{self.false_starts} worker processes in a row ended while they started. What they printed stands "
                f"above. Is there memory left? Does `python -c 'import {self._module}'` run?"
            )
        self._open()

    def end(self) -> None:
        """Ask the process to end, so that it puts its own children away; then kill it."""
        with contextlib.suppress(Exception):
            pid = self._pid.result(timeout=_GRACE_S)
            if not _ask_to_leave(pid):
                os.kill(pid, signal.SIGKILL)

    def shut(self) -> None:
        """Let go of the process, which ends when it has nothing to do."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _ask_to_leave(pid: int) -> bool:
    """Say whether a process has ended when it was asked to; on Windows it is not asked.

    It is asked more than once: a signal that comes just before a system call begins does not break that off.
    """
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            return True
        if os.name == "nt":
            return True
        time.sleep(_ASK_EVERY_S)
    return False


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that a Ctrl-C in the terminal does not reach; here it comes a little later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_leaving = threading.Event()


def _begin() -> None:
    """Be a worker: Ctrl-C is for the parent, and without a parent there is nothing to do."""
    # A function, not SIG_IGN: programs that a worker starts would inherit that, and could not be interrupted.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with_parent, name="leave with the parent", daemon=True).start()


def _warm_up(module: str) -> int:
    """Import the work's module; give the worker's process id."""
    with contextlib.suppress(Exception):  # the first job will say it
        importlib.import_module(module)
    return os.getpid()


def _do(call: Call) -> Outcome:
    outcome = carry_out(call)
    if _leaving.is_set():
        os._exit(1)
    return outcome


def _leave(*_: object) -> None:
    if _leaving.is_set():  # it is on its way, and shall close what is open undisturbed
        return
    _leaving.set()
    threading.Thread(target=_leave_anyway, name="leave anyway", daemon=True).start()
    raise SystemExit(1)  # what is open in a `with` closes


def _leave_anyway() -> None:
    time.sleep(_GRACE_S)
    os._exit(1)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        _ask_to_leave(os.getpid())
        os._exit(1)

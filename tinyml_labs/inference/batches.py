"""Run many inferences: in batches, and on more than one core where that is worth another process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FIRST_BATCH = 64
_SECONDS_A_BATCH = 0.3  # what it takes at most, as far as the last one tells: keeps the progress bar moving
_SECONDS_WORTH_ANOTHER = 2.0  # a process takes about a quarter of a second to start
_MOST_PROCESSES = 4  # a computer may have other users

Batch = tuple[list[NDArray[Any]], NDArray[np.int64] | None]


class Engine(Protocol):
    """A runtime that holds a model; not for more than one thread at a time."""

    name: str
    fidelity: str

    def run(self, inputs: list[NDArray[Any]], count: int, *, timed: bool = False) -> Batch:
        """Run ``count`` inferences; each array is (count, \\*input shape)."""

    def another(self) -> Engine | None:
        """Give a second one of the same model, for another core; None if this one uses all of them by itself."""

    def reset(self) -> None:
        """Forget what a streaming model remembers."""

    def close(self) -> None:
        """Let go of the model."""


def run_batches(
    engine: Engine,
    arrays: list[NDArray[Any]],
    *,
    largest: int,
    lock: threading.Lock,
    alone: bool,
    timed: bool,
    show: Callable[[int], Any],
) -> list[Batch]:
    """Run all samples, batch by batch.

    Parameters
    ----------
    engine : Engine
    arrays : list of arrays, (samples, \\*input shape) each
    largest : int
        Samples in a batch at most.
    lock : threading.Lock
        Held while the engine works, batch by batch.
    alone : bool
        Use this engine alone: for a streaming model, whose samples are a sequence, and to take times.
    timed : bool
        Time each inference.
    show : callable
        Told how many samples are done after each batch, by this thread.

    Returns
    -------
    list
        What ``engine.run`` gave, in the samples' order.
    """
    work = _Work(arrays, largest)
    others: list[Engine] = []
    threads: list[threading.Thread] = []
    try:
        while (part := work.take()) is not None:
            with lock:
                work.run(engine, part, timed)
            show(work.finished())
            if not alone and not others and work.seconds_left() > _SECONDS_WORTH_ANOTHER:
                others = _start_others(engine)
                threads = [threading.Thread(target=work.help, args=(other,), daemon=True) for other in others]
                for thread in threads:
                    thread.start()
        for thread in threads:
            thread.join()
        show(work.finished())
    finally:
        work.stop()
        for other in others:
            other.close()
    return work.in_order()


def _start_others(engine: Engine) -> list[Engine]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    started = (engine.another() for _ in range(min(cores, _MOST_PROCESSES) - 1))
    return [other for other in started if other is not None]


class _Work:
    """The samples that nobody has taken yet, and what has become of the others. For several threads."""

    def __init__(self, arrays: list[NDArray[Any]], largest: int) -> None:
        self._arrays, self._largest, self._count = arrays, largest, len(arrays[0])
        self._taken = self._done = self._shown = 0
        self._seconds_each = 0.0
        self._batches: dict[int, Batch] = {}
        self._lock = threading.Lock()
        self._failed: BaseException | None = None

    def take(self) -> tuple[int, int] | None:
        """Give the next batch, as its first sample and the one behind its last; None if there is none left."""
        with self._lock:
            if self._failed is not None:
                raise self._failed
            if self._taken >= self._count:
                return None
            size = int(_SECONDS_A_BATCH / self._seconds_each) if self._seconds_each else FIRST_BATCH
            first = self._taken
            self._taken = min(self._count, first + max(1, min(size, self._largest)))
            return first, self._taken

    def run(self, engine: Engine, part: tuple[int, int], timed: bool = False) -> None:
        """Let an engine run a batch."""
        first, end = part
        began = time.perf_counter()
        batch = engine.run([array[first:end] for array in self._arrays], end - first, timed=timed)
        took = time.perf_counter() - began
        with self._lock:
            self._batches[first] = batch
            self._done += end - first
            self._seconds_each = max(took, 1e-6) / (end - first)

    def help(self, engine: Engine) -> None:
        """Take batches until none is left, in a thread."""
        try:
            while (part := self.take()) is not None:
                self.run(engine, part)
        except BaseException as error:
            self._failed = self._failed or error

    def finished(self) -> int:
        """Say how many samples are done that were not when this was asked last."""
        with self._lock:
            fresh, self._shown = self._done - self._shown, self._done
            return fresh

    def seconds_left(self) -> float:
        """Guess how long one engine has to go on."""
        with self._lock:
            return (self._count - self._taken) * self._seconds_each

    def stop(self) -> None:
        """Leave nothing to take."""
        with self._lock:
            self._taken = self._count

    def in_order(self) -> list[Batch]:
        """Give the batches; the error of another thread, if there was one."""
        if self._failed is not None:
            raise self._failed
        return [self._batches[first] for first in sorted(self._batches)]

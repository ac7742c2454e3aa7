"""Do many jobs in worker processes, here or on a cluster, and report each exactly once, whatever its worker does.

A submission may take its worker down with it: by all the memory of the machine, by a bug in a library. Then nobody
knows whose doing it was, the job's or that of one beside it. So every job whose worker died is done once more when
all others are over, with nothing beside it; what ends its worker then too is lost, and costs nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from tinyml_labs.grading.workers.cluster_workers import Certificates, ClusterWorkers
from tinyml_labs.grading.workers.job_outcomes import Call, Ended, WorkersDoNotStart, make_call
from tinyml_labs.grading.workers.local_workers import LocalWorkers

__all__ = ["Certificates", "JobReport", "WorkersDoNotStart", "run_jobs"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class JobReport(Generic[Job, Result]):
    """What became of a job.

    Attributes
    ----------
    number : int
        The job's place in ``jobs``, counted from 0.
    job : object
        The job itself.
    outcome : {"done", "failed", "lost"}
        ``done``: there is a result. ``failed``: the work raised an error. ``lost``: its worker died or had to be
        ended, twice, and the second time nothing ran beside it.
    result : object
        What the work returned; None if there is none.
    message : str
        The error's trace, or how the worker ended; for the instructor and not for a student.
    tries : int
        1, or 2 if it was done once more alone.
    seconds : float
        The last try, from the hand-over to the report.
    """

    number: int
    job: Job
    outcome: Literal["done", "failed", "lost"]
    result: Result | None
    message: str
    tries: int
    seconds: float


class Workers(Protocol):
    """Processes that do a job each: on this machine or on others."""

    def free(self) -> int:
        """Say how many more jobs may be given now."""

    def start(self, call: Call) -> int:
        """Give a free worker a job, by `make_call`; return a number for it that no other start has."""

    def next_ended(self, timeout_s: float) -> Ended | None:
        """Wait for a job to end; None if none did."""

    def end(self, ticket: int) -> None:
        """End the process that does a job. Nothing more is heard of the job."""

    def close(self, *, at_once: bool) -> None:
        """End all workers; ``at_once`` also those that are at work."""


@dataclass(frozen=True)
class _Try(Generic[Job]):
    number: int
    job: Job


def run_jobs(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    on_done: Callable[[JobReport[Job, Result]], object],
    workers: int | None = None,
    scheduler: str | None = None,
    certificates: Certificates | None = None,
    job_seconds: float = 900.0,
) -> None:
    """Do ``work(job)`` for every job, and report each exactly once.

    Parameters
    ----------
    work : callable
        A function of a module: workers import it. Its result is sent back by pickle. On a cluster it runs in a thread
        that is not the main one.
    jobs : iterable
        Taken from as workers become free: no more jobs are held than there are workers, and those that are to be done
        again.
    on_done : callable
        Called with a `JobReport` in the thread that called ``run_jobs``, as the jobs end.
    workers : int or None
        Processes on this machine; None takes as many as it has processors. Not for a cluster, which has its own.
    scheduler : str or None
        The address of a dask scheduler, ``tls://host:port`` or ``tcp://host:port``. All its workers need this kit in
        the same version, and the files that the jobs name under the same paths.
    certificates : Certificates or None
        For ``tls://``; None takes those of dask's own configuration.
    job_seconds : float
        The outer limit: a job's worker is ended after that. The work's own limits shall be well below it.

    Raises
    ------
    ValueError
        If the arguments do not fit together.
    WorkersDoNotStart
        If no worker starts, or there is none for a minute.
    ConnectionError
        If the scheduler cannot be reached, or is lost.

    Notes
    -----
    Whatever ``on_done`` or ``jobs`` raises, and Ctrl-C, ends the workers and goes on to the caller. What was reported
    by then stays reported: a caller that notes each job can go on where it was.
    """
    if job_seconds <= 0:
        raise ValueError(f"job_seconds is {job_seconds}; it is a time in seconds, such as 900.")
    pool = _open(workers, scheduler, certificates, work)
    try:
        again: list[_Try[Job]] = []
        for tried, ended in _run(pool, work, (_Try(*pair) for pair in enumerate(jobs)), job_seconds):
            if ended.kind == "died":
                again.append(tried)
            else:
                on_done(_report(tried, ended, tries=1))
        for one in again:  # each alone
            for tried, ended in _run(pool, work, iter([one]), job_seconds):
                on_done(_report(tried, ended, tries=2))
    except BaseException:
        pool.close(at_once=True)
        raise
    pool.close(at_once=False)


def _open(
    workers: int | None, scheduler: str | None, certificates: Certificates | None, work: Callable[..., Any]
) -> Workers:
    if scheduler is None:
        if certificates is not None:
            raise ValueError("certificates are for a scheduler at tls://host:port, and no scheduler was given.")
        return LocalWorkers(workers, work)
    if workers is not None:
        raise ValueError(
            f"workers is {workers}, and a scheduler was given: its workers are those that were started for it "
            "(`dask worker ADDRESS --nworkers N --nthreads 1`). Leave one of the two out."
        )
    return ClusterWorkers(scheduler, certificates)


def _run(
    pool: Workers, work: Callable[[Job], Any], tries: Iterator[_Try[Job]], job_seconds: float
) -> Iterator[tuple[_Try[Job], Ended]]:
    """Keep the workers busy; give each try with its end."""
    running: dict[int, tuple[_Try[Job], float]] = {}
    more = True
    while True:
        while more and pool.free() > 0:
            tried = next(tries, None)
            if tried is None:
                more = False
                continue
            try:
                call = make_call(work, tried.job)
            except Exception as error:
                text = f"The job cannot be sent to a worker: {type(error).__name__}: {error}"
                yield tried, Ended(ticket=-1, kind="raised", message=text)
            else:
                running[pool.start(call)] = tried, time.monotonic()
        if not running and not more:
            return
        oldest = min((start for _, start in running.values()), default=time.monotonic())
        wait_s = min(_LOOK_EVERY_S, max(0.0, oldest + job_seconds - time.monotonic()))
        ended = pool.next_ended(wait_s)
        if ended is not None:
            tried, start = running.pop(ended.ticket)
            yield tried, ended.after(time.monotonic() - start)
        now = time.monotonic()
        for ticket in [ticket for ticket, (_, start) in running.items() if now - start >= job_seconds]:
            tried, start = running.pop(ticket)
            pool.end(ticket)
            text = f"It took longer than {job_seconds:g} s, and its worker was ended."
            yield tried, Ended(ticket=ticket, kind="died", message=text).after(now - start)


def _report(tried: _Try[Job], ended: Ended, *, tries: int) -> JobReport[Job, Any]:
    outcomes: dict[str, Literal["done", "failed", "lost"]]
    outcomes = {"returned": "done", "raised": "failed", "died": "lost"}
    return JobReport(
        number=tried.number,
        job=tried.job,
        outcome=outcomes[ended.kind],
        result=ended.value,
        message=ended.message,
        tries=tries,
        seconds=ended.seconds,
    )

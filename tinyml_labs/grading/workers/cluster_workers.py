"""Workers on other machines, by dask.distributed: one job a worker, and each worker's death noticed."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import queue
import threading
import time
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tinyml_labs.grading.workers.job_outcomes import Call, Ended, Outcome, WorkersDoNotStart, carry_out, end_of

if TYPE_CHECKING:
    from distributed import Client, Future, Security

_LOOK_EVERY_S = 1.0
_NO_WORKER_S = 60.0
_ANSWER_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """The files for an encrypted connection; scheduler and workers have such of their own.

    Attributes
    ----------
    authority : path
        The certificate of who signed the others (PEM): only who has one that it signed takes part.
    certificate, key : path
        Our own certificate and its private key (PEM).
    """

    authority: str | os.PathLike[str]
    certificate: str | os.PathLike[str]
    key: str | os.PathLike[str]


class ClusterWorkers:
    """The workers of a dask scheduler.

    Each job is given to one worker that has none, so that it is known whose death is whose. A worker with several
    threads gets one job at a time all the same.

    Parameters
    ----------
    scheduler : str
        ``tls://host:port`` or ``tcp://host:port``.
    certificates : Certificates or None

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    ValueError
        If the address is of another kind, or there are certificates for an open connection.
    FileNotFoundError
        If a certificate is not there.
    ConnectionError
        If nobody answers.
    """

    def __init__(self, scheduler: str, certificates: Certificates | None = None) -> None:
        _check_address(scheduler, certificates)
        try:
            from distributed import Client
        except ImportError:
            raise ImportError(
                "A cluster needs dask.distributed, here and on all its machines: pip install 'tinyml-labs[cluster]'."
            ) from None
        security = _security(scheduler, certificates)
        try:
            self._client: Client = Client(
                scheduler, security=security, timeout=_ANSWER_S, set_as_default=False, name="tinyml-labs-grading"
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(
                f"No scheduler answers at {scheduler} ({error}). Is `dask scheduler` running there, does it speak "
                f"{scheduler.partition(':')[0]}, and does a firewall let it through?"
            ) from error
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._tickets = itertools.count()
        self._running: dict[int, tuple[str, Future[Any]]] = {}
        self._alive: set[str] = set()
        self._given_up: set[str] = set()  # ended by us, and perhaps still listed
        self._looked = 0.0
        self._seen = time.monotonic()  # when there last was a worker

    def free(self) -> int:
        """Say how many more jobs may be given now.

        Raises
        ------
        WorkersDoNotStart
            If there was no worker for a minute.
        """
        self._look()
        return len(self._idle())

    def start(self, call: Call) -> int:
        """Give a free worker a job; return a number for it that no other start has."""
        ticket = next(self._tickets)
        address = self._idle()[0]
        future = self._client.submit(
            carry_out, call, workers=[address], pure=False, key=f"grading-{uuid.uuid4().hex}-{ticket}"
        )
        self._running[ticket] = address, future
        future.add_done_callback(lambda _: self._ended.put(ticket))
        return ticket

    def next_ended(self, timeout_s: float) -> Ended | None:
        """Wait for a job to end, or for its worker to be gone; None if none did."""
        try:
            ticket = self._ended.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            self._look()
            gone = next((t for t, (address, _) in self._running.items() if address not in self._alive), None)
            if gone is None:
                return None
            self._running.pop(gone)[1].cancel()
            return Ended(ticket=gone, kind="died", message="Its worker has left the cluster.")
        if ticket not in self._running:  # its worker was ended, and nobody waits for it
            return None
        outcome = _outcome(self._running.pop(ticket)[1])
        if outcome is not None:
            return end_of(ticket, outcome)
        return Ended(ticket=ticket, kind="died", message="Its worker process ended before it did.")

    def end(self, ticket: int) -> None:
        """End the process that does a job; its nanny starts another."""
        address, future = self._running.pop(ticket)
        self._given_up.add(address)
        future.cancel()
        # In a thread: there is no answer but the end of the connection, and none at all of a worker that hangs.
        threading.Thread(target=self._kill, args=[address], name=f"end {address}", daemon=True).start()

    def _kill(self, address: str) -> None:
        with contextlib.suppress(Exception):
            self._client.run(os._exit, 1, workers=[address], on_error="ignore")

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster. What its workers are at ends by its own limits; nobody hears of it."""
        for _, future in self._running.values():
            future.cancel()
        self._running.clear()
        self._client.close()

    def _idle(self) -> list[str]:
        busy = {address for address, _ in self._running.values()}
        return sorted(self._alive - busy - self._given_up)

    def _look(self) -> None:
        """Ask the scheduler who is there, if the last answer is old."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S and self._idle():
            return
        if now - self._looked < 0.1:
            return
        try:
            self._alive = set(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise ConnectionError(
                f"The scheduler does not answer any more ({error}). Start it and its workers again, and grade again: "
                "what was recorded is not done twice."
            ) from error
        self._given_up &= self._alive
        self._looked = now
        if self._alive - self._given_up:
            self._seen = now
        elif now - self._seen > _NO_WORKER_S:
            raise WorkersDoNotStart(
                f"The scheduler has had no worker for {_NO_WORKER_S:g} s. Start some on each machine: "
                "`dask worker ADDRESS --nworkers N --nthreads 1`."
            )


def _outcome(future: Future[Any]) -> Outcome | None:
    """Give what came back; None if the worker died, or its answer did not come."""
    if future.status != "finished":
        return None
    try:
        outcome: Outcome = future.result(timeout=_ANSWER_S)
    except Exception:  # its worker died with the answer
        return None
    return outcome


def _check_address(scheduler: str, certificates: Certificates | None) -> None:
    parts = urlsplit(scheduler)
    if parts.scheme not in ("tls", "tcp") or not parts.hostname:
        raise ValueError(
            f"The scheduler's address is {scheduler!r}; expected such as tls://10.0.0.5:8786 (or tcp:// on this "
            "machine)."
        )
    if parts.scheme == "tls":
        return
    if certificates is not None:
        raise ValueError(f"{scheduler} is not encrypted, and certificates were given: did you mean tls://?")
    if not _is_this_machine(parts.hostname):
        warnings.warn(
            f"{scheduler} is not encrypted: whoever reaches it can read submissions and hidden checks, and run "
            "programs on all its machines. Use tls:// with certificates.",
            stacklevel=5,
        )


def _security(scheduler: str, certificates: Certificates | None) -> Security | None:
    """Give the files in dask's own form; without any, what its configuration says."""
    from distributed import Security

    if scheduler.startswith("tcp:"):
        return None
    if certificates is None:
        return Security(require_encryption=True)
    files = {
        "tls_ca_file": certificates.authority,
        "tls_client_cert": certificates.certificate,
        "tls_client_key": certificates.key,
    }
    for path in files.values():
        if not Path(path).is_file():
            raise FileNotFoundError(f"There is no certificate or key at {path}.")
    return Security(require_encryption=True, **{name: os.fspath(path) for name, path in files.items()})


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Starts a student's kernel: in a sandbox on sockets that the grader makes, without one over the loopback."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyml_labs.grading.isolation.confined_process import Confined
from tinyml_labs.grading.isolation.kernel_link import KernelLink, LinkBroken, LinkTimeout
from tinyml_labs.grading.isolation.kernel_outcomes import KernelNotStarted
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.sandbox import require_sandbox

_START = "from tinyml_labs.grading.isolation.kernel_child import main; main()"
_PORTS = "kernel-ports.json"
_SPARE_BYTES = 4 * 2**20


def start_kernel(
    limits: Limits, *, unsafe: bool, files: Mapping[str, bytes], readable: Sequence[Path]
) -> tuple[Confined, dict[str, KernelLink]]:
    """Start a kernel and wait until it is ready.

    Returns
    -------
    confined : Confined
    links : dict of str to KernelLink
        ``shell`` and ``control``.

    Raises
    ------
    sandbox.NoSandbox, KernelNotStarted
        As for `student_kernel.StudentKernel`.
    """
    deadline = time.monotonic() + limits.start_seconds
    key = secrets.token_hex(16)
    settings: dict[str, Any] = {"key": key, "largest_text": limits.output_kb * 1024}
    sandboxed = require_sandbox(unsafe=unsafe)
    with contextlib.ExitStack() as stack:
        streams: dict[str, socket.socket] = {}
        waiting: dict[str, socket.socket] = {}
        if sandboxed:
            waiting, streams = _make_sockets(stack)
            settings["sockets"] = {name: one.fileno() for name, one in waiting.items()}
        else:
            settings["ports"] = _PORTS
        confined = Confined(
            [sys.executable, "-c", _START, json.dumps(settings)], limits=limits, files=files, readable=readable,
            sandboxed=sandboxed, pass_fds=[one.fileno() for one in waiting.values()],
        )  # fmt: skip
        stack.push(confined)
        try:
            streams = streams or _connect(confined, deadline, stack)
            links = {name: _make_link(stream, key, limits, confined) for name, stream in streams.items()}
            for link in links.values():
                link.greet(deadline)
            ready = links["shell"].send("kernel_info_request", {}, deadline=deadline)
            links["shell"].receive(ready, deadline)
        except (LinkBroken, LinkTimeout) as error:
            words = confined.read_errors().strip()[-1500:]
            late = isinstance(error, LinkTimeout)
            what = f"was not ready in {limits.start_seconds:g} s." if late else f"did not start: {error}"
            raise KernelNotStarted(f"The kernel {what} {words}".strip()) from None
        stack.pop_all()
    for one in waiting.values():
        one.close()
    return confined, links


def _make_link(stream: socket.socket, key: str, limits: Limits, confined: Confined) -> KernelLink:
    largest = 2 * limits.value_mb * 2**20 + _SPARE_BYTES
    return KernelLink(stream, key=key.encode(), largest_bytes=largest, still_runs=confined.runs)


def _make_sockets(stack: contextlib.ExitStack) -> tuple[dict[str, socket.socket], dict[str, socket.socket]]:
    """Return sockets that wait for a connection, and those that are connected to them already."""
    waiting, connected = {}, {}
    with tempfile.TemporaryDirectory(prefix="tinyml-labs-") as folder:
        for name in ("shell", "control"):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.bind(f"{folder}/{name}")
            one.listen(1)
            other = stack.enter_context(socket.socket(socket.AF_UNIX))
            other.connect(f"{folder}/{name}")
            waiting[name], connected[name] = one, other
    return waiting, connected


def _connect(confined: Confined, deadline: float, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    """Connect to a kernel without a sandbox: it says at which ports."""
    assert confined.folder is not None
    path = confined.folder / _PORTS
    while not path.exists():
        if not confined.runs():
            raise LinkBroken("It has ended.")
        if time.monotonic() > deadline:
            raise LinkTimeout
        time.sleep(0.01)
    streams = {}
    for name, port in json.loads(path.read_text()).items():
        try:
            stream = socket.create_connection(("127.0.0.1", port), 10)
        except OSError as error:
            raise LinkBroken(f"Its socket does not answer: {error}.") from None
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        streams[name] = stack.enter_context(stream)
    return streams

"""The real TensorFlow Lite Micro kernels, in a child process: what a board computes, to the byte."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import weakref
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.inference.failures import InferenceError, explain_tflm
from tinyml_labs.inference.tflm_worker import read_message, write_message
from tinyml_labs.model_file import ModelFile, read_model

SMALLEST_DEFAULT_ARENA = 64 * 1024
_WORKER = Path(__file__).with_name("tflm_worker.py")
LARGEST_ARENA = 1024 * 1024 * 1024


@cache
def tflm_available() -> bool:
    """Say whether the TensorFlow Lite Micro wheel is installed (it exists for Linux on x86-64 alone)."""
    return importlib.util.find_spec("tflite_micro") is not None


class TflmProcess:
    """A model in a child process that runs TFLM. Not for more than one thread at a time.

    Parameters
    ----------
    model : ModelFile
    arena_bytes : int or None
        Size of the tensor arena; None takes ten times the model's size, and more where that is too little.

    Raises
    ------
    InferenceError
        If TFLM refuses the model or dies of it, with TFLM's own reason.
    """

    name = "tflm"
    fidelity = "the board's own kernels"

    def __init__(self, model: ModelFile, arena_bytes: int | None = None) -> None:
        if not tflm_available():
            raise InferenceError(
                "TensorFlow Lite Micro is not installed: its wheel exists for Linux on x86-64 alone. "
                "Use engine='litert', which is within 1 of the board."
            )
        self.model = model
        self._child: _Child | None = None
        self._start(arena_bytes)

    def _start(self, arena_bytes: int | None) -> None:
        arena = arena_bytes or max(SMALLEST_DEFAULT_ARENA, 10 * len(self.model.data))
        while True:
            self._child = _Child()
            request = {
                "do": "load",
                "arena_bytes": arena,
                "inputs": len(self.model.inputs),
                "outputs": len(self.model.outputs),
            }
            try:
                self._ask(request, self.model.data, arena_bytes=arena)
            except InferenceError as error:
                if arena_bytes is None and error.kind == "arena" and arena * 4 <= LARGEST_ARENA:
                    arena *= 4
                    continue
                raise
            self.arena_bytes = arena
            return

    def run(
        self, inputs: list[NDArray[Any]], count: int, *, timed: bool = False
    ) -> tuple[list[NDArray[Any]], NDArray[np.int64] | None]:
        """Run ``count`` inferences; each array is (count, \\*input shape), already checked.

        Returns
        -------
        list of arrays, one an output; and the nanoseconds of each invocation, if ``timed``
        """
        if self._child is None:  # the last call was interrupted or killed the child
            self._start(self.arena_bytes)
        described = [{"dtype": a.dtype.name, "shape": list(a.shape[1:])} for a in inputs]
        parts = [a.reshape(-1).view(np.uint8).data for a in inputs if a.size]
        body = self._ask({"do": "run", "count": count, "inputs": described, "timed": timed}, *parts)[1]
        results, start = [], 0
        for tensor in self.model.outputs:
            shape = (count, *tensor.shape)
            size = int(np.prod(shape, dtype=np.int64))
            results.append(np.frombuffer(body, tensor.dtype, size, start).reshape(shape))
            start += size * tensor.dtype.itemsize
        return results, np.frombuffer(body, np.int64, count, start) if timed else None

    def another(self) -> TflmProcess:
        """Start a second child with the same model and arena."""
        return TflmProcess(self.model, self.arena_bytes)

    def reset(self) -> None:
        """Set the state that a streaming model keeps to what it is when the model is loaded."""
        if self._child is not None:  # without a child, the next run starts one, and so anew
            self._ask({"do": "reset"})

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _ask(
        self, header: dict[str, Any], *parts: Any, arena_bytes: int | None = None
    ) -> tuple[dict[str, Any], bytes]:
        child = self._child
        assert child is not None
        try:
            reply = child.ask(header, *parts)
        except BaseException:  # interrupted half-way: the child's state is unknown
            self.close()
            raise
        if reply is not None and "error" not in reply[0]:
            return reply
        died_of = None if reply is not None else child.wait()
        log = child.log()
        self.close()
        said = reply[0]["error"] if reply is not None else ""
        raise explain_tflm(self.model, log, said, died_of, arena_bytes)


class _Child:
    """One worker process, and the file that collects what it prints."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER)],  # by path: it needs NumPy alone, and starts faster without the package
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for the child
        )
        self._end = weakref.finalize(self, _end_process, self._process, self._log)

    def ask(self, header: dict[str, Any], *parts: Any) -> tuple[dict[str, Any], bytes] | None:
        """Send a request and wait for the reply; None if the child died."""
        with contextlib.suppress(BrokenPipeError):
            write_message(cast(BinaryIO, self._process.stdin), header, *parts)
        try:
            return read_message(cast(BinaryIO, self._process.stdout))
        except (EOFError, ValueError):
            return None

    def wait(self) -> int:
        """Wait for a dead child; give the signal that killed it, or 0."""
        return max(0, -self._process.wait(timeout=10))

    def log(self) -> str:
        """Give what TFLM has printed so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def end(self) -> None:
        """End the process; for good measure more than once."""
        self._end()


def _end_process(process: subprocess.Popen[bytes], log: Any) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    log.close()


@dataclass(frozen=True, kw_only=True)
class ArenaMeasurement:
    """What :func:`measure_arena` found.

    Attributes
    ----------
    smallest_bytes : int
        The smallest arena, to 16 bytes, in which the model allocates and runs on this 64-bit host.
    allocations : dict
        TFLM's own account: ``{"total": bytes, "head": bytes, "tail": bytes}`` and, by the name of each part
        (such as ``"TfLiteEvalTensor data"``), a pair of its bytes and the number of its allocations.
    """

    smallest_bytes: int
    allocations: dict[str, Any] = field(default_factory=dict)


def measure_arena(model: bytes | str | os.PathLike[str]) -> ArenaMeasurement:
    """Find the smallest tensor arena that works, by trying: a search in forked children, to 16 bytes.

    Parameters
    ----------
    model : bytes or path
        A ``.tflite`` model.

    Returns
    -------
    ArenaMeasurement

    Raises
    ------
    InferenceError
        If TFLM is not installed here, or the model runs in no arena.

    Notes
    -----
    Measured on a 64-bit host: TFLM's structures hold pointers, so a 32-bit board needs less.
    :func:`tinyml_labs.inspection.measure_arena` estimates how much less.
    """
    parsed = read_model(model)
    runner = TflmProcess(parsed)  # raises the reason if the model does not run at all
    try:
        described = [{"dtype": t.dtype.name, "shape": list(t.shape)} for t in parsed.inputs]
        assert runner._child is not None
        header, _ = runner._ask(
            {"do": "arena", "inputs": described, "limit": LARGEST_ARENA},
            parsed.data,
            arena_bytes=LARGEST_ARENA,
        )
        child = runner._child
        allocations = _parse_allocations(child.log()) if child is not None else {}
    finally:
        runner.close()
    if not header["smallest_bytes"]:
        raise InferenceError(f"The model runs in no arena of up to {LARGEST_ARENA:,} bytes.")
    return ArenaMeasurement(smallest_bytes=header["smallest_bytes"], allocations=allocations)


def _parse_allocations(log: str) -> dict[str, Any]:
    """Read the lines that TFLM's RecordingMicroAllocator prints."""
    allocations: dict[str, Any] = {}
    for name, size in re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", log):
        allocations[name] = int(size)
    pattern = r"'([^']+)' used (\d+) bytes with alignment overhead \(requested \d+ bytes for (\d+)"
    for name, size, number in re.findall(pattern, log):
        allocations[name] = (int(size), int(number))
    return allocations

"""A student's kernel: cells go in, and verdicts, traces and plain values come out. What it sends is not believed.

The kernel is an ipykernel in a sandbox. The grader makes its two sockets, connects to them, and takes their paths
away again before the kernel starts: there is nothing to find on a disk, and nobody else can connect. Output is not
asked for. What a cell or a call takes is timed here; if it takes too long it is interrupted, which tells where it
stood, and then ended from outside, whatever it does about it.
"""

from __future__ import annotations

import builtins
import contextlib
import re
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyml_labs.grading.isolation.call_arguments import ArgumentError, find_in_notebook, write_arguments
from tinyml_labs.grading.isolation.confined_process import Confined
from tinyml_labs.grading.isolation.kernel_link import Answer, KernelLink, LinkBroken, LinkTimeout
from tinyml_labs.grading.isolation.kernel_outcomes import CellOutcome, KernelNotStarted, KernelStopped, StudentRaised
from tinyml_labs.grading.isolation.kernel_start import start_kernel
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.plain_reader import BadAnswer, decode, read_json, restore
from tinyml_labs.grading.isolation.plain_values import PlainValueError
from tinyml_labs.grading.verdicts import Verdict

__all__ = [
    "ArgumentError", "CellOutcome", "KernelNotStarted", "KernelStopped", "PlainValueError", "StudentKernel",
    "StudentRaised", "find_in_notebook",
]  # fmt: skip

_GRACE_SECONDS = 1.0
_TERMINAL = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class StudentKernel:
    """A kernel in a sandbox, for one student's cells, in a ``with`` statement.

    Parameters
    ----------
    limits : Limits
    unsafe : bool, optional
        Where there is no sandbox, be a plain process in a temporary folder.
    files : mapping of str to bytes, optional
        What lies in its working folder.
    readable : sequence of Path, optional
        Further files and folders that it sees, at their own place, read-only.

    Attributes
    ----------
    sandboxed : bool
    alive : bool
        Whether it can be asked for anything more.

    Raises
    ------
    sandbox.NoSandbox
        If there is none, and `unsafe` is not set.
    KernelNotStarted
        If it was not ready in ``limits.start_seconds``.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        unsafe: bool = False,
        files: Mapping[str, bytes] | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        self._limits, self._unsafe, self._files, self._readable = limits, unsafe, files or {}, readable
        self._used_seconds = 0.0
        self._kills_before = 0
        self._stopped: tuple[Verdict, str, str, int | None] | None = None
        self._confined: Confined | None = None
        self._links: dict[str, KernelLink] = {}

    def __enter__(self) -> StudentKernel:
        self._confined, self._links = start_kernel(
            self._limits, unsafe=self._unsafe, files=self._files, readable=self._readable
        )
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def sandboxed(self) -> bool:
        """Whether it runs in a sandbox."""
        return self._confined is not None and self._confined.sandboxed

    @property
    def alive(self) -> bool:
        """Whether it can be asked for anything more."""
        return self._stopped is None and self._confined is not None and self._confined.runs()

    def close(self) -> None:
        """End the kernel and everything that it has started."""
        self._stop("killed", "The kernel has been closed.")

    def run(self, code: str, *, label: str) -> CellOutcome:
        """Run a cell.

        Parameters
        ----------
        code : str
        label : str
            What a trace calls the cell.

        Returns
        -------
        CellOutcome
            Also if the kernel is gone: nothing that a student can write makes this raise an error.
        """
        start = time.monotonic()
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": False}  # fmt: skip
        try:
            answer = self._ask("execute_request", content, self._limits.cell_seconds, metadata={"cellId": label})
            data = self._read(answer, "execute_reply", answer.content)
        except KernelStopped as stopped:
            return CellOutcome(
                verdict=stopped.verdict, message=stopped.message, trace=stopped.trace, line=stopped.line,
                seconds=time.monotonic() - start,
            )  # fmt: skip
        seconds = time.monotonic() - start
        if data["status"] == "ok":
            return CellOutcome(verdict="ok", seconds=seconds)
        return CellOutcome(
            verdict="error", error_type=data["error_type"], message=data["message"], trace=data["trace"],
            line=data["line"], seconds=seconds,
        )  # fmt: skip

    def call(
        self,
        function_name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        """Call a function of the notebook and return its value.

        Parameters
        ----------
        function_name : str
        args, kwargs : optional
            Arrays, lists, dicts and sets among them are changed if the function changes them.
        timeout : float, optional
            Seconds; ``limits.call_seconds`` by default.

        Returns
        -------
        object
            None, bool, int, float, complex, str, bytes, list, tuple, dict, set, or an array or number of NumPy.

        Raises
        ------
        StudentRaised
            If the function raised an error, or there is none of that name.
        PlainValueError
            If it returned anything else.
        ArgumentError
            If an argument cannot be sent.
        KernelStopped
            If the kernel ended or was ended, now or before.
        """
        args, kwargs = list(args), dict(kwargs or {})
        self._check_not_stopped()
        blocks, read_only = write_arguments(args, kwargs)
        largest = self._limits.value_mb * 2**20
        content = {"function": function_name, "read_only": read_only, "largest_value": largest,
                   "largest_text": self._limits.output_kb * 1024}  # fmt: skip
        seconds = self._limits.call_seconds if timeout is None else timeout
        answer = self._ask("call_request", content, seconds, blocks=blocks)
        try:
            data = self._read(answer, "call_reply", read_json(answer.blocks[0]) if answer.blocks else None)
            if data["status"] == "error":
                raise StudentRaised(**{key: value for key, value in data.items() if key != "status"})
            if data["status"] == "no plain value":
                raise PlainValueError(data["message"])
            value = decode(data.get("value"), answer.blocks[1:])
            changed = self._read_changed(data.get("changed"), answer.blocks[1:], [*range(len(args)), *kwargs])
        except BadAnswer as error:
            raise self._stop("killed", f"The kernel has sent what is no answer. {error}") from None
        originals: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        for key, new in changed:
            restore(originals[key], new)
        return value

    def _check_not_stopped(self) -> None:
        if self._stopped is not None:
            verdict, message, trace, line = self._stopped
            raise KernelStopped(verdict=verdict, message=message, trace=trace, line=line)

    def _ask(
        self, kind: str, content: Any, seconds: float, *, metadata: Any = None, blocks: Sequence[Any] = ()
    ) -> Answer:
        """Send a request and wait for its answer; end the kernel if there is none in time."""
        self._check_not_stopped()
        assert self._confined is not None
        link = self._links["shell"]
        start = time.monotonic()
        left = self._limits.total_seconds - self._used_seconds
        deadline = start + min(seconds, left)
        request = ""
        self._kills_before = self._confined.count_memory_kills()
        try:
            request = link.send(kind, content, deadline=deadline, metadata=metadata, blocks=blocks)
            sent = sum(memoryview(block).nbytes for block in blocks)
            return link.receive(request, deadline, more_bytes=2 * sent)
        except LinkTimeout:
            trace, line = self._interrupt(request)
            whole = left < seconds
            limit = f"{self._limits.total_seconds:g} s together" if whole else f"{seconds:g} s"
            message = f"The cells and the calls took more than {limit}." if whole else f"It took more than {limit}."
            raise self._stop("timeout", message, trace, line) from None
        except LinkBroken as error:
            raise self._stop("killed", self._say_how_it_ended(error)) from None
        finally:
            self._used_seconds += time.monotonic() - start

    def _say_how_it_ended(self, error: LinkBroken) -> str:
        assert self._confined is not None
        returncode = self._confined.wait(0.5)
        if returncode is None:
            return f"The program no longer answers. {error}"
        if returncode >= 0:
            return f"The program ended in the middle of it, with the return code {returncode}."
        with contextlib.suppress(ValueError):
            return f"A signal ended the program: {signal.Signals(-returncode).name}."
        return f"A signal ended the program: {-returncode}."

    def _interrupt(self, request: str) -> tuple[str, int | None]:
        """Interrupt what runs, and return where it stood, as (trace, line); it need not obey."""
        deadline = time.monotonic() + _GRACE_SECONDS
        with contextlib.suppress(LinkTimeout, LinkBroken, BadAnswer):
            self._links["control"].send("interrupt_request", {}, deadline=deadline)
            answer = self._links["shell"].receive(request, deadline)
            data = answer.content if answer.kind == "execute_reply" else read_json(answer.blocks[0])
            if type(data) is dict and data.get("error_type") == "KeyboardInterrupt":
                lines = self._clean(data.get("trace")).splitlines()
                return "\n".join(lines[:-1]), _line(data.get("line"))
        return "", None

    def _read(self, answer: Answer, kind: str, data: Any) -> dict[str, Any]:
        """Return a reply's data, checked and cleaned; stop the kernel if it is none, or says that it is over."""
        status = data.get("status") if type(data) is dict else None
        if answer.kind != kind or type(status) is not str or status not in ("ok", "error", "no plain value"):
            raise self._stop("killed", "The kernel has sent what is no answer.")
        if status == "ok":
            return data
        assert self._confined is not None
        clean = {name: self._clean(data.get(name)) for name in ("error_type", "message", "trace")}
        clean["error_type"] = clean["error_type"][:200] or "Exception"
        line = _line(data.get("line"))
        verdict, words = self._confined.why_stopped(self._kills_before)
        if verdict is None and clean["error_type"] == "MemoryError":
            verdict, words = "out of memory", clean["message"] or "There was not enough memory."
        if verdict is None and clean["error_type"] == "SystemExit":
            verdict, words = "killed", "It ended the program (SystemExit)."
        if status == "error" and verdict is not None:
            raise self._stop(verdict, words, clean["trace"], line)
        builtin_type = data.get("builtin_type")
        known = type(builtin_type) is str and isinstance(getattr(builtins, builtin_type, None), type)
        return {"status": status, **clean, "line": line, "builtin_type": builtin_type if known else "Exception"}

    def _read_changed(self, changed: Any, blocks: Sequence[bytes], keys: Sequence[Any]) -> list[tuple[Any, Any]]:
        if type(changed) is not list or len(changed) > len(keys):
            raise BadAnswer("The changed arguments are no list.")
        found = []
        for entry in changed:
            if type(entry) is not list or len(entry) != 2 or type(entry[0]) not in (int, str) or entry[0] not in keys:
                raise BadAnswer("A changed argument has no name.")
            found.append((entry[0], decode(entry[1], blocks)))
        return found

    def _clean(self, text: Any) -> str:
        """Return a text of the kernel's without anything but text, cut to the cap."""
        if type(text) is not str:
            return ""
        largest = self._limits.output_kb * 1024
        return _TERMINAL.sub("", text[: 2 * largest])[:largest].encode("utf-8", "replace").decode()

    def _stop(self, verdict: Verdict, message: str, trace: str = "", line: int | None = None) -> KernelStopped:
        """End the kernel; return what is to be raised. A limit that was hit says more than the end that it caused."""
        if self._stopped is None:
            if self._confined is not None:
                hit = self._confined.kill()
                if hit is not None:
                    verdict, message = hit, self._confined.why_stopped()[1]
            self._stopped = (verdict, message, trace, line)
            for link in self._links.values():
                link.close()
            if self._confined is not None:
                self._confined.__exit__()
        verdict, message, trace, line = self._stopped
        return KernelStopped(verdict=verdict, message=message, trace=trace, line=line)


def _line(number: Any) -> int | None:
    return number if type(number) is int and 0 < number < 10**6 else None

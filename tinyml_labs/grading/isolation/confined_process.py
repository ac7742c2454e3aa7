"""A process in which a student's code runs, with everything below it: started, watched, and ended from outside."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tinyml_labs.grading.isolation import cgroups, sandbox_view
from tinyml_labs.grading.isolation.bubblewrap import limit_command, wrap
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.process_watch import ProcessWatch
from tinyml_labs.grading.verdicts import Verdict

_FOLDER = "tinyml-labs-grading"
_WAIT_FOR_THE_WORD = 'read -r go && [ "$go" = go ] && exec "$@"'


class Confined:
    """A running process with everything below it; the end of the ``with`` block ends it.

    Parameters
    ----------
    argv, files, limits, readable
        As for `sandbox.run_in_sandbox`.
    sandboxed : bool, optional
        Whether it runs in a sandbox; see `sandbox.require_sandbox`.
    pass_fds : sequence of int, optional
        File descriptors that it inherits, under their numbers; not on Windows.
    keep_output : bool, optional
        Whether its output can be read from `streams`. Its errors can always: the first of them, 64 kB.

    Attributes
    ----------
    process : subprocess.Popen
    folder : Path or None
        Its working folder, if it is no sandbox.
    sandboxed : bool
    streams : list of binary files
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
        readable: Sequence[Path] = (),
        sandboxed: bool = True,
        pass_fds: Sequence[int] = (),
        keep_output: bool = False,
    ) -> None:
        self.sandboxed = sandboxed
        self.folder: Path | None = None
        self._limits, self._ending = limits, threading.Lock()
        self._verdict: Verdict | None = None
        self._message = ""
        self._ended = False
        self._watch: ProcessWatch | None = None
        self._first: int | None = None  # of the sandbox's processes: all others end with it
        told: IO[bytes] | None = None
        with contextlib.ExitStack() as stack:
            if sandboxed:
                told, telling = _make_pipe(stack)
                wrapped, descriptors = wrap(argv, limits, files or {}, readable, stack, told=telling.fileno())
                env, folder = sandbox_view.environment(), "/"
            else:
                self.folder = _make_folder(files or {})
                wrapped, descriptors = [*limit_command(limits, processes=False), *argv], []
                env, folder = _unsafe_environment(self.folder), str(self.folder)
            gate = ["/bin/sh", "-c", _WAIT_FOR_THE_WORD, "sh"] if os.name == "posix" else []
            self._group = cgroups.make_group(limits)
            try:
                self.process = subprocess.Popen(
                    [*gate, *wrapped], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=env,
                    stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL, start_new_session=True,
                    pass_fds=[*pass_fds, *descriptors] if os.name == "posix" else (),
                )  # fmt: skip
            except BaseException:
                self._clean()
                raise
            self.streams = [stream for stream in (self.process.stdout, self.process.stderr) if stream is not None]
            self._set_off(with_a_word=bool(gate))
            if told is not None:
                telling.close()
                self._first = _find_first(told)

    def _set_off(self, *, with_a_word: bool) -> None:
        """Put the process under its limits while it still waits, then let it go."""
        if self._group is not None and not self._group.add(self.process.pid):
            self._group.remove(seconds=0)
            self._group = None
        if self._group is None:
            scratch = Path(sandbox_view.SCRATCH) if self.sandboxed else None
            self._watch = ProcessWatch(self.process.pid, self._limits, scratch=scratch, stop=self._kill_processes)
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it may have ended already
            if with_a_word:
                self.process.stdin.write(b"go\n")
            self.process.stdin.close()

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        for stream in self.streams:
            stream.close()

    def runs(self) -> bool:
        """Whether the process does."""
        return self.process.poll() is None

    def count_memory_kills(self) -> int:
        """Return how many of its processes the system has killed so far because the memory was used up."""
        return 0 if self._group is None else self._group.count_memory_kills()

    def why_stopped(self, kills_before: int = 0) -> tuple[Verdict | None, str]:
        """Return the verdict and a sentence, if a limit has stopped it or one of its processes, else None and ''."""
        if self.count_memory_kills() > kills_before:
            return "out of memory", f"It took more than {self._limits.memory_mb:,} MB of memory."
        if self._watch is not None and self._watch.verdict is not None:
            return self._watch.verdict, self._watch.message
        return self._verdict, self._message

    def wait(self, seconds: float) -> int | None:
        """Return its return code, negative for a signal; None if it still runs after some seconds."""
        try:
            return _plain_code(self.process.wait(seconds))
        except subprocess.TimeoutExpired:
            return None

    def read_errors(self) -> str:
        """Return what it has written to its standard error; it has ended then."""
        self.kill()
        return CappedReader(self.process.stderr, self._limits.output_kb * 1024).text() if self.process.stderr else ""

    def kill(self) -> Verdict | None:
        """End it and everything below it, and clean up; return the verdict of `why_stopped`."""
        with self._ending:
            if self._ended:
                return self._verdict
            self._ended = True
            if self._watch is not None:
                self._watch.close()
            self._verdict, self._message = self.why_stopped()
            self._kill_processes()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self._clean()
            return self._verdict

    def _kill_processes(self) -> None:
        if self._group is not None and not self.sandboxed:
            self._group.kill()
        if self._watch is not None and not self.sandboxed:
            self._watch.kill_seen()
        if self._first is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()

    def _clean(self) -> None:
        if self._first is not None:
            os.close(self._first)
            self._first = None
        if self._group is not None:
            self._group.remove()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class CappedReader:
    """A thread that reads a stream to its end, and keeps its beginning."""

    def __init__(self, stream: IO[bytes], largest_bytes: int) -> None:
        self._stream, self._largest, self._kept = stream, largest_bytes, bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while some := os.read(self._stream.fileno(), 2**16):
                self._kept += some[: self._largest - len(self._kept)]

    def text(self) -> str:
        """Return what was kept; wait a moment for what is on its way."""
        self._thread.join(2)
        return bytes(self._kept).decode("utf-8", "replace")


def _make_pipe(stack: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """Return a pipe's two ends, to read and to write; the stack closes them."""
    to_read, to_write = os.pipe()
    return stack.enter_context(os.fdopen(to_read, "rb")), stack.enter_context(os.fdopen(to_write, "wb"))


def _find_first(told: IO[bytes]) -> int | None:
    """Return a descriptor of the first process in a sandbox, which no later process can be mistaken for.

    bubblewrap ends it with itself as well, and with the grader. Where the grader is no root, the student's code has
    the same user as that process, so nothing that it could do there shall be in the way.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError):
        return os.pidfd_open(json.loads(told.read())["child-pid"])
    return None


def _make_folder(files: Mapping[str, bytes]) -> Path:
    """Make a working folder for a process without a sandbox; remove those of graders that have ended."""
    import psutil

    place = Path(tempfile.gettempdir())
    for old in place.glob(f"{_FOLDER}-*-*"):
        process_id = old.name.removeprefix(_FOLDER).split("-")[1]
        if process_id.isdigit() and not psutil.pid_exists(int(process_id)):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}-{os.getpid()}-"))
    for name, content in files.items():
        sandbox_view.check_file_name(name)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _unsafe_environment(folder: Path) -> dict[str, str]:
    kept = ("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "LD_LIBRARY_PATH", "PYTHONHOME")
    env = {**sandbox_view.environment(str(folder)), **{name: os.environ[name] for name in kept if name in os.environ}}
    return {**env, "TEMP": str(folder), "TMP": str(folder), "USERPROFILE": str(folder), "APPDATA": str(folder)}


def _plain_code(returncode: int) -> int:
    """Return a return code; a shell and bubblewrap say 128 + signal for what a signal has ended."""
    return -(returncode - 128) if returncode > 128 and os.name == "posix" else returncode

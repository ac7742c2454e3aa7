"""Keep what libraries write past Python, on file descriptors 1 and 2, out of notebooks and terminals."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TextIO

_lock = threading.RLock()
_active: _Redirection | None = None


class QuietText:
    """What was written while it was quiet: `str(captured)`, complete once the `with` block is left."""

    def __init__(self) -> None:
        self._text = ""

    def __str__(self) -> str:
        return self._text


@contextlib.contextmanager
def quiet() -> Iterator[QuietText]:
    """Capture everything that the block writes to standard output and standard error, also from C++.

    TensorFlow, its converter and the loaders below them log from C++, which `contextlib.redirect_stderr` does
    not see. Here file descriptors 1 and 2 point to a temporary file while the block runs. That holds for the
    whole process, so text which *other Python threads* print in the meantime is passed on to where it
    belongs; what other threads write from C++ is captured too. Blocks may be nested, and several threads may
    be quiet at once. Works in a terminal, under pytest, in a Jupyter kernel and on Windows.

    `TF_CPP_MIN_LOG_LEVEL` is set to 2 (errors only) unless the environment says otherwise, since TensorFlow
    reads it while it is imported.

    Yields
    ------
    QuietText
        `str()` of it, after the block, is what was captured; empty inside the block.

    Examples
    --------
    >>> with quiet() as captured:
    ...     print("not shown")
    >>> str(captured)
    'not shown\\n'

    Notes
    -----
    Introduced in `notebooks/00_start_here.ipynb`. After E. Bendersky, "Redirecting all kinds of stdout in
    Python" (2015).
    """
    global _active
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    captured = QuietText()
    with _lock:
        if _active is None:
            _active = _Redirection()
        redirection = _active
        start = redirection.enter()
    try:
        yield captured
    finally:
        with _lock:
            captured._text = redirection.leave(start)
            if redirection.users == 0:
                redirection.close()
                _active = None


def import_quietly(name: str) -> ModuleType:
    """Import a module without its start-up messages; TensorFlow with oneDNN's kernels.

    TensorFlow uses those by itself on some processors alone; on the others the labs' larger networks train in 0.7 to
    0.9 of the time with them (`benchmarks/training.py`). The environment's `TF_ENABLE_ONEDNN_OPTS=0` keeps them off.

    Parameters
    ----------
    name
        For example `"tensorflow"`.

    Returns
    -------
    module
        As `importlib.import_module` gives it.

    Raises
    ------
    ImportError
        The module is not installed or does not load; what it wrote is part of the message.
    """
    if name in sys.modules:
        return sys.modules[name]
    if name in ("tensorflow", "keras"):
        logging.getLogger("tensorflow").addFilter(_is_no_news)
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # read while TensorFlow is imported
    with quiet() as captured:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            failure = error
    tail = "\n".join(str(captured).splitlines()[-5:])
    raise ImportError(
        f"{name} cannot be imported: {failure}. `tinyml-labs doctor` checks the installation. {tail}".rstrip()
    ) from failure


def _is_no_news(record: logging.LogRecord) -> bool:
    """Let pass what TensorFlow logs, but not that a function was traced again: each new network is a new function."""
    return "tf.function retracing" not in str(record.msg)


class _Redirection:
    """File descriptors 1 and 2, and sys.stdout and sys.stderr, pointed to one temporary file."""

    def __init__(self) -> None:
        self.users = 0
        self._threads: dict[int, int] = {}
        # Unbuffered, since others write to it by descriptor, and always at its end.
        self._file: io.RawIOBase = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115
        _flush()
        self._saved: dict[int, int] = {}
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):  # a program without a console may have none
                self._saved[descriptor] = os.dup(descriptor)
                os.dup2(self._file.fileno(), descriptor)
        self._streams = (sys.stdout, sys.stderr)
        self._proxies = tuple(_ThreadStream(stream) for stream in self._streams)
        sys.stdout, sys.stderr = self._proxies

    def enter(self) -> int:
        thread = threading.get_ident()
        self._threads[thread] = self._threads.get(thread, 0) + 1
        self.users += 1
        _flush_c()
        return os.fstat(self._file.fileno()).st_size

    def leave(self, start: int) -> str:
        _flush_c()
        thread = threading.get_ident()
        self.users -= 1
        self._threads[thread] -= 1
        if not self._threads[thread]:
            del self._threads[thread]
        return self._read(start)

    def captures(self, thread: int) -> bool:
        return thread in self._threads

    def saved(self, descriptor: int) -> int | None:
        """The descriptor that now leads to where 1 or 2 led before."""
        return self._saved.get(descriptor)

    def write(self, text: str) -> None:
        os.write(self._file.fileno(), text.encode("utf-8", errors="replace"))

    def close(self) -> None:
        # A stream that someone else put in place meanwhile stays.
        if sys.stdout is self._proxies[0]:
            sys.stdout = self._streams[0]
        if sys.stderr is self._proxies[1]:
            sys.stderr = self._streams[1]
        for descriptor, saved in self._saved.items():
            os.dup2(saved, descriptor)
            os.close(saved)
        self._saved.clear()
        self._file.close()

    def _read(self, start: int) -> str:
        self._file.seek(start)
        return (self._file.readall() or b"").decode("utf-8", errors="replace")


class _ThreadStream(io.TextIOBase):
    """A text stream that captures what a quiet thread prints, and passes on what other threads print.

    Loggers that are made in a quiet block keep it for good, so it looks up who is quiet at each write.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _lock:
            if _active is not None and _active.captures(threading.get_ident()):
                _active.write(text)
            elif self._stream is not None:
                saved = _active.saved(_descriptor(self._stream)) if _active is not None else None
                if saved is None:
                    return self._stream.write(text)
                os.write(saved, text.encode(self._stream.encoding or "utf-8", errors="replace"))
        return len(text)

    def flush(self) -> None:
        # While it is quiet, what a stream on descriptor 1 or 2 has buffered waits.
        with _lock:
            waits = _active is not None and _active.saved(_descriptor(self._stream)) is not None
            if self._stream is not None and not waits:
                self._stream.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _descriptor(stream: TextIO | None) -> int:
    """The file descriptor a stream writes to; -1 for one that writes elsewhere, as a Jupyter kernel's does."""
    if type(stream).__module__.startswith("ipykernel"):
        return -1  # its fileno() is that of the original stream, but it sends messages
    try:
        return -1 if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):
        return -1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    _flush_c()


def _flush_c() -> None:
    """Write out what C's stdio has buffered, where its library can be reached."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)

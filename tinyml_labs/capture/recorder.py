"""Record a board's sensor: a process of its own reads the port and writes to disk."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tinyml_labs.capture.process_messages import read_message
from tinyml_labs.capture.recordings import Recording, RecordingWarning, load_recording
from tinyml_labs.child_program import child_program
from tinyml_labs.link import BoardError, find_open_board
from tinyml_labs.link import errors as link_errors
from tinyml_labs.link.ports import DEFAULT_BAUD

Listener = Callable[[dict[str, Any], bytes], None]


@dataclass(frozen=True, kw_only=True)
class RecorderStatus:
    """Where a recorder stands.

    Attributes
    ----------
    recording : bool
    received : int
        Samples (of a camera: images) since the port was opened.
    stored, span : int
        Of the recording under way: samples written, and from the first to the last.
    missing, overruns : int
        Samples that did not come, and those of them that the board dropped: of the recording under way, or since the
        last one began.
    limit : int or None
        The span at which it ends by itself.
    rate_hz : float or None
        The nominal rate.
    facts : dict
        Measured rate, CRC errors and so on, as they will be in ``recording.json``.
    """

    recording: bool = False
    received: int = 0
    stored: int = 0
    span: int = 0
    missing: int = 0
    overruns: int = 0
    limit: int | None = None
    rate_hz: float | None = None
    facts: dict[str, Any] | None = None


class _State:
    """What the recorder's process has said; its listener knows this, and not the Recorder."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener
        self.changed = threading.Condition()
        self.status = RecorderStatus()
        self.hello: dict[str, Any] = {}
        self.troubles: list[str] = []
        self.pending = False  # a recording was ordered, and is not complete yet
        self.take: str | None = None
        self.nothing = ""
        self.ended: BoardError | None = None

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message, whatever its kind."""
        kind = message["kind"]
        with self.changed:
            if kind == "status":
                known = RecorderStatus.__dataclass_fields__
                self.status = RecorderStatus(**{name: value for name, value in message.items() if name in known})
                return
            if kind == "hello":
                self.hello = message
            elif kind == "take":
                self.take, self.pending = message["path"], False
            elif kind == "nothing":
                self.nothing, self.pending = message["text"], False
            elif kind == "trouble":
                self.troubles.append(message["text"])
            elif kind == "ended":
                self.ended = _as_error(message["error"], message["text"])
                self.nothing, self.pending = message["text"], False
            self.changed.notify_all()

    def tell(self, message: dict[str, Any], data: bytes) -> None:
        """Pass a message on to the listener; one that fails is not called again."""
        if self.listener is None:
            return
        try:
            self.listener(message, data)
        except Exception as error:
            self.listener = None
            with self.changed:
                self.troubles.append(f"The listener failed, and hears no more: {type(error).__name__}: {error}")

    def end(self, status: int | None, reason: str) -> None:
        """Note that the process is gone; if it did not say so itself, tell the listener."""
        why = f"exit code {status}" + (f": {reason}" if reason else "")
        text = f"The recorder's process ended ({why}). What came before is on disk."
        with self.changed:
            said = self.ended is not None
            if not said:
                self.ended = BoardError(text)
            self.pending = False
            self.changed.notify_all()
        if not said and status != 0:
            self.tell({"kind": "ended", "error": "BoardError", "text": text, "waiting": True}, b"")


def _as_error(name: str, text: str) -> BoardError:
    kind = getattr(link_errors, name, BoardError)
    if not (isinstance(kind, type) and issubclass(kind, BoardError)) or kind is link_errors.BoardRefused:
        kind = BoardError
    return kind(text if name in vars(link_errors) else f"{name}: {text}")


def _listen(process: subprocess.Popen[bytes], state: _State, errors: IO[bytes]) -> None:
    assert process.stdout is not None
    while (message := read_message(process.stdout)) is not None:
        head, data = message
        state.hear(head)
        state.tell(head, data)
    status = process.wait()
    with errors:
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
    state.end(status, last[0] if last else "")


def _end_process(process: subprocess.Popen[bytes]) -> None:
    """Close its input: it finishes what it writes, and ends."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(b'{"do": "quit"}\n')  # a forked child may hold the pipe open: its end alone will not do
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


class Recorder:
    """A port, live in a process of its own; it records when told to, however busy this program is.

    Parameters
    ----------
    port : str
        A device or URL. If this program has a board open there, that is closed: a port has room for one.
    sensor : str
        Which one, if the board has several; ``"*"`` for the likeliest, such as ``"imu"``.
    folder : path
        Where recordings are kept.
    baud : int
    decoder : str
        ``"frames"`` for the kit's sketches, ``"csv"`` for any board that prints numbers, ``"auto"`` to try both.
    rate_hz : float, optional
        The nominal rate of a board that prints numbers.
    reconnect_s : float
        How long a board may be gone, in seconds, before the recording ends.
    listener : callable, optional
        Called with every message of the process, in a thread of its own: live data for a plot.

    Raises
    ------
    BoardError
        If the port does not open, or nothing that can be read comes from it.
    """

    def __init__(
        self,
        port: str,
        *,
        sensor: str = "",
        folder: str | os.PathLike[str] = "recordings",
        baud: int = DEFAULT_BAUD,
        decoder: str = "auto",
        rate_hz: float | None = None,
        reconnect_s: float = 10.0,
        listener: Listener | None = None,
    ) -> None:
        self.port = port
        self.folder = Path(folder).absolute()
        self._state = _State(listener)
        mine = find_open_board(port)
        if mine is not None and not port.startswith("virtual://"):
            mine.close()
        settings = {
            "port": port,
            "sensor": sensor,
            "baud": baud,
            "decoder": decoder,
            "rate_hz": rate_hz,
            "reconnect_s": reconnect_s,
            "preview": listener is not None,
        }
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would fill
        self._process = subprocess.Popen(
            [*child_program("tinyml_labs.capture.recorder_process"), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=sys.platform != "win32",  # Ctrl-C is for this program, which then says stop
        )
        self._finish = weakref.finalize(self, _end_process, self._process)
        self._thread = threading.Thread(
            target=_listen, args=(self._process, self._state, errors), name=f"recorder of {port}", daemon=True
        )
        self._thread.start()
        try:
            self._wait(lambda state: bool(state.hello), None)
        except BaseException:
            self.close()
            raise

    @property
    def status(self) -> RecorderStatus:
        """Where it stands; renewed ten times a second."""
        return self._state.status

    @property
    def troubles(self) -> list[str]:
        """What has gone wrong so far, in words."""
        return list(self._state.troubles)

    @property
    def info(self) -> dict[str, Any]:
        """What is at the port: ``board``, ``sensor``, ``sensors``, as in ``recording.json``."""
        return self._state.hello

    def start(self, *, label: str = "", subject: str = "", session: str = "", seconds: float | None = None) -> None:
        """Begin a recording with the next sample.

        Parameters
        ----------
        label, subject, session : str
            What it shows, of whom, and in which sitting.
        seconds : float, optional
            How long, by the board's samples; until :meth:`stop` by default.

        Raises
        ------
        ValueError
            If seconds is not positive.
        BoardError
            If the board is gone.
        """
        if seconds is not None:
            seconds = float(seconds)
            if not (seconds > 0 and math.isfinite(seconds)):
                raise ValueError(f"seconds is {seconds}; a recording takes some time, and ends.")
        texts = {"label": label, "subject": subject, "session": session}
        for name, text in texts.items():
            if not isinstance(text, (str, int)):
                raise TypeError(f"{name} is {text!r}; it is a text, such as 'circle', or a number.")
            try:
                str(text).encode()
            except UnicodeEncodeError:
                raise ValueError(f"{name} is {text!r}, which is no text that can be written to a file.") from None
        if self.recording:
            raise ValueError("A recording is under way; stop it first.")
        self._check_alive()
        order = {name: str(text) for name, text in texts.items()}
        with self._state.changed:
            self._state.take, self._state.nothing = None, ""
            self._state.pending = True
        self._tell(do="start", seconds=seconds, folder=str(self.folder), **order)

    @property
    def recording(self) -> bool:
        """Whether a recording is under way, or about to begin."""
        return self._state.pending

    def stop(self, *, timeout_s: float = 30.0, why: str = "stopped") -> Recording:
        """End the recording, if it has not ended by itself; give it.

        Parameters
        ----------
        timeout_s : float
        why : str
            What ``recording.json`` says of it: ``"stopped"`` or ``"interrupted"``.
        """
        if self.recording:
            with contextlib.suppress(BoardError):
                self._tell(do="stop", why=why)
        return self.wait(timeout_s=timeout_s)

    def wait(self, *, timeout_s: float | None = None) -> Recording:
        """Wait until the recording is complete; give it.

        Raises
        ------
        BoardError
            If it ended before the first sample came.
        """
        self._wait(lambda state: not state.pending, timeout_s)
        path = self._state.take
        if path is None:
            if self._state.ended is not None:
                raise self._state.ended
            raise BoardError(self._state.nothing or "No recording was begun.")
        return load_recording(path)

    def select(self, sensor: str) -> None:
        """Take another sensor of the board from now on."""
        self._check_alive()
        before, told = self._state.hello, len(self._state.troubles)
        self._tell(do="select", sensor=sensor)
        self._wait(lambda state: state.hello is not before or len(state.troubles) > told, 10)
        if self._state.hello is before:
            raise BoardError(self._state.troubles[-1])

    def close(self) -> None:
        """Finish a recording that is under way, and let go of the port."""
        self._finish()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            self._check_alive()

    def _check_alive(self) -> None:
        if self._state.ended is not None:
            raise self._state.ended

    def _wait(self, done: Callable[[_State], bool], timeout_s: float | None) -> None:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._state.changed:
            while not done(self._state):
                if self._state.ended is not None:
                    if done(self._state):
                        return
                    raise self._state.ended
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise link_errors.BoardTimeout(f"The recorder of {self.port} did not answer in {timeout_s} s.")
                self._state.changed.wait(0.2 if left is None else min(left, 0.2))


def record(
    port: str,
    *,
    seconds: float,
    label: str = "",
    subject: str = "",
    session: str = "",
    sensor: str = "",
    folder: str | os.PathLike[str] = "recordings",
    baud: int = DEFAULT_BAUD,
    decoder: str = "auto",
    rate_hz: float | None = None,
    reconnect_s: float = 10.0,
    progress: bool = True,
) -> Recording:
    """Record a sensor of a board.

    A process of its own reads the port and writes to disk as the samples come: a busy notebook loses nothing, and
    whatever happens, what came before is whole.

    Parameters
    ----------
    port : str
        A device or URL: ``/dev/ttyACM0``, ``COM5``, ``virtual://``, ``socket://host:port``.
    seconds : float
        How long, by the board's samples.
    label, subject, session : str
        What it shows, of whom, and in which sitting.
    sensor : str
        Which one, if the board has several.
    folder : path
        Where recordings are kept.
    baud : int
    decoder : str
        ``"frames"`` for the kit's sketches, ``"csv"`` for any board that prints numbers, ``"auto"`` to try both.
    rate_hz : float, optional
        The nominal rate of a board that prints numbers.
    reconnect_s : float
        How long the board may be gone before the recording ends.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Recording
        Also if the board went away in the middle: ``recording.problems`` says what happened, and a
        :class:`RecordingWarning` is given.

    Raises
    ------
    BoardError
        If no sample came at all.

    >>> recording = record("virtual://", sensor="imu", seconds=2, label="idle")    # doctest: +SKIP
    """
    with Recorder(
        port,
        sensor=sensor,
        folder=folder,
        baud=baud,
        decoder=decoder,
        rate_hz=rate_hz,
        reconnect_s=reconnect_s,
    ) as recorder:
        recorder.start(label=label, subject=subject, session=session, seconds=seconds)
        try:
            _show_progress(recorder, seconds, progress)
            recording = recorder.wait()
        except KeyboardInterrupt:  # what is there is kept
            recording = recorder.stop(why="interrupted")
            warnings.warn(f"Interrupted; what came is in {recording.path}.", RecordingWarning, stacklevel=2)
            raise
    if recording.problems:
        warnings.warn(f"{recording.path}: " + " ".join(recording.problems), RecordingWarning, stacklevel=2)
    return recording


def _show_progress(recorder: Recorder, seconds: float, shown: bool) -> None:
    from tqdm.auto import tqdm

    with tqdm(
        total=round(seconds, 2),
        desc="record",
        leave=False,
        delay=2,
        disable=not shown or seconds <= 2,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.1f} of {total:.1f} s {postfix}",
    ) as bar:
        while recorder.recording:
            time.sleep(0.1)
            status = recorder.status
            if status.limit and status.recording:
                bar.n = round(seconds * min(1, status.span / status.limit), 2)
                bar.set_postfix_str(f"{status.missing} missing" if status.missing else "", refresh=False)
                bar.refresh()
        bar.total = bar.n  # what it shows is a moment old, and a bar that stops short of its end stays, in red

"""A recorder for JupyterLab: connect a board, see its sensor live, record labelled takes with the mouse."""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tinyml_labs.capture import Recording, RecordingWarning
from tinyml_labs.link.ports import DEFAULT_BAUD
from tinyml_labs.widgets.recorder_desk import Form, PortSettings, RecorderDesk

_HERE = Path(__file__).parent
_SCRIPTS = ("plot.js", "scope.js", "store.js", "recorder.js")  # joined, they are one module
_WAKE_S = 0.1
_WIDGETS: weakref.WeakSet[RecorderWidget] = weakref.WeakSet()


class RecorderWidget(anywidget.AnyWidget):
    """Record a sensor of a board, and watch it live.

    The port is opened at once, by a process of its own that also writes to disk: neither a busy cell nor a dead
    kernel costs a sample. A take is safe on disk the moment it is complete.

    Parameters
    ----------
    port : str
        A device or URL: ``/dev/ttyACM0``, ``COM5``, ``virtual://``. Another recorder widget that has the port lets go
        of it. With an empty port nothing is opened until somebody chooses one.
    sensor : str
        Which one, if the board has several.
    folder : path
        Where recordings are kept; made with the first.
    labels : sequence of str
        A button each. Labels that the folder holds already have one too.
    label, subject, session : str
        What the fields say to begin with.
    seconds : float
        How long a take is, by the board's samples; 0 for until it is stopped.
    countdown_s : int
        How long from the button to the beginning, in seconds.
    baud, decoder, rate_hz, reconnect_s
        See :class:`tinyml_labs.capture.Recorder`.

    Raises
    ------
    ValueError
        If seconds or countdown_s is out of range. A port that does not open is said in the widget, with the cause.

    >>> widget = RecorderWidget("virtual://", sensor="imu", labels=("idle", "circle"))    # doctest: +SKIP
    >>> recording = await widget.record(label="circle", seconds=5)                        # doctest: +SKIP
    """

    _esm = "\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)
    _css = (_HERE / "recorder.css").read_text("utf-8")
    state = traitlets.Dict().tag(sync=True)
    outline = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        port: str = "virtual://",
        *,
        sensor: str = "",
        folder: str | os.PathLike[str] = "recordings",
        labels: Iterable[str] = (),
        label: str = "",
        subject: str = "",
        session: str = "",
        seconds: float = 5.0,
        countdown_s: int = 3,
        baud: int = DEFAULT_BAUD,
        decoder: str = "auto",
        rate_hz: float | None = None,
        reconnect_s: float = 10.0,
    ) -> None:
        if isinstance(labels, str):
            raise TypeError(f"labels is {labels!r}; expected several, such as ({labels!r}, 'idle').")
        form = Form(
            port=port,
            sensor=sensor,
            label=label,
            subject=subject,
            session=session,
            seconds=seconds,
            countdown_s=countdown_s,
        )
        settings = PortSettings(baud=baud, decoder=decoder, rate_hz=rate_hz, reconnect_s=reconnect_s)
        self._desk: RecorderDesk | None = RecorderDesk(
            self._show,
            self.send,
            folder=Path(folder),
            form=form,
            labels=tuple(map(str, labels)),
            settings=settings,
        )
        super().__init__(state=self._desk.state)
        self.on_msg(self._hear)
        self._cell = _running_cell()
        for other in list(_WIDGETS):
            if self._cell[0] and other._cell[0] == self._cell[0] and other._cell != self._cell:
                other._at_desk().order({"do": "disconnect"})  # its cell was run again: nobody sees it any more
        _WIDGETS.add(self)
        if port:
            self.connect()

    def __repr__(self) -> str:
        """Say where it records from, and how much it has."""
        if self._desk is None:
            return "RecorderWidget()"
        return f"RecorderWidget({self._desk.form.port!r}, takes={len(self.takes)})"

    @property
    def folder(self) -> Path:
        """Where recordings are kept."""
        return self._at_desk().folder

    @property
    def takes(self) -> list[Recording]:
        """The takes that were made with this widget, and not discarded."""
        return list(self._at_desk().takes)

    @property
    def last(self) -> Recording | None:
        """The last of :attr:`takes`."""
        takes = self.takes
        return takes[-1] if takes else None

    async def record(
        self,
        *,
        label: str | None = None,
        subject: str | None = None,
        session: str | None = None,
        seconds: float | None = None,
        countdown_s: int = 0,
    ) -> Recording:
        """Make a take from a cell: ``recording = await widget.record(label="circle", seconds=5)``.

        Buttons wait while a cell is busy; this does not. Interrupting the cell ends the take, which is kept.

        Parameters
        ----------
        label, subject, session : str, optional
            What the fields say, by default.
        seconds : float, optional
            What the field says, by default; 0 for until it is stopped.
        countdown_s : int

        Returns
        -------
        Recording
            Also if something is missing: ``recording.problems`` says what, and a
            :class:`tinyml_labs.capture.RecordingWarning` is given.

        Raises
        ------
        BoardError
            If no board is connected, or the take ended before the first sample came.
        ValueError
            If a take is under way, or an argument is out of range.
        """
        given = {"label": label, "subject": subject, "session": session, "seconds": seconds}
        fields = {name: value for name, value in given.items() if value is not None}
        desk = self._at_desk()
        future = desk.record(**fields, countdown_s=countdown_s)
        try:
            while not future.done():  # ipykernel heeds an interrupt when its loop wakes, and not before
                await asyncio.sleep(_WAKE_S)
            recording = future.result()
        except asyncio.CancelledError:
            desk.order({"do": "stop"})
            raise
        if recording.problems:
            text = f"{recording.path}: " + " ".join(recording.problems)
            warnings.warn(text, RecordingWarning, stacklevel=2)
        return recording

    def connect(self) -> None:
        """Open the port that the field says; the widget shows what becomes of it."""
        self._at_desk().order({"do": "connect"})

    def disconnect(self) -> None:
        """Let go of the port; a take that is under way ends, and is kept. What is shown stays."""
        self._at_desk().finish()

    def close(self) -> None:
        """Let go of the port, and take the widget off the page."""
        if getattr(self, "_desk", None) is not None:
            self.disconnect()
        super().close()

    def _at_desk(self) -> RecorderDesk:
        assert self._desk is not None
        return self._desk

    def _show(self, state: dict[str, Any], outline: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the kernel is ending
            if outline != self.outline:
                self.outline = outline
            self.state = state

    def _hear(self, widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        self._at_desk().order(content)


def _running_cell() -> tuple[str, str]:
    """Give the id of the cell that runs, as the notebook says it, and that of this run; empty outside a notebook."""
    with contextlib.suppress(Exception):  # no IPython, a terminal, or a front end that says nothing
        from IPython import get_ipython

        parent = get_ipython().get_parent()
        return str(parent["metadata"].get("cellId", "")), str(parent["header"]["msg_id"])
    return "", ""

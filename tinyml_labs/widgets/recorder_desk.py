"""What is behind the recorder's buttons: a port is opened and closed, takes are made, kept and discarded."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinyml_labs.capture import Recorder, Recording, discard, load_recording
from tinyml_labs.link import BoardError
from tinyml_labs.widgets.live_feed import LiveFeed, Send
from tinyml_labs.widgets.order_thread import Order, OrderThread
from tinyml_labs.widgets.recorder_form import Form, Listener, PortSettings, open_recorder
from tinyml_labs.widgets.take_outline import outline_take
from tinyml_labs.widgets.takes import describe_take, look_around

NEWS = 5
_log = logging.getLogger(__name__)
_AT_PORT: weakref.WeakValueDictionary[str, RecorderDesk] = weakref.WeakValueDictionary()


class RecorderDesk:
    """Serves the widget's buttons, one order after the other, in a thread of its own.

    So a slow port holds no cell up, and a busy cell holds no recording up. What is to be seen is :attr:`state`, a
    dictionary that is replaced, and shown, whenever something in it is new.

    Parameters
    ----------
    show : callable
        Called with the state and with the bytes of the last take's outline.
    send : callable
        Called with a message for the live plot and its buffers.
    folder : path
        Where recordings are kept.
    form : Form
    labels : sequence of str
    settings : PortSettings
    """

    def __init__(
        self,
        show: Callable[[dict[str, Any], bytes], None],
        send: Send,
        *,
        folder: Path,
        form: Form,
        labels: tuple[str, ...] = (),
        settings: PortSettings | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.takes: list[Recording] = []
        self.form = form
        self._show, self._feed = show, LiveFeed(send)
        self._settings = settings or PortSettings()
        self._labels = labels
        self._recorder: Recorder | None = None
        self._future: Future[Recording] | None = None
        self._stopped = threading.Event()
        self._lock = threading.RLock()
        self._outline = b""
        self._news_count = self._connections = 0
        self._lost = False
        self.state: dict[str, Any] = {
            "link": "closed",  # closed, connecting, live
            "phase": "idle",  # idle, countdown, starting, recording, saving
            "countdown": 0,
            "under_way": {},  # label and seconds of the take that is being made
            "stream": 0,  # counts: the live plot begins anew with each
            "board": {},
            "sensor": None,
            "sensors": [],
            "columns_a_second": 100.0,
            "ports": [],
            "labels": list(labels),
            "table": [],
            "folder": str(self.folder),
            "take": None,
            "news": [],
            "form": asdict(form),
        }
        self._orders = OrderThread(self, name=f"desk of {form.port}")

    # -- orders: from any thread

    def order(self, order: Order) -> None:
        """Take an order of the page.

        Parameters
        ----------
        order : dict
            ``do`` is ``connect``, ``disconnect``, ``select``, ``start``, ``stop``, ``keep``, ``discard`` (with
            ``path``), or ``form``. Fields of the form, in any of them, are written into it.
        """
        do = order.get("do")
        if do not in _ORDERS and do != "form":
            return
        given = {name: order[name] for name in ("do", "path", *self.state["form"]) if name in order}
        if do == "connect" and given.get("port", self.form.port) != self.form.port:
            given = {"sensor": "", **given}  # another board: what was chosen is not there
        try:
            self._fill_in(given)
        except (TypeError, ValueError) as error:
            self.tell("error", str(error))
            return
        if do in ("stop", "disconnect", "connect"):
            self._stopped.set()  # a countdown
        if do != "form":
            self._orders.put(given)

    def _fill_in(self, fields: dict[str, Any]) -> None:
        with self._lock:
            self.form = self.form.replaced(fields)
            self._change(form=asdict(self.form))

    def record(self, **fields: Any) -> Future[Recording]:
        """Order a take; give what becomes of it."""
        form = self.form.replaced(fields)  # raises here, and not in the thread
        future: Future[Recording] = Future()
        self._orders.put({"do": "start", **asdict(form), "future": future})
        return future

    def finish(self, timeout_s: float = 15.0) -> None:
        """Let go of the port, and wait until that is done."""
        done = threading.Event()
        self._stopped.set()
        self._orders.put({"do": "disconnect", "done": done})
        deadline = time.monotonic() + timeout_s
        while not done.wait(0.2) and time.monotonic() < deadline:
            if not self._orders.thread.is_alive():  # the program, or this desk, is ending
                self._disconnect({})
                return

    def tell(self, level: str, text: str) -> None:
        """Show a line of news; its level is ``info``, ``warning`` or ``error``."""
        with self._lock:
            self._news_count += 1
            line = {"number": self._news_count, "level": level, "text": text}
            self._change(news=[*self.state["news"], line][-NEWS:])

    # -- orders: in the desk's thread

    def obey(self, order: Order) -> None:
        """Do what an order says; tell what goes wrong."""
        try:
            (_ORDERS | _OWN_ORDERS)[order["do"]](self, order)
        except Exception as error:
            self.tell("error", str(error) if isinstance(error, BoardError | ValueError) else _name(error))
            _fail(order.get("future"), error)
        finally:
            done = order.get("done")
            if done is not None:
                done.set()

    def _connect(self, order: Order) -> None:
        self._disconnect(order)
        port, sensor = self.form.port, self.form.sensor
        self._look_around()
        name = port if "://" in port else os.path.realpath(port)
        earlier = _AT_PORT.get(name)
        if earlier is not None and earlier is not self and earlier.state["link"] != "closed":
            earlier.finish()
            earlier.tell("warning", f"Another recorder took {port} over.")
        _AT_PORT[name] = self
        self._change(link="connecting", board={"port": port})
        try:
            self._recorder = open_recorder(port, sensor, self._listener(), self.folder, self._settings)
        except Exception:
            self._change(link="closed")
            raise
        self._change(link="live")

    def _listener(self) -> Listener:
        """Give what hears the next recorder; it does not keep the desk alive."""
        self._connections += 1
        number = self._connections
        mine = weakref.WeakMethod(self._hear)

        def listen(message: dict[str, Any], data: bytes) -> None:
            hear = mine()
            if hear is None:
                return
            try:
                hear(message, data, number)
            except Exception:  # a page that cannot be reached must not end the recorder's thread
                _log.exception("The recorder's widget could not show %r.", message["kind"])

        return listen

    def _disconnect(self, order: Order) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.close()  # a take that is under way is finished: its message has come
        self._feed.clear()
        saving = self.state["phase"] == "saving"
        self._change(link="closed", phase="saving" if saving else "idle")
        if not saving:
            self._give_up(BoardError(f"{self.form.port} was closed before the take was complete."))

    def _select(self, order: Order) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.select(order["sensor"])
        except BoardError:
            self._fill_in({"sensor": self.state["sensor"]["name"]})
            raise

    def _start(self, order: Order) -> None:
        future = order.get("future")
        if self._recorder is None or self.state["link"] != "live":
            news = self.state["news"]
            why = f" {news[-1]['text']}" if news and news[-1]["level"] == "error" else ""
            raise BoardError(f"No board is connected, so there is nothing to record.{why}")
        if self.state["phase"] != "idle":
            raise ValueError("A take is under way; stop it first.")
        form = self.form.replaced(order)
        self._stopped.clear()
        self._change(under_way={"label": form.label, "seconds": form.seconds})
        for left in range(form.countdown_s, 0, -1):
            self._change(phase="countdown", countdown=left)
            if self._stopped.wait(1):
                self._change(phase="idle")
                _fail(future, BoardError("Stopped before it began."))
                return
        if future is not None and not future.set_running_or_notify_cancel():
            self._change(phase="idle")
            return
        self._future = future
        self._change(phase="starting")
        about = {"label": form.label, "subject": form.subject, "session": form.session}
        try:
            self._recorder.start(**about, seconds=form.seconds or None)
        except BaseException:
            self._change(phase="idle")
            raise

    def _stop(self, order: Order) -> None:
        if self._recorder is not None and self._recorder.recording:
            self._recorder.stop()

    def _keep(self, order: Order) -> None:
        self._mark(order, "kept")

    def _discard(self, order: Order) -> None:
        path = str(order["path"])
        found = [take for take in self.takes if str(take.path) == path]
        if not found:
            raise ValueError(f"{path} is no take of this recorder (any more).")
        discard(found[0])
        self.takes = [take for take in self.takes if take is not found[0]]
        self._mark(order, "discarded")
        self._look_around()

    def _mark(self, order: Order, fate: str) -> None:
        with self._lock:
            take = self.state["take"]
            if take is not None and take["path"] == order["path"]:
                self._change(take={**take, "fate": fate})

    def _put_away(self, order: Order) -> None:
        """A take is complete, and on disk: show it."""
        recording = load_recording(order["path"])
        self.takes = [*self.takes, recording]
        drawing, outline = outline_take(recording)
        with self._lock:
            self._outline = outline
            self._change(phase="idle", take={**describe_take(recording), "drawing": drawing, "fate": "new"})
        self._look_around()
        future, self._future = self._future, None
        if future is not None and not future.done():
            future.set_result(recording)

    def _end(self, order: Order) -> None:
        """The recorder's process has said that no more can come."""
        if order["number"] != self._connections:
            return
        if self.state["phase"] != "saving":
            self._give_up(BoardError(order["text"]))
        self._disconnect(order)

    def _check(self, order: Order) -> None:
        """See, now and then, whether the recorder's process was killed in the middle of a take."""
        recorder, lost = self._recorder, self._lost
        taking = self.state["phase"] in ("starting", "recording")
        self._lost = recorder is not None and taking and not recorder.recording
        if recorder is None or not self._lost or not lost:  # the first time, its message may be on the way
            return
        try:
            recorder.wait(timeout_s=1)
        except BoardError as error:
            self.tell("error", f"{error} What came before is on disk.")
            self._give_up(error)
            self._disconnect(order)

    def _give_up(self, error: BaseException) -> None:
        future, self._future = self._future, None
        _fail(future, error)

    def _look_around(self) -> None:
        """See which ports there are, and which takes are in the folder."""
        self._change(**look_around(self.folder, self._labels))

    # -- the recorder's messages: in its thread

    def _hear(self, message: dict[str, Any], data: bytes, number: int) -> None:
        kind = message["kind"]
        if kind in ("columns", "image", "status"):
            self._feed.take(message, data)
        elif kind == "hello":
            self._feed.clear()
            with self._lock:
                self._change(
                    stream=self.state["stream"] + 1,
                    link="live",
                    **{name: message[name] for name in ("board", "sensor", "sensors", "columns_a_second")},
                )
                self._fill_in({"sensor": message["sensor"]["name"]})
        elif kind == "started":
            self._change(phase="recording")
        elif kind == "take":
            self._change(phase="saving")
            self._orders.put({"do": "put away", "path": message["path"]})
        elif kind == "nothing":
            self._change(phase="idle")
            self.tell("warning", message["text"])
            self._give_up(BoardError(message["text"]))
        elif kind == "trouble":
            self.tell("warning", message["text"])
        elif kind == "ended" and self.state["link"] == "live":  # while it connects, the Recorder says so itself
            self.tell("error", message["text"])
            self._orders.put({"do": "end", "text": message["text"], "number": number})

    def _change(self, **fields: Any) -> None:
        with self._lock:
            self.state = {**self.state, **fields}
            self._show(self.state, self._outline)


_ORDERS: dict[Any, Callable[[RecorderDesk, Order], None]] = {
    "connect": RecorderDesk._connect,
    "disconnect": RecorderDesk._disconnect,
    "select": RecorderDesk._select,
    "start": RecorderDesk._start,
    "stop": RecorderDesk._stop,
    "keep": RecorderDesk._keep,
    "discard": RecorderDesk._discard,
}
_OWN_ORDERS: dict[Any, Callable[[RecorderDesk, Order], None]] = {
    "put away": RecorderDesk._put_away,
    "end": RecorderDesk._end,
    "check": RecorderDesk._check,
}


def _fail(future: Future[Recording] | None, error: BaseException) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

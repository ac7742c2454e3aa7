"""The recorder's desk and its Python side, on a virtual board, without a browser."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tinyml_labs.capture import load_recording
from tinyml_labs.link import BoardError
from tinyml_labs.widgets import RecorderWidget
from tinyml_labs.widgets.recorder_desk import RecorderDesk
from tinyml_labs.widgets.recorder_form import Form, PortSettings

IMU = "virtual://?seed=1"
pytestmark = pytest.mark.slow


class Page:
    """What a page would have heard."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.outline = b""
        self.live: list[tuple[dict[str, Any], list[bytes]]] = []
        self.changed = threading.Condition()

    def show(self, state: dict[str, Any], outline: bytes) -> None:
        with self.changed:
            self.states.append(state)
            self.outline = outline
            self.changed.notify_all()

    def send(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.live.append((content, buffers))

    def wait_for(self, what: Callable[[dict[str, Any]], Any], timeout_s: float = 30) -> dict[str, Any]:
        with self.changed:
            assert self.changed.wait_for(lambda: self.states and what(self.states[-1]), timeout_s), self.states[-1:]
            return self.states[-1]


Connected = tuple[RecorderDesk, Page]


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture(scope="module")
def only_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    page = Page()
    form = Form(port=IMU, sensor="imu", label="idle", subject="s01", seconds=0.4, countdown_s=0)
    folder = tmp_path_factory.mktemp("recordings")
    desk = RecorderDesk(page.show, page.send, folder=folder, form=form, labels=("idle", "circle"))
    yield desk, page
    desk.finish()


@pytest.fixture
def connected(only_desk: Connected) -> Connected:
    """A desk with a virtual board's imu, and the page that it shows; several tests use them after each other."""
    desk, page = only_desk
    if desk.state["link"] != "live" or desk.form.sensor != "imu":
        desk.order({"do": "connect", "sensor": "imu"})
    page.wait_for(lambda state: state["link"] == "live" and state["phase"] == "idle" and desk.form.sensor == "imu")
    page.states, page.live = page.states[-1:], []
    return desk, page


def recorders() -> list[psutil.Process]:
    name = "tinyml_labs.capture.recorder_process"
    return [each for each in psutil.Process().children() if name in " ".join(each.cmdline())]


def test_a_take_is_made_shown_and_on_disk(connected: Connected) -> None:
    desk, page = connected
    desk.order({"do": "start", "label": "circle", "session": "2"})
    state = page.wait_for(lambda state: state["take"] and state["phase"] == "idle")
    phases = [state["phase"] for state in page.states]
    assert [phase for at, phase in enumerate(phases) if not at or phase != phases[at - 1]] == [
        *("idle", "starting", "recording", "saving", "idle")
    ]
    recording = load_recording(state["take"]["path"])
    assert (recording.label, recording.subject, recording.session) == ("circle", "s01", "2")
    assert recording.missing == 0
    assert recording.problems == []
    assert len(recording.samples) == state["take"]["samples"] == round(0.4 * 119)
    assert state["take"]["drawing"]["shape"] == [len(recording.samples), 6, 2]
    assert len(page.outline) == len(recording.samples) * 6 * 2 * 4
    assert state["form"]["label"] == "circle"
    (row,) = page.wait_for(lambda state: state["table"])["table"]
    assert (row["label"], row["takes"]) == ("circle", 1)
    assert row["seconds"] == pytest.approx(0.4, abs=0.01)
    assert str(desk.takes[-1].path) == state["take"]["path"]


def test_live_columns_come_with_the_channels_of_the_sensor(connected: Connected) -> None:
    _, page = connected
    deadline = time.monotonic() + 20
    while sum(content.get("columns", 0) for content, _ in page.live) < 60 and time.monotonic() < deadline:
        time.sleep(0.05)
    for content, buffers in page.live:
        if "columns" in content:
            assert len(buffers[0]) == content["columns"] * 6 * 2 * 4
    assert any(content.get("status", {}).get("received") for content, _ in page.live)
    assert page.states[-1]["sensor"]["units"] == ["g"] * 3 + ["deg/s"] * 3


def test_discard_deletes_and_keep_does_not(connected: Connected) -> None:
    desk, page = connected
    kept = desk.record(label="idle").result(30)
    desk.order({"do": "keep", "path": str(kept.path)})
    page.wait_for(lambda state: state["take"]["fate"] == "kept")
    gone = desk.record(label="idle").result(30)
    page.wait_for(lambda state: state["take"]["path"] == str(gone.path))
    desk.order({"do": "discard", "path": str(gone.path)})
    page.wait_for(lambda state: state["take"]["fate"] == "discarded")
    assert kept.path.is_dir()
    assert not gone.path.exists()
    assert desk.takes[-1].path == kept.path
    page.wait_for(lambda state: {"idle": 1}.items() <= {row["label"]: row["takes"] for row in state["table"]}.items())


def test_only_takes_of_this_recorder_are_deleted(connected: Connected, tmp_path: Path) -> None:
    desk, page = connected
    stranger = tmp_path / "holiday"
    stranger.mkdir()
    (stranger / "recording.json").write_text("{}")
    desk.order({"do": "discard", "path": str(stranger)})
    page.wait_for(lambda state: state["news"] and "no take of this recorder" in state["news"][-1]["text"])
    assert stranger.is_dir()


def test_until_stopped(connected: Connected) -> None:
    desk, page = connected
    future = desk.record(seconds=0)
    page.wait_for(lambda state: state["phase"] == "recording")
    time.sleep(0.3)
    desk.order({"do": "stop"})
    recording = future.result(30)
    assert recording.metadata["ended"] == "stopped"
    assert recording.missing == 0
    assert len(recording.samples) > 0


def test_a_countdown_can_be_stopped(connected: Connected) -> None:
    desk, page = connected
    future = desk.record(countdown_s=30)
    page.wait_for(lambda state: state["phase"] == "countdown")
    desk.order({"do": "stop"})
    with pytest.raises(BoardError, match="Stopped before it began"):
        future.result(10)
    assert page.states[-1]["phase"] == "idle"
    assert not any(state["phase"] == "recording" for state in page.states)


def test_a_second_start_does_not_disturb_the_take(connected: Connected) -> None:
    desk, page = connected
    first = desk.record(seconds=1.0)
    page.wait_for(lambda state: state["phase"] == "recording")
    with pytest.raises(ValueError, match="under way"):
        desk.record(seconds=1.0).result(10)
    assert first.result(30).metadata["ended"] == "complete"


def test_disconnecting_finishes_the_take(connected: Connected) -> None:
    desk, page = connected
    before = recorders()
    future = desk.record(seconds=60)
    page.wait_for(lambda state: state["phase"] == "recording")
    time.sleep(0.3)
    desk.finish()
    recording = future.result(10)
    assert recording.finished
    assert recording.missing == 0
    assert page.states[-1]["link"] == "closed"
    assert len(recorders()) == len(before) - 1


def test_another_sensor(connected: Connected) -> None:
    desk, page = connected
    stream = page.states[-1]["stream"]
    desk.order({"do": "select", "sensor": "camera"})
    state = page.wait_for(lambda state: state["stream"] > stream)
    assert (state["sensor"]["kind"], state["form"]["sensor"]) == ("image", "camera")
    recording = desk.record(label="street", seconds=0.6).result(30)
    state = page.wait_for(lambda state: state["take"]["label"] == "street" and state["phase"] == "idle")
    assert state["take"]["drawing"]["kind"] == "images"
    assert recording.samples.shape[1:] == (96, 96)
    desk.order({"do": "select", "sensor": "nose"})
    state = page.wait_for(lambda state: state["news"] and state["form"]["sensor"] == "camera")
    assert "nose" in state["news"][-1]["text"]


def test_a_board_with_several_sensors_shows_one(page: Page, tmp_path: Path) -> None:
    desk = RecorderDesk(page.show, page.send, folder=tmp_path, form=Form(port=IMU))
    desk.order({"do": "connect"})
    try:
        state = page.wait_for(lambda state: state["link"] == "live")
        assert state["form"]["sensor"] == "imu"
        assert len(state["sensors"]) > 1
        assert state["news"] == []
    finally:
        desk.finish()


def test_a_port_that_does_not_open_is_said(page: Page, tmp_path: Path) -> None:
    form = Form(port="/dev/no-such-port")
    desk = RecorderDesk(page.show, page.send, folder=tmp_path, form=form)
    desk.order({"do": "connect"})
    state = page.wait_for(lambda state: state["link"] == "closed" and state["news"])
    assert [line["level"] for line in state["news"]] == ["error"]
    assert "/dev/no-such-port" in state["news"][-1]["text"]
    with pytest.raises(BoardError, match=r"nothing to record.*no-such-port"):
        desk.record().result(10)


def test_a_board_that_vanishes_is_said_and_what_came_is_kept(page: Page, tmp_path: Path) -> None:
    before = recorders()
    form = Form(port="virtual://?vanish_after_s=1.5&vanish_s=600", sensor="imu", seconds=60, countdown_s=0)
    settings = PortSettings(reconnect_s=1.0)
    desk = RecorderDesk(page.show, page.send, folder=tmp_path, form=form, settings=settings)
    desk.order({"do": "connect"})
    future = desk.record()
    recording = future.result(60)
    state = page.wait_for(lambda state: state["link"] == "closed" and state["phase"] == "idle" and state["take"])
    assert recording.problems
    assert len(recording.samples) > 0
    assert state["take"]["problems"] == recording.problems
    assert any(line["level"] == "error" for line in state["news"])
    assert recorders() == before


def test_a_recorder_that_is_killed_is_said(page: Page, tmp_path: Path) -> None:
    before = recorders()
    desk = RecorderDesk(page.show, page.send, folder=tmp_path, form=Form(port="virtual://?seed=5", sensor="imu"))
    desk.order({"do": "connect"})
    future = desk.record(seconds=60, countdown_s=0)
    page.wait_for(lambda state: state["phase"] == "recording")
    time.sleep(0.5)
    next(process for process in recorders() if process not in before).kill()
    with pytest.raises(BoardError, match="process ended"):
        future.result(30)
    state = page.wait_for(lambda state: state["link"] == "closed" and state["phase"] == "idle")
    assert "What came before is on disk" in state["news"][-1]["text"]
    (folder,) = tmp_path.iterdir()
    assert not load_recording(folder).finished


def test_orders_that_make_no_sense_do_no_harm(connected: Connected) -> None:
    desk, page = connected
    for order in ({}, {"do": "obey"}, {"do": "put away", "path": "/"}, {"do": "start", "seconds": "many"}):
        desk.order(order)
    desk.order({"do": "start", "seconds": -1})
    desk.order({"do": "keep", "done": 1, "future": 2})
    page.wait_for(lambda state: len(state["news"]) >= 2)
    assert "seconds is -1" in str(page.states[-1]["news"])
    assert desk.record(seconds=0.2).result(30).missing == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": float("nan")}, "seconds"),
        ({"countdown_s": 99}, "countdown_s"),
    ],
)
def test_fields_have_limits(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Form(**fields)


# -- the widget itself; outside a kernel nothing is shown


def wait_until_live(widget: RecorderWidget) -> None:
    deadline = time.monotonic() + 30
    while widget.state["link"] != "live":
        assert time.monotonic() < deadline, widget.state["news"]
        time.sleep(0.02)


def test_record_from_python(tmp_path: Path) -> None:
    before = recorders()
    widget = RecorderWidget("virtual://?seed=3", sensor="imu", folder=tmp_path, labels=("idle",), countdown_s=30)
    try:
        recording = asyncio.run(widget.record(label="circle", seconds=0.3))  # it waits for the port
        assert recording.label == "circle"
        assert recording.missing == 0
        assert widget.last is not None
        assert [take.path for take in widget.takes] == [recording.path] == [widget.last.path]
        assert widget.state["form"]["label"] == ""  # the field is the user's
        with pytest.raises(ValueError, match="seconds is -3"):
            asyncio.run(widget.record(seconds=-3))
    finally:
        widget.close()
    assert recorders() == before


def test_a_cell_that_is_interrupted_ends_its_take(tmp_path: Path) -> None:
    widget = RecorderWidget("virtual://?seed=6", sensor="imu", folder=tmp_path)

    async def interrupt() -> None:
        cell = asyncio.ensure_future(widget.record(label="long", seconds=600))
        while widget.state["phase"] != "recording":
            await asyncio.sleep(0.02)
        cell.cancel()  # what ipykernel does
        with pytest.raises(asyncio.CancelledError):
            await cell
        for _ in range(300):
            if not widget.takes:
                await asyncio.sleep(0.1)

    try:
        asyncio.run(interrupt())
        assert widget.last is not None
        assert (widget.last.label, widget.last.metadata["ended"], widget.last.missing) == ("long", "stopped", 0)
    finally:
        widget.close()


def test_a_second_widget_takes_the_port(tmp_path: Path) -> None:
    before = recorders()
    first = RecorderWidget("virtual://?seed=4", sensor="imu", folder=tmp_path)
    wait_until_live(first)
    second = RecorderWidget("virtual://?seed=4", sensor="imu", folder=tmp_path)
    try:
        wait_until_live(second)
        assert first.state["link"] == "closed"
        assert "took virtual://?seed=4 over" in first.state["news"][-1]["text"]
        assert len(recorders()) == len(before) + 1
    finally:
        first.close()
        second.close()


def test_a_desk_that_nobody_holds_lets_go_of_the_port(tmp_path: Path, page: Page) -> None:
    desk = RecorderDesk(page.show, page.send, folder=tmp_path, form=Form(port="virtual://?seed=2", sensor="imu"))
    desk.order({"do": "connect"})
    page.wait_for(lambda state: state["link"] == "live")
    before, gone, thread = recorders(), weakref.ref(desk), desk._orders.thread
    del desk
    deadline = time.monotonic() + 20
    while (gone() is not None or len(recorders()) == len(before)) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.1)
    assert gone() is None
    assert len(recorders()) == len(before) - 1
    thread.join(5)
    assert not thread.is_alive()


def test_labels_are_several() -> None:
    with pytest.raises(TypeError, match="expected several"):
        RecorderWidget("", labels="idle")


def test_no_port_opens_nothing(tmp_path: Path) -> None:
    widget = RecorderWidget("", folder=tmp_path)
    assert widget.state["link"] == "closed"
    assert widget.takes == []
    assert widget.last is None
    widget.close()

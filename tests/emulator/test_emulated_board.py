"""``virtual://cortex-m4`` as a lab uses it: a port like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import recordings_to_play
import serial
import tiny_models
from recordings_to_play import Played, count_wrong, find_start

from tinyml_labs import capture, inference
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.emulator import CortexM4, EmulatorMissingError, build_firmware, measure_model
from tinyml_labs.emulator.board_process import serve
from tinyml_labs.emulator.build_job import LIBRARIES
from tinyml_labs.emulator.errors import need_package
from tinyml_labs.emulator.recordings import recording_bytes
from tinyml_labs.link import Board, PortError
from tinyml_labs.link.ports import open_port
from tinyml_labs.virtual.lines import SocketLine
from tinyml_labs.virtual.urls import is_emulated, parse_emulator_url

SKETCHES = LIBRARIES.parent


def test_the_runner_gives_tflms_bytes_and_its_own_time(tflm: None) -> None:
    every = np.arange(-128, 128, dtype=np.int8)[:, None]
    model = load_reference_model("sine")
    with Board("virtual://cortex-m4?speed=0", timeout_s=60) as board:
        assert board.info.board == "Arduino Nano 33 BLE Sense (emulated)"
        answers = board.infer(every, progress=False)
    np.testing.assert_array_equal(answers.outputs, inference.run(model, every, "tflm"))
    costs = measure_model(model, every[:1], board="nano33ble")
    assert np.ptp(np.sort(answers.microseconds)[:-26]) <= 2  # a tick of the clock; bytes that come interrupt a few
    assert answers.microseconds[0] == pytest.approx(1000 * costs.milliseconds, rel=0.2, abs=5)


@pytest.mark.slow
def test_a_model_is_compiled_into_the_runner(tmp_path: Path, tflm: None) -> None:
    model = load_reference_model("sine")
    path = tmp_path / "mine.tflite"
    path.write_bytes(model)
    inputs = np.int8([[-128], [0], [127]])
    with Board(f"virtual://cortex-m4?model={path}&speed=0", timeout_s=60) as board:
        np.testing.assert_array_equal(
            board.infer(inputs, progress=False).outputs, inference.run(model, inputs, "tflm")
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["analog", "lsm9ds1"])
def test_a_sketch_is_recorded_sample_by_sample(name: str, tmp_path: Path) -> None:
    played: Played = recordings_to_play.ALL[name]()
    (tmp_path / "played.bin").write_bytes(played.raw)
    port = f"virtual://cortex-m4?sketch={SKETCHES / played.sketch}&play={tmp_path / 'played.bin'}&speed=4"
    recording = capture.record(port, seconds=2.0, sensor=played.sensor, folder=tmp_path, label="played")
    samples = np.asarray(recording.samples)
    start = find_start(samples, played.samples)
    assert start >= 0
    assert len(samples) > 100
    assert count_wrong(samples, played.samples, start) == 0


@pytest.mark.slow
def test_the_gesture_sketch_says_what_the_model_says() -> None:
    with Board(
        f"virtual://cortex-m4?sketch={SKETCHES / 'gesture_classifier'}&speed=0&board=nano33ble", timeout_s=60
    ) as board:
        assert board.info.firmware == "gesture_classifier"
        assert {sensor.name for sensor in board.info.sensors} >= {"scores"}


def test_what_is_wrong_with_a_url_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken.ino").write_text("void setup() { nothing_there(); }\nvoid loop() {}")
    wrong = {
        "virtual://cortex-m5": "no address but cortex-m4",
        "virtual://cortex-m4?modle=x.tflite": "Did you mean 'model'?",
        "virtual://cortex-m4?speed=fast": "takes a number",
        "virtual://cortex-m4?speed=-1": "from 0",
        "virtual://cortex-m4?sketch=a&model=b": "do not go together",
        f"virtual://cortex-m4?model={tmp_path}/none.tflite": "none.tflite",
        f"virtual://cortex-m4?sketch={tmp_path / 'broken'}": "broken.ino:1:16: error: .*nothing_there",
        "virtual://cortex-m4?board=pico": "the emulated one is a Cortex-M4F",
    }
    for url, message in wrong.items():
        with pytest.raises(PortError, match=message):
            open_port(url)
    assert is_emulated("virtual://cortex-m4?speed=2") and not is_emulated("virtual://?speed=2")
    assert parse_emulator_url("virtual://cortex-m4?speed=2&play=a%20b.wav").play == "a b.wav"


def test_a_fault_is_the_last_thing_that_the_port_says(tmp_path: Path) -> None:
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "faulty.ino").write_text(
        'void setup() { Serial.begin(9600); Serial.print("so far"); }\n'
        "void loop() { if (Serial.available()) *(volatile int*)0 = 1; }"
    )
    with open_port(f"virtual://cortex-m4?sketch={tmp_path / 'faulty'}&speed=0", timeout=20) as port:
        assert port.read(6) == b"so far"
        port.write(b"x")
        assert b"*** The processor wrote to address 0x0 in" in port.read_until(b"null there. ***")


def test_on_a_socket_time_stands_still_until_somebody_comes(line_of_socket: Iterator) -> None:
    port, machine = line_of_socket
    assert machine.instructions == 0
    with serial.serial_for_url(port, timeout=10) as opened:
        assert opened.read(3) == b"hi\n"
    assert machine.instructions > 0


@pytest.fixture
def line_of_socket(make_sketch: Callable[..., Path]) -> Iterator[tuple[str, CortexM4]]:
    import threading

    sketch = make_sketch('void setup() { Serial.begin(9600); }\nvoid loop() { Serial.print("hi\\n"); delay(100); }')
    machine, line = CortexM4(build_firmware(sketch)), SocketLine()
    thread = threading.Thread(target=_serve_until_closed, args=(machine, line), daemon=True)
    thread.start()
    yield line.url, machine
    line.close()
    thread.join(timeout=5)


def _serve_until_closed(machine: CortexM4, line: SocketLine) -> None:
    try:
        serve(machine, line)
    except OSError:  # the test has closed it
        return


def test_what_sensors_play_is_read_from_files(tmp_path: Path) -> None:
    motion = tmp_path / "motion.csv"
    motion.write_text("x,y,z\n0.5,-1,0.25\n1,2,3\n")
    assert np.frombuffer(recording_bytes(motion), "<f4").tolist() == [0.5, -1, 0.25, 0, 0, 0, 1, 2, 3, 0, 0, 0]
    counts = tmp_path / "counts.csv"
    counts.write_text("# rate_hz: 50\nvalue\n7\n8\n1023\n")
    assert np.frombuffer(recording_bytes(counts), "<u2").tolist() == [7, 8, 1023]
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    grey = np.add.outer(np.arange(144), np.arange(176)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "pictures" / "a.png")
    Image.fromarray(np.stack([grey.repeat(2, 0).repeat(2, 1)] * 3, -1)).save(tmp_path / "pictures" / "b.png")
    pictures = np.frombuffer(recording_bytes(tmp_path / "pictures"), np.uint8).reshape(2, 144, 176)
    np.testing.assert_array_equal(pictures[0], grey)
    assert np.abs(pictures[1].astype(int) - grey)[1:-1, 1:-1].max() <= 128
    with pytest.raises(FileNotFoundError):
        recording_bytes(tmp_path / "nothing.wav")


def test_a_missing_package_is_named_with_its_mend(
    monkeypatch: pytest.MonkeyPatch, make_sketch: Callable[..., Path]
) -> None:
    firmware = build_firmware(make_sketch("void setup() {}\nvoid loop() {}"))
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(EmulatorMissingError, match=r"unicorn, .*pip install -e '.\[emulator\]'"):
        CortexM4(firmware)
    assert isinstance(need_package("ziglang"), ImportError)


def test_layers_add_up_to_the_whole() -> None:
    model = tiny_models.dense_int8()
    costs = measure_model(model)
    np.testing.assert_array_equal(costs.outputs[0], measure_model(model).outputs[0])
    assert 0.5 * costs.cycles < sum(layer.cycles for layer in costs.layers) <= costs.cycles
    assert list(costs.to_frame()["op"]) == [layer.op for layer in costs.layers]
    with pytest.raises(ValueError, match=r"bytes, expected \[4\]: int8"):
        measure_model(model, np.zeros((1, 5), np.int8))

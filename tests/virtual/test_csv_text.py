"""The dialect of most sketches: numbers as text, printed whether somebody listens or not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import serial

from tinyml_labs.virtual import VirtualBoardSettings, test_pattern
from tinyml_labs.virtual.csv_text import CsvProgram
from tinyml_labs.virtual.sensors import make_sensors

Start = Callable[..., tuple[subprocess.Popen, str]]


class Bench:
    """The program without a port."""

    def __init__(self, **settings: object) -> None:
        chosen = VirtualBoardSettings(dialect="csv", **settings)
        self.sensors = {source.description.name: source for source in make_sensors(chosen)}
        self.program = CsvProgram(chosen, tuple(self.sensors.values()))
        self.program.reset(100.0)

    def read(self, at: float, *, room: bool = True) -> str:
        return self.program.transmit(at, room=room).decode("ascii")


def test_plain_lines_are_the_samples_exactly() -> None:
    bench = Bench()
    bench.program.host_came(100.0)
    text = "".join(bench.read(100.0 + k / 7) for k in range(1, 29))
    rows = text.split("\r\n")
    assert rows.pop() == ""
    assert len(rows) == 4 * 119
    found = np.array([[np.float32(value) for value in row.split(",")] for row in rows])
    np.testing.assert_array_equal(found, bench.sensors["imu"].take(0, 4 * 119))


def test_lines_that_nobody_hears_are_lost() -> None:
    bench = Bench(sensor="test_pattern", test_channels=2, boot_text="Hello\r\n")
    bench.program.host_came(100.0505)
    first = bench.read(100.0605).splitlines()
    assert first == [",".join(map(str, row)) for row in test_pattern(50, 10, 2).tolist()]
    bench.program.host_left()
    bench.program.host_came(101.0005)
    assert bench.read(101.0025).splitlines() == [",".join(map(str, row)) for row in test_pattern(1000, 2, 2).tolist()]
    bench.program.reset(102.0)  # with the host there
    assert bench.read(102.0015).splitlines() == ["Hello", ",".join(map(str, test_pattern(0, 1, 2)[0].tolist()))]


def test_a_line_that_does_not_keep_up_loses_samples_and_the_log_says_which() -> None:
    bench = Bench(sensor="test_pattern", test_channels=1, buffer_kb=1)
    bench.program.host_came(100.0)
    assert len(bench.read(100.1005).splitlines()) == 100
    assert bench.read(101.0005, room=False) == ""
    assert bench.program.take_faults() == [
        {"fault": "overrun", "sensor": "test_pattern", "first": 100, "samples": 388}
    ]
    assert bench.read(101.0005).splitlines()[0] == str(test_pattern(488, 1, 1)[0, 0])


def test_edge_impulse_lines_are_separated_by_tabs() -> None:
    bench = Bench(csv_style="edge_impulse", csv_decimals=2)
    bench.program.host_came(100.0)
    rows = bench.read(100.5).splitlines()
    samples = bench.sensors["imu"].take(0, len(rows)).tolist()
    assert rows == ["\t".join(f"{value:.2f}" for value in row) for row in samples]
    bench = Bench(csv_style="edge_impulse", csv_separator="comma", sensor="analog")
    bench.program.host_came(100.0)
    assert bench.read(100.11).splitlines() == [str(v) for v in bench.sensors["analog"].take(0, 5)[:, 0]]


def imu_capture(samples: np.ndarray, threshold: float = 2.5) -> str:
    """Arduino's sketch, sample by sample."""
    text, rows_left = "aX,aY,aZ,gX,gY,gZ\r\n", 0
    for row in samples.astype(float):
        if rows_left == 0:
            if np.abs(row[:3]).sum() >= threshold:
                rows_left = 119
            continue
        text += ",".join(f"{value:.3f}" for value in row) + "\r\n"
        rows_left -= 1
        if rows_left == 0:
            text += "\r\n"
    return text


@pytest.mark.parametrize("step", [0.013, 0.31, 5.0])
@pytest.mark.parametrize("threshold", [2.5, 0.0])
def test_imu_capture_prints_bursts_as_the_arduino_sketch_does(step: float, threshold: float) -> None:
    bench = Bench(csv_style="imu_capture", csv_threshold_g=threshold)
    bench.program.host_came(130.0)  # it waits for the port: `while (!Serial);`
    text = "".join(bench.read(at) for at in np.arange(130.0, 145.0, step))
    expected = imu_capture(bench.sensors["imu"].take(0, 3000), threshold)
    assert expected.startswith(text)
    assert text.count("\r\n\r\n") >= 2
    burst = text.split("\r\n\r\n")[0].split("\r\n")
    assert len(burst) == 1 + 119


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["--socket"]])
def test_lines_on_a_real_port(start_board: Start, arguments: list[str]) -> None:
    _, port = start_board("--dialect", "csv", "--sensor", "test_pattern", *arguments, test_channels=3)
    with serial.serial_for_url(port, timeout=2) as opened:
        lines = [opened.readline().decode() for _ in range(300)]
    found = np.array([[int(value) for value in line.split(",")] for line in lines[1:]])  # the first may be cut
    start = next(k for k in range(60_000) if (test_pattern(k, 1, 3) == found[0]).all())
    np.testing.assert_array_equal(found, test_pattern(start, 299, 3))


@pytest.mark.slow
def test_damaged_lines_are_those_of_the_log(start_board: Start, tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    _, port = start_board(
        "--dialect", "csv", "--sensor", "test_pattern", "--fault-log", str(log), flip_rate=2e-3, drop_rate=1e-3
    )  # fmt: skip
    with serial.Serial(port, timeout=2) as opened:
        text = opened.read(40_000)
    rows = [",".join(map(str, row)) for row in test_pattern(0, 20_000, 4).tolist()]
    numbers = {row + "\r": number for number, row in enumerate(rows)}
    arrived = {numbers[line] for line in text.decode("latin-1").split("\n") if line in numbers}
    inside = set(range(min(arrived), max(arrived)))
    altered = {numbers[entry["line"] + "\r"] for entry in read_log(log) if entry["altered"]} & inside
    assert len(altered) > 20
    assert inside - arrived == altered


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sensor": "barometer"}, "no sensor 'barometer'. Its sensors: analog, imu"),
        ({"sensor": "analog", "csv_style": "imu_capture"}, "six columns, and 'analog' has 1"),
    ],
)
def test_sensors_that_do_not_fit_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Bench(**settings)


@pytest.mark.slow
def test_the_command_line_names_what_is_wrong(start_board: Start) -> None:
    for wrong, words in (
        (["--set", "speed"], "expected NAME=VALUE"),
        (["--set", "flip_rat=1"], "Did you mean 'flip_rate'"),
        (["--set", "flip_rate=much"], "flip_rate takes a number"),
        (["--dialect", "morse"], "it is one of frames, mlperf, csv"),
        (["--socket", "--link", "here"], "this board is on a socket"),
    ):
        command = [sys.executable, "-m", "tinyml_labs.cli", "virtual-board", *wrong]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        assert words in done.stderr

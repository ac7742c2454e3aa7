"""Faults on purpose: they happen as they were asked for, and the log says to the frame what they have cost."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import serial

from tinyml_labs import link
from tinyml_labs.link.framing import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.messages import Samples, Type
from tinyml_labs.virtual import VirtualBoardSettings, test_pattern
from tinyml_labs.virtual.byte_faults import ByteFaults
from tinyml_labs.virtual.uart import receive_at_other_rate

pytestmark = pytest.mark.slow

Start = Callable[..., tuple[subprocess.Popen, str]]
KINDS = ("flip", "drop", "insert", "repeat")


def frames_to_send(count: int, seed: int) -> list[Frame]:
    """Frames of all sizes, some full of zeros, some without any."""
    random = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        data = random.integers(0, random.choice([2, 5, 256]), random.integers(0, 700)).astype(np.uint8)
        data = data | 1 if random.random() < 0.3 else data
        payload = Samples(sensor=5, first=number * 10, overruns=0, data=data.tobytes()).pack()
        kind = Type.SAMPLES if random.random() < 0.7 else Type.DONE
        frames.append(Frame(int(kind), number, number, payload if kind == Type.SAMPLES else payload[:2]))
    return frames


def send(faults: ByteFaults, frames: list[Frame], seed: int) -> bytes:
    """Give the wire for frames that go out in batches of 1 to 5; the last one is left whole."""
    random = np.random.default_rng(seed)
    wire, at = b"", 0
    while at < len(frames) - 1:
        size = int(random.integers(1, 6))
        wire += faults.pass_on(b"".join(map(encode_frame, frames[at : min(at + size, len(frames) - 1)])))
        at += size
    for dice in faults._dice:
        dice._left = 0
    return wire + faults.pass_on(encode_frame(frames[-1]))


@pytest.mark.parametrize("kinds", [*[(kind,) for kind in KINDS], KINDS])
@pytest.mark.parametrize("rate", [0.0005, 0.005, 0.2])
@pytest.mark.parametrize("faults_in", ["all", "samples"])
def test_the_log_names_exactly_the_frames_that_do_not_arrive(
    kinds: tuple[str, ...], rate: float, faults_in: str
) -> None:
    for seed in range(3):
        rates = {f"{kind}_rate": rate for kind in kinds}
        settings = VirtualBoardSettings(seed=seed, faults_in=faults_in, **rates)
        faults = ByteFaults(settings, b"\0", {5: 1})
        frames = frames_to_send(80, seed)
        arrived = {frame.sequence for frame in FrameDecoder().feed(send(faults, frames, seed))}
        altered = [entry["sequence"] for entry in faults.found if entry["altered"]]
        assert sorted(altered) == sorted({frame.sequence for frame in frames} - arrived)
        for entry in faults.found:
            if entry.get("frame") == "SAMPLES":
                sent = Samples.unpack(frames[entry["sequence"]].payload)
                assert (entry["sensor"], entry["first"], entry["samples"]) == (5, sent.first, len(sent.data))
        if faults_in == "samples":
            assert {entry["frame"] for entry in faults.found if entry["altered"]} <= {"SAMPLES"}
        if rate == 0.2:
            assert len(altered) > 40


def test_the_same_seed_gives_the_same_faults_however_the_bytes_are_batched() -> None:
    settings = VirtualBoardSettings(seed=5, flip_rate=0.003, insert_rate=0.003)
    frames = frames_to_send(60, 1)
    wires = set()
    for seed in range(5):
        faults = ByteFaults(settings, b"\0", {5: 1})
        wires.add(send(faults, frames, seed))
    assert len(wires) == 1
    other = ByteFaults(VirtualBoardSettings(seed=6, flip_rate=0.003, insert_rate=0.003), b"\0", {5: 1})
    assert send(other, frames, 0) not in wires


def test_no_more_faults_than_asked_for() -> None:
    settings = VirtualBoardSettings(flip_rate=0.01, fault_count=4)
    faults = ByteFaults(settings, b"\0", {5: 1})
    frames = frames_to_send(100, 2)
    clean = b"".join(map(encode_frame, frames))
    wire = np.frombuffer(send(faults, frames, 0), np.uint8)
    assert (wire != np.frombuffer(clean, np.uint8)).sum() == 4


def test_lines_of_text_are_followed_too() -> None:
    """The dialects that print: a line is altered, or it is not; equal lines are told apart."""
    faults = ByteFaults(VirtualBoardSettings(flip_rate=0.004, drop_rate=0.004, seed=1), b"\n", {})
    lines = [f"{number % 3},{number % 2}\r\n" for number in range(2000)]
    wire = b"".join(faults.pass_on("".join(lines[at : at + 7]).encode()) for at in range(0, 2000, 7))
    altered = [entry for entry in faults.found if entry["altered"]]
    assert len(altered) > 20
    assert all(entry["line"] in {"0,0", "1,1", "2,0", "0,1", "1,0", "2,1"} for entry in altered)
    arrived = wire.decode("latin-1").split("\n")
    good = sum(line in {text.rstrip("\n") for text in lines} for line in arrived)
    changed_into_good = 25  # "0,1" into "1,1" by a flipped bit
    assert 2000 - len(altered) <= good <= 2000 - len(altered) + changed_into_good


# -- on real ports


@pytest.mark.slow
def test_damaged_frames_on_a_pty_are_those_of_the_log(tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    url = f"virtual://?sensor_rate_hz=100000&flip_rate=2e-5&drop_rate=1e-5&buffer_kb=65536&faults_in=samples&fault_log={log}"
    with link.Board(url) as board:
        board.start_stream("test_pattern")
        got: dict[int, int] = {}
        while len(got) < 400:
            for frame in board.read_stream(1.0):
                message = Samples.unpack(frame.payload)
                data = np.frombuffer(message.data, "<u2").reshape(-1, 4)
                np.testing.assert_array_equal(data, test_pattern(message.first, len(data), 4))
                got[message.first] = len(data)
        board.stop_stream()
    last = max(got)
    lost = {e["first"]: e["samples"] for e in read_log(log) if e["altered"] and e["first"] < last}
    assert lost
    assert not lost.keys() & got.keys()
    assert sum(lost.values()) + sum(got.values()) == last + got[last]  # every sample: here or in the log


@pytest.mark.slow
def test_a_reset_begins_anew_and_keeps_the_boards_number(tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    with link.Board(f"virtual://?reset_after_s=0.5&fault_log={log}&boot_ms=100") as board:
        number = board.info.board_id
        text = board.counts.text_bytes
        board.start_stream("test_pattern")
        frames = []
        while new := board.read_stream(2.0):
            frames += new
        assert board.hello().board_id == number
        assert board.counts.text_bytes == text + len("TinyML lab kit, virtual board\r\n")
        board.start_stream("test_pattern")
        again = Samples.unpack(board.read_stream(2.0)[0].payload)
        assert again.first == 0
        time.sleep(0.7)
        assert board.read_stream(2.0)  # a second one was not asked for
    (entry,) = read_log(log)
    last = Samples.unpack(frames[-1].payload)
    assert entry["fault"] == "reset"
    assert entry["sensor"] == "test_pattern"
    assert last.first + len(last.data) // 8 <= entry["taken"]


@pytest.mark.slow
def test_a_stall_costs_nothing_while_the_buffer_holds_it(tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    with link.Board(f"virtual://?stall_every_s=0.4&stall_s=0.3&fault_count=2&fault_log={log}") as board:
        samples = board.stream("test_pattern", 2000)
    np.testing.assert_array_equal(samples, test_pattern(0, 2000, 4))
    assert [entry["fault"] for entry in read_log(log)] == ["stall", "stall"]


@pytest.mark.slow
def test_a_stall_that_fills_the_buffer_is_an_overrun(tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    url = f"virtual://?stall_every_s=0.3&stall_s=0.7&buffer_kb=1&fault_count=1&fault_log={log}"
    with link.Board(url) as board, pytest.raises(link.BoardError, match="overruns on the board") as caught:
        board.stream("test_pattern", 3000)
    stall, overrun = read_log(log)
    assert (stall["fault"], overrun["fault"]) == ("stall", "overrun")
    assert f"overruns on the board: {overrun['samples']}" in str(caught.value)
    assert overrun["samples"] > 300  # of about 700, 128 are kept


def read_to_the_end(board: link.Board) -> None:
    while board.read_stream(5.0):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pty", "socket"])
def test_a_board_vanishes_and_comes_back_under_another_name(start_board: Start, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "by-id"
    arguments = ["--socket"] if kind == "socket" else ["--link", str(place)]
    process, port = start_board(*arguments, vanish_after_s=0.3, vanish_s=0.5)
    if kind == "pty":
        assert str(place.readlink()) == port
    board = link.Board(port)
    number = board.info.board_id
    board.start_stream("test_pattern")
    with pytest.raises(link.BoardVanished):
        read_to_the_end(board)
    board.close()
    assert not place.is_symlink()
    if kind == "socket":  # a pty's name may be somebody else's by now
        with pytest.raises(link.PortError):
            link.Board(port)
    other = process.stdout.readline().strip()
    assert other != port
    if kind == "pty":
        assert str(place.readlink()) == other
    with link.Board(str(place) if kind == "pty" else other) as board:
        assert board.info.board_id == number
        np.testing.assert_array_equal(board.stream("test_pattern", 1000), test_pattern(0, 1000, 4))
    process.terminate()
    process.wait(timeout=10)
    assert not place.is_symlink()


def test_a_link_takes_nobody_elses_place(tmp_path: Path, start_board: Start) -> None:
    place = tmp_path / "taken"
    place.write_text("mine")
    process, port = start_board("--link", str(place))
    assert port == ""
    assert process.wait(timeout=10) == 1
    assert place.read_text() == "mine"


def read_for(port: serial.SerialBase, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        port.read(4096)


@pytest.mark.slow
def test_the_virtual_url_knows_where_its_board_is_again() -> None:
    port = link.open_port("virtual://?vanish_after_s=0.2&vanish_s=0.3")
    pid = port._board.pid
    assert port.find_again(0.0) is None
    port.write(encode_frame(Frame(Type.STREAM_START, 0, 0, b"\x05\0\0\0\0")))
    with pytest.raises(OSError, match=r".+"):
        read_for(port, seconds=60)
    assert port.find_again(0.0) is None
    found = port.find_again(10.0)
    assert found is not None
    with link.Board(found) as board:
        np.testing.assert_array_equal(board.stream("test_pattern", 500), test_pattern(0, 500, 4))
    assert port.find_again(0.0) is None
    port.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_a_wrong_baud_rate_is_nonsense_both_ways(start_board: Start, tmp_path: Path, read_log: Callable) -> None:
    log = tmp_path / "faults.jsonl"
    _, port = start_board(uart_baud=115200, fault_log=log)
    with link.Board(port, baud=115200) as board:
        assert board.info.board == "virtual board"
    with pytest.raises(link.BoardTimeout):
        link.Board(port, baud=9600, timeout_s=1.0)
    with pytest.raises(link.BoardTimeout):
        link.Board(port, baud=230400, timeout_s=1.0)
    with link.Board(port, baud=115200) as board:
        np.testing.assert_array_equal(board.stream("test_pattern", 500), test_pattern(0, 500, 4))
    entries = [(entry["host"], entry["board"]) for entry in read_log(log)]
    assert entries == [(9600, 115200), (230400, 115200)]


def receive_slowly(data: bytes, sender: int, receiver: int) -> bytes:
    """Sample the line a thousand times a bit: slow, and written without regard to the board's."""
    fine = 1000
    levels = [1] * fine
    for byte in data:
        bits = [0, *[byte >> k & 1 for k in range(8)], 1]
        levels += [bit for bit in bits for _ in range(fine)]
    levels += [1] * fine * 20
    step = fine * sender / receiver
    received, at = bytearray(), 1
    while at < len(levels):
        if not (levels[at] == 0 and levels[at - 1] == 1):
            at += 1
            continue
        taken = [levels[min(int(at + (k + 0.5) * step), len(levels) - 1)] for k in range(10)]
        if taken[0]:
            at = int(at + step / 2) + 1
            continue
        received.append(sum(bit << k for k, bit in enumerate(taken[1:9])) if taken[9] else 0)
        at = int(at + 9.5 * step) + 1
    return bytes(received)


@pytest.mark.parametrize(
    ("sender", "receiver"), [(9600, 9600), (9600, 19200), (19200, 9999), (9600, 57600), (115200, 74880)]
)
def test_what_a_receiver_at_another_rate_sees_is_what_the_line_shows(sender: int, receiver: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, 60).astype(np.uint8).tobytes()
    assert receive_at_other_rate(data, sender, receiver) == receive_slowly(data, sender, receiver)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("flip_rate=2", "flip_rate is 2.0; it goes from 0 to 1"),
        ("dialect=morse", "dialect is 'morse'; it is one of frames, mlperf, csv"),
        ("stall_s=-1", "stall_s is -1.0"),
        ("test_channels=2000&test_dtype=int32", "has 8000 bytes, and a frame"),
        ("fault_log=/no/such/folder/log", "no/such/folder"),
    ],
)
def test_settings_that_do_not_fit_say_so(setting: str, words: str) -> None:
    with pytest.raises(link.PortError, match=words):
        link.Board(f"virtual://?{setting}")

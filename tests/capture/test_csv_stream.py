"""Rows that other people's sketches print, in every form and in any pieces; and the rate at which they come."""

import os
import pty
import random
import subprocess
import sys
import time
import tty
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import serial
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinyml_labs.capture.arrival_rate import RateEstimate, estimate_rate, estimate_rate_from_time
from tinyml_labs.capture.csv_log import decode_csv_capture
from tinyml_labs.capture.csv_report import CsvReport, CsvSettings
from tinyml_labs.capture.csv_stream import CsvDecoder

WHOLE = CsvSettings(starts_mid_line=False)


def decoded(text: bytes, how: CsvSettings = WHOLE) -> tuple[list[list[float]], CsvReport]:
    decoder = CsvDecoder(how)
    parts = [decoder.feed(text, 0.0), decoder.finish()]
    return [row for part in parts for row in part.rows.tolist()], decoder.report()


def in_pieces(text: bytes, cuts: list[int], how: CsvSettings = WHOLE) -> tuple[object, ...]:
    """All that a decoder says of bytes that come in pieces; the time of a piece is where it ends."""
    decoder = CsvDecoder(how)
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    parts = [decoder.feed(text[a:b], float(b)) for a, b in pairwise(edges)]
    parts.append(decoder.finish())
    rows = [row for part in parts for row in part.rows.tolist()]
    times = [time for part in parts if part.time_values is not None for time in part.time_values]
    events = [[at for part in parts for at in getattr(part, what)] for what in ("block_ends", "restarts", "damaged")]
    report = decoder.report()
    arrivals = [arrival for part in parts for arrival in part.arrival_seconds]
    assert len(arrivals) == len(rows) == report.rows
    assert arrivals == sorted(arrivals)
    return rows, times, events, report


ROWS = [[0.5, -1.25, 3.0], [1e-3, 2.0, -0.0], [7.0, 8.0, 9.0]]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\r"])
@pytest.mark.parametrize(
    "line",
    [
        b"%s,%s,%s",
        b"%s, %s, %s",
        b"%s\t%s\t%s",
        b"%s;%s;%s",
        b"%s %s %s",
        b"  %s   %s %s ",
        b"%s,%s,%s,",
        b"%s ,\t%s,%s",
    ],
)
def test_reads_numbers_with_any_separator_and_line_end(line, end):
    text = b"".join(line % tuple(b"%g" % value for value in row) + end for row in ROWS)
    rows, report = decoded(text)
    assert rows == ROWS
    assert (report.bad_lines, report.text_lines, report.channel_names) == (0, 0, ("ch1", "ch2", "ch3"))


@pytest.mark.parametrize(
    "line",
    [
        b"x:%s,y:%s,z:%s",
        b"x:%s\ty:%s\tz:%s",
        b"x:%s y:%s z:%s",
        b"x: %s, y: %s, z: %s, ",
        b"x : %s \t y : %s \t z : %s",
    ],
)
def test_reads_the_serial_plotters_pairs(line):
    text = b"".join(line % tuple(b"%g" % value for value in row) + b"\r\n" for row in ROWS)
    rows, report = decoded(text)
    assert rows == ROWS
    assert report.channel_names == ("x", "y", "z")


def test_names_of_pairs_may_hold_spaces_and_other_alphabets():
    rows, report = decoded("Temp C:20.5 Größe:3\nTemp C:21 Größe:4\n".encode())
    assert rows == [[20.5, 3], [21, 4]]
    assert report.channel_names == ("Temp C", "Größe")


@pytest.mark.parametrize("header", [b"aX,aY", b"aX:,aY:", b'"aX", "aY"', b"# aX,aY", b"\xef\xbb\xbfaX,aY"])
def test_a_header_names_the_channels(header):
    rows, report = decoded(header + b"\n1,2\n3,4\n")
    assert (rows, report.channel_names, report.text_lines) == ([[1, 2], [3, 4]], ("aX", "aY"), 0)


def test_units_in_brackets_are_units():
    _, report = decoded(b"accX (g),gyrX [deg/s],spin\n1,2,3\n4,5,6\n")
    assert report.channel_names == ("accX", "gyrX", "spin")
    assert report.units == ("g", "deg/s", "")


def test_the_last_fitting_text_before_the_numbers_is_the_header_and_the_rest_is_text():
    rows, report = decoded(b"rst:0x1 (POWERON)\nhello, world\nMPU6050 found\n\nax,ay\n1,2\n3,4\n")
    assert rows == [[1, 2], [3, 4]]
    assert (report.channel_names, report.text_lines, report.bad_lines) == (("ax", "ay"), 3, 0)


def test_two_columns_of_one_name_are_told_apart():
    _, report = decoded(b"x,x,y\n1,2,3\n1,2,3\n")
    assert report.channel_names == ("x", "x_2", "y")
    assert "Two columns are called 'x'" in report.notes[0]


def test_decimal_commas_are_read_where_they_cannot_separate():
    assert decoded(b"0,5;-1,25\n2;3,5\n")[0] == [[0.5, -1.25], [2, 3.5]]
    assert decoded(b"0,5\t-1,25\n2\t3,5\n")[0] == [[0.5, -1.25], [2, 3.5]]


def test_imu_capture_ends_a_gesture_with_a_blank_line():
    gesture = b"".join(b"0.%d,-1.000,2.5\r\n" % k for k in range(7)) + b"\r\n"
    decoder = CsvDecoder()
    rows = decoder.feed(b"aX,aY,aZ\r\n\r\n" + 3 * gesture + b"\r\n\r\n", 1.0)
    assert (len(rows), rows.block_ends, rows.damaged) == (21, (7, 14, 21), ())
    assert decoder.report().channel_names == ("aX", "aY", "aZ")


def test_the_data_forwarders_rows_need_no_header():
    rows, report = decoded(b"-0.12\t9.81\t0.30\r\n" * 20, CsvSettings())
    assert rows == [[-0.12, 9.81, 0.3]] * 19  # the first may have lost its beginning
    assert report.cut_first_line


@pytest.mark.parametrize("start", range(1, 17))
def test_a_first_line_that_was_cut_is_left_out_and_said_but_is_no_bad_line(start):
    for line in (b"0.571,2.25,-3.125\n", b"accX:1.5,accY:-2.25\n"):
        rest = line[start:]
        rows, report = decoded(rest + 6 * line, CsvSettings())
        assert rows == decoded(line)[0] * 6
        assert (report.bad_lines, report.cut_first_line) == (0, len(rest) > 1) or report.text_lines == 1


def test_a_header_or_an_empty_first_line_is_not_a_cut_row():
    for first in (b"ax,ay\n", b"\n", b"\r\n"):
        rows, report = decoded(first + b"1,2\n3,4\n", CsvSettings())
        assert rows == [[1, 2], [3, 4]]
        assert not report.cut_first_line


def test_a_last_line_without_an_end_is_left_out_and_said():
    rows, report = decoded(b"1,2\n3,4\n5,6")
    assert rows == [[1, 2], [3, 4]]
    assert report.cut_last_line
    assert not decoded(b"1,2\n3,4\n")[1].cut_last_line
    assert decoded(b"1,2\r3,4\r")[0] == [[1, 2], [3, 4]]


def test_the_columns_are_settled_by_majority_and_no_row_of_it_is_lost():
    rows, report = decoded(b"115200\n1,2\n3,4,5\n3,4\n5,6\n7,8\n")
    assert rows == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert report.bad_lines == 2
    assert str(report.first_bad_line) == "line 1: '115200' (1 column, expected 2)"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2,3,4", "4 columns, expected 3"),
        (b"1,2", "2 columns, expected 3"),
        (b"1,2,nan", "'nan' is no finite number"),
        (b"1,inf,3", "'inf' is no finite number"),
        (b"1,ovf,3", "'ovf' is no finite number"),
        (b"1e999,2,3", "'1e999' is no finite number"),
        (b"1," + b"9" * 400 + b",3", "'99999999999999999999' is no finite number"),
        (b"1_000,2,3", "'1_000' is no finite number"),
        (b"1,,3", "'' is no finite number"),
        (b"0x10,2,3", "'0x10' is no finite number"),
        (b"1.2.3,2,3", "'1.2.3' is no finite number"),
        ("١,2,3".encode(), "'١' is no finite number"),
        (b"\xff\x00,2,3", "'ÿ\\x00' is no finite number"),
        (b"Gesture!", "text, expected 3 numbers"),
        (b"1," * 600, "longer than 1,000 characters"),
        (b"1,2," + b"0" * 997 + b"3", "longer than 1,000 characters"),
    ],
)
def test_a_bad_line_is_counted_quoted_and_leaves_no_row(line, reason):
    decoder = CsvDecoder(WHOLE)
    rows = decoder.feed(b"1,2,3\n" * 6 + line + b"\n" + b"4,5,6\n" * 2, 0.0)
    report = decoder.report()
    assert rows.rows.tolist() == [[1, 2, 3]] * 6 + [[4, 5, 6]] * 2
    assert (report.bad_lines, report.first_bad_line.number, report.first_bad_line.reason) == (1, 7, reason)
    assert report.first_bad_line.text in (line[:60].decode("latin-1"), line[:60].decode(errors="replace"))
    assert rows.damaged == (() if line == b"Gesture!" else (6,))


def test_pairs_in_another_order_or_number_are_bad():
    _, report = decoded(b"x:1,y:2\n" * 5 + b"y:1,x:2\nx:1\nx:nan,y:2\n")
    assert (report.rows, report.bad_lines) == (5, 3)
    assert report.first_bad_line.reason == "expected x:...,y:..."


def test_comments_are_text():
    rows, report = decoded(b"# from the lab\n1,2\n# a pause\n3,4\n")
    assert (rows, report.text_lines, report.bad_lines) == ([[1, 2], [3, 4]], 2, 0)


def test_a_header_that_comes_again_is_a_restart():
    decoder = CsvDecoder(WHOLE)
    rows = decoder.feed(b"ax,ay\n" + b"1,2\n" * 6 + b"0.3" + b"ax,ay\nax,ay\n" + b"3,4\n" * 2, 0.0)
    report = decoder.report()
    assert (len(rows), rows.restarts, rows.damaged, report.restarts, report.bad_lines) == (8, (6,), (6,), 1, 1)


def test_a_header_that_comes_late_is_a_restart_and_gives_the_names():
    rows, report = decoded(b"1,2\n" * 6 + b"ax,ay\n" + b"3,4\n")
    assert (len(rows), report.restarts, report.channel_names) == (7, 1, ("ax", "ay"))


@pytest.mark.parametrize(
    ("name", "step", "unit"),
    [("t_ms", 10, "ms"), ("micros", 10_000, "us"), ("time (s)", 0.01, "s"), ("Timestamp [us]", 10_000, "us")],
)
def test_a_time_column_is_no_channel_and_tells_the_rate(name, step, unit):
    lines = [f"{k},{5000 * step + k * step:.10g},{-k}" for k in range(200)]
    capture = decode_csv_capture("\n".join([f"a,{name},b", *lines, ""]).encode())
    assert capture.rows.tolist() == [[k, -k] for k in range(200)]
    np.testing.assert_allclose(np.diff(capture.time_values), step)
    assert (capture.report.channel_names, capture.report.time_unit) == (("a", "b"), unit)
    assert capture.rate.rate_hz == pytest.approx(100.0, rel=1e-9)
    assert capture.rate.source == "time column"
    assert capture.report.notes == ()


def test_the_rate_of_a_time_column_counts_damaged_rows_and_stops_at_pauses_and_restarts():
    lines = [f"{k * 10},1" for k in range(300)]
    lines[100] = "1000,1,1"
    lines[200:200] = [""]  # a pause of 5 s
    lines[201:] = [f"{k * 10 + 5000},1" for k in range(100)] + [f"{k * 10},1" for k in range(100)]
    capture = decode_csv_capture("\n".join(["ms,x", *lines, ""]).encode())
    assert (capture.block_ends, capture.restarts, capture.damaged) == ((199,), (299,), (100,))
    assert capture.rate.rate_hz == pytest.approx(100.0, rel=1e-9)
    assert capture.report.notes == ()


def test_samples_that_the_board_missed_show_in_its_time_column():
    lines = [f"{k * 10},1" for k in range(300) if k not in (50, 51, 200)]
    notes = decode_csv_capture("\n".join(["ms,x", *lines, ""]).encode()).report.notes
    assert "in 2 places, first after row 50: the board may have missed samples" in notes[0]


def test_a_clock_that_begins_anew_with_each_gesture_is_no_restart():
    gesture = "".join(f"{k * 10},{k}\n" for k in range(50))
    capture = decode_csv_capture(f"ms,x\n{gesture}\n{gesture}\n".encode())
    assert (capture.block_ends, capture.restarts) == ((50, 100), ())
    assert capture.rate.rate_hz == pytest.approx(100.0)


def test_the_clocks_wrap_is_no_restart():
    times = [(2**32 - 50_000 + k * 10_000) % 2**32 for k in range(100)]
    capture = decode_csv_capture("".join(["us,x\n", *(f"{t},1\n" for t in times)]).encode())
    assert capture.restarts == ()
    assert capture.rate.rate_hz == pytest.approx(100.0)


def test_the_unit_of_a_nameless_clock_is_told_by_the_hosts():
    for unit, per_second in (("s", 1), ("ms", 1000), ("us", 1_000_000)):
        decoder = CsvDecoder()
        for k in range(200):
            decoder.feed((b"t,x\n" if not k else b"") + b"%.6f,1\n" % (k * 0.01 * per_second), 7.0 + k * 0.01)
        assert decoder.report().time_unit == unit
    capture = decode_csv_capture(b"t,x\n" + b"".join(b"%d,1\n" % (k * 10) for k in range(50)))
    assert (capture.rate, capture.report.time_unit) == (None, None)
    assert "does not say its unit" in capture.report.notes[0]
    said = decode_csv_capture(
        b"t,x\n" + b"".join(b"%d,1\n" % (k * 10) for k in range(50)), settings=CsvSettings(time_unit="ms")
    )
    assert said.rate.rate_hz == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("line", "whole"),
    [(b"1,-2,+3", True), (b"1,2.0,3", False), (b"1,2e3,3", False), (b"9007199254740993,1,2", False)],
)
def test_says_whether_all_numbers_are_whole(line, whole):
    assert decoded(b"1,2,3\n" * 6 + line + b"\n")[1].whole_numbers is whole
    assert decoded(b"time,a,b\n" + b"0.01,2,3\n" * 6)[1].whole_numbers
    assert decoded(b"a:1 b:-2\n" * 6)[1].whole_numbers
    assert not decoded(b"a:1 b:-2.0\n" * 6)[1].whole_numbers
    assert not decoded(b"0,5;1\n" * 6)[1].whole_numbers


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"1,2,3", b"-4.5,6e-2,7", b"1,2,3,", b"8;9;10", b"x:1,y:2", b"x:3.5,y:4", b"ax,ay,az", b"ms,y,z", b"",
             b"nan,1,2", b"5", b"1,2", b"boot", b"# note", b"1 2 3", b"0" * 30, b"100,1,1", b"7,1,1", b"\xff\x00"]
        ),
        st.binary(max_size=12),
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False, width=32)] * 3).map(
            lambda row: ",".join(f"{value:.7g}" for value in row).encode()
        ),
    ),
    max_size=30,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    lines=LINES,
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\r", b"\r\r\n", b""]), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 1000), max_size=12),
    mid=st.booleans(),
)
@example(lines=[b"1,2,3"] * 6, ends=[b"\n\r"], cuts=[6, 7, 8], mid=False)
@example(lines=[b"1", b"", b"2"], ends=[b"\n\r", b"\r"], cuts=[1, 2, 3, 4], mid=False)
def test_any_pieces_give_the_same(lines, ends, cuts, mid):
    text = b"".join(line + ends[k % len(ends)] for k, line in enumerate(lines))
    how = CsvSettings(starts_mid_line=mid, max_line_characters=25)
    whole = in_pieces(text, [], how)
    assert in_pieces(text, cuts, how) == whole
    assert in_pieces(text, list(range(len(text))), how) == whole


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 1000), max_size=5),
)
def test_numbers_come_as_the_text_says(rows, cuts):
    text = b"".join(f"{a!r},{b!r}\r\n".encode() for a, b in rows)
    assert in_pieces(text, cuts)[0] == [list(row) for row in rows]


@settings(max_examples=200, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_harms_only_the_lines_it_hits_and_none_is_lost_in_silence(damage):
    lines = [b"%d,%d,%d" % (k, 2 * k, 3 * k) for k in range(1000, 1060)]
    whole = b"\n".join(lines) + b"\n"
    text = bytearray(whole)
    for at, byte in damage:
        text[at % len(text)] = byte
    hit = {whole[: at % len(text)].count(b"\n") for at, _ in damage}  # with a line's end, the next is hit, too
    rows, report = decoded(bytes(text))
    assert all([k, 2 * k, 3 * k] in rows for n, k in enumerate(range(1000, 1060)) if not {n - 1, n} & hit)
    lost = sum([k, 2 * k, 3 * k] not in rows for k in range(1000, 1060))
    odd = sum([row[0], 2 * row[0], 3 * row[0]] != row for row in rows)  # another digit makes another number
    merged = sum(whole[at] == 10 for at in {at % len(text) for at, _ in damage})  # the end of a line is gone
    assert lost <= report.bad_lines + report.text_lines + report.cut_last_line + merged + odd


def test_memory_is_bounded_whatever_comes():
    decoder = CsvDecoder()
    noise = random.Random(1).randbytes(1 << 16)
    for piece in (noise, noise.replace(b"\n", b"").replace(b"\r", b""), b"text\n" * 10_000, b"1," * 30_000):
        for _ in range(4):
            decoder.feed(piece, 0.0)
        held = [decoder._lines._tail, *decoder._texts, *(line for (_, line, _), _ in decoder._early)]
        assert sum(map(len, held)) < 60_000
    assert decoder.report().rows == 0 or decoder.report().bad_lines > 0


def test_a_finished_decoder_takes_no_more():
    decoder = CsvDecoder()
    assert len(decoder.finish()) == 0
    assert len(decoder.finish()) == 0
    with pytest.raises(ValueError, match="finished"):
        decoder.feed(b"1\n", 0.0)
    assert decoder.report() == CsvReport()


def test_settings_are_checked():
    with pytest.raises(ValueError, match="time_unit is 'min'"):
        CsvSettings(time_unit="min")
    with pytest.raises(ValueError, match="at least 1"):
        CsvSettings(settle_lines=0)


# Saved logs


def test_reads_a_saved_log_from_a_file_in_any_encoding(tmp_path: Path):
    text = "accX,accY\r\n" + "".join(f"{k},{-k}\r\n" for k in range(50))
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / "log.txt"
        path.write_bytes(text.encode(encoding))
        capture = decode_csv_capture(path)
        assert capture.rows.tolist() == [[k, -k] for k in range(50)]
        assert capture.report.channel_names == ("accX", "accY")
        assert capture.arrival_seconds is None
        assert capture.rate is None


@pytest.mark.parametrize("arrow", ["->", ">"])
def test_a_monitors_time_of_day_is_taken_off_and_tells_the_rate(arrow):
    lines = ["aX,aY"] + [f"{k},{k}" for k in range(1000)]
    seconds = [86_395 + 0.3 + k / 104 for k in range(len(lines))]  # over midnight
    stamps = [
        f"{int(s) // 3600 % 24:02}:{int(s) // 60 % 60:02}:{int(s) % 60:02}.{int(s % 1 * 1000):03}" for s in seconds
    ]
    text = "".join(f"{stamp} {arrow} {line}\r\n" for stamp, line in zip(stamps, lines, strict=True))
    capture = decode_csv_capture(text.encode()[3:])
    assert capture.rows.tolist() == [[k, k] for k in range(1000)]
    assert capture.report.channel_names == ("aX", "aY")
    assert capture.rate.rate_hz == pytest.approx(104, rel=2e-4)
    assert capture.arrival_seconds[-1] == pytest.approx(1000 / 104, abs=0.02)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello\nworld\n", "no row of numbers: 2 whole lines, and it begins with b'hello"),
        (bytes(range(128, 256)) * 5, "another baud rate"),
    ],
)
def test_a_log_without_numbers_is_refused_with_the_reason(content, says):
    with pytest.raises(ValueError, match=says):
        decode_csv_capture(content)
    with pytest.raises(FileNotFoundError):
        decode_csv_capture("no such log.txt")


def test_real_recordings_read_as_they_are(real_data: Path):
    for folder in ("imu/xiao_continuous/circle", "imu/punch_flex/punch"):
        path = sorted((real_data / folder).glob("*.csv"))[0]
        capture = decode_csv_capture(path, settings=WHOLE)
        names = path.read_text().splitlines()[0].split(",")
        np.testing.assert_array_equal(capture.rows, np.loadtxt(path, delimiter=",", skiprows=1))
        assert capture.report.channel_names == tuple(names)
        assert capture.report.bad_lines == 0


# The rate


def bursts(
    seed: int, *, rate_hz: float = 104.0, seconds: float = 60.0, bunch_s: float = 0.1, late: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals of rows that are taken at a steady rate, held back in bunches, and delayed by a busy host."""
    rng = np.random.default_rng(seed)
    taken = np.arange(int(rate_hz * seconds)) / rate_hz
    sent = np.cumsum(rng.uniform(0.001, bunch_s, size=int(3 * seconds / bunch_s)))
    sent = sent[sent < seconds]
    arrived = (
        sent + rng.exponential(0.004, len(sent)) + (rng.random(len(sent)) < late) * rng.exponential(0.2, len(sent))
    )
    counts = np.diff(np.searchsorted(taken, sent, side="right"), prepend=0)
    return np.maximum.accumulate(arrived)[counts > 0], counts[counts > 0]


def test_the_rate_is_within_a_thousandth_where_counting_for_a_second_is_off_by_percents():
    ours, counted, firm = [], [], []
    for seed in range(50):
        seconds, counts = bursts(seed, bunch_s=0.25)
        estimate = estimate_rate(seconds, counts)
        ours.append(abs(estimate.rate_hz / 104 - 1))
        firm.append(abs(estimate.rate_hz - 104) <= estimate.uncertainty_hz)
        start = seconds[0] + 1  # as Edge Impulse's data forwarder does: the lines of one second
        counted.append(abs(counts[(seconds >= start) & (seconds < start + 1)].sum() / 104 - 1))
    assert max(ours) < 0.001
    assert np.median(counted) > 0.02
    assert max(counted) > 0.05
    assert np.mean(firm) > 0.85


@pytest.mark.parametrize("rate_hz", [10.0, 119.0, 1000.0, 16_000.0])
def test_the_rate_is_found_at_any_rate(rate_hz):
    estimate = estimate_rate(*bursts(7, rate_hz=rate_hz))
    assert estimate.rate_hz == pytest.approx(rate_hz, rel=1e-3)
    assert estimate.source == "arrival"
    assert estimate.uncertainty_hz < 1e-3 * rate_hz


def test_what_lay_in_a_buffer_before_the_port_was_opened_does_not_count():
    seconds, counts = bursts(3)
    counts = counts.copy()
    counts[0] += 4000
    assert estimate_rate(seconds, counts).rate_hz == pytest.approx(104, rel=1e-3)


def test_pauses_between_gestures_do_not_count():
    rng = np.random.default_rng(5)
    seconds, counts, breaks, now = [], [], [], 0.0
    for seed in range(30):
        one, rows = bursts(seed, rate_hz=119, seconds=1.0, bunch_s=0.03)
        breaks.append(sum(map(len, seconds)))
        seconds.append(one + now)
        counts.append(rows)
        now = seconds[-1][-1] + rng.uniform(1, 4)
    arrived, rows = np.concatenate(seconds), np.concatenate(counts)
    assert estimate_rate(arrived, rows, breaks=breaks).rate_hz == pytest.approx(119, rel=0.005)
    assert estimate_rate(arrived, rows).rate_hz < 60


def test_the_line_below_all_points_is_the_closest_one():
    """Held against all lines through two points: of those below all points, the one with the least distances."""
    for seed in range(10):
        seconds, counts = bursts(seed, seconds=5.0)
        x = np.cumsum(counts).astype(float)
        i, j = np.triu_indices(len(x), 1)
        slopes = (seconds[j] - seconds[i]) / (x[j] - x[i])
        distances = seconds - (seconds[i] - slopes * x[i])[:, None] - slopes[:, None] * x
        below = distances.min(axis=1) > -1e-9
        best = slopes[below][np.argmin(distances[below].sum(axis=1))]
        assert estimate_rate(seconds, counts).rate_hz == pytest.approx(1 / best, rel=1e-6)


def test_too_little_for_a_rate_is_refused():
    for seconds, counts, breaks in (
        ([], [], []),
        ([1.0], [5], []),
        ([1.0, 1.0], [5, 5], []),
        ([1.0, 2.0], [5, 5], [1]),
    ):
        with pytest.raises(ValueError, match="tells no rate"):
            estimate_rate(seconds, counts, breaks=breaks)
    with pytest.raises(ValueError, match="runs backwards"):
        estimate_rate([2.0, 1.0], [1, 1])
    with pytest.raises(ValueError, match="one of each a chunk"):
        estimate_rate([2.0, 1.0], [1])
    with pytest.raises(ValueError, match="does not rise"):
        estimate_rate_from_time([5.0, 5.0, 5.0])
    few = estimate_rate([0.0, 0.1], [10, 10])
    assert (few.rate_hz, few.uncertainty_hz) == (pytest.approx(100), np.inf)
    assert str(RateEstimate(rate_hz=104.03, uncertainty_hz=0.012, rows=9, seconds=60, source="arrival")) == (
        "104.03 Hz ± 0.012 Hz (arrival, 60 s)"
    )


# A real port

WRITER = """
import os, random, sys, time
port, rows = int(sys.argv[1]), int(sys.argv[2])
text = b"57,1.25\\r\\n" + b"ets Jun  8 2016\\r\\naX,aY,aZ\\r\\n\\r\\n"
text += b"".join(b"%d,%d.5,-1\\r\\n" % (k, k) + b"\\r\\n" * (k % 119 == 118) for k in range(rows))
text = text.replace(b"\\n500,500.5,", b"\\n500,5@0.5,") + b"7,7"
random.seed(3)
while text:
    n = random.randint(1, 300)
    text = text[os.write(port, text[:n]):]
    if random.random() < 0.05:
        time.sleep(0.002)
"""


def test_a_process_that_prints_to_a_port_is_read_whole():
    board, host = pty.openpty()
    tty.setraw(board)
    tty.setraw(host)
    rows, parts = 5000, []
    decoder = CsvDecoder()
    try:
        with serial.Serial(os.ttyname(host), 115200, timeout=0.5) as port:
            writer = subprocess.Popen([sys.executable, "-c", WRITER, str(board), str(rows)], pass_fds=[board])
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                data = port.read(port.in_waiting or 1)
                if data:
                    parts.append(decoder.feed(data, time.monotonic()))
                elif writer.poll() is not None:
                    break
        parts.append(decoder.finish())
        assert writer.wait(timeout=5) == 0
    finally:
        writer.kill()
        os.close(board)
        os.close(host)
    got = np.concatenate([part.rows for part in parts if part.rows.shape[1]])
    want = [[k, k + 0.5, -1] for k in range(rows) if k != 500]
    assert got.tolist() == want
    report = decoder.report()
    assert report.channel_names == ("aX", "aY", "aZ")
    assert (report.bad_lines, report.text_lines, report.cut_first_line, report.cut_last_line) == (1, 1, True, True)
    assert str(report.first_bad_line).endswith("'500,5@0.5,-1' ('5@0.5' is no finite number)")
    assert [at for part in parts for at in part.damaged] == [500]
    ends = [at for part in parts for at in part.block_ends]
    assert ends == [119 * k - (119 * k > 500) for k in range(1, rows // 119 + 1)]
    arrivals = np.concatenate([part.arrival_seconds for part in parts])
    assert len(arrivals) == len(got)
    assert (np.diff(arrivals) >= 0).all()

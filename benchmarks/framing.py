"""Decoded MB/s through a pty, against a plain pyserial read loop on the same pty in the same run.

    .venv/bin/python benchmarks/framing.py [--megabytes 40] [--json]

A second process writes the same bytes into the far end of a pseudo terminal, over and over. Read them with
pyserial (a) and throw them away, (b) and decode every frame, (c) line by line with readline(), as most sketches'
hosts do. What counts is the ratio: the machine may be busy, and is so for all three.
"""

import argparse
import json
import os
import platform
import pty
import statistics
import subprocess
import sys
import time
import tty

import serial

from tinyml_labs.link import Frame, FrameDecoder, encode_frame

WRITER = """
import os, sys, time
descriptor, block, total = int(sys.argv[1]), sys.stdin.buffer.read(), int(sys.argv[2])
while total > 0:
    sent = 0
    while sent < len(block):
        sent += os.write(descriptor, block[sent:])
    total -= len(block)
while True:  # a hang-up would throw away what was not read yet
    time.sleep(1)
"""


def measure(block: bytes, total: int, read) -> float:
    """Give the MB/s at which ``read(port, total)`` takes ``total`` bytes, sent as copies of ``block``."""
    total -= total % len(block)
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = serial.Serial(os.ttyname(slave), 115200, timeout=5)
    os.close(slave)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(master), str(total)], stdin=subprocess.PIPE, pass_fds=[master]
    )
    os.close(master)
    writer.stdin.write(block)
    writer.stdin.close()
    read(port, len(block))  # the writer is running
    start = time.perf_counter()
    read(port, total - len(block))
    took = time.perf_counter() - start
    writer.kill()
    writer.wait()
    port.close()
    return (total - len(block)) / took / 1e6


def read_raw(port: serial.Serial, total: int) -> None:
    while total > 0:
        total -= len(port.read(min(total, max(1, port.in_waiting))))


def read_lines(port: serial.Serial, total: int) -> None:
    while total > 0:
        total -= len(port.readline())


class Decode:
    """Read and decode, and count the frames."""

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self.frames = 0

    def __call__(self, port: serial.Serial, total: int) -> None:
        while total > 0:
            data = port.read(min(total, max(1, port.in_waiting)))
            total -= len(data)
            self.frames += len(self.decoder.feed(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    total = int(chosen.megabytes * 1e6)
    results = {}
    for payload in (12, 240, 1024, 4096):
        frames = [Frame(0x86, n % 65536, n, os.urandom(payload)) for n in range(max(4, 200_000 // (payload + 14)))]
        block = b"".join(map(encode_frame, frames))
        ratios, raws, decodeds = [], [], []
        for _ in range(chosen.rounds):
            raw = measure(block, total, read_raw)
            decode = Decode()
            decoded = measure(block, total, decode)
            expected = (total // len(block)) * len(frames)
            assert decode.frames == expected, f"{decode.frames} of {expected} frames"
            assert decode.decoder.counts.damaged == 0
            ratios.append(decoded / raw)
            raws.append(raw)
            decodeds.append(decoded)
        results[f"{payload} bytes a frame"] = {
            "raw_mb_s": round(statistics.median(raws), 1),
            "decoded_mb_s": round(statistics.median(decodeds), 1),
            "ratio": round(statistics.median(ratios), 3),
        }
    lines = b"".join(b"%d,%d,%d\r\n" % (n, n * 7, n * 13) for n in range(10_000))
    slow = measure(lines, 2_000_000, read_lines)
    largest = results["1024 bytes a frame"]
    results["readline() on CSV"] = {
        "mb_s": round(slow, 3),
        "decoded_to_readline": round(largest["decoded_mb_s"] / slow),
    }
    results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps(results, indent=2))
        return
    for name, figures in results.items():
        print(f"{name:<22} {figures}")


if __name__ == "__main__":
    main()

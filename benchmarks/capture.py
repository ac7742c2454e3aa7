"""Recording over a pty: MB/s to disk, against a raw pyserial loop and readline(); CPU and losses at fixed rates.

    .venv/bin/python benchmarks/capture.py [--seconds 60] [--json]

"To disk" is the whole way: a process fills the far end of a pty with SAMPLES frames as fast as the line takes them,
the recorder's process decodes them, checks them and writes a recording. Raw is pyserial reading the same bytes from
the same pty and throwing them away; readline() is what most hosts of sketches do. What counts is the ratio.
"""

import argparse
import contextlib
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path

import numpy as np
import psutil
import serial

from tinyml_labs import capture, link
from tinyml_labs.link import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.descriptions import BoardInfo, Sensor, SensorKind
from tinyml_labs.link.messages import Samples, StreamStart, Type, pack_done
from tinyml_labs.virtual import test_pattern
from tinyml_labs.virtual.microphone import hear

SENSORS = {
    "audio": Sensor(
        id=1, name="audio", unit="counts", channels=1, dtype="int16", rate_hz=16_000.0, kind=SensorKind.AUDIO
    ),
    "motion": Sensor(id=1, name="motion", unit="counts", channels=6, dtype="int16", rate_hz=1000.0),
}


def flood(what: str, loud: int, payload: int, megabytes: float, go: str) -> None:
    """Be a board that sends as fast as the line takes it, once the file ``go`` is there."""
    sensor = SENSORS[what]
    per_frame = max(1, (payload - 9) // (2 * sensor.channels))
    count = int(megabytes * 1e6) // (per_frame * 2 * sensor.channels)
    values = np.random.default_rng(0).normal(0, loud, (64, per_frame, sensor.channels)).clip(-32768, 32767)
    values = values.astype("<i2")
    frames = b"".join(
        encode_frame(
            Frame(
                Type.SAMPLES,
                (n + 100) % 65536,
                int(n * per_frame / sensor.rate_hz * 1e6) % 2**32,
                Samples(sensor=1, first=n * per_frame, overruns=0, data=values[n % 64].tobytes()).pack(),
            )
        )
        for n in range(count)
    )
    master, slave = pty.openpty()
    tty.setraw(slave)
    print(os.ttyname(slave), len(frames), count * per_frame, flush=True)
    info = BoardInfo(
        board="flood",
        firmware="flood",
        firmware_version="1",
        max_payload=4096,
        receive_buffer=4096,
        model_sha256=bytes(32),
        sensors=(sensor,),
    )
    decoder = FrameDecoder()
    while True:
        for frame in decoder.feed(os.read(master, 4096)):
            answer = info.pack(frame.sequence) if frame.type == Type.HELLO else pack_done(frame.sequence)
            kind = Type.BOARD if frame.type == Type.HELLO else Type.DONE
            write_all(master, encode_frame(Frame(kind, 0, 0, answer)))
            if frame.type == Type.STREAM_START:
                while not Path(go).exists():
                    time.sleep(0.005)
                write_all(master, frames)


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:65536]) :]


class Flood:
    """The flooding process, and where it is."""

    def __init__(self, what: str, loud: int, payload: int, megabytes: float, folder: Path) -> None:
        self.go = folder / f"go{time.monotonic_ns()}"
        arguments = [what, str(loud), str(payload), str(megabytes), str(self.go)]
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--flood", *arguments], stdout=subprocess.PIPE, text=True
        )
        self.port, size, samples = self.process.stdout.readline().split()
        self.bytes, self.samples = int(size), int(samples)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def measure_raw(source: Flood) -> float:
    with serial.Serial(source.port, 115200, timeout=5) as port:
        port.write(encode_frame(Frame(Type.STREAM_START, 0, 0, StreamStart(sensor=1, samples=0).pack())))
        port.read(1)
        time.sleep(0.2)
        source.go.touch()
        start, left = time.perf_counter(), source.bytes
        while left > 0:
            left -= len(port.read(max(1, port.in_waiting)))
        return source.bytes / (time.perf_counter() - start) / 1e6


def measure_to_disk(source: Flood, folder: Path) -> tuple[float, float]:
    """MB/s, and MB/s per core of processor time."""
    with capture.Recorder(source.port, folder=folder) as recorder:
        rate = recorder.info["sensor"]["nominal_rate_hz"]
        process = psutil.Process(recorder._process.pid)
        recorder.start(label="flood", seconds=source.samples / rate)
        time.sleep(0.3)
        before = sum(process.cpu_times()[:2])
        source.go.touch()
        start = time.perf_counter()
        recording = recorder.wait()
        took = time.perf_counter() - start
        cpu = sum(process.cpu_times()[:2]) - before
        assert (recording.missing, len(recording.samples)) == (0, source.samples), recording.problems
        capture.discard(recording)
    return source.bytes / took / 1e6, source.bytes / cpu / 1e6


def measure_readline(megabytes: float) -> float:
    lines = b"".join(b"%d,%d,%d,%d,%d,%d\r\n" % tuple(np.arange(6) * n * 7 % 65536 - 32768) for n in range(5000))
    count = int(megabytes * 1e6) // len(lines)
    master, slave = pty.openpty()
    tty.setraw(slave)
    with serial.Serial(os.ttyname(slave), 115200, timeout=5) as port:
        os.close(slave)
        writer = subprocess.Popen(
            [sys.executable, __file__, "--write", str(master), str(count)], pass_fds=[master], stdin=subprocess.PIPE
        )
        writer.stdin.write(lines)
        writer.stdin.close()
        port.readline()
        start, left = time.perf_counter(), 5000 * count - 1
        rows = []
        while left > 0:
            rows.append([int(v) for v in port.readline().split(b",")])
            left -= 1
        took = time.perf_counter() - start
        writer.kill()
        writer.wait()
    os.close(master)
    return len(lines) * count / took / 1e6


def measure_speed(folder: Path, rounds: int, megabytes: float) -> dict:
    results = {}
    cases = [(w, lo, p) for w, lo in (("audio", 8000), ("audio", 60), ("motion", 8000)) for p in (240, 1024, 4096)]
    for what, loud, payload in cases:
        raws, disks, cores = [], [], []
        for _ in range(rounds):
            source = Flood(what, loud, payload, megabytes, folder)
            raws.append(measure_raw(source))
            source.end()
            source = Flood(what, loud, payload, megabytes, folder)
            disk, core = measure_to_disk(source, folder)
            disks.append(disk)
            cores.append(core)
            source.end()
        name = f"{what}, {'loud' if loud > 1000 else 'quiet'}, {payload} bytes a frame"
        results[name] = {
            "raw_mb_s": round(statistics.median(raws), 1),
            "to_disk_mb_s": round(statistics.median(disks), 1),
            "ratio": round(statistics.median(d / r for d, r in zip(disks, raws, strict=True)), 3),
            "to_disk_mb_per_cpu_s": round(statistics.median(cores), 1),
        }
    slow = measure_readline(1.0)
    results["readline() and split, CSV"] = {
        "mb_s": round(slow, 3),
        "to_disk_against_it": {k: round(v["to_disk_mb_s"] / slow) for k, v in results.items()},
    }
    return results


def measure_streams(folder: Path, seconds: float) -> dict:
    """Fixed rates while this program keeps a core busy: what is lost, what is wrong, and what the recorder uses."""
    streams = {
        "6 channels x 1 kHz, float32": ("test_pattern", "sensor_rate_hz=1000&test_channels=6&test_dtype=float32"),
        "sound, 16 kHz": ("microphone", "seed=1"),
        "1.2 MB/s, 6 channels x 100 kHz": ("test_pattern", "sensor_rate_hz=100000&test_channels=6&test_dtype=int16"),
    }
    results = {}
    for name, (sensor, settings) in streams.items():
        with capture.Recorder(f"virtual://?{settings}", sensor=sensor, folder=folder) as recorder:
            process = psutil.Process(recorder._process.pid)
            recorder.start(label="stream", seconds=seconds)
            before, start, peak = sum(process.cpu_times()[:2]), time.perf_counter(), 0
            while recorder.recording:
                sum(range(300_000))
                peak = max(peak, process.memory_info().rss)
            cpu = (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - start)
            recording = recorder.wait()
        if sensor == "microphone":  # it plays what it hears, over and over
            sound, first = hear(1), recording.metadata["first_sample"]
            wrong = int((recording.samples[:, 0] != sound[(first + recording.sample_numbers) % len(sound)]).sum())
        else:
            channels, first = recording.samples.shape[1], recording.metadata["first_sample"]
            dtype = recording.sensor["dtype"]
            wrong = sum(
                int(
                    (
                        recording.samples[at : at + 2**18]
                        != test_pattern(first + at, 2**18, channels, dtype=dtype)[: len(recording.samples) - at]
                    ).sum()
                )
                for at in range(0, len(recording.samples), 2**18)
            )
        results[name] = {
            "seconds": seconds,
            "samples": len(recording.samples),
            "lost": recording.missing,
            "wrong": wrong,
            "recorder_cores": round(cpu, 3),
            "recorder_peak_mb": round(peak / 1e6),
        }
        capture.discard(recording)
    return results


def measure_upload() -> dict:
    """A model's way to a board behind a UART of 115,200 baud: 11,520 bytes a second at most."""
    model = os.urandom(40_000)
    with link.Board("virtual://?baud_pacing=on", timeout_s=30) as board:
        start = time.perf_counter()
        with contextlib.suppress(link.BoardRefused):  # random bytes are no model; they have arrived
            board.load(model, progress=False)
        took = time.perf_counter() - start
    return {
        "bytes": len(model),
        "bytes_s": round(len(model) / took),
        "part_of_line": round(len(model) / took / 11520, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--flood", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.flood:
        what, loud, payload, megabytes, go = chosen.flood
        flood(what, int(loud), int(payload), float(megabytes), go)
        return
    if chosen.write:
        block = sys.stdin.buffer.read()
        for _ in range(chosen.write[1]):
            write_all(chosen.write[0], block)
        time.sleep(60)
        return
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "speed": measure_speed(Path(folder), chosen.rounds, chosen.megabytes),
            "streams": measure_streams(Path(folder), chosen.seconds),
            "upload at 115200": measure_upload(),
        }
    if chosen.json:
        print(json.dumps(results, indent=2))
        return
    for group, figures in results.items():
        print(group)
        for name, value in figures.items():
            print(f"  {name:<42} {value}")


if __name__ == "__main__":
    main()

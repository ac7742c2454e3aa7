"""``tinyml-labs record`` and ``tinyml-labs recordings``."""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyml_labs.capture import Recorder, Recording


def add_record_commands(commands: Any) -> None:
    """Add the two commands to the parser."""
    record = commands.add_parser("record", help="record a board's sensor into a folder, every sample accounted for")
    record.add_argument("port", help="/dev/ttyACM0, COM5, socket://host:port or virtual://")
    record.add_argument("--seconds", type=float, help="how long; until Ctrl-C by default")
    record.add_argument("--sensor", default="", help="which one, if the board has several")
    record.add_argument("--label", default="", help="what it shows")
    record.add_argument("--subject", default="", help="of whom it is")
    record.add_argument("--session", default="", help="in which sitting it is made")
    record.add_argument("--folder", type=Path, default=Path("recordings"), help="default: recordings/")
    record.add_argument("--takes", type=int, default=1, help="how many recordings, one after the other")
    record.add_argument("--countdown", type=float, default=0, metavar="SECONDS", help="wait before each take")
    record.add_argument("--baud", type=int, default=115200, help="bits a second (default: 115200; USB ignores it)")
    record.add_argument("--decoder", choices=("auto", "frames", "csv"), default="auto", help="csv: prints numbers")
    record.add_argument("--rate-hz", type=float, help="nominal rate of a board that prints numbers")
    record.add_argument("--reconnect", type=float, default=10, metavar="SECONDS", help="how long it may be gone")
    record.add_argument("--json", action="store_true", help="print recording.json of each take")
    record.set_defaults(run=_record)

    listing = commands.add_parser("recordings", help="list the recordings in a folder, with their problems")
    listing.add_argument("folder", type=Path, nargs="?", default=Path("recordings"))
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)


def _record(chosen: argparse.Namespace) -> int:
    from tinyml_labs import capture

    if chosen.takes < 1:
        raise ValueError(f"--takes is {chosen.takes}; one at least.")
    if chosen.takes > 1 and chosen.seconds is None:
        raise ValueError("Several takes need --seconds.")
    if not chosen.countdown >= 0:
        raise ValueError(f"--countdown is {chosen.countdown}; it is 0 or more seconds.")
    takes: list[Recording] = []
    interrupted = False
    with capture.Recorder(
        chosen.port,
        sensor=chosen.sensor,
        folder=chosen.folder,
        baud=chosen.baud,
        decoder=chosen.decoder,
        rate_hz=chosen.rate_hz,
        reconnect_s=chosen.reconnect,
    ) as recorder:
        about = recorder.info["sensor"]
        rate = f"{about['nominal_rate_hz']:g} Hz" if about["nominal_rate_hz"] else "rate unknown"
        _say(f"{recorder.info['board']['board']}: {about['name']}, {rate}")
        for number in range(chosen.takes):
            if chosen.countdown:
                _say(f"take {number + 1} of {chosen.takes} in {chosen.countdown:g} s")
                time.sleep(chosen.countdown)
            recording, interrupted = _take(recorder, chosen)
            takes.append(recording)
            _show(recording, as_json=chosen.json)
            if interrupted and chosen.seconds is not None:
                break
    if interrupted and chosen.seconds is not None:
        return 130
    return 0 if all(_is_clean(recording) for recording in takes) else 1


def _is_clean(recording: Recording) -> bool:
    return not recording.missing and recording.metadata["ended"] in ("complete", "stopped")


def _take(recorder: Recorder, chosen: argparse.Namespace) -> tuple[Recording, bool]:
    recorder.start(label=chosen.label, subject=chosen.subject, session=chosen.session, seconds=chosen.seconds)
    told = len(recorder.troubles)
    interrupted = False
    try:
        while recorder.recording:
            time.sleep(0.1)
            for trouble in recorder.troubles[told:]:
                _say(("\n" if sys.stderr.isatty() else "") + trouble)
                told += 1
            if sys.stderr.isatty():
                status = recorder.status
                done = status.span / status.rate_hz if status.rate_hz else 0.0
                sys.stderr.write(f"\r{done:7.1f} s  {status.stored} samples, {status.missing} missing ")
                sys.stderr.flush()
        recording = recorder.wait()
    except KeyboardInterrupt:
        interrupted = True
        recording = recorder.stop(why="interrupted" if chosen.seconds else "stopped")
    if sys.stderr.isatty():
        sys.stderr.write("\r")
    return recording, interrupted


def _show(recording: Recording, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"path": str(recording.path), **recording.metadata}), flush=True)
    else:
        print(f"{recording.path}: {recording}", flush=True)
    for problem in recording.problems:
        _say(f"  {problem}")


def _list(chosen: argparse.Namespace) -> int:
    from tinyml_labs import capture

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", capture.RecordingWarning)
        recordings = capture.load_recordings(chosen.folder)
    broken = [str(warning.message) for warning in caught if issubclass(warning.category, capture.RecordingWarning)]
    for text in broken:
        _say(text)
    if chosen.json:
        entries = [{"path": str(r.path), "problems": r.problems, **r.metadata} for r in recordings]
        print(json.dumps(entries, indent=2))
        return 1 if broken else 0
    for recording in recordings:
        print(f"{recording.path.name}: {recording}")
        for problem in recording.problems:
            print(f"  {problem}")
    seconds = sum(recording.metadata["seconds"] for recording in recordings)
    print(f"{len(recordings)} recordings, {seconds:.1f} s")
    return 1 if broken else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

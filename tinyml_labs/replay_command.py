"""``tinyml-labs replay``: a recording through a board's model, compared with the host byte for byte."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_replay_command(commands: Any) -> None:
    """Add the command to the parser."""
    replay = commands.add_parser("replay", help="send a recording to a board's model, and compare with the host")
    replay.add_argument("recording", type=Path, metavar="RECORDING", help="a recording's folder, or inputs as .npy")
    replay.add_argument("--port", required=True, help="/dev/ttyACM0, COM5, virtual://…")
    replay.add_argument(
        "--model", required=True, help="a .tflite file, a classifier's .json (its model beside it), or 'reference'"
    )
    replay.add_argument("--sketch", default="", help="whose reference classifier, or what a .tflite is for")
    replay.add_argument("--windows", type=int, help="how many, from the first (default: all)")
    replay.add_argument("--another-model", action="store_true", help="the board may run another model than this file")
    replay.add_argument("--json", action="store_true", help="print JSON")
    replay.set_defaults(run=_replay)


def _replay(chosen: argparse.Namespace) -> int:
    import numpy as np

    from tinyml_labs.deploy import load_subject
    from tinyml_labs.replay import replay

    subject, _ = load_subject(chosen.model, chosen.sketch)
    source = np.load(chosen.recording, allow_pickle=False) if chosen.recording.suffix == ".npy" else chosen.recording
    given: dict[str, Any] = {"model": subject} if isinstance(subject, bytes) else {"classifier": subject}
    report = replay(source, chosen.port, windows=chosen.windows, same_model=not chosen.another_model, **given)
    print(json.dumps(report.to_dict(), indent=2) if chosen.json else report)
    return 0 if report.equal else 1

"""``tinyml-labs deploy``: a model as a sketch's folder, compiled, uploaded and checked on the board if asked."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_deploy_command(commands: Any) -> None:
    """Add the command to the parser."""
    deploy = commands.add_parser("deploy", help="write a model into a sketch's folder that compiles by itself")
    deploy.add_argument(
        "model", metavar="MODEL", help="a .tflite file, a classifier's .json (its model beside it), or 'reference'"
    )
    deploy.add_argument("--sketch", default="", help="which one (default: the one that the model is for)")
    deploy.add_argument("--board", default="nano33ble", help="its short name; a wrong one lists them (nano33ble)")
    deploy.add_argument("-o", "--output", type=Path, help="where the sketch's folder is made (default: here)")
    deploy.add_argument("--engine", default="auto", help="compiled (C, no library), tflm, or auto (default: auto)")
    deploy.add_argument("--taps", action="store_true", help="let the model show its layers to `tinyml-labs replay`")
    deploy.add_argument("--overwrite", action="store_true", help="replace files that you have changed")
    deploy.add_argument("--compile", action="store_true", help="compile it with arduino-cli")
    deploy.add_argument("--upload", action="store_true", help="compile, upload, and compare the board with the host")
    deploy.add_argument("--port", help="where to: /dev/ttyACM0, COM5 (default: what arduino-cli finds)")
    deploy.add_argument("--json", action="store_true", help="print JSON")
    deploy.set_defaults(run=_deploy)


def _deploy(chosen: argparse.Namespace) -> int:
    from tinyml_labs import deploy

    subject, sketch = deploy.load_subject(chosen.model, chosen.sketch)
    made = deploy.deploy(
        subject,
        sketch=sketch,
        board=chosen.board,
        directory=chosen.output,
        engine=chosen.engine,
        taps=chosen.taps,
        overwrite=chosen.overwrite,
    )
    say = _say_nothing if chosen.json else print
    say(made)
    record: dict[str, Any] = {"deployment": made.to_dict()}
    equal = True
    if chosen.compile or chosen.upload:
        build = deploy.build(made)
        say(build)
        record["build"] = build.to_dict()
    if chosen.upload:
        port = deploy.upload(made, port=chosen.port)
        say(f"Uploaded to {port}. The board is asked who it is.")
        report = deploy.check_board(made, port)
        say(report)
        record |= {"port": port, "parity": report.to_dict()}
        equal = report.equal
    elif not chosen.compile:
        say(deploy.next_steps(made))
    if chosen.json:
        json.dump(record, sys.stdout, indent=2)
        print()
    return 0 if equal else 1


def _say_nothing(_: object) -> None:
    pass

"""The virtual board's process: prints its port's name as the first line, then serves it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys

from tinyml_labs.virtual.firmware import Firmware
from tinyml_labs.virtual.sensors import PlayedSensor
from tinyml_labs.virtual.server import open_line, serve
from tinyml_labs.virtual.settings import VirtualBoardSettings


def main(arguments: list[str] | None = None) -> None:
    """Run a virtual board until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m tinyml_labs.virtual", description=__doc__)
    parser.add_argument("--settings", default="{}", help="VirtualBoardSettings as JSON")
    parser.add_argument("--line", choices=("auto", "pty", "socket"), default="auto")
    parser.add_argument("--until-parent-ends", action="store_true")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    run(VirtualBoardSettings.from_json(chosen.settings), chosen.line, until_parent_ends=chosen.until_parent_ends)


def run(settings: VirtualBoardSettings, line_kind: str = "auto", *, until_parent_ends: bool = False) -> None:
    """Start the firmware, print the port's name as a line of its own, and serve until interrupted.

    Raises
    ------
    OSError, ValueError
        If the model or the signal to play is not there or not right: before the port's name is printed.
    """
    with contextlib.suppress(KeyboardInterrupt):
        firmware = Firmware(settings, PlayedSensor(settings.play))
        firmware.check_model()
        line = open_line(line_kind)
        print(line.url, flush=True)
        serve(settings, firmware, line, until_parent_ends=until_parent_ends)


if __name__ == "__main__":
    main()

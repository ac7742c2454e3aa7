"""The virtual board's process: prints its port's name as the first line, then serves it."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import signal
import sys

from tinyml_labs.virtual.faults import FaultPlan
from tinyml_labs.virtual.lines import close_quietly, open_line
from tinyml_labs.virtual.program import Program
from tinyml_labs.virtual.sensors import SampleSource, make_sensors, sample_bytes
from tinyml_labs.virtual.server import serve
from tinyml_labs.virtual.settings import VirtualBoardSettings


def main(arguments: list[str] | None = None) -> None:
    """Run a virtual board until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m tinyml_labs.virtual", description=__doc__)
    parser.add_argument("--settings", default="{}", help="VirtualBoardSettings as JSON")
    parser.add_argument("--line", choices=("auto", "pty", "socket"), default="auto")
    parser.add_argument("--until-parent-ends", action="store_true")
    chosen = parser.parse_args(arguments)
    run(VirtualBoardSettings.from_json(chosen.settings), chosen.line, until_parent_ends=chosen.until_parent_ends)


def run(settings: VirtualBoardSettings, line_kind: str = "auto", *, until_parent_ends: bool = False) -> None:
    """Start the board, print the port's name as a line of its own, and serve until interrupted.

    When the board has vanished and is back, the name of its new port is printed as another line.

    Raises
    ------
    OSError, ValueError
        If the model or what is to be played is not there or not right: before the port's name is printed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what follows is tidied up
    with contextlib.suppress(KeyboardInterrupt):
        sensors = make_sensors(settings)
        program = make_program(settings, sensors)
        program.check_model()
        sizes = {source.description.id: sample_bytes(source.description) for source in sensors}
        plan = FaultPlan(settings, program.terminator, sizes)
        line = open_line(line_kind, baud=settings.uart_baud, link=settings.link)
        try:
            serve(settings, program, line, plan, announce=_print, until_parent_ends=until_parent_ends)
        finally:
            close_quietly(line)


def make_program(settings: VirtualBoardSettings, sensors: tuple[SampleSource, ...]) -> Program:
    """Make the program that speaks the dialect of the settings.

    Raises
    ------
    ValueError
        If the dialect lacks something, such as the model or the sensor.
    """
    if settings.dialect == "mlperf":
        from tinyml_labs.virtual.mlperf import MlperfProgram

        return MlperfProgram(settings)
    if settings.dialect == "csv":
        from tinyml_labs.virtual.csv_text import CsvProgram

        return CsvProgram(settings, sensors)
    from tinyml_labs.virtual.firmware import Firmware

    return Firmware(settings, sensors, settings.board_id or secrets.token_hex(8))


def _print(port: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # who has started us may listen no longer
        print(port, flush=True)


if __name__ == "__main__":
    main()

"""An emulated board on a port: its process compiles the sketch, prints the port's name, and runs it."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time

from tinyml_labs.emulator.build_job import LIBRARIES
from tinyml_labs.emulator.cortex_m4 import CortexM4
from tinyml_labs.emulator.elf import Firmware
from tinyml_labs.emulator.errors import BuildError, EmulatorMissingError, MachineFaultError
from tinyml_labs.emulator.firmware import build_firmware
from tinyml_labs.emulator.model_costs import keep_layers
from tinyml_labs.emulator.recordings import recording_bytes
from tinyml_labs.virtual.emulated_settings import EmulatedBoardSettings
from tinyml_labs.virtual.lines import Line, close_quietly, open_line

_SLICE_S = 0.001  # of the board's time, between looks at the port: a host waits for each answer
_CATCH_UP_S = 0.2  # a board that was too slow for real time does not try to make up for more
_POLL_CLOSED_S = 0.02
_POLL_ASLEEP_S = 0.5
_PIECE = 4096
_PORT_BYTES = 32 * 1024
_HOST_GONE_S = 10.0
_LAST_WORDS_S = 0.3
_RUNNER = LIBRARIES.parent / "model_runner"


def main(arguments: list[str] | None = None) -> None:
    """Run an emulated board until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m tinyml_labs.emulator.board_process", description=__doc__)
    parser.add_argument("--settings", default="{}", help="EmulatedBoardSettings as JSON")
    parser.add_argument("--line", choices=("auto", "pty", "socket"), default="auto")
    parser.add_argument("--until-parent-ends", action="store_true")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = EmulatedBoardSettings.from_json(chosen.settings)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            machine = CortexM4(
                build_board(settings), flash_wait_states=settings.flash_wait_states, port_bytes=_PORT_BYTES
            )
        except (BuildError, EmulatorMissingError, OSError, ValueError) as error:
            sys.exit(f"\f{error}")
        line = open_line(chosen.line)
        try:
            print(line.url, flush=True)
            serve(machine, line, speed=settings.speed, until_parent_ends=chosen.until_parent_ends)
        finally:
            close_quietly(line)


def build_board(settings: EmulatedBoardSettings) -> Firmware:
    """Compile what the settings say: a sketch, a model in ``model_runner``, or ``model_runner`` as it is.

    Raises
    ------
    BuildError, EmulatorMissingError
        See :func:`tinyml_labs.emulator.build_firmware`.
    OSError, ValueError
        If the model or what is to be played is not there or not right.
    """
    return build_firmware(
        settings.sketch or _RUNNER,
        libraries=_split(settings.libraries),
        defines=_split(settings.defines),
        recording=recording_bytes(settings.play) if settings.play else bytes(4),
        sources=_model_sources(settings.model) if settings.model else None,
        board=settings.board,
        toolchain=settings.toolchain,
        optimisation=settings.optimisation,
    )


def serve(machine: CortexM4, line: Line, *, speed: float = 1.0, until_parent_ends: bool = False) -> None:
    """Run a machine on a port, for ever; its time stands still while nobody has the port open.

    Parameters
    ----------
    machine : CortexM4
    line : Line
    speed : float
        How many times faster than real time it may run; 0 for as fast as it can.
    until_parent_ends : bool
        End when the process that has started this one is gone (on Windows, which does not tell: when the host has
        been gone for ten seconds).
    """
    parent, seen_at, pending = os.getppid(), float("inf"), b""
    pace = _Pace(machine, speed)
    while not (until_parent_ends and os.getppid() != parent):
        if not line.host_present():
            pending = b""
            pace.restart()
            if until_parent_ends and sys.platform == "win32" and time.monotonic() > seen_at + _HOST_GONE_S:
                return
            time.sleep(_POLL_CLOSED_S)
            continue
        seen_at = time.monotonic()
        came = line.read(_PIECE)
        machine.write(came)
        try:
            why = "asleep"
            if len(pending) < _PORT_BYTES and (left := pace.allowed()) > 0:
                why = machine.run(seconds=min(left, _SLICE_S))
        except MachineFaultError as error:
            _say_last_words(line, pending + machine.read(), str(error))
            raise
        pending += machine.read()
        if pending:
            pending = pending[line.write(memoryview(pending)) :]
        if why == "asleep" or (not came and pace.allowed() <= 0):
            wait = _POLL_ASLEEP_S if why == "asleep" and not speed else pace.wait()
            line.wait(min(wait, _POLL_ASLEEP_S), reading=True, writing=bool(pending))


class _Pace:
    """How far the board's time may go."""

    def __init__(self, machine: CortexM4, speed: float) -> None:
        self._machine, self._speed = machine, speed
        self.restart()

    def restart(self) -> None:
        self._real, self._board = time.monotonic(), self._machine.seconds

    def allowed(self) -> float:
        """Give the seconds of the board's time that may pass now."""
        if not self._speed:
            return _SLICE_S
        due = self._board + (time.monotonic() - self._real) * self._speed
        left = due - self._machine.seconds
        if left > _CATCH_UP_S * self._speed:
            self.restart()
            left = _SLICE_S
        return left

    def wait(self) -> float:
        """Give the seconds to wait until a good piece of time is due."""
        return max(0.0, 0.005 - self.allowed() / self._speed) if self._speed else 0.0


def _model_sources(model: str) -> dict[str, str]:
    """Give the files that take the place of the model in ``model_runner``."""
    from tinyml_labs.compiled_sketch import model_glue
    from tinyml_labs.compiler import compile_model

    compiled = compile_model(model, name="runner_model")
    return {
        **keep_layers(dict(compiled.sources)),
        "runner_model_board.cpp": model_glue(compiled, "kModel", header="model.h"),
    }


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _say_last_words(line: Line, pending: bytes, message: str) -> None:
    rest = memoryview(pending + f"\r\n*** {message} ***\r\n".encode())
    until = time.monotonic() + _LAST_WORDS_S
    while rest and time.monotonic() < until:
        rest = rest[line.write(rest) :]
        line.wait(0.05, reading=False, writing=bool(rest))
    time.sleep(_LAST_WORDS_S)


if __name__ == "__main__":
    main()

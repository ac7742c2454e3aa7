"""The text protocol of MLPerf Tiny: what its public runner says to a board, and what it expects to hear.

Commands are ASCII text that ends in ``%``; replies are lines that end in CR LF, and each command's last one is
``m-ready``. The order of the lines is that of the public reference (mlcommons/tiny, ``benchmark/api``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinyml_labs import inference
from tinyml_labs.virtual.loaded_model import LoadedModel, RequestRefused
from tinyml_labs.virtual.mlperf_model import MlperfModel
from tinyml_labs.virtual.program import BoardClock
from tinyml_labs.virtual.settings import DEFAULT_BOOT_TEXT, VirtualBoardSettings

COMMAND_BYTES = 80
BUFFER_BYTES = 96 * 96 * 3
PROFILE = "ULPMark for tinyML Firmware V0.0.1"
_BYTES_A_LINE = 8
_HELP = """help         : Print this information
name         : Print the name of the device
timestamp    : Generate a timestamp
db SUBCMD    : Manipulate a generic byte buffer
  load N     : Allocate N bytes and set load counter
  db HH[HH]* : Load 8-bit hex byte(s) until N bytes
  print      : Print the buffer as hex
infer N [W=10]: Load input, execute N inferences after W warmup loops
results      : Return the result fp32 vector"""


class MlperfProgram:
    """A board with MLPerf Tiny's firmware: a :class:`tinyml_labs.virtual.program.Program`.

    Parameters
    ----------
    settings : VirtualBoardSettings
        With a ``model``. One that is of none of the benchmarks is named ``custom`` and takes its own input's bytes.
    """

    terminator = b"\n"

    def __init__(self, settings: VirtualBoardSettings) -> None:
        if not settings.model:
            raise ValueError("The dialect mlperf needs a model: --model MODEL.tflite, or model=… in the URL.")
        self._settings = settings
        self._clock = BoardClock(settings)
        self._loaded: MlperfModel | None = None
        self.running_since: float | None = None
        self._commands: dict[str, Callable[[list[str], float], None]] = {
            "name": self._on_name,
            "timestamp": self._on_timestamp,
            "profile": self._on_profile,
            "help": self._on_help,
            "db": self._on_db,
            "infer": self._on_infer,
            "results": self._on_results,
        }
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """Start anew."""
        self._clock.reset(now)
        self._booted = False
        self._command = bytearray()
        self._buffer = bytearray()  # what was loaded before stays behind what is loaded now
        self._buffer_size = self._filled = 0
        self._out: list[str] = []

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes; do each command whose ``%`` has come."""
        if now < self._clock.ready_at:
            return
        self._boot(now)
        for byte in data:
            if byte != ord("%"):
                if len(self._command) < COMMAND_BYTES:  # what is longer is cut off
                    self._command.append(byte)
                continue
            text, self._command = self._command.decode("ascii", errors="replace"), bytearray()
            self._do(text.strip("\r\n"), now)

    def transmit(self, now: float, *, room: bool) -> bytes:
        """Give the lines to send."""
        if now >= self._clock.ready_at:
            self._boot(now)
        text, self._out = "".join(self._out), []
        return text.encode("ascii", errors="replace")

    def next_event(self, now: float) -> float:
        """Give the seconds until the boot text, or infinity: this board only answers."""
        return max(0.0, self._clock.ready_at - now) if not self._booted else float("inf")

    def host_came(self, now: float) -> None:
        """Note that a host has opened the port; what the board has said on starting before that is lost."""
        self.running_since = now
        self._booted = self._booted or now > self._clock.ready_at

    def host_left(self) -> None:
        """Forget half a command."""
        self.running_since = None
        self._command.clear()
        self._out.clear()

    def position(self, now: float) -> dict[str, Any]:
        """Say how many bytes of the input have been loaded."""
        return {"loaded": self._filled}

    def take_faults(self) -> list[dict[str, Any]]:
        """Give nothing: there are no samples to drop."""
        return []

    def check_model(self) -> None:
        """Load the model.

        Raises
        ------
        ValueError
            If it cannot run.
        """
        try:
            loaded = LoadedModel(Path(self._settings.model).read_bytes(), self._settings.ram_kb)
        except RequestRefused as refusal:
            raise ValueError(f"{self._settings.model}: {refusal}") from None
        self._loaded = MlperfModel(loaded)

    def close(self) -> None:
        """Let go of the model."""
        if self._loaded is not None:
            self._loaded.close()

    @property
    def _model(self) -> MlperfModel:
        assert self._loaded is not None, "check_model() comes first"
        return self._loaded

    @property
    def _most(self) -> int:
        return max(BUFFER_BYTES, self._model.wanted_bytes)

    # -- commands

    def _boot(self, now: float) -> None:
        if self._booted:
            return
        self._booted = True
        if self._settings.boot_text != DEFAULT_BOOT_TEXT:
            self._out.append(self._settings.boot_text)
        self._say("m-timestamp-mode-performance")
        self._on_timestamp([], now)
        self._say("m-init-done")
        self._say("m-ready")

    def _say(self, text: str) -> None:
        self._out.append(text + "\r\n")

    def _do(self, text: str, now: float) -> None:
        words = [word for word in text.split(" ") if word]
        handler = self._commands.get(words[0]) if words else None
        if handler is None:
            self._say(f"e-[Unknown command: {words[0] if words else ''}]")
        else:
            handler(words[1:], now)
        self._say("m-ready")

    def _on_name(self, words: list[str], now: float) -> None:
        self._say("m-name-dut-[TinyML lab kit virtual board]")

    def _on_timestamp(self, words: list[str], now: float) -> None:
        self._say(f"m-lap-us-{self._clock.micros(self._clock.seconds(now))}")

    def _on_profile(self, words: list[str], now: float) -> None:
        self._say(f"m-profile-[{PROFILE}]")
        self._say(f"m-model-[{self._model.name}]")

    def _on_help(self, words: list[str], now: float) -> None:
        self._say(PROFILE)
        self._say("")
        for line in _HELP.splitlines():
            self._say(line)

    def _on_db(self, words: list[str], now: float) -> None:
        if not words:
            self._say("e-[Command 'db' requires a subcommand]")
        elif words[0] == "load":
            self._load(words[1:])
        elif words[0] == "print":
            self._print()
        else:
            self._fill(words[0])

    def _load(self, words: list[str]) -> None:
        if not words:
            self._say("e-[Command 'db load' requires the # of bytes]")
            return
        self._buffer_size = _leading_number(words[0])
        if self._buffer_size <= 0:
            self._say("e-[Command 'db load' must be >0 bytes]")
            return
        self._filled = 0
        if self._buffer_size > self._most:
            self._out.append(f"Supplied buffer size {self._buffer_size} exceeds maximum of {self._most}\n")
        else:
            self._say(f"m-[Expecting {self._buffer_size} bytes]")

    def _fill(self, digits: str) -> None:
        if len(digits) % 2:
            self._say("e-[Insufficent number of hex digits]")
            return
        for at in range(0, len(digits), 2):
            pair = digits[at : at + 2]
            if not re.fullmatch("[0-9a-fA-F]{2}", pair):
                self._say(f"e-[Invalid hex digit '{pair}']")
                return
            if self._filled < self._most:
                self._buffer[self._filled : self._filled + 1] = bytes([int(pair, 16)])
                self._filled += 1
            if self._filled == self._buffer_size:
                self._say("m-load-done")
                return  # the rest of the digits does not count

    def _print(self) -> None:
        shown = bytes(self._buffer[: self._buffer_size]).ljust(min(self._buffer_size, self._most), b"\0")
        for at in range(0, len(shown), _BYTES_A_LINE):
            self._say("m-buffer-" + shown[at : at + _BYTES_A_LINE].hex("-"))
        if len(shown) % _BYTES_A_LINE:
            self._say("")  # the public firmware ends a short line twice

    def _on_infer(self, words: list[str], now: float) -> None:
        number = _leading_number(words[0]) if words else 1
        warm_up = _leading_number(words[1]) if len(words) > 1 else 10
        if number <= 0:
            self._say("e-[Inference iterations must be >0]")
            return
        if warm_up < 0:
            self._say("e-[Inference warmup must be >=0]")
            return
        complaint = self._model.take_input(bytes(self._buffer[: self._filled]))
        if complaint:
            self._say(complaint)
        try:
            self._model.run(warm_up)
            took = self._model.run(number)
        except inference.InferenceError as error:
            self._say(f"e-[Inference failed: {str(error).splitlines()[0]}]")
            return
        begin = self._clock.seconds(now)
        self._say(f"m-warmup-start-{warm_up}")
        self._say("m-warmup-done")
        self._say(f"m-infer-start-{number}")
        self._say(f"m-lap-us-{self._clock.micros(begin)}")
        self._say(f"m-lap-us-{self._clock.micros(begin + took * 1e-6)}")
        self._say("m-infer-done")
        self._on_results([], now)

    def _on_results(self, words: list[str], now: float) -> None:
        self._say(f"m-results-[{','.join(f'{value:.3f}' for value in self._model.results())}]")


def _leading_number(text: str) -> int:
    """Read a number as C's ``atoi`` does: up to the first character that is none; 0 if there is none."""
    match = re.match(r"\s*[-+]?\d+", text)
    return int(match[0]) if match else 0

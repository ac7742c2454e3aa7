"""What an emulated board can be told to be: ``virtual://cortex-m4?NAME=VALUE&…``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

_OPTIMISATIONS = ("-Os", "-O2", "-O3")


@dataclass(frozen=True, kw_only=True)
class EmulatedBoardSettings:
    """Settings of an emulated Cortex-M4; each is also a parameter of the URL: ``virtual://cortex-m4?speed=0``.

    Attributes
    ----------
    sketch : str
        The folder of the sketch to compile and run.
    model : str
        Path of a ``.tflite`` to compile to C and to run in the sketch ``model_runner``. With neither, it is
        ``model_runner`` with the model that it comes with, the sine.
    play : str
        What the sensors measure, over and over: see :func:`tinyml_labs.emulator.recordings.recording_bytes`.
    board : str
        Whose flash, RAM and clock it has: a name of ``tinyml_labs.boards`` with a Cortex-M4. Empty for 4 MB of each.
    speed : float
        How many times faster than real time the board's time may pass; 0 for as fast as this computer can. It is
        slower where the computer does not keep up.
    flash_wait_states : int
        See :class:`tinyml_labs.emulator.CortexM4`.
    optimisation : str
        ``"-Os"``, as Arduino's cores compile, ``"-O2"`` or ``"-O3"``.
    libraries, defines : str
        Of the sketch, with commas between: names in ``arduino_sketches/libraries`` or folders; ``NAME=VALUE``.
    toolchain : str
        ``"zig"``, or ``"gcc"`` for an ``arm-none-eabi-gcc`` that is installed.
    """

    sketch: str = ""
    model: str = ""
    play: str = ""
    board: str = "nano33ble"
    speed: float = 1.0
    flash_wait_states: int = 0
    optimisation: str = "-Os"
    libraries: str = ""
    defines: str = ""
    toolchain: str = "zig"

    def __post_init__(self) -> None:
        if self.sketch and self.model:
            raise ValueError(
                f"sketch={self.sketch} and model={self.model} do not go together: a sketch has its model in its "
                "folder. Leave one out; tinyml_labs.compiled_sketch writes a model into a sketch's folder."
            )
        if not 0 <= self.speed <= 1000:
            raise ValueError(f"speed is {self.speed:g}; it goes from 0 (as fast as it can) to 1000.")
        if not 0 <= self.flash_wait_states <= 20:
            raise ValueError(f"flash_wait_states is {self.flash_wait_states}; it goes from 0 to 20 cycles.")
        if self.optimisation not in _OPTIMISATIONS:
            raise ValueError(f"optimisation is {self.optimisation!r}; it is one of {', '.join(_OPTIMISATIONS)}.")
        if self.toolchain not in ("zig", "gcc"):
            raise ValueError(f"toolchain is {self.toolchain!r}; it is zig or gcc.")

    def to_json(self) -> str:
        """Give the settings as JSON, for the board's process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> EmulatedBoardSettings:
        """Read what :meth:`to_json` gave."""
        return cls(**json.loads(text))

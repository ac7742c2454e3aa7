"""The sketches that a model can be deployed into: what they take, which boards have what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tinyml_labs.boards import BOARDS, BoardModel, find_board

SKETCHES_FOLDER = Path(__file__).parents[2] / "arduino_sketches"
LIBRARIES_FOLDER = SKETCHES_FOLDER / "libraries"

_NANO = ("nano33ble", "nano33ble_rev2")


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A sketch that runs a model.

    Attributes
    ----------
    name : str
    takes : str
        ``"model"``, or the kind of classifier: ``"gestures"``, ``"keywords"``, ``"persons"``.
    file_name, cpp_name, header : str
        Of the model in it.
    boards : tuple of str
        Those whose sensor it knows; empty: any.
    libraries : tuple of str
        What its sensor needs from Arduino's library manager.
    kit_libraries : tuple of str
        What goes into its ``src/``.
    memory_header : str
        Its file that says what it takes of a board's RAM for requests and for models that are loaded; empty: it has
        none, and none are.
    flash_bytes, ram_bytes : int
        What the sketch itself takes on a Cortex-M4, without the model and without the board's core, with requests of
        64 bytes: measured, and rounded down.
    avr_flash_bytes, avr_ram_bytes : int or None
        The same on an AVR, where its buffers are smaller; None if it does not run there.
    """

    name: str
    takes: str
    file_name: str
    cpp_name: str
    header: str
    boards: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    kit_libraries: tuple[str, ...] = ("TinyMLLabs",)
    memory_header: str = ""
    flash_bytes: int
    ram_bytes: int
    avr_flash_bytes: int | None = None
    avr_ram_bytes: int | None = None

    @property
    def folder(self) -> Path:
        """Where the kit has it."""
        return SKETCHES_FOLDER / self.name


def find_sketch(name: str) -> Sketch:
    """Give a sketch by its name.

    Raises
    ------
    ValueError
        If there is none of that name, with those that there are.
    """
    if name not in SKETCHES:
        raise ValueError(f"No sketch is called {name!r}. Those that run a model: {', '.join(SKETCHES)}.")
    return SKETCHES[name]


def find_board_for(sketch: Sketch, board: str) -> BoardModel:
    """Give a board by its name.

    Raises
    ------
    ValueError
        If there is none, no Arduino core for it, or the sketch does not know its sensor.
    """
    found = find_board(board)
    if not found.fqbn:
        raise ValueError(f"The {found.title} has no Arduino core, so that no sketch can be compiled for it.")
    if sketch.boards and found.name not in sketch.boards:
        known = ", ".join(BOARDS[name].title for name in sketch.boards)
        raise ValueError(
            f"{sketch.name} does not know the sensor of the {found.title}; it knows those of: {known}. The README of "
            "the sketches says how to write another sensor's file. model_runner runs the model on any board."
        )
    return found


SKETCHES: Mapping[str, Sketch] = MappingProxyType(
    {
        sketch.name: sketch
        for sketch in (
            Sketch(
                name="model_runner",
                takes="model",
                file_name="runner_model",
                cpp_name="kModel",
                header="model.h",
                memory_header="board_memory.h",
                flash_bytes=9_000,
                ram_bytes=2_500,
                avr_flash_bytes=12_000,
                avr_ram_bytes=1_000,
            ),
            Sketch(
                name="hello_world",
                takes="model",
                file_name="sine_model",
                cpp_name="kSineModel",
                header="sine.h",
                flash_bytes=9_000,
                ram_bytes=2_500,
                avr_flash_bytes=12_000,
                avr_ram_bytes=1_000,
            ),
            Sketch(
                name="gesture_classifier",
                takes="gestures",
                file_name="gesture_model",
                cpp_name="kGestureModel",
                header="gesture_settings.h",
                boards=_NANO,
                libraries=("Arduino_LSM9DS1", "Arduino_BMI270_BMM150"),
                flash_bytes=26_000,
                ram_bytes=8_000,
            ),
            Sketch(
                name="keyword_spotter",
                takes="keywords",
                file_name="keyword_model",
                cpp_name="kKeywordModel",
                header="keyword_settings.h",
                boards=_NANO,
                kit_libraries=("TinyMLLabs", "MicroFrontend"),
                flash_bytes=25_000,
                ram_bytes=25_000,
            ),
            Sketch(
                name="person_detector",
                takes="persons",
                file_name="person_model",
                cpp_name="kPersonModel",
                header="person_settings.h",
                boards=_NANO,
                libraries=("Arduino_OV767X",),
                flash_bytes=15_000,
                ram_bytes=40_000,
            ),
        )
    }
)
"""The sketches by their names."""

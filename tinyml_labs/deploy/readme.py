"""The README of a deployed folder: how to compile and upload it, in the IDE and in a terminal."""

from __future__ import annotations

from tinyml_labs.boards import BoardModel
from tinyml_labs.deploy.board_memory import BoardMemory
from tinyml_labs.deploy.fit import Need, room
from tinyml_labs.deploy.project_file import CORE_VERSIONS, LIBRARY_VERSIONS, core_of, needed_libraries
from tinyml_labs.deploy.sketches import Sketch

_TFLM = """
## The runtime

TensorFlow Lite Micro comes as a library, and there are three that people have installed:

- **Chirale_TensorFLowLite 2.0.0** was regenerated from the main branch. This folder is made for it. It is for boards
  with mbed or ESP32.
- **Harvard_TinyMLx 1.2.3-Alpha** has a fork of TensorFlow Lite 2.4.0-Alpha, and drivers of the kit's shield: for the
  sketches of the edX course.
- **Arduino_TensorFlowLite 2.4.0-ALPHA** is TensorFlow Lite 2.4, precompiled: for sketches from before 2022.

Runtimes from before the middle of 2024 take the weights of a dense layer with one scale for all outputs. Models of
today's converter have a scale for each output there: such a runtime runs them without a word, and gives wrong scores.
`tinyml-labs deploy --upload` and `tinyml-labs replay` find that out.
"""


_LOADING = """
## Another model, without another upload

`Board(port).load("other.tflite")` in Python puts a model into the board's RAM, and `Board(port).infer` then asks that
one, until the board is reset. {ram:,} bytes are for the model and its arena together (`board_memory.h`), and there
are kernels for the layers that the course uses. What does not fit, or has a layer without a kernel, is refused with
the reason.
"""


def write_readme(sketch: Sketch, board: BoardModel, engine: str, need: Need, sha256: str, memory: BoardMemory) -> str:
    """Give the text of ``README.md``.

    Parameters
    ----------
    sketch : Sketch
    board : BoardModel
    engine : str
    need : Need
    sha256 : str
        Of the model's file.
    memory : BoardMemory

    Returns
    -------
    str
    """
    core = core_of(board)
    pinned = core in CORE_VERSIONS
    runs = "compiled to C, and needs no runtime" if engine == "compiled" else "run by TensorFlow Lite Micro"
    flash, ram = ("unknown" if size is None else f"{size:,}" for size in room(board))
    fqbn = "" if pinned else f" --fqbn {board.fqbn}"
    fetched = (
        "`sketch.yaml` names core and libraries to the version, and arduino-cli, 1.0 or later, fetches them."
        if pinned
        else f"Before that, once: `arduino-cli core install {core}`."
    )
    lines = [
        f"# {sketch.name} on {board.title}",
        "",
        f"Made by `tinyml-labs deploy`. The model is {runs}. Its SHA-256 begins with `{sha256[:16]}`.",
        "The folder compiles by itself: the kit's library is in `src/`.",
        "",
        f"| | takes at least | {board.title} |",
        "|---|---|---|",
        f"| flash, bytes | {need.flash_bytes:,} | {flash} |",
        f"| RAM, bytes | {need.ram_bytes:,} | {ram} |",
        "",
        "The board's own core comes on top.",
        "",
        "## In the Arduino IDE",
        "",
        *_numbered(_ide_steps(sketch, board, engine)),
        "",
        "## In a terminal",
        "",
        "In the folder above this one:",
        "",
        "```sh",
        f"arduino-cli compile{fqbn} {sketch.name}",
        f"arduino-cli upload{fqbn} --port /dev/ttyACM0 {sketch.name}",
        "```",
        "",
        fetched,
        "",
        "## Is it right?",
        "",
        "```sh",
        "tinyml-labs replay RECORDING --port /dev/ttyACM0 --model MODEL",
        "```",
        "",
        "sends recorded windows to the board, and compares each byte of its answers with this computer's.",
    ]
    loading = _LOADING.format(ram=memory.model_bytes) if memory.model_bytes else ""
    return "\n".join(lines) + "\n" + loading + (_TFLM if engine == "tflm" else "")


def _ide_steps(sketch: Sketch, board: BoardModel, engine: str) -> list[str]:
    core = core_of(board)
    version = f", version {CORE_VERSIONS[core]}" if core in CORE_VERSIONS else ""
    steps = [
        f"*File > Open*: `{sketch.name}.ino` in this folder, which has to keep the name `{sketch.name}`.",
        f"*Tools > Board > Boards Manager*: install `{core}`{version}. Then choose *{board.title}*, and its port.",
    ]
    libraries = [f"{name} {LIBRARY_VERSIONS[name]}" for name in needed_libraries(sketch, engine)]
    if libraries:
        steps.append(f"*Tools > Manage Libraries*: install {', '.join(libraries)}.")
    wake = board.enter_bootloader or "press its reset button"
    return [*steps, f"*Upload*. If the board is not found: {wake}, and choose the port again."]


def _numbered(steps: list[str]) -> list[str]:
    return [f"{number}. {step}" for number, step in enumerate(steps, start=1)]

"""``sketch.yaml``, Arduino's sketch project file: which core and which libraries a folder compiles with.

The format: https://docs.arduino.cc/arduino-cli/sketch-project-file. A build by profile sees nothing else that is
installed, and fetches what is missing; so it is the same on every computer. ``--libraries`` cannot be used with a
profile, and ``dir:`` libraries came with arduino-cli 1.3 and only there: so the kit's own libraries lie in the
sketch's ``src/``, which every Arduino tool compiles.
"""

from __future__ import annotations

from tinyml_labs.boards import BoardModel
from tinyml_labs.deploy.sketches import Sketch

CORE_VERSIONS = {
    "arduino:avr": "1.8.6",
    "arduino:mbed_nano": "4.6.0",
    "arduino:renesas_uno": "1.6.0",
    "esp32:esp32": "3.3.0",
    "rp2040:rp2040": "5.5.0",
}
"""Cores, each in a version that public projects pin. Others are left to the version that is installed."""

_CORE_INDEXES = {
    "esp32:esp32": "https://espressif.github.io/arduino-esp32/package_esp32_index.json",
    "rp2040:rp2040": "https://github.com/earlephilhower/arduino-pico/releases/download/global/package_rp2040_index.json",
}

LIBRARY_VERSIONS = {
    "Arduino_LSM9DS1": "1.1.1",
    "Arduino_BMI270_BMM150": "1.2.4",
    "Arduino_OV767X": "0.0.2",
    "Chirale_TensorFLowLite": "2.0.0",
}
"""Libraries, each in a version of the library manager."""

TFLM_LIBRARY = "Chirale_TensorFLowLite"


def needed_libraries(sketch: Sketch, engine: str) -> tuple[str, ...]:
    """Give the names of the libraries that have to be installed."""
    return sketch.libraries + ((TFLM_LIBRARY,) if engine == "tflm" else ())


def core_of(board: BoardModel) -> str:
    """Give the core that a board is of: ``"arduino:mbed_nano"``."""
    return ":".join(board.fqbn.split(":")[:2])


def write_project_file(sketch: Sketch, board: BoardModel, engine: str) -> str:
    """Give the text of ``sketch.yaml``.

    Returns
    -------
    str
        With a profile of the board's name; without one, the board's FQBN alone, where no version of its core is
        known to work.
    """
    core = core_of(board)
    version = CORE_VERSIONS.get(core)
    if version is None:
        return f"# Compiled with the version of {core} that is installed.\ndefault_fqbn: {board.fqbn}\n"
    lines = [
        "profiles:",
        f"  {board.name}:",
        f"    notes: {sketch.name} on {board.title}",
        f"    fqbn: {board.fqbn}",
        "    platforms:",
        f"      - platform: {core} ({version})",
    ]
    if core in _CORE_INDEXES:
        lines.append(f"        platform_index_url: {_CORE_INDEXES[core]}")
    libraries = needed_libraries(sketch, engine)
    if libraries:
        lines.append("    libraries:")
        lines += [f"      - {name} ({LIBRARY_VERSIONS[name]})" for name in libraries]
    return "\n".join([*lines, f"default_profile: {board.name}"]) + "\n"

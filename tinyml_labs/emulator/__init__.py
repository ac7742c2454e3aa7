"""A virtual Cortex-M4: sketches compiled for a real processor, run by an emulated one, counted to the instruction.

>>> from tinyml_labs.emulator import CortexM4, build_firmware
>>> machine = CortexM4(build_firmware("arduino_sketches/model_runner", board="nano33ble"))  # doctest: +SKIP
>>> machine.run(seconds=1.0); print(machine.profile())  # doctest: +SKIP

On a port it is ``virtual://cortex-m4?model=sine.tflite`` or ``virtual://cortex-m4?sketch=FOLDER``. It needs the extra
packages of ``[emulator]``: a compiler (ziglang), a processor (unicorn), a disassembler (capstone), a reader of ELF
files (pyelftools).
"""

from tinyml_labs.emulator.cortex_m4 import CortexM4
from tinyml_labs.emulator.elf import Firmware, read_firmware
from tinyml_labs.emulator.errors import BuildError, DoesNotFitError, EmulatorMissingError, MachineFaultError
from tinyml_labs.emulator.firmware import build_firmware
from tinyml_labs.emulator.model_costs import LayerCost, ModelCosts, measure_model
from tinyml_labs.emulator.profiles import FunctionCost, Profile

__all__ = [
    "BuildError",
    "CortexM4",
    "DoesNotFitError",
    "EmulatorMissingError",
    "Firmware",
    "FunctionCost",
    "LayerCost",
    "MachineFaultError",
    "ModelCosts",
    "Profile",
    "build_firmware",
    "measure_model",
    "read_firmware",
]

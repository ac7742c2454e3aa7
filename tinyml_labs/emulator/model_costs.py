"""What a model costs on a Cortex-M4: instructions and cycles of each layer, counted while it runs.

>>> from tinyml_labs.emulator import measure_model
>>> costs = measure_model("vww.tflite", board="nano33ble")  # doctest: +SKIP
>>> costs.milliseconds, costs.layers[0].cycles  # doctest: +SKIP
(1013.2, 6351043)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs.emulator.cortex_m4 import CortexM4
from tinyml_labs.emulator.firmware import build_firmware
from tinyml_labs.emulator.profiles import Profile

if TYPE_CHECKING:
    import pandas as pd

SKETCH = Path(__file__).parent / "model_sketch"
_NAME = "profiled_model"
_LAYER = re.compile(r"^static void (layer(\d+)_\w+)\(void\)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """What one layer took in one inference.

    Attributes
    ----------
    index : int
        The operator's number in the file.
    op, name : str
    macs : int
        Multiply-accumulates.
    instructions, cycles : int
        Cycles are estimates.
    """

    index: int
    op: str
    name: str
    macs: int
    instructions: int
    cycles: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelCosts:
    """What one inference took.

    Attributes
    ----------
    layers : tuple of LayerCost
    instructions, cycles : int
        Of the whole inference.
    clock_mhz : int
    flash_bytes, ram_bytes : int
        Of the program: the model, its kernels, and some KB of start-up and serial port. Without the stack.
    outputs : tuple of array
        What the model gave, one array an output.
    profile : Profile
        By function, over the start-up and the inference.
    """

    layers: tuple[LayerCost, ...]
    instructions: int
    cycles: int
    clock_mhz: int
    flash_bytes: int
    ram_bytes: int
    outputs: tuple[NDArray, ...]
    profile: Profile

    @property
    def milliseconds(self) -> float:
        """Of one inference at the board's clock."""
        return self.cycles / (self.clock_mhz * 1000)

    def to_frame(self) -> pd.DataFrame:
        """Give a table, layer by layer, with cycles for each multiply-accumulate."""
        import pandas as pd

        rows = [(c.index, c.op, c.name, c.macs, c.instructions, c.cycles) for c in self.layers]
        table = pd.DataFrame(rows, columns=["layer", "op", "name", "macs", "instructions", "cycles"])
        table["cycles_per_mac"] = table["cycles"] / table["macs"].where(table["macs"] > 0)
        return table


def measure_model(
    model: bytes | str | os.PathLike[str],
    inputs: ArrayLike | tuple[ArrayLike, ...] | None = None,
    *,
    board: str = "",
    optimisation: str = "-Os",
    toolchain: str = "zig",
    flash_wait_states: int = 0,
    defines: tuple[str, ...] = (),
) -> ModelCosts:
    """Compile a model, run it once on the emulated Cortex-M4, and say what each layer took.

    Parameters
    ----------
    model : bytes, str or PathLike
        A ``.tflite`` that :func:`tinyml_labs.compiler.compile_model` compiles.
    inputs : array, or tuple of arrays, optional
        In the model's own numbers (int8, …), one array an input; by default random ones, always the same.
    board : str
        Whose memory and clock: a name of ``tinyml_labs.boards``; by default 4 MB of each, and 64 MHz.
    optimisation, toolchain, defines
        See :func:`tinyml_labs.emulator.build_firmware`.
    flash_wait_states : int
        See :class:`tinyml_labs.emulator.CortexM4`.

    Returns
    -------
    ModelCosts

    Raises
    ------
    ValueError
        If the model cannot be compiled, or the inputs do not fit it.
    BuildError, DoesNotFitError
        If the program cannot be built, or the board is too small.
    """
    from tinyml_labs.compiler import compile_model

    compiled = compile_model(model, name=_NAME)
    firmware = build_firmware(
        SKETCH,
        sources=keep_layers(dict(compiled.sources)),
        board=board,
        optimisation=optimisation,
        toolchain=toolchain,
        defines=defines,
    )
    machine = CortexM4(firmware, flash_wait_states=flash_wait_states)
    machine.run(until="inputs_wanted")
    data = _bytes_of(inputs, compiled.inputs)
    pointers = machine.read_memory("model_inputs")
    for number, piece in enumerate(data):
        machine.write_memory(int.from_bytes(pointers[4 * number : 4 * number + 4], "little"), piece)
    functions = {int(k): name for name, k in _LAYER.findall(compiled.sources[f"{_NAME}.c"])}
    machine.watch(f"{_NAME}_invoke", *functions.values())
    machine.run(until="outputs_ready")
    profile = machine.profile()
    layers = []
    for layer in compiled.layers:
        took = profile.find(functions[layer.index]) if layer.index in functions else None
        layers.append(
            LayerCost(
                index=layer.index,
                op=layer.op,
                name=layer.name,
                macs=layer.macs,
                instructions=took.instructions if took else 0,
                cycles=took.cycles if took else 0,
            )
        )
    whole = profile.find(f"{_NAME}_invoke")
    return ModelCosts(
        layers=tuple(layers),
        instructions=whole.instructions,
        cycles=whole.cycles,
        clock_mhz=machine.clock_mhz,
        flash_bytes=firmware.flash_bytes,
        ram_bytes=firmware.ram_bytes,
        outputs=_read_outputs(machine, compiled.outputs),
        profile=profile,
    )


def keep_layers(sources: dict[str, str]) -> dict[str, str]:
    """Keep each layer a function of its own: the compiler would put one that is called once into its caller."""
    return {
        name: _LAYER.sub(r"__attribute__((noinline)) static void \1(void)", text) for name, text in sources.items()
    }


def _bytes_of(inputs: ArrayLike | tuple[ArrayLike, ...] | None, tensors: tuple) -> list[bytes]:
    if inputs is None:
        random = np.random.default_rng(0)
        return [random.integers(0, 256, tensor.nbytes, np.uint8).tobytes() for tensor in tensors]
    arrays = [np.asarray(array) for array in (inputs if isinstance(inputs, tuple) else (inputs,))]
    found, expected = [array.nbytes for array in arrays], [tensor.nbytes for tensor in tensors]
    if found != expected:
        types = ", ".join(f"{tensor.type_name.lower()} {tensor.shape}" for tensor in tensors)
        raise ValueError(f"The inputs have {found} bytes, expected {expected}: {types}. Quantize them first.")
    return [np.ascontiguousarray(array).tobytes() for array in arrays]


def _read_outputs(machine: CortexM4, tensors: tuple) -> tuple[NDArray, ...]:
    pointers = machine.read_memory("model_outputs")
    outputs = []
    for number, tensor in enumerate(tensors):
        address = int.from_bytes(pointers[4 * number : 4 * number + 4], "little")
        raw = machine.read_memory(address, tensor.nbytes)
        outputs.append(np.frombuffer(raw, tensor.type_name.lower()).reshape(tensor.shape).copy())
    return tuple(outputs)

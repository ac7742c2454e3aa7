"""Count what a compiled model takes on a processor: instructions and cycles of each layer, code, and stack.

>>> from tinyml_labs.core_counts import count_model
>>> count_model("sine.tflite", core="Cortex-M0+").cycles  # doctest: +SKIP
12034

The model is compiled alone, without a sketch, and runs in :mod:`tinyml_labs.emulator`. A Cortex-M0+ runs a part of
the Cortex-M4's instructions, and is counted with the figures of its own manual. It needs the extra packages
``[emulator]``.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tinyml_labs.compiler import CompiledModel, compile_model
from tinyml_labs.compiler.model import CompiledLayer
from tinyml_labs.emulator import CortexM4, FunctionCost, read_firmware
from tinyml_labs.emulator.elf import RAM_START
from tinyml_labs.emulator.model_costs import keep_layers
from tinyml_labs.emulator.timing import INDIRECT, BlockTimer, BlockTiming
from tinyml_labs.emulator.zig import run_zig

CORES = ("Cortex-M4F", "Cortex-M0+")
PAINT = 0xA5
STACK_BYTES = 1 << 16
_MEMORY = 1 << 24
_START_BYTES = 32  # of the stack, which the program that runs the model has taken
_NAME = "counted_model"
_LAYER = re.compile(r"^static void (layer(\d+)_\w+)\(void\)", re.MULTILINE)
_TARGETS = {
    "Cortex-M4F": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    "Cortex-M0+": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
}
_FLAGS = (
    "-std=gnu99",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-stack-protector",
    "-fno-sanitize=undefined",
    "-g1",
)
_PROGRAM = """#include "counted_model.h"
extern char stack_top[];
__attribute__((noinline, used)) void inputs_wanted(void) { __asm volatile("" ::: "memory"); }
__attribute__((noinline, used)) void outputs_ready(void) { __asm volatile("" ::: "memory"); }
__attribute__((used)) void *volatile where_inputs_are[COUNTED_MODEL_INPUTS];
__attribute__((used)) const void *volatile where_outputs_are[COUNTED_MODEL_OUTPUTS];
__attribute__((noreturn, used)) void start(void) {
#if defined(__ARM_FP)
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
  __asm volatile("dsb\\n isb");
#endif
  for (unsigned k = 0; k < COUNTED_MODEL_INPUTS; ++k) where_inputs_are[k] = counted_model_input((uint8_t)k);
  for (unsigned k = 0; k < COUNTED_MODEL_OUTPUTS; ++k) where_outputs_are[k] = counted_model_output((uint8_t)k);
  for (;;) {
    inputs_wanted();
    counted_model_invoke();
    outputs_ready();
  }
}
__attribute__((section(".vectors"), used)) void *const vectors[] = {stack_top, (void *)start};
"""
_SCRIPT = """ENTRY(start)
MEMORY { code (rx) : ORIGIN = 0, LENGTH = 16M  ram (rwx) : ORIGIN = 0x20000000, LENGTH = 16M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text* .rodata*) . = ALIGN(4); } > code
  .bss (NOLOAD) : { *(.bss* COMMON .data*) . = ALIGN(16); } > ram
  /DISCARD/ : { *(.ARM.exidx* .ARM.extab* .comment) }
  stack_top = 0x21000000;
}
"""


@dataclass(frozen=True, kw_only=True)
class LayerCount:
    """What one layer took in one inference: ``index``, ``op``, ``name`` as in the file, ``macs``, and the counts."""

    index: int
    op: str
    name: str
    macs: int
    instructions: int
    cycles: int


@dataclass(frozen=True, kw_only=True)
class ModelCount:
    """What a model took on a core.

    Attributes
    ----------
    core : str
        One of :data:`CORES`.
    layers : tuple of LayerCount
    instructions, cycles : int
        Of one inference. Cycles are for memory without wait states.
    code_bytes, constant_bytes : int
        In flash: kernels with the layers' settings, and the weights. Without start-up code.
    ram_bytes : int
        The arena.
    stack_bytes : int
        The deepest that an inference has gone.
    inputs, outputs : tuple of bytes
        What it was given, and what it gave.
    """

    core: str
    layers: tuple[LayerCount, ...]
    instructions: int
    cycles: int
    code_bytes: int
    constant_bytes: int
    ram_bytes: int
    stack_bytes: int
    inputs: tuple[bytes, ...] = field(repr=False)
    outputs: tuple[bytes, ...] = field(repr=False)


def count_model(
    model: bytes | str | os.PathLike[str] | CompiledModel,
    *,
    core: str = "Cortex-M4F",
    portable: bool = False,
    optimisation: str = "-Os",
) -> ModelCount:
    """Compile a model for a core, let it run once on random numbers, and count.

    Parameters
    ----------
    model : bytes, str, PathLike or CompiledModel
        What :func:`tinyml_labs.compiler.compile_model` takes; a compiled one has to be named ``counted_model``.
    core : str
        One of :data:`CORES`.
    portable : bool
        Leave out the kernels that use the core's own instructions. A Cortex-M0+ has none.
    optimisation : str
        ``"-Os"``, as Arduino's cores use, or ``"-O2"``.

    Returns
    -------
    ModelCount

    Raises
    ------
    ValueError
        If the core is not one of these, or the model cannot be compiled to C.
    BuildError
        If the C cannot be built for the core, as a float32 model for one without a floating-point unit.
    EmulatorMissingError
        If the packages of ``[emulator]`` are not installed.
    """
    if core not in CORES:
        raise ValueError(f"core={core!r} cannot be counted; expected one of {', '.join(CORES)}.")
    compiled = model if isinstance(model, CompiledModel) else compile_model(model, name=_NAME)
    return _count(
        tuple(sorted(compiled.sources.items())), compiled.sha256, core, portable, optimisation, _Held(compiled)
    )


class _Held:
    """What a cache's key leaves out."""

    def __init__(self, compiled: CompiledModel) -> None:
        self.compiled = compiled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _count(
    sources: tuple[tuple[str, str], ...], _sha256: str, core: str, portable: bool, optimisation: str, held: _Held
) -> ModelCount:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_program(held.compiled, folder)
        _build(folder, core, portable, optimisation)
        return count_program(folder / "program.elf", held.compiled, core)


def write_program(compiled: CompiledModel, folder: Path) -> None:
    """Write a model, its kernels, and a program that does nothing but run it, to be linked by ``board.ld``."""
    compiled.write(folder, kernels=True)
    for name, text in keep_layers(dict(compiled.sources)).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "main.c").write_text(_PROGRAM, encoding="utf-8")
    (folder / "board.ld").write_text(_SCRIPT, encoding="utf-8")


def _build(folder: Path, core: str, portable: bool, optimisation: str) -> None:
    sources = ["main.c", f"{_NAME}.c", *(f"kernels/{file.name}" for file in sorted((folder / "kernels").glob("*.c")))]
    defines = ["-DTINYML_PORTABLE_KERNELS=1"] if portable else []
    run_zig(
        [
            *["cc", *_TARGETS[core], *_FLAGS, optimisation, *defines, "-I.", *sources, "-nostdlib", "-lcompiler_rt"],
            *["-Wl,--gc-sections", "-T", "board.ld", "-o", "program.elf"],
        ],
        folder=folder,
        what=f"The model for a {core}",
    )


def count_program(elf: Path, compiled: CompiledModel, core: str = "Cortex-M4F", *, before: int = 0) -> ModelCount:
    """Run what :func:`write_program` wrote and a compiler made, and count one inference.

    Parameters
    ----------
    elf : Path
    compiled : CompiledModel
        Named ``counted_model``.
    core : str
    before : int
        Inferences that are not counted.
    """
    firmware = read_firmware(elf, flash_limit_bytes=_MEMORY, ram_limit_bytes=_MEMORY)
    machine, random = CortexM4(firmware), np.random.default_rng(0)
    if core == "Cortex-M0+":
        machine._timer = CortexM0PlusTimer()
    inputs = [_numbers(random, tensor.nbytes, tensor.type_name) for tensor in compiled.inputs]
    for _ in range(before + 1):
        machine.run(until="inputs_wanted")
        pointers = np.frombuffer(machine.read_memory("where_inputs_are"), "<u4")
        for pointer, values in zip(pointers, inputs, strict=True):
            machine.write_memory(int(pointer), values)
    stack_end = RAM_START + _MEMORY - _START_BYTES
    machine.write_memory(stack_end - STACK_BYTES, bytes([PAINT]) * STACK_BYTES)
    functions = {int(k): name for name, k in _LAYER.findall(compiled.sources[f"{_NAME}.c"])}
    machine.watch(f"{_NAME}_invoke", *functions.values())
    machine.run(until="outputs_ready")
    painted = np.frombuffer(machine.read_memory(stack_end - STACK_BYTES, STACK_BYTES), np.uint8) == PAINT
    places = np.frombuffer(machine.read_memory("where_outputs_are"), "<u4")
    outputs = [machine.read_memory(int(p), t.nbytes) for p, t in zip(places, compiled.outputs, strict=True)]
    profile = machine.profile()
    costs = {index: profile.find(name) for index, name in functions.items()}
    whole = profile.find(f"{_NAME}_invoke")
    return ModelCount(
        core=core,
        layers=tuple(_layer_count(layer, costs.get(layer.index)) for layer in compiled.layers),
        instructions=whole.instructions,
        cycles=whole.cycles,
        code_bytes=firmware.flash_bytes - compiled.weights_bytes,
        constant_bytes=compiled.weights_bytes,
        ram_bytes=compiled.arena_bytes,
        stack_bytes=_START_BYTES + STACK_BYTES - int(np.argmin(painted) if not painted.all() else STACK_BYTES),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )


def _layer_count(layer: CompiledLayer, took: FunctionCost | None) -> LayerCount:
    return LayerCount(
        index=layer.index,
        op=layer.op,
        name=layer.name,
        macs=layer.macs,
        instructions=took.instructions if took else 0,
        cycles=took.cycles if took else 0,
    )


def _numbers(random: np.random.Generator, size: int, type_name: str) -> bytes:
    if type_name == "FLOAT32":
        return random.standard_normal(size // 4).astype(np.float32).tobytes()
    return random.integers(0, 256, size, np.uint8).tobytes()


class CortexM0PlusTimer(BlockTimer):
    """A Cortex-M0+: the figures of its Technical Reference Manual (ARM DDI 0484, table 3-1), one-cycle multiplier.

    Loads and stores take 2 cycles, several registers 1 and 1 for each, a jump that is taken 2, a call 3.
    """

    def time_block(self, code: bytes, address: int) -> BlockTiming:
        """Give the timing of a basic block; see :meth:`BlockTimer.time_block`."""
        lines = self._disassemble(code, address)
        cycles = sum(cortex_m0plus_cycles(name, operands) for name, operands in lines)
        timing = super().time_block(code, address)
        return replace(timing, cycles=cycles, leaves=min(timing.leaves, INDIRECT), begins_across=False)


def cortex_m0plus_cycles(name: str, operands: str) -> int:
    """Give the cycles of one instruction of a Cortex-M0+, without the 1 or 2 that a jump adds."""
    if name in ("push", "pop", "ldm", "stm", "ldmia", "stmia"):
        return 2 + operands[operands.find("{") :].count(",")
    if name.startswith(("ldr", "str")):
        return 2
    if name == "bl":
        return 2
    return 1

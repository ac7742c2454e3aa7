"""Find what a compiled model needs on a core: by counting, or by formula where that cannot be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tinyml_labs.compiler import CompiledModel
from tinyml_labs.cores import find_source
from tinyml_labs.cycle_estimates import code_bytes, estimate_cycles, stack_bytes

PATHS = {"Cortex-M4F": "fast", "Cortex-M0+": "m0plus"}
TFLM_CODE_BYTES = 16 * 1024
TFLM_STACK_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class CoreCost:
    """What a model needs on a core that is counted.

    Attributes
    ----------
    flash_bytes, ram_bytes : int
    cycles, low, high : float or None
        Of one inference with memory that never waits, and the interval of the method alone.
    how, how_time : str
        Where memory and cycles come from.
    counted : bool
        Whether the cycles were counted, not computed.
    """

    flash_bytes: int
    ram_bytes: int
    cycles: float | None
    low: float | None
    high: float | None
    how: str
    how_time: str
    counted: bool


def cost_on_core(compiled: CompiledModel, core: str, method: str = "auto") -> CoreCost:
    """Find what a model needs without an interpreter.

    Parameters
    ----------
    compiled : CompiledModel
        Named ``counted_model``.
    core : str
        ``"Cortex-M4F"`` or ``"Cortex-M0+"``.
    method : str
        ``"auto"``, ``"count"`` or ``"formula"``.
    """
    if method != "formula":
        try:
            return _count(compiled, core)
        except ImportError:
            if method == "count":
                raise
    return _compute(compiled, core)


def _count(compiled: CompiledModel, core: str) -> CoreCost:
    from tinyml_labs.core_counts import count_model
    from tinyml_labs.emulator import BuildError

    try:
        count = count_model(compiled, core=core)
    except BuildError:
        if _is_whole_numbers(compiled):
            raise
        return _compute(compiled, core)
    return CoreCost(
        flash_bytes=count.code_bytes + count.constant_bytes,
        ram_bytes=count.ram_bytes + count.stack_bytes,
        cycles=float(count.cycles),
        low=float(count.cycles),
        high=float(count.cycles),
        how=f"Code and stack are those of the model compiled for a {core}, the stack as deep as one inference went.",
        how_time=f"{count.instructions:,} instructions and {count.cycles:,} cycles counted on an emulated {core}.",
        counted=True,
    )


def _compute(compiled: CompiledModel, core: str) -> CoreCost:
    path = PATHS[core]
    whole = _is_whole_numbers(compiled)
    found = estimate_cycles(compiled, path)
    unknown = f" {', '.join(found.unknown_ops)} counted as copying." if found.unknown_ops else ""
    return CoreCost(
        flash_bytes=compiled.weights_bytes + code_bytes(compiled, path),
        ram_bytes=compiled.arena_bytes + stack_bytes(path),
        cycles=found.cycles if whole else None,
        low=found.low if whole else None,
        high=found.high if whole else None,
        how="Code and stack are estimates from other models' (with the packages of [emulator] they are measured).",
        how_time=(
            f"{found.cycles:,.0f} cycles from formulas that were fitted to other networks.{unknown}"
            if whole
            else f"No time: float32 could not be counted on a {core}, and has no formula."
        ),
        counted=False,
    )


def cost_with_tflm(model: bytes | str | os.PathLike[str], compiled: CompiledModel, core: str) -> CoreCost:
    """Find what a model needs with TensorFlow Lite Micro, which interprets the file: at least so much memory."""
    from tinyml_labs.arena import measure_arena

    size = len(model) if isinstance(model, bytes) else Path(model).stat().st_size
    arena = measure_arena(model).estimate_32bit_bytes
    timed = core == "Cortex-M4F" and _is_whole_numbers(compiled)
    slow, quick = estimate_cycles(compiled, "tflm_reference"), estimate_cycles(compiled, "tflm_cmsis")
    return CoreCost(
        flash_bytes=size + TFLM_CODE_BYTES,
        ram_bytes=arena + TFLM_STACK_BYTES,
        cycles=(slow.cycles * quick.cycles) ** 0.5 if timed else None,
        low=min(quick.low, slow.low) if timed else None,
        high=max(quick.high, slow.high) if timed else None,
        how=(
            f"Flash is the file and {TFLM_CODE_BYTES:,} bytes of interpreter ({find_source('tflm-site')}), without "
            "kernels: at least that. RAM is TensorFlow Lite Micro's arena, as measured here for a 32-bit board, and "
            f"{TFLM_STACK_BYTES:,} bytes of stack, a guess."
        ),
        how_time=(
            f"From {quick.cycles:,.0f} cycles with the kernels of CMSIS-NN to {slow.cycles:,.0f} with reference "
            "kernels, by formulas that were fitted to other networks."
            if timed
            else "No time: kernels of TensorFlow Lite Micro were only counted with int8 on a Cortex-M4F."
        ),
        counted=False,
    )


def _is_whole_numbers(compiled: CompiledModel) -> bool:
    return not any(layer.function.endswith("_f32") for layer in compiled.layers)

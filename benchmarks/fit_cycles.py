"""Fit the formulas of ``tinyml_labs/cycle_estimates.json`` to counts of random networks; say how far they are off.

    python benchmarks/fit_cycles.py --cmsis-nn CMSIS-NN --cmsis-nn CMSIS/Core/Include   # about 5 minutes

Without ``--cmsis-nn`` the formulas of CMSIS-NN stay as they are. Run it after each change of a kernel.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from kernel_programs import count_with
from random_networks import random_network

from tinyml_labs import cycle_estimates
from tinyml_labs.compiler import CompiledModel, compile_model
from tinyml_labs.core_counts import ModelCount, count_model
from tinyml_labs.cycle_estimates import apply_formulas, layer_kinds, layer_terms

TARGET = Path(cycle_estimates.__file__).with_name("cycle_estimates.json")
FITTED, HELD_OUT = range(100, 116), range(200, 208)
MARGIN = 0.03  # beyond the worst network that was held out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmsis-nn", type=Path, action="append", default=[])
    parser.add_argument("--only", action="append", default=[], help="one of the paths; as often as you like")
    parser.add_argument("--networks", type=int, default=len(FITTED))
    chosen = parser.parse_args()
    result = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    paths = chosen.only or ["fast", "m0plus", "tflm_reference", *(["tflm_cmsis"] if chosen.cmsis_nn else [])]
    for path in paths:
        train = [_count(seed, path, chosen.cmsis_nn) for seed in FITTED[: chosen.networks]]
        test = [_count(seed, path, chosen.cmsis_nn) for seed in HELD_OUT[: max(2, chosen.networks // 2)]]
        result[path] = _fit(train, test, path)
        ratios = result[path]["ratios"]
        print(f"{path}: counts of networks not fitted to are {ratios[0]:.2f} to {ratios[1]:.2f} of the formula's")
    part = TARGET.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    part.replace(TARGET)


def _count(seed: int, path: str, cmsis_nn: list[Path]) -> tuple[CompiledModel, ModelCount]:
    model = random_network(seed)
    compiled = compile_model(model, name="counted_model")
    if path == "fast":
        return compiled, count_model(compiled)
    if path == "m0plus":
        return compiled, count_model(compiled, core="Cortex-M0+")
    return compiled, count_with(model, {"tflm_reference": "reference"}.get(path, "cmsis-nn"), cmsis_nn=cmsis_nn)


def _fit(train: list, test: list, path: str) -> dict:
    rows: dict[str, list[tuple[list[float], float]]] = defaultdict(list)
    terms: dict[str, tuple[str, ...]] = {}
    for compiled, count in train:
        for layer, kind, took in zip(compiled.layers, layer_kinds(compiled), count.layers, strict=True):
            if took.cycles:
                names, values = layer_terms(layer)
                own = kind if path == "fast" else layer.op
                for op in (own, "other") if names[0] == "inputs" else (own,):
                    terms[op] = names
                    rows[op].append(([float(value) for value in values], float(took.cycles)))
    coefficients = {op: dict(zip(terms[op], _solve(rows[op]), strict=True)) for op in sorted(rows)}
    fitted = {"coefficients": coefficients, "ratios": [1.0, 1.0]}
    ratios = [count.cycles / sum(apply_formulas(compiled, coefficients)) for compiled, count in test]
    fitted["ratios"] = [round(min(ratios) - MARGIN, 3), round(max(ratios) + MARGIN, 3)]
    fitted["stack_bytes"] = max(count.stack_bytes for _, count in (*train, *test))
    fitted["code"] = _fit_code(train)
    return fitted


def _solve(rows: list[tuple[list[float], float]]) -> list[float]:
    """Least squares of relative errors, no coefficient below 0."""
    wanted = np.array([cycles for _, cycles in rows])
    table = np.array([values for values, _ in rows]) / wanted[:, None]
    scales = np.maximum(np.abs(table).max(axis=0), 1e-12)
    table = table / scales
    found = np.full(table.shape[1], 0.1)
    for _ in range(3000):
        for k in range(len(found)):
            rest = 1 - table @ found + table[:, k] * found[k]
            found[k] = max(0.0, table[:, k] @ rest / max(table[:, k] @ table[:, k], 1e-12))
    return [float(f"{value:.5g}") for value in found / scales]


def _fit_code(train: list) -> dict:
    functions = sorted({layer.function for compiled, _ in train for layer in compiled.layers if layer.function})
    table, wanted = [], []
    for compiled, count in train:
        used = [layer.function for layer in compiled.layers if layer.function]
        table.append([1.0, float(len(used)), *(float(name in used) for name in functions)])
        wanted.append(float(count.code_bytes))
    found = _solve(list(zip(table, wanted, strict=True)))
    sizes = dict(zip(functions, found[2:], strict=True))
    return {"start": found[0], "layer": found[1], "functions": sizes, "function": max(sizes.values())}


if __name__ == "__main__":
    main()

"""Hold counted cycles against published times: MLPerf Tiny v0.5's reference on a NUCLEO-L4R5ZI.

    TINYML_LABS_REAL_DATA=... python benchmarks/latency.py [--cmsis-nn CMSIS-NN --cmsis-nn CMSIS/Core/Include]

The reference was TensorFlow Lite Micro 2.3.1, compiled by GCC 6 for Mbed, at 120 MHz; the set-up scripts of keyword
spotting and image classification ask for CMSIS-NN. Here the same four models run with several kernels on the emulated
Cortex-M4F, whose memory never waits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kernel_programs import count_with

CLOCK_MHZ = 120
PUBLISHED_MS = {"kws": 181.9, "vww": 600.5, "ic": 704.3, "ad": 10.05}
MODELS = {
    "kws": "keyword_spotting/kws_ref_model.tflite",
    "vww": "visual_wake_words/vww_96_int8.tflite",
    "ic": "image_classification/pretrainedResnet_quant.tflite",
    "ad": "anomaly_detection/ad01_int8.tflite",
}
KERNELS = ("cmsis-nn", "cmsis-nn-general", "reference", "portable", "compiled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmsis-nn", type=Path, action="append", default=[])
    parser.add_argument("--optimisation", action="append", help="of gcc; as often as you like (default: -Os)")
    parser.add_argument("--kernels", action="append", choices=KERNELS)
    parser.add_argument("--models", action="append", choices=sorted(MODELS))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = os.environ.get("TINYML_LABS_REAL_DATA")
    if not folder:
        sys.exit("Set TINYML_LABS_REAL_DATA to a folder with models/mlperf_tiny in it.")
    kernels = chosen.kernels or [each for each in KERNELS if chosen.cmsis_nn or not each.startswith("cmsis")]
    results: list[dict[str, Any]] = []
    for name in chosen.models or MODELS:
        path = Path(folder) / "models" / "mlperf_tiny" / MODELS[name]
        for optimisation in chosen.optimisation or ["-Os"]:
            for kernel in kernels:
                results.append(_measure(name, path, kernel, optimisation, chosen.cmsis_nn))
                if not chosen.json:
                    print(_line(results[-1]), flush=True)
    if chosen.json:
        print(json.dumps(results, indent=1))


def _measure(name: str, path: Path, kernel: str, optimisation: str, cmsis_nn: list[Path]) -> dict[str, Any]:
    try:
        count = count_with(path, kernel, optimisation=optimisation, cmsis_nn=cmsis_nn)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{name} with {kernel}: {error.stderr[:2000]}")
    milliseconds = count.cycles / (CLOCK_MHZ * 1000)
    by_op: dict[str, int] = {}
    for layer in count.layers:
        by_op[layer.op] = by_op.get(layer.op, 0) + layer.cycles
    return {
        "model": name,
        "kernels": kernel,
        "optimisation": optimisation,
        "instructions": count.instructions,
        "cycles": count.cycles,
        "cycles_per_mac": count.cycles / sum(layer.macs for layer in count.layers),
        "milliseconds": milliseconds,
        "published_ms": PUBLISHED_MS[name],
        "published_to_counted": PUBLISHED_MS[name] / milliseconds,
        "cycles_by_op": by_op,
        "stack_bytes": count.stack_bytes,
        "code_bytes": count.code_bytes,
    }


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['model']:4} {result['kernels']:17} {result['optimisation']:4} {result['instructions']:>12,} instr. "
        f"{result['cycles']:>12,} cycles {result['cycles_per_mac']:6.2f} a mac {result['milliseconds']:8.2f} ms; "
        f"published {result['published_ms']} ms: {result['published_to_counted']:.2f} times that"
    )


if __name__ == "__main__":
    main()

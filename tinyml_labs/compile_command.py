"""``tinyml-labs compile``: a .tflite model as C without an interpreter, or a check that it gives the same bytes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyml_labs.compiler import CompiledModel


def add_compile_command(commands: Any) -> None:
    """Add the command to the parser."""
    compile_ = commands.add_parser("compile", help="compile .tflite models to C without an interpreter")
    compile_.add_argument("models", type=Path, nargs="+", metavar="MODEL.tflite")
    compile_.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write NAME.h, NAME.c and the kernels here"
    )
    compile_.add_argument("--name", help="the start of all names in C (default: from the file's name)")
    compile_.add_argument("--taps", action="store_true", help="with NAME_invoke_with_taps(), which shows each layer")
    compile_.add_argument("--plan", action="store_true", help="show where each tensor lies in the arena")
    compile_.add_argument(
        "--check", action="store_true", help="run it here and compare with TensorFlow Lite Micro, byte by byte"
    )
    compile_.add_argument("--samples", type=int, default=32, help="with --check: random inputs (default: 32)")
    compile_.add_argument("--seed", type=int, default=0, help="with --check: of the random inputs (default: 0)")
    compile_.add_argument(
        "--compiler", default="auto", help="with --check: auto, cc, gcc, clang, zig (default: auto)"
    )
    compile_.set_defaults(run=_compile)


def _compile(chosen: argparse.Namespace) -> int:
    if not chosen.check and chosen.output is None:
        raise ValueError("Say where to: -o DIR writes the sources, --check compares with TensorFlow Lite Micro.")
    if chosen.name and len(chosen.models) > 1:
        raise ValueError(f"--name is for one model, and there are {len(chosen.models)}.")
    if chosen.samples < 1:
        raise ValueError(f"--samples {chosen.samples}: expected at least 1.")
    failed = False
    for path in chosen.models:
        from tinyml_labs.compiler import check_model, compile_model

        compiled = compile_model(path, name=chosen.name or name_from(path), taps=chosen.taps)
        if chosen.output is not None:
            written = compiled.write(chosen.output, kernels=True)
            print(f"{path}: {', '.join(file.name for file in written[:2])} and kernels/ in {chosen.output}")
        else:
            print(path)
        print(_summary(compiled, path))
        if chosen.plan:
            print(compiled.plan)
        if chosen.check:
            report = check_model(path, samples=chosen.samples, seed=chosen.seed, compiler=chosen.compiler)
            print(f"  {report}")
            failed |= not report.equal
    return int(failed)


def name_from(path: Path) -> str:
    """Return a C identifier like a file's name: ``kws-ref model.tflite`` becomes ``kws_ref_model``."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", path.stem).strip("_").lower()
    return name if name[:1].isalpha() else f"model_{name}".strip("_")


def _summary(compiled: CompiledModel, path: Path) -> str:
    macs = sum(layer.macs for layer in compiled.layers)
    lines = [
        f"  flash  {compiled.weights_bytes:>10,} bytes of constants, and the kernels",
        f"  arena  {compiled.arena_bytes:>10,} bytes{_arena_of_tflm(path)}",
        f"  layers {len(compiled.layers):>10,}, {macs:,} multiply-accumulates",
    ]
    for layer in compiled.layers:
        shapes = "×".join(map(str, layer.output_shapes[0]))
        lines.append(f"  {layer.index:>4} {layer.op:<20} {shapes:>16} {layer.macs:>12,}  {layer.function}")
    return "\n".join(lines)


def _arena_of_tflm(path: Path) -> str:
    from tinyml_labs.arena import measure_arena
    from tinyml_labs.inference import InferenceError

    try:
        theirs = measure_arena(path).estimate_32bit_bytes
    except InferenceError:
        return ""
    return f" (TensorFlow Lite Micro on a 32-bit board: about {theirs:,})"

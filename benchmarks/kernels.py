"""Instructions of convolutions and fully connected layers on QEMU's Cortex-M4: fast and portable kernels, CMSIS-NN's.

    .venv/bin/python benchmarks/kernels.py --real DIR [--cmsis DIR] [--flags=-O2] [--json] [MODEL ...]

DIR of ``--cmsis`` has CMSIS-NN's ``Include/`` and ``Source/`` and CMSIS' ``cmsis_gcc.h``, at any depth. The inputs
are random; each implementation's bytes are checked against NumPy's.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "sketches" / "kernels"))

from kernel_programs import CORTEX_M4, build_program, compile_objects, run_on_board
from layer_cases import Layer, write_layers

from tinyml_labs.compiler.graph import read_graph
from tinyml_labs.compiler.packing import settle_constant_channels
from tinyml_labs.compiler.quantities import activation_bounds, channel_multipliers, padding_before

MODELS = ("keyword_spotting/kws_ref_model", "visual_wake_words/vww_96_int8")
KINDS = {"CONV_2D": "convolution", "DEPTHWISE_CONV_2D": "depthwise", "FULLY_CONNECTED": "dense"}


def read_layers(model: Path, seed: int = 0) -> list[Layer]:
    """Read the layers of a model that the three kernels compute, with random inputs."""
    random = np.random.default_rng(seed)
    graph = read_graph(model)
    layers = []
    for operator in graph.operators:
        if operator.name not in KINDS:
            continue
        source, weights = (graph.tensors[index] for index in operator.inputs[:2])
        output = graph.tensors[operator.outputs[0]]
        kind, values, options = KINDS[operator.name], weights.values(), operator.options
        outputs = values.shape[3] if kind == "depthwise" else values.shape[0]
        scales = len(weights.scales) if kind == "dense" else outputs
        multipliers, shifts = channel_multipliers(source, weights, output, scales)
        low, high = activation_bounds(graph, operator, output)
        bias = graph.tensors[operator.inputs[2]].values().ravel()
        constants = bias, multipliers.values, shifts.values
        if kind != "dense":
            constants = settle_constant_channels(values, *constants, channel_axis=3 if kind == "depthwise" else 0)
        settings = {
            "name": f"{operator.index}", "kind": kind, "biases": constants[0], "multipliers": constants[1],
            "shifts": constants[2], "input_zero_point": source.zero_point, "output_zero_point": output.zero_point,
            "low": low, "high": high,
        }  # fmt: skip
        if kind == "dense":
            rows = random.integers(-128, 128, (int(np.prod(source.shape)) // values.shape[1], values.shape[1]))
            layers.append(Layer(**settings, weights=values, input=rows.astype(np.int8)))
            continue
        strides = options["stride_h"], options["stride_w"]
        kernel = values.shape[1:3]
        pads = tuple(
            padding_before(
                source.shape[1 + axis], output.shape[1 + axis], kernel[axis], strides[axis], 1, options["padding"]
            )
            for axis in range(2)
        )
        layers.append(
            Layer(
                **settings,
                weights=values[0] if kind == "depthwise" else values,
                input=random.integers(-128, 128, source.shape[1:]).astype(np.int8),
                output_shape=tuple(output.shape[1:3]),
                strides=strides,
                pads=pads,
            )
        )
    return layers


def measure_cmsis(layers: list[Layer], cmsis: Path, folder: Path, flags: list[str]):
    includes = sorted({str(path.parent) for path in cmsis.rglob("*.h")})
    compiler = [*CORTEX_M4, *flags, "-ffunction-sections", *(f"-I{path}" for path in includes)]
    names = ("Convolution", "FullyConnected", "NNSupport")
    sources = [path for path in cmsis.rglob("arm_*.c") if path.parent.name.removesuffix("Functions") in names]
    objects = compile_objects([*compiler, "-w", "-Wno-error"], sources, folder / "cmsis", "-std=gnu11")
    adapter = Path(sys.path[0]) / "cmsis_nn.c"
    objects += compile_objects([*compiler, "-Wno-pedantic"], [adapter], folder / "adapter", "-std=gnu11")
    plain = [Layer(**{**vars(layer), "in_pairs": False}) for layer in layers]
    return run_on_board(build_program(write_layers(plain, fold=False), folder, flags=flags, other=objects))


def describe(layer: Layer) -> str:
    shape = "x".join(map(str, layer.weights.shape[1:3] if layer.kind == "convolution" else layer.weights.shape[:2]))
    if layer.kind == "dense":
        return f"fully connected {layer.weights.shape[1]} -> {layer.outputs}"
    word = "depthwise" if layer.kind == "depthwise" else "convolution"
    stride = f" stride {layer.strides[0]}" if layer.strides != (1, 1) else ""
    places = "x".join(map(str, layer.output_shape))
    return f"{word} {shape}{stride}, {layer.input.shape[2]} -> {layer.outputs}, {places} places"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--cmsis", type=Path)
    parser.add_argument("--flags", default="-O2")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    flags = asked.flags.split()
    for name in asked.models:
        layers = read_layers(asked.real / "models" / "mlperf_tiny" / f"{name}.tflite")
        with tempfile.TemporaryDirectory() as made:
            ours = run_on_board(build_program(write_layers(layers), Path(made), flags=flags))
            theirs = (
                measure_cmsis(layers, asked.cmsis, Path(made) / "c", flags) if asked.cmsis else [None] * len(layers)
            )
        rows = []
        for layer, our, their in zip(layers, ours, theirs, strict=True):
            assert our.wrong == our.wrong_portable == our.overrun == 0, our
            assert their is None or their.wrong_portable == 0, their
            rows.append(
                {
                    "layer": f"{layer.name} {describe(layer)}",
                    "macs": layer.macs,
                    "portable": our.instructions_portable,
                    "ours": our.instructions,
                    "cmsis": their.instructions_portable if their else 0,
                }
            )
        total = {"layer": f"{name}, {asked.flags}"} | {
            key: sum(row[key] for row in rows) for key in ("macs", "portable", "ours", "cmsis")
        }
        if asked.json:
            print(json.dumps({"model": name, "flags": asked.flags, "layers": rows, "total": total}))
            continue
        print(f"{'layer':60s} {'MACs':>9s} {'portable':>11s} {'CMSIS-NN':>10s} {'ours':>9s}  of CMSIS  a MAC")
        for row in [*rows, total]:
            share = f"{row['ours'] / row['cmsis']:8.0%}" if row["cmsis"] else "       -"
            print(
                f"{row['layer']:60s} {row['macs']:9,d} {row['portable']:11,d} {row['cmsis']:10,d} {row['ours']:9,d}"
                f"  {share}  {row['ours'] / row['macs']:5.2f}"
            )


if __name__ == "__main__":
    main()

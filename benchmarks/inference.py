"""10,000 windows through TFLM in a child process, against the same loop in this process, in the same run.

    .venv/bin/python benchmarks/inference.py [--real DIR] [--json]

Without ``--real`` it measures the bundled sine model; with it (a folder that holds ``models/``), also public ones.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from tinyml_labs import datasets, inference

PUBLIC = {
    "tflm/hello_world_int8.tflite": 10_000,
    "tflm/micro_speech_quantized.tflite": 500,
    "mlperf_tiny/anomaly_detection/ad01_int8.tflite": 2000,
    "mlperf_tiny/keyword_spotting/kws_ref_model.tflite": 100,
    "mlperf_tiny/visual_wake_words/vww_96_int8.tflite": 300,  # long enough for a second process
}


def run_in_process(interpreter, windows: np.ndarray, shape: tuple[int, ...], outputs: np.ndarray) -> None:
    for index, window in enumerate(windows.reshape(len(windows), *shape)):
        interpreter.set_input(window, 0)
        interpreter.invoke()
        outputs[index] = interpreter.get_output(0)


def measure(model: bytes, count: int, rounds: int) -> dict[str, float]:
    from tflite_micro.python.tflite_micro import runtime

    start = time.perf_counter()
    child = inference.load(model, "tflm")
    loading = time.perf_counter() - start
    tensor, output = child.inputs[0], child.outputs[0]
    here = runtime.Interpreter.from_bytes(model, arena_size=max(65536, 10 * len(model)))
    limits = np.iinfo(tensor.dtype)
    windows = np.random.default_rng(0).integers(limits.min, limits.max + 1, (count, *tensor.window_shape))
    windows = windows.astype(tensor.dtype)
    expected = np.empty((count, *output.shape), output.dtype)
    ratios, children = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        run_in_process(here, windows, tensor.shape, expected)
        in_process = time.perf_counter() - start
        start = time.perf_counter()
        found = child.run(windows, progress=False)
        children.append(time.perf_counter() - start)
        ratios.append(children[-1] / in_process)
        assert (found.reshape(expected.shape) == expected).all()
    child.close()
    return {
        "windows": count,
        "child_s": round(statistics.median(children), 4),
        "ratio_to_in_process": round(statistics.median(ratios), 3),
        "start_of_child_s": round(loading, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not inference.tflm_available():
        raise SystemExit("TensorFlow Lite Micro is not installed here: nothing to compare.")
    results = {"bundled sine": measure(datasets.load_reference_model("sine"), 10_000, chosen.rounds)}
    for name, count in PUBLIC.items() if chosen.real else ():
        results[name] = measure((chosen.real / "models" / name).read_bytes(), count, chosen.rounds)
    results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps(results, indent=2))
        return
    for name, figures in results.items():
        print(f"{name:<50} {figures}")


if __name__ == "__main__":
    main()

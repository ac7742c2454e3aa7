"""Hello world's whole circle in the terminal: data, training, int8, C code, the board, and the comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tinyml_labs import inference

SEED = 1


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo measured.

    Attributes
    ----------
    float_error, int8_error : float
        Mean absolute error against sin(x) over [0, 2π], of the float32 network and of the int8 model.
    model_bytes, arena_bytes : int
        Flash and RAM that the int8 model takes; the arena is 0 where it cannot be measured.
    c_bytes : int
        Size of the generated C code, as text.
    board : str
    bytes_compared, bytes_differing : int
        Output bytes of the board against the host's, for the recorded signal and for every possible input.
    seconds : float
    engine : str
        The host's runtime.
    """

    float_error: float
    int8_error: float
    model_bytes: int
    arena_bytes: int
    c_bytes: int
    board: str
    bytes_compared: int
    bytes_differing: int
    seconds: float
    engine: str

    @property
    def equal(self) -> bool:
        """Whether host and board agree in every byte."""
        return self.bytes_differing == 0

    def to_dict(self) -> dict[str, Any]:
        """Give the figures for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        arena = f"{self.arena_bytes:,} bytes" if self.arena_bytes else "not measured (no TFLM here)"
        rows = {
            "float32, mean absolute error": f"{self.float_error:.4f}",
            "int8, mean absolute error": f"{self.int8_error:.4f}",
            "int8 model (flash)": f"{self.model_bytes:,} bytes",
            "arena (RAM)": arena,
            "board": self.board,
            "host": self.engine,
            "bytes that differ, host and board": f"{self.bytes_differing} of {self.bytes_compared:,}",
            "time": f"{self.seconds:.1f} s",
        }
        width = max(len(name) for name in rows)
        lines = [f"{name:<{width}}  {value}" for name, value in rows.items()]
        rule = "─" * max(len(line) for line in lines)
        return "\n".join([rule, *lines, rule])


def run_demo(port: str = "virtual://", *, say: Callable[[str], None] = print) -> DemoResult:
    """Walk the circle: data, training, conversion, host, C code, board, recorded signal, comparison.

    Parameters
    ----------
    port : str
        The board.
    say : callable
        Takes each line of progress.

    Returns
    -------
    DemoResult
    """
    began = time.perf_counter()

    @contextmanager
    def step(number: int, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        say(f"[{number}/7] {what:<64} {time.perf_counter() - start:5.1f} s")

    say("TensorFlow is starting ...")
    with step(1, "data and training: a network of 321 weights learns sin(x)"):
        network, data = _train()
    with step(2, "conversion: Keras to int8 .tflite, calibrated on training data"):
        from tinyml_labs import conversion

        model = conversion.convert(network, "int8", training_data=data.x_train, dense_per_tensor=True)
    with step(3, "host: the int8 model in the board's own kernels"):
        x = np.linspace(0, 2 * np.pi, 1000, dtype=np.float32)[:, None]
        float_error = float(np.abs(network.predict(x, verbose=0) - np.sin(x)).mean())
        with inference.load(model) as host:
            int8_error = float(np.abs(host.predict(x) - np.sin(x)).mean())
            engine = f"{host.engine} ({host.fidelity})"
    with step(4, "inspection: the smallest arena that works, by trying"):
        arena = _measure_arena(model)
    with step(5, "export: C array, settings, op resolver"), TemporaryDirectory() as folder:
        from tinyml_labs import export

        files = export.export_c(model, Path(folder), name="sine", arena_bytes=arena or None)
        c_bytes = sum(file.stat().st_size for file in files)
    with step(6, f"board: load the model into {port}, play the recorded knob"):
        board_name, inputs, answers = _run_on_board(model, port)
    with step(7, "comparison: host against board, byte by byte"):
        expected = inference.run(model, inputs)
        differing = int((expected != answers).sum())
    return DemoResult(
        float_error=float_error,
        int8_error=int8_error,
        model_bytes=len(model),
        arena_bytes=arena,
        c_bytes=c_bytes,
        board=f"{board_name} on {port}",
        bytes_compared=int(expected.nbytes),
        bytes_differing=differing,
        seconds=time.perf_counter() - began,
        engine=engine,
    )


def _train() -> tuple[Any, Any]:
    from tinyml_labs import datasets, models
    from tinyml_labs.quiet import import_quietly

    keras = import_quietly("keras")
    keras.utils.set_random_seed(SEED)
    data = datasets.load_sine(samples=5000, seed=SEED)
    network = models.build_sine_model()
    models.train_sine_model(network, data)
    return network, data


def _measure_arena(model: bytes) -> int:
    from tinyml_labs import inspection

    return inspection.measure_arena(model).measured_bytes if inference.tflm_available() else 0


def _run_on_board(model: bytes, port: str) -> tuple[str, np.ndarray, np.ndarray]:
    from tinyml_labs import datasets, link

    with link.Board(port) as board:
        tensor = board.load(model).inputs[0]
        signal = datasets.load_recorded_sweep()
        knob = inference.quantize(signal.to_x(0, 2 * np.pi), tensor.scale, tensor.zero_point)
        every = np.arange(-128, 128, dtype=np.int8)[:, None]
        inputs = np.concatenate([every, knob])
        return board.info.board, inputs, board.infer(inputs).outputs

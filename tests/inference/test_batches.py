"""Many inferences on several cores: the same outputs in the same order, and errors as from one."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import tiny_streaming

from tinyml_labs import datasets, inference
from tinyml_labs.inference import batches
from tinyml_labs.inference.batches import run_batches

MODEL = datasets.load_reference_model("sine")
INPUTS = np.tile(np.arange(-128, 128, dtype=np.int8), 20).reshape(-1, 1)


@pytest.fixture
def engines(monkeypatch):
    """Let another process be worth it always, and batches be small; give the engines that were started."""
    monkeypatch.setattr(batches, "_SECONDS_WORTH_ANOTHER", 0.0)
    monkeypatch.setattr(batches, "_SECONDS_A_BATCH", 0.001)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    started = []
    start_others = batches._start_others

    def start(engine):
        started.extend(start_others(engine))
        return list(started)

    monkeypatch.setattr(batches, "_start_others", start)
    return started


@pytest.mark.parametrize("engine", ["tflm", "litert"])
def test_several_give_what_one_gives(engine, engines, request):
    if engine == "tflm":
        request.getfixturevalue("tflm")
    with inference.load(MODEL, engine) as interpreter:
        together = interpreter.run(INPUTS)
        assert len(engines) == 2
        alone, times = interpreter.run_timed(INPUTS)
    assert len(engines) == 2  # who takes times takes them alone
    assert len(times) == len(INPUTS)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, np.tile(together[:256], (20, 1)))


@pytest.mark.usefixtures("tflm")
def test_they_share_the_work_and_end(engines):
    with inference.load(MODEL, "tflm") as interpreter:
        seen = {}
        run = inference.tflm.TflmProcess.run

        def counting_run(self, inputs, count, **how):
            seen[id(self)] = seen.get(id(self), 0) + count
            return run(self, inputs, count, **how)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inference.tflm.TflmProcess, "run", counting_run)
            interpreter.run(INPUTS)
        assert len(seen) == 3
        assert sum(seen.values()) == len(INPUTS)
        assert all(engine._child is None for engine in engines)
        interpreter.run(INPUTS[:3])  # the first one goes on


@pytest.mark.usefixtures("tflm")
def test_a_streaming_model_stays_one_sequence(engines):
    model = tiny_streaming.ring_model()
    with inference.load(model, "tflm") as interpreter:
        shape = (300, *interpreter.inputs[0].window_shape)
        interpreter.run(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    assert engines == []


@pytest.mark.usefixtures("tflm")
def test_one_that_dies_is_an_error_and_not_a_gap(engines, monkeypatch):
    help_ = batches._Work.help

    def kill_and_help(self, engine):
        os.kill(engine._child._process.pid, signal.SIGKILL)
        help_(self, engine)

    monkeypatch.setattr(batches._Work, "help", kill_and_help)
    with inference.load(MODEL, "tflm") as interpreter, pytest.raises(inference.InferenceError):
        interpreter.run(np.tile(INPUTS, (20, 1)))


class Slow:
    """An engine that takes its time, and knows how often it was asked."""

    name = fidelity = "slow"

    def __init__(self, stops_after=None):
        self.asked, self.closed, self.stops_after = 0, False, stops_after

    def run(self, inputs, count, *, timed=False):
        self.asked += 1
        if self.asked == self.stops_after:
            raise KeyboardInterrupt
        time.sleep(0.001 * count)
        return [inputs[0] + 1], None

    def another(self):
        self.second = Slow()
        return self.second

    def close(self):
        self.closed = True


def ask(engine, count):
    return run_batches(
        engine, [np.arange(count)], largest=64, lock=threading.Lock(), alone=False, timed=False, show=lambda _: None
    )


def test_whoever_interrupts_leaves_nobody_at_work(monkeypatch):
    monkeypatch.setattr(batches, "_SECONDS_WORTH_ANOTHER", 0.0)
    monkeypatch.setattr(batches, "_start_others", lambda engine: [engine.another()])
    engine = Slow(stops_after=4)
    with pytest.raises(KeyboardInterrupt):
        ask(engine, 100_000)
    assert engine.second.closed
    asked = engine.second.asked
    time.sleep(0.3)
    assert engine.second.asked <= asked + 1


def test_a_short_run_starts_no_other(monkeypatch):
    monkeypatch.setattr(batches, "_start_others", lambda engine: pytest.fail("started another"))
    found = ask(Slow(), 300)
    np.testing.assert_array_equal(np.concatenate([outputs[0] for outputs, _ in found]), np.arange(300) + 1)

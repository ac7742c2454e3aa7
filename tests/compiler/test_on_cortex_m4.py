"""Whole models on a Cortex-M4 in QEMU, with the kernels for its DSP instructions: TensorFlow Lite Micro's bytes."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parents[1] / "sketches"))

import toolchains
from real_inputs import real_inputs
from simulated_boards import qemu
from test_whole_models import REFERENCES, reference_model

from tinyml_labs import datasets, inference
from tinyml_labs.compiler import compile_model
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.link.ports import open_port, read_what_is_there
from tinyml_labs.model_file import read_model
from tinyml_labs.recorded_inputs import recorded_inputs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tflm")]

PUBLIC = (
    "tflm/hello_world_int8.tflite",
    "tflm/micro_speech_quantized.tflite",
    "tflm/person_detect.tflite",
    "mlperf_tiny/keyword_spotting/kws_ref_model.tflite",
    "mlperf_tiny/visual_wake_words/vww_96_int8.tflite",
    "mlperf_tiny/image_classification/pretrainedResnet_quant.tflite",
    "mlperf_tiny/anomaly_detection/ad01_int8.tflite",
)

SKETCH = """
#include <TinyMLLabs.h>
#include <recording.h>
#include "network.h"

void setup() { Serial.begin(115200); }

// When a byte comes: all inputs that were linked in, and the outputs in hexadecimal, a line each.
void loop() {
  if (Serial.read() < 0) return;
  static const char digits[] = "0123456789abcdef";
  for (const uint8_t* at = recording_start; at < recording_end; at += NETWORK_INPUT_BYTES) {
    memcpy(network_input(0), at, NETWORK_INPUT_BYTES);
    network_invoke();
    const uint8_t* output = static_cast<const uint8_t*>(network_output(0));
    for (uint32_t k = 0; k < NETWORK_OUTPUT_BYTES; ++k) {
      Serial.print(digits[output[k] >> 4]);
      Serial.print(digits[output[k] & 15]);
    }
    Serial.println();
  }
  Serial.println("end");
}
"""


def run_on_cortex_m4(folder: Path, sources: dict[str, str], inputs: NDArray, *defines: str) -> list[bytes]:
    """Give the output of each input, as bytes."""
    toolchains.need_cortex_m4()
    sketch = folder / "network_on_board"
    sketch.mkdir(parents=True)
    (sketch / "network_on_board.ino").write_text(SKETCH)
    for name, text in sources.items():
        (sketch / name).write_text(text)
    program = toolchains.compile_for_cortex_m4(
        sketch.name, folder, recording=inputs.tobytes(), source=folder, defines=defines
    )
    said, deadline = b"", time.monotonic() + 100
    with qemu(program, shift=0) as port, open_port(port) as line:
        line.write(b"!")
        while not said.endswith(b"end\r\n"):
            assert time.monotonic() < deadline, said[-200:]
            said += read_what_is_there(line)
    return [bytes.fromhex(text.decode()) for text in said.split()[:-1]]


def assert_bytes_of_tflm(model: bytes, inputs: NDArray, folder: Path) -> None:
    found = run_on_cortex_m4(folder, compile_model(model, name="network").sources, inputs)
    expected = inference.run(model, inputs, "tflm")
    assert len(found) == len(inputs)
    for number, (here, there) in enumerate(zip(found, expected, strict=True)):
        assert here == there.tobytes(), f"input {number}"


def random_inputs(model: bytes, count: int = 2) -> NDArray[np.int8]:
    """Make some that are anything, and one each of the least and the largest number."""
    shape = read_model(model).inputs[0].shape[1:]
    anything = np.random.default_rng(5).integers(-128, 128, (count, *shape))
    return np.concatenate([anything, np.full((1, *shape), -128), np.full((1, *shape), 127)]).astype(np.int8)


@pytest.mark.parametrize("name", REFERENCES)
def test_reference_models(name: str, tmp_path: Path) -> None:
    model = reference_model(name)
    inputs = random_inputs(model)
    if name == "people":
        pictures = datasets.load_photographs().images[:3].astype(np.int16) - 128
        inputs = np.concatenate([inputs, pictures.astype(np.int8).reshape(3, 96, 96, 1)])
    if name == "keywords":
        spoken = datasets.load_keywords().select(split="test", words=("yes", "no")).samples[:2]
        windows = recorded_inputs(np.concatenate(spoken), classifier=load_reference_keyword_classifier())
        inputs = np.concatenate([inputs, windows[:: max(1, len(windows) // 3)]])
    assert_bytes_of_tflm(model, inputs, tmp_path)


@pytest.mark.parametrize("file", PUBLIC)
def test_public_models(file: str, real_data: Path, tmp_path: Path) -> None:
    model = (real_data / "models" / file).read_bytes()
    inputs, real = random_inputs(model), real_inputs(file, real_data)
    if real is not None:
        inputs = np.concatenate([inputs, real])
    assert_bytes_of_tflm(model, inputs, tmp_path)


def test_one_multiplier_off_is_seen(tmp_path: Path) -> None:
    """A test that cannot fail is none: one multiplier is 0.1 % too large."""
    model = reference_model("sine")
    inputs = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)
    sources = dict(compile_model(model, name="network").sources)
    text = sources["network.c"]
    found = re.search(r"layer2_multipliers\[1\] = \{\s*(\d+),", text)
    sources["network.c"] = text.replace(found[1], str(int(found[1]) + 2**20))
    expected = inference.run(model, inputs, "tflm")
    right = run_on_cortex_m4(tmp_path / "right", compile_model(model, name="network").sources, inputs)
    wrong = run_on_cortex_m4(tmp_path / "wrong", sources, inputs)
    assert right == [row.tobytes() for row in expected]
    assert 0 < sum(here != row.tobytes() for here, row in zip(wrong, expected, strict=True)) < 100

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import arena, inspection, micro_ops
from tinyml_labs.inference import tflm_available
from tinyml_labs.model_file import read_model

REAL_DATA = os.environ.get("TINYML_LABS_REAL_DATA")
needs_real_data = pytest.mark.skipif(
    not REAL_DATA, reason="TINYML_LABS_REAL_DATA is unset: it names the folder with the public models"
)
needs_tflm = pytest.mark.skipif(
    not tflm_available(), reason="tflite-micro has a wheel for Linux on x86-64 alone: nothing to measure with"
)


def public_model(stem: str) -> Path:
    (path,) = Path(REAL_DATA or "", "models").rglob(f"{stem}.tflite")
    return path


def one_op(name, kind, input_shape, weights_shape, output_shape, **options) -> bytes:
    tensors = [
        TensorSpec(name="input", shape=input_shape, scale=0.1),
        TensorSpec(name="net/layer/weights", shape=weights_shape, scale=0.1, data=np.ones(weights_shape, np.int8)),
        TensorSpec(name="net/layer/out", shape=output_shape, scale=0.1),
    ]
    operator = OperatorSpec(name=name, inputs=(0, 1), outputs=(2,), kind=kind, options=options)
    return tiny_models.build_model(tensors, [operator], inputs=(0,), outputs=(2,))


def test_a_dense_layer():
    report = inspection.inspect(tiny_models.dense_int8(inputs=4, units=3), arena=False)

    (row,) = report.ops.to_dict("records")
    assert row == {
        "op": "FULLY_CONNECTED",
        "layer": "dense",
        "input": "1×4",
        "output": "1×3",
        "weights_bytes": 4 * 3 + 3 * 4,
        "macs": 12,
        "output_bytes": 3,
    }
    assert (report.macs, report.weights_bytes) == (12, 24)
    assert report.op_names == ("FULLY_CONNECTED",)
    assert report.resolver_methods == ("AddFullyConnected",)
    assert report.missing_ops == ()
    assert report.arena is None
    assert report.arena_missing


def test_multiply_accumulates_by_hand():
    # 5×5 positions, 8 filters of 3×3×2.
    convolution = one_op("CONV_2D", "Conv2DOptions", (1, 7, 7, 2), (8, 3, 3, 2), (1, 5, 5, 8), StrideW=1, StrideH=1)
    # 5×5 positions, 4 channels of 3×3 each.
    depthwise = one_op(
        "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", (1, 7, 7, 4), (1, 3, 3, 4), (1, 5, 5, 4), StrideW=1
    )

    assert inspection.inspect(convolution, arena=False).macs == 5 * 5 * 8 * 3 * 3 * 2
    assert inspection.inspect(depthwise, arena=False).macs == 5 * 5 * 4 * 3 * 3


def test_multiply_accumulates_of_a_transposed_convolution():
    tensors = [
        TensorSpec(name="shape", shape=(4,), type_name="INT32", data=np.array([1, 8, 8, 3], np.int32)),
        TensorSpec(name="net/up/weights", shape=(3, 2, 2, 5), scale=0.1, data=np.ones((3, 2, 2, 5), np.int8)),
        TensorSpec(name="input", shape=(1, 4, 4, 5), scale=0.1),
        TensorSpec(name="output", shape=(1, 8, 8, 3), scale=0.1),
    ]
    operator = OperatorSpec(
        name="TRANSPOSE_CONV",
        inputs=(0, 1, 2),
        outputs=(3,),
        kind="TransposeConvOptions",
        options={"StrideW": 2, "StrideH": 2},
    )
    content = tiny_models.build_model(tensors, [operator], inputs=(2,), outputs=(3,))
    report = inspection.inspect(content, arena=False)

    assert report.macs == 4 * 4 * 5 * 2 * 2 * 3  # each input value meets each weight of its channel
    assert report.ops["layer"].tolist() == ["up"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiny_models.custom_op("edgetpu-custom-op"), ["edgetpu-custom-op", "Coral Edge TPU"]),
        (tiny_models.custom_op("ethos-u"), ["ethos-u", "Arm Ethos-U"]),
        (tiny_models.custom_op("nobody_has_it"), ["nobody_has_it", "AddCustom"]),
        (tiny_models.builtin_op("CONV_3D"), ["CONV_3D", "no kernel", "output"]),
    ],
)
def test_ops_that_a_board_lacks_are_named(content, words):
    report = inspection.inspect(content, arena=False)

    (sentence,) = report.missing_ops
    for word in words:
        assert word in sentence
        assert word in str(report).replace("\n  ", " ")
    assert "Not on a board" in report._repr_html_()


def test_a_model_that_does_not_run_has_no_arena_but_a_reason():
    report = inspection.inspect(tiny_models.custom_op("edgetpu-custom-op"))

    assert report.arena is None
    assert report.arena_missing
    assert "unknown" in str(report)


@needs_tflm
def test_the_arena_of_a_dense_layer():
    found = inspection.measure_arena(tiny_models.dense_int8())

    assert 500 < found.measured_bytes < 2048
    assert found.measured_bytes % 16 == 0
    assert 0.4 * found.measured_bytes < found.estimate_32bit_bytes < found.measured_bytes
    assert sum(here for here, _ in found.breakdown.values()) == found.measured_bytes
    assert 0 <= found.estimate_32bit_bytes - sum(board for _, board in found.breakdown.values()) < 16
    assert "estimate" in found.how
    assert "part of the arena" in str(found)


@needs_tflm
def test_a_larger_layer_needs_a_larger_arena():
    small, large = (inspection.measure_arena(tiny_models.dense_int8(inputs=n)) for n in (16, 4096))

    assert (
        large.measured_bytes - small.measured_bytes >= 4096 - 16 - 512
    )  # the input; some of it was there for set-up
    assert large.breakdown["activations and scratch"][0] >= 4096


def test_the_structures_have_the_sizes_that_a_compiler_gives(tmp_path):
    """The declarations of tensorflow/lite/core/c/common.h and tensorflow/lite/micro/, compiled for both widths."""
    if shutil.which("gcc") is None:
        words = "gcc is not installed: sudo apt install gcc"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    source = tmp_path / "structs.c"
    names = list(arena.STRUCT_BYTES)
    sizes = ", ".join(f"sizeof({name})" for name in names)
    source.write_text(
        """#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef enum { kNone, kLast = 20 } Enum;
typedef struct { void *data, *dims; Enum type; } TfLiteEvalTensor;
typedef struct { void *inputs, *outputs, *intermediates, *user, *builtin, *custom; int custom_size; } TfLiteNode;
typedef struct { TfLiteNode node; void* registration; } NodeAndRegistration;
typedef struct { struct { Enum type; void* params; } quantization; struct { float scale; int32_t zero_point; } params;
  void *data, *dims; size_t bytes; Enum type, allocation_type; bool is_variable; } TfLiteTensor;
typedef struct { void *scale, *zero_point; int32_t quantized_dimension; } TfLiteAffineQuantization;
typedef struct { void *nodes, *tensors; } SubgraphAllocations;
typedef struct { void *vtable, *allocator; } MicroBuiltinDataAllocator;
typedef struct { void* vtable; int max_count, count; void *requirements, *sizes, *ids, *sorted; int next, first;
  void* offsets; bool dirty; } GreedyMemoryPlanner;
typedef struct { void *vtable_1, *vtable_2, *buffer_head, *buffer_tail, *head, *tail, *temp; intptr_t check_sum;
  int temp_count; } SingleArenaBufferAllocator;
typedef struct { void *vtable, *non_persistent, *persistent, *builtin, *planner; bool is_allocating;
  size_t scratch_count; void* scratch_head; size_t max_head; } MicroAllocator;
const size_t struct_sizes[] = {"""
        + sizes
        + "};\n"
    )
    for side, width in enumerate(("-m64", "-m32")):
        command = ["gcc", width, "-ffreestanding", "-S", "-o", "-", str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"gcc does not compile {width} here: {done.stderr[:200]}")
        found = [int(size) for size in re.findall(r"\.(?:quad|long)\s+(\d+)", done.stdout)]
        assert dict(zip(names, found, strict=True)) == {name: arena.STRUCT_BYTES[name][side] for name in names}


def test_the_plain_view_is_narrow():
    tensors = [
        TensorSpec(
            name="a/very_long_layer_name_that_goes_on_and_on/Relu" * 3, shape=(1, 1000, 1000, 1000), scale=0.1
        ),
        TensorSpec(name="output", shape=(1, 1000, 1000, 1000), scale=0.1),
    ]
    operator = OperatorSpec(name="SIGN", inputs=(0,), outputs=(1,))
    content = tiny_models.build_model(tensors, [operator], inputs=(0,), outputs=(1,))
    text = str(inspection.inspect(content, arena=False))

    assert max(len(line) for line in text.splitlines()) <= 110


class Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_notebook_view_is_sound_and_takes_the_themes_colours():
    view = inspection.inspect(tiny_models.custom_op("<script>alert(1)</script>"), arena=False)._repr_html_()

    parser = Balance()
    parser.feed(view)
    assert not parser.open
    assert "<script>" not in view
    backgrounds = re.findall(r"background(?:-color)?:\s*([^;\"]+)", view)
    assert set(backgrounds) <= {"currentColor"}
    assert not re.search(r"[;\"]color:", view)


@needs_tflm
def test_the_dictionary_is_json():
    report = inspection.inspect(tiny_models.dense_int8())
    again = json.loads(json.dumps(report.to_dict()))

    assert again["macs"] == 12
    assert again["arena"]["measured_bytes"] == report.arena.measured_bytes
    assert again["ops"][0]["op"] == "FULLY_CONNECTED"
    assert again["sha256"] == report.sha256


def test_resolver_methods():
    assert micro_ops.resolver_method("CONV_2D") == "AddConv2D"
    assert micro_ops.resolver_method("SignalWindow") == "AddWindow"
    assert micro_ops.resolver_method("CONV_3D") is None
    assert micro_ops.resolver_method("CUSTOM") is None


@needs_tflm
def test_the_table_of_ops_is_what_the_wheel_has():
    """The installed TFLM names its kernels: each Register_X() in it is an op of the table, and the reverse."""
    import tflite
    import tflite_micro

    (library,) = Path(tflite_micro.__file__).parent.rglob("_runtime.so")
    content = library.read_bytes()
    registered = {name.decode() for name in re.findall(rb"Register_([A-Z0-9_]+)Ev\b", content)}
    builtin = {name for name in vars(tflite.BuiltinOperator) if name.isupper()}

    assert registered & builtin == micro_ops.supported_ops()
    for name in micro_ops.supported_custom_ops() - {"ethos-u"}:  # a kernel of its own hardware
        assert name.encode() in content


@needs_real_data
@pytest.mark.parametrize(
    ("stem", "published", "source"),
    [
        ("kws_ref_model", 2.66e6, "MLPerf Tiny: DS-CNN"),
        ("vww_96_int8", 7.49e6, "MLPerf Tiny: MobileNetV1 0.25 on 96×96"),
        ("pretrainedResnet_quant", 12.5e6, "MLPerf Tiny: ResNet-8"),
        ("ad01_int8", 264e3, "MLPerf Tiny: the autoencoder's 264,192 weights, each used once"),
    ],
)
def test_multiply_accumulates_are_as_published(stem, published, source):
    assert inspection.inspect(public_model(stem), arena=False).macs == pytest.approx(published, rel=0.01), source


@needs_real_data
def test_float_and_int8_of_a_model_do_the_same_work():
    for float_stem, int8_stem in (("vww_96_float", "vww_96_int8"), ("ad01_fp32", "ad01_int8")):
        pair = [inspection.inspect(public_model(stem), arena=False) for stem in (float_stem, int8_stem)]
        assert pair[0].macs == pair[1].macs
        assert pair[0].weights_bytes > 3 * pair[1].weights_bytes


@needs_real_data
@needs_tflm
@pytest.mark.slow
def test_arenas_of_public_models():
    for path in sorted(Path(REAL_DATA or "", "models").rglob("*.tflite")):
        report = inspection.inspect(path)
        assert max(len(line) for line in str(report).splitlines()) <= 110
        if report.arena is None:
            continue
        measured, estimated = report.arena.measured_bytes, report.arena.estimate_32bit_bytes
        assert 0.5 * measured < estimated <= measured
        assert sum(here for here, _ in report.arena.breakdown.values()) == measured
        # The guess from the file alone, for computers without TFLM, is on the safe side.
        assert measured <= arena.estimate_arena_bytes(path) <= 2 * measured, path.stem


@needs_real_data
def test_ops_of_all_subgraphs_are_registered():
    model = read_model(public_model("okay_nabu"))
    report = inspection.inspect(model.data, arena=False)

    assert {"AddVarHandle", "AddAssignVariable", "AddCallOnce"} <= set(report.resolver_methods)
    assert any("subgraphs" in note for note in report.notes)

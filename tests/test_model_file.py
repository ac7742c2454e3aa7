import contextlib
import csv
import hashlib
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs.model_file import read_model

REAL_DATA = os.environ.get("TINYML_LABS_REAL_DATA")
needs_real_data = pytest.mark.skipif(
    not REAL_DATA, reason="TINYML_LABS_REAL_DATA is unset: it names the folder with the public models"
)


def public_models() -> list[Path]:
    return sorted(Path(REAL_DATA or "", "models").rglob("*.tflite")) if REAL_DATA else []


def test_reads_what_the_file_holds():
    content = tiny_models.dense_int8(inputs=4, units=3)
    model = read_model(content)

    assert model.data == content
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert model.description == "made by hand"
    (dense,) = model.operators
    assert (dense.name, dense.custom_code, dense.version) == ("FULLY_CONNECTED", "", 4)
    assert (dense.inputs, dense.outputs) == ((0, 1, 2), (3,))
    assert dense.options["fused_activation_function"] == "NONE"
    (given,) = model.inputs
    assert (given.name, given.shape, given.dtype, given.zero_point) == ("input", (1, 4), np.int8, 3)
    assert given.scale == pytest.approx(0.05)
    assert not given.is_constant
    assert given.nbytes == 4
    weights, bias = model.tensors[1], model.tensors[2]
    assert weights.is_constant
    assert (weights.nbytes, bias.nbytes) == (12, 12)
    expected = np.random.default_rng(0).integers(-127, 128, (3, 4))
    np.testing.assert_array_equal(weights.values(), expected)
    assert bias.values().dtype == np.int32


def test_a_path_a_string_and_bytes_give_the_same(tmp_path):
    path = tmp_path / "dense.tflite"
    path.write_bytes(tiny_models.dense_int8())

    assert read_model(path) == read_model(str(path)) == read_model(path.read_bytes())


def test_options_keep_the_names_of_the_schema():
    tensors = [
        TensorSpec(name="image", shape=(1, 6, 6, 2), scale=0.1),
        TensorSpec(
            name="filter",
            shape=(1, 3, 3, 2),
            scale=(0.1, 0.2),
            quantized_dimension=3,
            data=np.zeros((1, 3, 3, 2), np.int8),
        ),
        TensorSpec(name="out", shape=(1, 3, 3, 2), scale=0.1),
    ]
    options = {"Padding": 0, "StrideW": 2, "StrideH": 2, "DepthMultiplier": 1, "DilationWFactor": 1}
    operator = OperatorSpec(
        name="DEPTHWISE_CONV_2D",
        inputs=(0, 1, -1),
        outputs=(2,),
        kind="DepthwiseConv2DOptions",
        options=options,
    )
    model = read_model(tiny_models.build_model(tensors, [operator], inputs=(0,), outputs=(2,)))

    found = model.operators[0].options
    assert found["padding"] == "SAME"
    assert found["stride_w"] == 2
    assert found["dilation_w_factor"] == 1
    assert model.operators[0].inputs == (0, 1, -1)
    weights = model.tensors[1]
    assert weights.scales == pytest.approx((0.1, 0.2))
    assert weights.quantized_dimension == 3
    assert weights.scale == 0.0  # there is no one scale


def test_custom_ops_keep_their_name():
    (operator,) = read_model(tiny_models.custom_op("edgetpu-custom-op")).operators

    assert (operator.name, operator.custom_code) == ("CUSTOM", "edgetpu-custom-op")


def test_values_of_a_tensor_that_is_computed():
    with pytest.raises(ValueError, match="no content in the file"):
        read_model(tiny_models.dense_int8()).inputs[0].values()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"TFL3", "not a .tflite file"),
        (b"PK\x03\x04 a keras file", "a ZIP archive"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (bytes(4) + b"TFL3", "cut short or damaged"),
        (bytes(100), "expected the identifier b'TFL3'"),
    ],
)
def test_other_files_are_named(content, message):
    with pytest.raises(ValueError, match=message):
        read_model(content)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "absent.tflite")


def test_another_schema_version_is_said():
    content = bytearray(tiny_models.dense_int8())
    root = struct.unpack_from("<I", content, 0)[0]
    table = root - struct.unpack_from("<i", content, root)[0]
    version = root + struct.unpack_from("<H", content, table + 4)[0]
    content[version : version + 4] = struct.pack("<I", 2)

    with pytest.raises(ValueError, match="schema version is 2, expected 3"):
        read_model(bytes(content))


def test_content_that_does_not_fit_the_shape():
    tensor = TensorSpec(name="weights", shape=(2, 2), scale=0.1, data=np.zeros(3, np.int8))
    content = tiny_models.build_model([tensor], [], inputs=(), outputs=())

    with pytest.raises(ValueError, match=r"tensor 0 \(weights\) has 3 bytes where INT8 \[2, 2\] takes 4"):
        read_model(content)


def test_an_operator_that_uses_a_tensor_that_is_not_there():
    tensor = TensorSpec(name="only", shape=(1,), scale=0.1)
    operator = OperatorSpec(name="RELU", inputs=(0,), outputs=(7,))
    content = tiny_models.build_model([tensor], [operator], inputs=(0,), outputs=(0,))

    with pytest.raises(ValueError, match="uses a tensor that is not among the 1"):
        read_model(content)


def test_every_cut_is_a_value_error():
    content = tiny_models.dense_int8()
    padding = len(content) - len(content.rstrip(b"\0"))
    for length in range(len(content) - padding):
        with pytest.raises(ValueError):
            read_model(content[:length])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_damage_is_a_value_error_or_harmless(seed):
    chance = random.Random(seed)
    model = (tiny_models.dense_int8(), tiny_models.quantize_dequantize(0.1, 5), tiny_models.custom_op("x"))[seed % 3]
    for _ in range(1500):
        content = bytearray(model)
        for _ in range(chance.choice((1, 1, 2, 8))):
            place = chance.randrange(len(content))
            content[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        with contextlib.suppress(ValueError):  # anything else, such as struct.error or IndexError, fails the test
            read_model(bytes(content))


def test_a_damaged_length_does_not_take_minutes():
    # Every list length in turn claims four billion entries.
    content = tiny_models.dense_int8()
    start = time.perf_counter()
    for place in range(8, len(content) - 4, 4):
        damaged = content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 :]
        with contextlib.suppress(ValueError):
            read_model(damaged)
    assert time.perf_counter() - start < 5


def test_tensorflow_is_never_imported():
    code = "import sys, tinyml_labs.model_file, tinyml_labs.micro_ops; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_real_data
def test_public_models_agree_with_their_list():
    with Path(REAL_DATA or "", "models", "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        model = read_model(Path(REAL_DATA or "", "models", row["path"]))
        assert len(model.data) == int(row["bytes"])
        for tensor, said in ((model.inputs[0], row["inputs"]), (model.outputs[0], row["outputs"])):
            assert said.startswith(f"{tensor.dtype}{list(tensor.shape)}"), row["path"]


@needs_real_data
@pytest.mark.parametrize("path", public_models(), ids=lambda path: path.stem)
def test_public_models_agree_with_litert(path):
    """LiteRT's own reading of the same file is the reference: names, shapes, types, quantization, content."""
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    try:
        interpreter = interpreter_module.Interpreter(model_content=path.read_bytes())
    except (ValueError, RuntimeError) as error:
        pytest.skip(f"LiteRT does not open {path.name}: {str(error)[:80]}")
    model = read_model(path)
    details = interpreter.get_tensor_details()
    operators = interpreter._get_ops_details()
    assert len(details) >= len(model.tensors)
    for tensor, detail in zip(model.tensors, details, strict=False):
        assert tensor.name == detail["name"]
        assert tensor.shape == tuple(detail["shape"])
        quantization = detail["quantization_parameters"]
        np.testing.assert_array_equal(np.float32(tensor.scales), quantization["scales"])
        np.testing.assert_array_equal(tensor.zero_points, quantization["zero_points"])
        if tensor.is_constant and tensor.dtype != object:
            assert tensor.dtype == detail["dtype"]
            np.testing.assert_array_equal(tensor.values(), interpreter.get_tensor(tensor.index))
    for operator, detail in zip(model.operators, operators, strict=False):
        assert (operator.custom_code or operator.name) == detail["op_name"]
        assert operator.inputs == tuple(detail["inputs"])
        assert operator.outputs == tuple(detail["outputs"])


@needs_real_data
@pytest.mark.parametrize("name", ["person_detect", "vww_96_int8", "okay_nabu"])
def test_public_models_are_read_fast(name):
    (path,) = [path for path in public_models() if path.stem == name]
    content = path.read_bytes()
    read_model(content)
    times = []
    for _ in range(10):
        start = time.process_time()  # of this process: others on the machine do not count
        read_model(content)
        times.append(time.process_time() - start)
    assert min(times) < 0.05


@needs_real_data
def test_public_models_cut_short_are_value_errors():
    for path in public_models():
        content = path.read_bytes()
        for share in (0.001, 0.1, 0.5, 0.9, 0.99):
            with pytest.raises(ValueError, match=r"cut short|not a \.tflite"):
                read_model(content[: int(len(content) * share)])


@needs_real_data
def test_streaming_models_have_two_subgraphs():
    (path,) = [path for path in public_models() if path.stem == "okay_nabu"]
    model = read_model(path)

    assert len(model.subgraphs) == 2
    assert model.operators[0].name == "CALL_ONCE"
    assert {operator.name for operator in model.subgraphs[1].operators} == {"VAR_HANDLE", "ASSIGN_VARIABLE"}

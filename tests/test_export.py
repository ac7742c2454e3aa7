import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import export
from tinyml_labs.model_file import read_model

COMPILERS = {
    "C99": ["gcc", "-std=c99", "-x", "c"],
    "C11": ["gcc", "-std=c11", "-x", "c"],
    "C++11": ["g++", "-std=c++11", "-x", "c++"],
}
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
LABELS = ["yes", 'say "no"', "back\\slash", "what??/", "новое слово", "two\nlines", "\x01" + "2", ""]
REAL_DATA = os.environ.get("TINYML_LABS_REAL_DATA")


def compile_shared(language: str, source: Path, *more: str) -> ctypes.CDLL:
    command = COMPILERS[language]
    if shutil.which(command[0]) is None:
        words = f"{command[0]} is not installed: sudo apt install {command[0]}"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    library = source.with_suffix(".so")
    flags = [*command, *STRICT, "-shared", "-fPIC", f"-I{source.parent}", *more]
    done = subprocess.run([*flags, str(source), "-o", str(library)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_compiled_array_is_the_model(tmp_path, language, seed):
    content = tiny_models.dense_int8(inputs=7, units=5, seed=seed)
    files = export.export_c(content, tmp_path, name="dense", arena_bytes=2048)

    library = compile_shared(language, files[1])

    size = ctypes.c_size_t.in_dll(library, "dense_data_size").value
    array = (ctypes.c_ubyte * size).in_dll(library, "dense_data")
    assert bytes(array) == content
    assert ctypes.addressof(array) % 16 == 0


@pytest.mark.parametrize("language", COMPILERS)
def test_the_compiled_settings_are_the_models(tmp_path, language):
    content = tiny_models.softmax_int8(input_scale=0.1234567, classes=len(LABELS))
    settings = {
        "sample_rate_hz": 16000,
        "threshold": 0.7,
        "mean": np.array([0.1, -2.5]),
        "wake_word": 'a"b',
        "is_mono": True,
        "offset": np.int64(-3),
    }
    export.export_c(content, tmp_path, name="word", labels=LABELS, settings=settings, arena_bytes=4096)
    (tmp_path / "probe.c").write_text(
        """#include "word_settings.h"
#ifdef __cplusplus
extern "C" {
#endif
extern const char* const* const labels; const char* const* const labels = word_labels;
extern const int label_count; const int label_count = WORD_LABEL_COUNT;
extern const float floats[]; const float floats[] = {WORD_INPUT_SCALE, WORD_OUTPUT_SCALE, WORD_THRESHOLD};
extern const float mean[]; const float mean[WORD_MEAN_COUNT] = WORD_MEAN;
extern const int integers[]; const int integers[] = {WORD_INPUT_ZERO_POINT, WORD_OUTPUT_ZERO_POINT, WORD_ARENA_BYTES,
  WORD_MODEL_BYTES, WORD_INPUT_SIZE, WORD_INPUT_BYTES, WORD_INPUT_RANK, WORD_INPUT_COUNT, WORD_SAMPLE_RATE_HZ,
  WORD_IS_MONO, WORD_OFFSET};
extern const int shape[]; const int shape[WORD_OUTPUT_RANK] = WORD_OUTPUT_SHAPE;
extern const char* const texts[]; const char* const texts[] = {WORD_MODEL_SHA256, WORD_INPUT_TYPE, WORD_WAKE_WORD};
extern const uint8_t* const digest; const uint8_t* const digest = word_model_sha256;
#ifdef __cplusplus
}
#endif
"""
    )

    library = compile_shared(language, tmp_path / "probe.c")

    model = read_model(content)
    labels = ctypes.POINTER(ctypes.c_char_p).in_dll(library, "labels")
    assert ctypes.c_int.in_dll(library, "label_count").value == len(LABELS)
    assert [labels[i].decode("utf-8") for i in range(len(LABELS))] == LABELS
    floats = np.array((ctypes.c_float * 3).in_dll(library, "floats"), np.float32)
    expected = np.array([model.inputs[0].scale, model.outputs[0].scale, 0.7], np.float32)
    np.testing.assert_array_equal(floats, expected)
    np.testing.assert_array_equal((ctypes.c_float * 2).in_dll(library, "mean"), np.float32([0.1, -2.5]))
    integers = list((ctypes.c_int * 11).in_dll(library, "integers"))
    assert integers == [0, -128, 4096, len(content), 8, 8, 2, 1, 16000, 1, -3]
    assert list((ctypes.c_int * 2).in_dll(library, "shape")) == [1, 8]
    texts = (ctypes.c_char_p * 3).in_dll(library, "texts")
    assert [text.decode() for text in texts] == [model.sha256, "int8", 'a"b']
    digest = ctypes.POINTER(ctypes.c_ubyte).in_dll(library, "digest")
    assert bytes(digest[:32]).hex() == model.sha256


def test_the_ops_header_registers_each_op_once(tmp_path):
    content = tiny_models.quantize_dequantize(0.1, 5)
    export.export_c(content, tmp_path, name="there_and_back", arena_bytes=2048)
    (tmp_path / "probe.cpp").write_text(
        """#include "there_and_back_ops.h"
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
template <unsigned int tOpCount> struct MicroMutableOpResolver {
  unsigned int used; int quantize; int dequantize;
  MicroMutableOpResolver() : used(0), quantize(0), dequantize(0) {}
  TfLiteStatus add(int& count) { ++count; return used++ < tOpCount ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus AddQuantize() { return add(quantize); }
  TfLiteStatus AddDequantize() { return add(dequantize); }
};
extern "C" int fits() {
  MicroMutableOpResolver<THERE_AND_BACK_OP_COUNT> resolver;
  return there_and_back_register_ops(resolver) && resolver.used == THERE_AND_BACK_OP_COUNT
      && resolver.quantize == 1 && resolver.dequantize == 1;
}
extern "C" int too_small() {
  MicroMutableOpResolver<1> resolver;
  return there_and_back_register_ops(resolver);
}
"""
    )

    library = compile_shared("C++11", tmp_path / "probe.cpp")

    assert library.fits() == 1
    assert library.too_small() == 0


def test_the_ops_header_takes_a_scoped_status(tmp_path):
    # TFLM has moved its status between namespaces; the header names none.
    export.export_c(tiny_models.dense_int8(), tmp_path, arena_bytes=2048)
    (tmp_path / "probe.cpp").write_text(
        """#include "model_ops.h"
enum class Status { kOk, kError };
struct Resolver { Status AddFullyConnected() { return Status::kOk; } };
extern "C" int fits() { Resolver resolver; return model_register_ops(resolver); }
"""
    )

    assert compile_shared("C++11", tmp_path / "probe.cpp").fits() == 1


@pytest.mark.parametrize("language", COMPILERS)
def test_all_headers_live_together_twice(tmp_path, language):
    export.export_c(tiny_models.dense_int8(), tmp_path, name="one", arena_bytes=2048)
    export.export_c(tiny_models.softmax_int8(), tmp_path, name="two", labels=list("abcd"), arena_bytes=2048)
    ops = ["one_ops.h", "two_ops.h"] if language == "C++11" else []
    headers = 2 * ["one_data.h", "one_settings.h", "two_data.h", "two_settings.h", *ops]
    (tmp_path / "probe.c").write_text(
        "".join(f'#include "{header}"\n' for header in headers)
        + "int total(void);\nint total(void) { return ONE_ARENA_BYTES + TWO_ARENA_BYTES; }\n"
    )

    compile_shared(language, tmp_path / "probe.c")


def test_the_same_model_gives_the_same_files(tmp_path):
    content = tiny_models.dense_int8()
    first = export.export_c(content, tmp_path / "a", labels=["x", "y", "z"], settings={"rate": 3}, arena_bytes=2048)
    second = export.export_c(content, tmp_path / "b", labels=["x", "y", "z"], settings={"rate": 3}, arena_bytes=2048)

    assert [path.name for path in first] == ["model_data.h", "model_data.c", "model_settings.h", "model_ops.h"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(path.name for path in first)
    assert all(path.read_bytes().isascii() for path in first)


def test_exporting_again_replaces(tmp_path):
    export.export_c(tiny_models.dense_int8(seed=0), tmp_path, arena_bytes=2048)
    before = (tmp_path / "model_settings.h").read_text()
    export.export_c(tiny_models.dense_int8(seed=1), tmp_path, arena_bytes=2048)

    assert (tmp_path / "model_settings.h").read_text() != before
    assert len(list(tmp_path.iterdir())) == 4


def test_the_arena_is_found_where_none_is_given(tmp_path):
    export.export_c(tiny_models.dense_int8(), tmp_path)

    text = (tmp_path / "model_settings.h").read_text()
    (arena,) = [int(line.split()[-1]) for line in text.splitlines() if "MODEL_ARENA_BYTES" in line]
    assert arena % 1024 == 0
    assert 1024 <= arena <= 4096


def test_a_float_model_has_no_scale(tmp_path):
    export.export_c(tiny_models.quantize_dequantize(0.1, 5), tmp_path, arena_bytes=2048)

    text = (tmp_path / "model_settings.h").read_text()
    assert '#define MODEL_INPUT_TYPE "float32"' in text
    assert "#define MODEL_INPUT_SCALE 0.0f" in text
    assert "#define MODEL_INPUT_BYTES 32" in text


@pytest.mark.parametrize("name", ["", "2fast", "a-b", "a b", "é", "_model", "a__b", "a;", "../x"])
def test_names_that_are_no_identifiers(tmp_path, name):
    with pytest.raises(ValueError, match="no C identifier"):
        export.export_c(tiny_models.dense_int8(), tmp_path, name=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b"], "2 labels, and the model's output has 3 scores"),
        (["a", "b", "a"], "'a' stands in labels more than once"),
        ("abc", "expected a list of texts"),
        (["a", "b", "c\0d"], "NUL"),
        (["a", "b", 3], "Expected a text"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        export.export_c(tiny_models.dense_int8(units=3), tmp_path, labels=labels, arena_bytes=2048)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"a b": 1}, "no C identifier"),
        ({"arena_bytes": 1}, "already there"),
        ({"mean": [1], "mean_count": 2}, "already there"),
        ({"rate": float("nan")}, "RATE cannot be written as C"),
        ({"rate": 1e300}, "within float32"),
        ({"rate": 2**70}, "64 bits"),
        ({"rate": []}, "no empty arrays"),
        ({"rate": [[1]]}, "no number"),
        ({"rate": None}, "no number"),
    ],
)
def test_settings_that_have_no_form_in_c(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        export.export_c(tiny_models.dense_int8(), tmp_path, settings=settings, arena_bytes=2048)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiny_models.builtin_op("LOCAL_RESPONSE_NORMALIZATION"), "LOCAL_RESPONSE_NORMALIZATION .* no kernel"),
        (tiny_models.custom_op("edgetpu-custom-op"), "Coral Edge TPU"),
        (tiny_models.custom_op("nobody_has_it"), "nobody_has_it .*must bring its kernel"),
        (b"not a model", "not a .tflite file"),
    ],
)
def test_models_that_no_board_runs(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        export.export_c(content, tmp_path, arena_bytes=2048)


@pytest.mark.skipif(
    not REAL_DATA, reason="TINYML_LABS_REAL_DATA is unset: it names the folder with the public models"
)
@pytest.mark.parametrize("stem", ["hello_world_int8", "micro_speech_quantized", "person_detect"])
def test_public_models_come_back_whole(tmp_path, stem):
    path = Path(REAL_DATA or "", "models", "tflm", f"{stem}.tflite")
    files = export.export_c(path, tmp_path, name=stem, arena_bytes=2**17)

    library = compile_shared("C99", files[1])

    size = ctypes.c_size_t.in_dll(library, f"{stem}_data_size").value
    assert bytes((ctypes.c_ubyte * size).in_dll(library, f"{stem}_data")) == path.read_bytes()

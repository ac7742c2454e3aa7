"""The model of a sketch, by either engine: compiled to C, or as an array that TensorFlow Lite Micro runs.

Whatever runs it, the sketch knows ``extern const tinyml::Model kName``, and nothing else of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyml_labs.compiled_sketch import write_compiled_model
from tinyml_labs.export import check_runs_on_board, export_c, write_source
from tinyml_labs.model_file import ModelFile

if TYPE_CHECKING:
    from tinyml_labs.compiler import CompiledModel

ENGINES = ("auto", "compiled", "tflm")

LOADABLE_OPS = (
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "EXPAND_DIMS",
    "FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "PADV2",
    "QUANTIZE", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "SUB", "TANH",
    "TRANSPOSE",
)  # fmt: skip
"""The ops that a sketch has kernels for if models are loaded into it: those that the compiler knows too."""

_TFLM_TYPES = {"INT8": "int8", "UINT8": "uint8", "FLOAT32": "f"}


def prepare_sketch_model(
    model: ModelFile,
    *,
    file_name: str,
    cpp_name: str,
    header: str,
    check: Sequence[str] = (),
    made_by: str,
    engine: str = "auto",
    arena_bytes: int | None = None,
    taps: bool = False,
    loadable: bool = False,
) -> PreparedModel:
    """Do all that may fail, and write nothing yet.

    Parameters
    ----------
    model : ModelFile
    file_name : str
        What the files' names, and the names in C, begin with: ``"person_model"``.
    cpp_name : str
        ``"kPersonModel"``.
    header : str
        The sketch's file that declares the model.
    check : sequence of str
        Lines that refuse a header of another model.
    made_by : str
        For the first lines of the files.
    engine : str
        ``"compiled"`` to C; ``"tflm"``, which needs a library of TensorFlow Lite Micro; or ``"auto"``: compiled if
        the compiler knows every op, else tflm.
    arena_bytes : int, optional
        Working memory for TensorFlow Lite Micro; measured here by default.
    taps : bool
        Let a compiled model show its layers; see :func:`tinyml_labs.replay.replay`.
    loadable : bool
        Let TensorFlow Lite Micro run models too that :meth:`tinyml_labs.link.Board.load` sends. The sketch has a
        ``board_memory.h`` for that. Without effect on a compiled model.

    Returns
    -------
    PreparedModel

    Raises
    ------
    ValueError
        If the engine is unknown or cannot run the model, with the reason.
    """
    from tinyml_labs.compiler import compile_model

    if engine not in ENGINES:
        raise ValueError(f"The engine is {engine!r}, expected one of {', '.join(ENGINES)}.")
    compiled = None
    if engine != "tflm":
        try:
            compiled = compile_model(model.data, name=file_name, taps=taps)
        except ValueError:
            if engine == "compiled" or taps:
                raise
    elif taps:
        raise ValueError("Only a compiled model shows its layers. Leave taps out, or the engine tflm.")
    if compiled is None:
        check_runs_on_board(model)
    return PreparedModel(
        model=model, compiled=compiled, file_name=file_name, cpp_name=cpp_name, header=header, check=check,
        made_by=made_by, arena_bytes=arena_bytes, taps=taps, loadable=loadable and compiled is None,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedModel:
    """A model that is ready to be written into a sketch's folder; see :func:`prepare_sketch_model`.

    Attributes
    ----------
    model : ModelFile
    compiled : CompiledModel or None
        None if TensorFlow Lite Micro shall run it.
    """

    model: ModelFile
    compiled: CompiledModel | None
    file_name: str
    cpp_name: str
    header: str
    check: Sequence[str]
    made_by: str
    arena_bytes: int | None = None
    taps: bool = False
    loadable: bool = False

    @property
    def engine(self) -> str:
        """``"compiled"`` or ``"tflm"``."""
        return "tflm" if self.compiled is None else "compiled"

    def write(self, folder: Path) -> list[Path]:
        """Write the model's files, and remove those of an earlier export by the other engine."""
        name = self.file_name
        glue: dict[str, Any] = {"header": self.header, "check": self.check, "made_by": self.made_by}
        if self.compiled is not None:
            made = write_compiled_model(self.compiled, folder, name=self.cpp_name, **glue)
        else:
            more = LOADABLE_OPS if self.loadable else ()
            made = export_c(self.model.data, folder, name=name, arena_bytes=self.arena_bytes, more_ops=more)
            text = tflm_glue(self.model, name, self.cpp_name, loadable=self.loadable, **glue)
            made.append(write_source(folder / f"{name}_tflm.cpp", text))
        for end in (".h", ".c", ".cpp", "_board.cpp", "_tflm.cpp", "_data.h", "_data.c", "_settings.h", "_ops.h"):
            if folder / f"{name}{end}" not in made:
                (folder / f"{name}{end}").unlink(missing_ok=True)
        return made


def tflm_glue(
    model: ModelFile,
    file_name: str,
    cpp_name: str,
    *,
    header: str,
    check: Sequence[str] = (),
    made_by: str,
    loadable: bool = False,
) -> str:
    """Give the C++ that runs an exported model with TensorFlow Lite Micro.

    Parameters
    ----------
    model : ModelFile
        Of one input and one output.
    file_name : str
        The name that it was exported by: :func:`tinyml_labs.export.export_c`.
    cpp_name, header, check, made_by, loadable
        As in :func:`prepare_sketch_model`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        For more inputs or outputs, or other types than int8, uint8 and float32.
    """
    tensors = (*model.inputs, *model.outputs)
    if len(tensors) != 2 or any(tensor.type_name not in _TFLM_TYPES for tensor in tensors):
        found = ", ".join(f"{tensor.type_name.lower()} {tensor.shape_text}" for tensor in tensors)
        raise ValueError(
            f"The model's inputs and outputs are {found}; expected one of each, of int8, uint8 or float32."
        )
    source, result = tensors
    lines = _TFLM_START + (_TFLM_LOADABLE if loadable else _TFLM_ALONE) + _TFLM_END
    lines = lines.replace("MODEL_", f"{file_name.upper()}_").replace("model_file", file_name)
    lines = lines.replace("kModel", cpp_name).replace("MADE_BY", made_by).replace("HEADER", header)
    lines = lines.replace("CHECK\n", "".join(f"{line}\n" for line in check))
    for role, tensor in (("input", source), ("output", result)):
        lines = lines.replace(f"data.{role}", f"data.{_TFLM_TYPES[tensor.type_name]}")
        lines = lines.replace(f"DType::{role}", f"DType::{tensor.type_name.lower()}")
    return lines


_TFLM_START = """\
// Made by MADE_BY: do not change it by hand.
// Runs the exported model with TensorFlow Lite Micro, from the library Chirale_TensorFLowLite 2.0.0.
// Another runtime: all that the sketch needs is a tinyml::Model (tinyml/model.h) of this name.
#include "HEADER"

#include <Chirale_TensorFlowLite.h>

"""

_TFLM_ALONE = """\
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "model_file_data.h"
#include "model_file_ops.h"
#include "model_file_settings.h"
CHECK

using namespace tinyml;

extern const Model kModel;

static uint8_t input[MODEL_INPUT_BYTES];
static uint8_t output[MODEL_OUTPUT_BYTES];
alignas(16) static uint8_t arena[MODEL_ARENA_BYTES];

// nullptr if it went well.
static const char* make(tflite::MicroInterpreter** made) {
  static tflite::MicroMutableOpResolver<MODEL_OP_COUNT> resolver;
  if (!model_file_register_ops(resolver)) return "TensorFlow Lite Micro has not all ops of the model.";
  static tflite::MicroInterpreter interpreter(tflite::GetModel(model_file_data), resolver, arena, sizeof arena);
  if (interpreter.AllocateTensors() != kTfLiteOk) return "the arena is too small: export with a larger arena_bytes.";
  *made = &interpreter;
  return nullptr;
}

static const char* invoke(void*) {
  static tflite::MicroInterpreter* interpreter = nullptr;
  static const char* const fault = make(&interpreter);
  if (fault) return fault;
  memcpy(interpreter->input(0)->data.input, input, MODEL_INPUT_BYTES);
"""

_TFLM_LOADABLE = """\
#include <TinyMLTflm.h>

#include "board_memory.h"
#include "model_file_data.h"
#include "model_file_ops.h"
#include "model_file_settings.h"
CHECK

using namespace tinyml;

extern const Model kModel;

// One memory: models that Python loads lie at its beginning; their arena, or that of the own model, at its end.
static constexpr uint32_t aligned(uint32_t bytes) { return (bytes + 15u) & ~15u; }
static constexpr uint32_t kInput = aligned(MODEL_INPUT_BYTES), kOutput = aligned(MODEL_OUTPUT_BYTES);
static constexpr uint32_t kArena = aligned(MODEL_ARENA_BYTES), kOwn = kInput + kOutput + kArena;
static constexpr uint32_t kLoadable = aligned(LOADABLE_BYTES);
static constexpr uint32_t kMemory = kLoadable > kOwn ? kLoadable : kOwn;
alignas(16) static uint8_t memory[kMemory];
static constexpr uint8_t* input = memory + (kMemory - kOwn);
static constexpr uint8_t* output = memory + (kMemory - kOwn + kInput);

static tflite::MicroMutableOpResolver<MODEL_OP_COUNT> resolver;
static const bool kHasKernels = model_file_register_ops(resolver);
static TflmRunner runner(resolver);
ModelUpload model_upload(memory, kMemory, kOwn, runner.engine());

static const char* invoke(void*) {
  if (!kHasKernels) return "TensorFlow Lite Micro has not all ops of the model.";
  uint8_t* const arena = memory + (kMemory - kArena);
  tflite::MicroInterpreter* const interpreter = runner.interpreter_for(model_file_data, arena, kArena);
  if (!interpreter) return "the arena is too small: export with a larger arena_bytes.";
  memcpy(interpreter->input(0)->data.input, input, MODEL_INPUT_BYTES);
"""

_TFLM_END = """\
  if (interpreter->Invoke() != kTfLiteOk) return "TensorFlow Lite Micro could not run the model.";
  memcpy(output, interpreter->output(0)->data.output, MODEL_OUTPUT_BYTES);
  return nullptr;
}

static const uint32_t kInputShape[] = MODEL_INPUT_SHAPE;
static const uint32_t kOutputShape[] = MODEL_OUTPUT_SHAPE;
static const TensorLayout kInputLayout = {DType::input, MODEL_INPUT_SCALE, MODEL_INPUT_ZERO_POINT, MODEL_INPUT_RANK,
                                          kInputShape};
static const TensorLayout kOutputLayout = {DType::output, MODEL_OUTPUT_SCALE, MODEL_OUTPUT_ZERO_POINT,
                                           MODEL_OUTPUT_RANK, kOutputShape};

const Model kModel = {
    model_file_model_sha256, MODEL_ARENA_BYTES, &kInputLayout, 1, &kOutputLayout, 1, input, MODEL_INPUT_BYTES,
    output, MODEL_OUTPUT_BYTES, invoke, nullptr, nullptr,
};
"""

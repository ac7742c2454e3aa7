// Runs the exported model with TensorFlow Lite Micro, if it needs that: tinyml_labs.person_export says so by PERSON_TFLM.
//
// The library is Chirale_TensorFLowLite, of the Library Manager. Another runtime: replace this file by one that defines
// kPersonModel, a tinyml::Model (tinyml/model.h); the rest of the sketch knows nothing else of how the model runs.
#include "person_settings.h"

#ifdef PERSON_TFLM

#include <Chirale_TensorFlowLite.h>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "person_model_data.h"
#include "person_model_ops.h"
#include "person_model_settings.h"

#if PERSON_EXPORT != PERSON_MODEL_EXPORT
#error person_settings.h is of another model: export both again.
#endif

using namespace tinyml;

static int8_t input[PERSON_MODEL_INPUT_SIZE];
static uint8_t output[PERSON_MODEL_OUTPUT_SIZE];
alignas(16) static uint8_t arena[PERSON_MODEL_ARENA_BYTES];

// nullptr if it went well.
static const char* make(tflite::MicroInterpreter** made) {
  static tflite::MicroMutableOpResolver<PERSON_MODEL_OP_COUNT> resolver;
  if (!person_model_register_ops(resolver)) return "TensorFlow Lite Micro has not all ops of the model.";
  static tflite::MicroInterpreter interpreter(tflite::GetModel(person_model_data), resolver, arena, sizeof arena);
  if (interpreter.AllocateTensors() != kTfLiteOk) return "the arena is too small: export with a larger arena_bytes.";
  *made = &interpreter;
  return nullptr;
}

static const char* invoke(void*) {
  static tflite::MicroInterpreter* interpreter = nullptr;
  static const char* const fault = make(&interpreter);
  if (fault) return fault;
  memcpy(interpreter->input(0)->data.int8, input, sizeof input);
  if (interpreter->Invoke() != kTfLiteOk) return "TensorFlow Lite Micro could not run the model.";
  memcpy(output, interpreter->output(0)->data.int8, sizeof output);
  return nullptr;
}

static const uint32_t kInputShape[] = PERSON_MODEL_INPUT_SHAPE;
static const uint32_t kOutputShape[] = PERSON_MODEL_OUTPUT_SHAPE;
static const TensorLayout kInput = {DType::int8, PERSON_MODEL_INPUT_SCALE, PERSON_MODEL_INPUT_ZERO_POINT,
                                    PERSON_MODEL_INPUT_RANK, kInputShape};
static const TensorLayout kOutput = {DType::int8, PERSON_MODEL_OUTPUT_SCALE, PERSON_MODEL_OUTPUT_ZERO_POINT,
                                     PERSON_MODEL_OUTPUT_RANK, kOutputShape};

const Model kPersonModel = {
    person_model_model_sha256, sizeof arena, &kInput, 1, &kOutput, 1,
    reinterpret_cast<uint8_t*>(input), sizeof input, output, sizeof output, invoke, nullptr,
};

#endif

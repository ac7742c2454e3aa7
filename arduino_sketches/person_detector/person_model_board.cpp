// Made by tinyml_labs.person_export: do not change it by hand.
// The compiled model person_model.c, as the board's server sees it.
#include "person_settings.h"
#include <TinyMLLabs.h>

#include "person_model.h"
#if PERSON_EXPORT != 0xeceeeab2
#error person_settings.h is of another model: export both again.
#endif

using namespace tinyml;

extern const Model kPersonModel;

static const uint32_t kInputShape[] = {1, 96, 96, 1};
static const TensorLayout kInputs[] = {
    {DType::int8, 1.0f, -128, 4, kInputShape},
};
static const uint32_t kOutputShape[] = {1, 2};
static const TensorLayout kOutputs[] = {
    {DType::int8, 0.00390625f, -128, 2, kOutputShape},
};

static const char* invoke(void*) {
  person_model_invoke();
  return nullptr;
}

#if defined(PERSON_MODEL_TAPS) || defined(TINYML_TAPS)
static const LayerTaps kLayerTaps = {PERSON_MODEL_LAYERS, person_model_invoke_with_taps};
static const LayerTaps* const kTaps = &kLayerTaps;
#else
static const LayerTaps* const kTaps = nullptr;
#endif

const Model kPersonModel = {
    person_model_sha256, PERSON_MODEL_ARENA_BYTES,
    kInputs, 1, kOutputs, 1,
    static_cast<uint8_t*>(person_model_input(0)), PERSON_MODEL_INPUT_BYTES,
    static_cast<const uint8_t*>(person_model_output(0)), PERSON_MODEL_OUTPUT_BYTES,
    invoke, nullptr, kTaps,
};

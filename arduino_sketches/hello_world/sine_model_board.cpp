// Made by make_model.py: do not change it by hand.
// The compiled model sine_model.c, as the board's server sees it.
#include "sine.h"
#include <TinyMLLabs.h>

#include "sine_model.h"

using namespace tinyml;

extern const Model kSineModel;

static const uint32_t kInputShape[] = {1, 1};
static const TensorLayout kInputs[] = {
    {DType::int8, 0.0246290341f, -128, 2, kInputShape},
};
static const uint32_t kOutputShape[] = {1, 1};
static const TensorLayout kOutputs[] = {
    {DType::int8, 0.00794227608f, 0, 2, kOutputShape},
};

static const char* invoke(void*) {
  sine_model_invoke();
  return nullptr;
}

#if defined(SINE_MODEL_TAPS) || defined(TINYML_TAPS)
static const LayerTaps kLayerTaps = {SINE_MODEL_LAYERS, sine_model_invoke_with_taps};
static const LayerTaps* const kTaps = &kLayerTaps;
#else
static const LayerTaps* const kTaps = nullptr;
#endif

const Model kSineModel = {
    sine_model_sha256, SINE_MODEL_ARENA_BYTES,
    kInputs, 1, kOutputs, 1,
    static_cast<uint8_t*>(sine_model_input(0)), SINE_MODEL_INPUT_BYTES,
    static_cast<const uint8_t*>(sine_model_output(0)), SINE_MODEL_OUTPUT_BYTES,
    invoke, nullptr, kTaps,
};

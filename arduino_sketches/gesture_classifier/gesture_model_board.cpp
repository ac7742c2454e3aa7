// Made by tinyml_labs.gesture_export: do not change it by hand.
// The compiled model gesture_model.c, as the board's server sees it.
#include "gesture_settings.h"
#include <TinyMLLabs.h>

#include "gesture_model.h"
#if GESTURE_EXPORT != 0x533ffb85
#error gesture_settings.h is of another model: export both again.
#endif

using namespace tinyml;

extern const Model kGestureModel;

static const uint32_t kInputShape[] = {1, 38};
static const TensorLayout kInputs[] = {
    {DType::int8, 0.0313725509f, -1, 2, kInputShape},
};
static const uint32_t kOutputShape[] = {1, 11};
static const TensorLayout kOutputs[] = {
    {DType::int8, 0.00390625f, -128, 2, kOutputShape},
};

static const char* invoke(void*) {
  gesture_model_invoke();
  return nullptr;
}

#if defined(GESTURE_MODEL_TAPS) || defined(TINYML_TAPS)
static const LayerTaps kLayerTaps = {GESTURE_MODEL_LAYERS, gesture_model_invoke_with_taps};
static const LayerTaps* const kTaps = &kLayerTaps;
#else
static const LayerTaps* const kTaps = nullptr;
#endif

const Model kGestureModel = {
    gesture_model_sha256, GESTURE_MODEL_ARENA_BYTES,
    kInputs, 1, kOutputs, 1,
    static_cast<uint8_t*>(gesture_model_input(0)), GESTURE_MODEL_INPUT_BYTES,
    static_cast<const uint8_t*>(gesture_model_output(0)), GESTURE_MODEL_OUTPUT_BYTES,
    invoke, nullptr, kTaps,
};

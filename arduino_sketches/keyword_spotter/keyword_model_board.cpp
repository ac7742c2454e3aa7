// Made by tinyml_labs.keyword_export: do not change it by hand.
// The compiled model keyword_model.c, as the board's server sees it.
#include "keyword_settings.h"
#include <TinyMLLabs.h>

#include "keyword_model.h"
#if KEYWORD_EXPORT != 0x9c766667
#error keyword_settings.h is of another model: export both again.
#endif

using namespace tinyml;

extern const Model kKeywordModel;

static const uint32_t kInputShape[] = {1, 49, 40, 1};
static const TensorLayout kInputs[] = {
    {DType::int8, 0.101868875f, -128, 4, kInputShape},
};
static const uint32_t kOutputShape[] = {1, 4};
static const TensorLayout kOutputs[] = {
    {DType::int8, 0.00390625f, -128, 2, kOutputShape},
};

static const char* invoke(void*) {
  keyword_model_invoke();
  return nullptr;
}

#if defined(KEYWORD_MODEL_TAPS) || defined(TINYML_TAPS)
static const LayerTaps kLayerTaps = {KEYWORD_MODEL_LAYERS, keyword_model_invoke_with_taps};
static const LayerTaps* const kTaps = &kLayerTaps;
#else
static const LayerTaps* const kTaps = nullptr;
#endif

const Model kKeywordModel = {
    keyword_model_sha256, KEYWORD_MODEL_ARENA_BYTES,
    kInputs, 1, kOutputs, 1,
    static_cast<uint8_t*>(keyword_model_input(0)), KEYWORD_MODEL_INPUT_BYTES,
    static_cast<const uint8_t*>(keyword_model_output(0)), KEYWORD_MODEL_OUTPUT_BYTES,
    invoke, nullptr, kTaps,
};

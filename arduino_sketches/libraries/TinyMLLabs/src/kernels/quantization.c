#include "quantization.h"

#include <math.h>

// Beyond the range of int8 the result is its end, as on a Cortex-M; not-a-number becomes the zero point.
void tinyml_quantize_f32_s8(const tinyml_quantization *layer, const float *input, int8_t *output) {
  for (uint32_t k = 0; k < layer->count; ++k) {
    const float value = roundf(input[k] / layer->scale);
    int32_t stored = layer->zero_point;
    if (value > 512.0f) {
      stored = INT8_MAX;
    } else if (value < -512.0f) {
      stored = INT8_MIN;
    } else if (value == value) {
      stored += (int32_t)value;
    }
    output[k] = (int8_t)(stored > INT8_MAX ? INT8_MAX : stored < INT8_MIN ? INT8_MIN : stored);
  }
}

void tinyml_dequantize_s8_f32(const tinyml_quantization *layer, const int8_t *input, float *output) {
  for (uint32_t k = 0; k < layer->count; ++k) output[k] = layer->scale * (float)(input[k] - layer->zero_point);
}

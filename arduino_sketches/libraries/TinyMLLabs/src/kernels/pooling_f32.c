#include "pooling_f32.h"

#include <float.h>
#include <stddef.h>

#include "clamp_f32.h"

enum { AVERAGE, LARGEST };

static float reduce(const tinyml_pooling_float *layer, const float *input, uint16_t out_y, uint16_t out_x,
                    uint16_t channel, int kind) {
  const int32_t top = (int32_t)out_y * layer->stride_height - layer->pad_top;
  const int32_t left = (int32_t)out_x * layer->stride_width - layer->pad_left;
  const int32_t bottom = top + layer->window_height, right = left + layer->window_width;
  float sum = 0.0f, count = 0.0f, largest = -FLT_MAX;
  for (int32_t y = top < 0 ? 0 : top; y < bottom && y < layer->input_height; ++y) {
    for (int32_t x = left < 0 ? 0 : left; x < right && x < layer->input_width; ++x) {
      const float value = input[((size_t)y * layer->input_width + (size_t)x) * layer->channels + channel];
      sum += value;
      count += 1.0f;
      if (value > largest) largest = value;
    }
  }
  return kind == AVERAGE ? sum / count : largest;
}

static void run(const tinyml_pooling_float *layer, const float *input, float *output, int kind) {
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x) {
      for (uint16_t channel = 0; channel < layer->channels; ++channel) {
        const float value = reduce(layer, input, y, x, channel, kind);
        *output++ = tinyml_clamp_float(value, layer->low, layer->high);
      }
    }
  }
}

void tinyml_average_pool_f32(const tinyml_pooling_float *layer, const float *input, float *output) {
  run(layer, input, output, AVERAGE);
}

void tinyml_max_pool_f32(const tinyml_pooling_float *layer, const float *input, float *output) {
  run(layer, input, output, LARGEST);
}

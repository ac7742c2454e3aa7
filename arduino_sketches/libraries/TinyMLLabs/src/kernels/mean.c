#include "mean.h"

#include "requantize.h"

static int32_t sum_values(const tinyml_mean *layer, const int8_t *start) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < layer->mean_counts[0]; ++i) {
    const int8_t *value = start + i * layer->mean_steps[0];
    for (uint32_t j = 0; j < layer->mean_counts[1]; ++j, value += layer->mean_steps[1]) sum += *value;
  }
  return sum;
}

void tinyml_mean_s8(const tinyml_mean *layer, const int8_t *input, int8_t *output) {
  const int32_t zeros = (int32_t)(layer->mean_counts[0] * layer->mean_counts[1]) * layer->input_zero_point;
  for (uint32_t i = 0; i < layer->kept_counts[0]; ++i) {
    for (uint32_t j = 0; j < layer->kept_counts[1]; ++j) {
      const int32_t sum = sum_values(layer, input + i * layer->kept_steps[0] + j * layer->kept_steps[1]) - zeros;
      const int32_t value = tinyml_requantize(sum, layer->multiplier, layer->shift) + layer->output_zero_point;
      *output++ = (int8_t)tinyml_clamp(value, INT8_MIN, INT8_MAX);
    }
  }
}

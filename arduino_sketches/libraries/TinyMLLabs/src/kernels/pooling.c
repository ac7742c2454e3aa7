#include "pooling.h"

#include <stddef.h>

#include "requantize.h"

// The part of a window that lies inside the input.
typedef struct {
  const int8_t *start;
  uint16_t height, width;
} window;

static window place_window(const tinyml_pooling *layer, const int8_t *input, uint16_t y, uint16_t x) {
  int32_t top = (int32_t)y * layer->stride_height - layer->pad_top;
  int32_t left = (int32_t)x * layer->stride_width - layer->pad_left;
  int32_t bottom = top + layer->window_height;
  int32_t right = left + layer->window_width;
  top = top < 0 ? 0 : top;
  left = left < 0 ? 0 : left;
  bottom = bottom > layer->input_height ? layer->input_height : bottom;
  right = right > layer->input_width ? layer->input_width : right;
  const window found = {input + ((size_t)top * layer->input_width + (size_t)left) * layer->channels,
                        (uint16_t)(bottom - top), (uint16_t)(right - left)};
  return found;
}

static int32_t average(const tinyml_pooling *layer, const window *part, uint16_t channel) {
  const int32_t count = (int32_t)part->height * part->width;
  int32_t sum = 0;
  for (uint16_t row = 0; row < part->height; ++row) {
    const int8_t *value = part->start + (size_t)row * layer->input_width * layer->channels + channel;
    for (uint16_t column = 0; column < part->width; ++column, value += layer->channels) sum += *value;
  }
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count; // halves go away from zero
}

static int32_t largest(const tinyml_pooling *layer, const window *part, uint16_t channel) {
  int32_t result = INT8_MIN;
  for (uint16_t row = 0; row < part->height; ++row) {
    const int8_t *value = part->start + (size_t)row * layer->input_width * layer->channels + channel;
    for (uint16_t column = 0; column < part->width; ++column, value += layer->channels) {
      if (*value > result) result = *value;
    }
  }
  return result;
}

void tinyml_average_pool_s8(const tinyml_pooling *layer, const int8_t *input, int8_t *output) {
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x) {
      const window part = place_window(layer, input, y, x);
      for (uint16_t channel = 0; channel < layer->channels; ++channel) {
        *output++ = (int8_t)tinyml_clamp(average(layer, &part, channel), layer->low, layer->high);
      }
    }
  }
}

void tinyml_max_pool_s8(const tinyml_pooling *layer, const int8_t *input, int8_t *output) {
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x) {
      const window part = place_window(layer, input, y, x);
      for (uint16_t channel = 0; channel < layer->channels; ++channel) {
        *output++ = (int8_t)tinyml_clamp(largest(layer, &part, channel), layer->low, layer->high);
      }
    }
  }
}

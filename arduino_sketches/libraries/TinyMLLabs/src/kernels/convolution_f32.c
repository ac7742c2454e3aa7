#include "convolution_f32.h"

#include <stddef.h>

#include "clamp_f32.h"

// The values of all channels at one tap of the window at (top, left); NULL where that is padding.
static const float *values_at(const tinyml_convolution_float *layer, const float *input, int32_t top, int32_t left,
                              uint8_t tap_y, uint8_t tap_x) {
  const int32_t y = top + (int32_t)tap_y * layer->dilation_height;
  const int32_t x = left + (int32_t)tap_x * layer->dilation_width;
  if (y < 0 || y >= layer->input_height || x < 0 || x >= layer->input_width) return NULL;
  return input + ((size_t)y * layer->input_width + (size_t)x) * layer->input_channels;
}

static float sum_all_channels(const tinyml_convolution_float *layer, const float *input, int32_t top, int32_t left,
                              uint16_t channel) {
  const size_t taps = (size_t)layer->kernel_height * layer->kernel_width;
  const TINYML_FLASH float *weight = layer->weights + channel * taps * layer->input_channels;
  float sum = 0.0f;
  for (uint8_t tap_y = 0; tap_y < layer->kernel_height; ++tap_y) {
    for (uint8_t tap_x = 0; tap_x < layer->kernel_width; ++tap_x, weight += layer->input_channels) {
      const float *values = values_at(layer, input, top, left, tap_y, tap_x);
      for (uint16_t from = 0; values && from < layer->input_channels; ++from) sum += values[from] * weight[from];
    }
  }
  return sum;
}

static float sum_one_channel(const tinyml_convolution_float *layer, const float *input, int32_t top, int32_t left,
                             uint16_t channel) {
  const TINYML_FLASH float *weight = layer->weights + channel;
  float sum = 0.0f;
  for (uint8_t tap_y = 0; tap_y < layer->kernel_height; ++tap_y) {
    for (uint8_t tap_x = 0; tap_x < layer->kernel_width; ++tap_x, weight += layer->output_channels) {
      const float *values = values_at(layer, input, top, left, tap_y, tap_x);
      if (values) sum += values[channel / layer->depth_multiplier] * *weight;
    }
  }
  return sum;
}

typedef float (*summing)(const tinyml_convolution_float *layer, const float *input, int32_t top, int32_t left,
                         uint16_t channel);

static void run(const tinyml_convolution_float *layer, const float *input, float *output, summing sum_products) {
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x) {
      const int32_t top = (int32_t)y * layer->stride_height - layer->pad_top;
      const int32_t left = (int32_t)x * layer->stride_width - layer->pad_left;
      for (uint16_t channel = 0; channel < layer->output_channels; ++channel) {
        const float sum = sum_products(layer, input, top, left, channel) + layer->biases[channel];
        *output++ = tinyml_clamp_float(sum, layer->low, layer->high);
      }
    }
  }
}

void tinyml_convolution_f32(const tinyml_convolution_float *layer, const float *input, float *output) {
  run(layer, input, output, sum_all_channels);
}

void tinyml_depthwise_convolution_f32(const tinyml_convolution_float *layer, const float *input, float *output) {
  run(layer, input, output, sum_one_channel);
}

#include "convolution.h"
#include "fast_depthwise_convolution.h"
#include "requantize.h"

// The sum of one output channel's products at one place.
static int32_t sum_products(const tinyml_convolution *layer, const int8_t *input, int32_t top, int32_t left,
                            uint16_t channel) {
  const TINYML_FLASH int8_t *weight = layer->weights + channel;
  int32_t sum = 0;
  for (uint8_t tap_y = 0; tap_y < layer->kernel_height; ++tap_y) {
    const int32_t y = top + (int32_t)tap_y * layer->dilation_height;
    for (uint8_t tap_x = 0; tap_x < layer->kernel_width; ++tap_x, weight += layer->output_channels) {
      const int32_t x = left + (int32_t)tap_x * layer->dilation_width;
      const int inside = y >= 0 && y < layer->input_height && x >= 0 && x < layer->input_width;
      const int32_t place = y * layer->input_width + x;
      const int16_t value = inside ? input[place * layer->input_channels] : layer->input_zero_point;
      sum += (int16_t)(value * *weight);
    }
  }
  return sum;
}

// The same where no tap is outside.
static int32_t sum_products_inside(const tinyml_convolution *layer, const int8_t *from, uint16_t channel) {
  const TINYML_FLASH int8_t *weight = layer->weights + channel;
  const size_t step = (size_t)layer->dilation_width * layer->input_channels;
  const size_t row_step = (size_t)layer->dilation_height * layer->input_width * layer->input_channels;
  const uint16_t channels = layer->output_channels;
  int32_t sum = 0;
  for (uint8_t tap_y = layer->kernel_height; tap_y > 0; --tap_y, from += row_step) {
    const int8_t *value = from;
    for (uint8_t tap_x = layer->kernel_width; tap_x > 0; --tap_x, value += step, weight += channels) {
      sum += (int16_t)((int16_t)*value * *weight);
    }
  }
  return sum;
}

void tinyml_depthwise_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output,
                                     void *scratch) {
#if defined(TINYML_FAST_KERNELS)
  if (tinyml_depthwise_fast(layer, input, output, scratch)) return;
#endif
  (void)scratch;
  const int32_t reach_y = (int32_t)(layer->kernel_height - 1) * layer->dilation_height;
  const int32_t reach_x = (int32_t)(layer->kernel_width - 1) * layer->dilation_width;
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x) {
      const int32_t top = (int32_t)y * layer->stride_height - layer->pad_top;
      const int32_t left = (int32_t)x * layer->stride_width - layer->pad_left;
      const int inside =
          top >= 0 && top + reach_y < layer->input_height && left >= 0 && left + reach_x < layer->input_width;
      const int8_t *from = inside ? input + (top * layer->input_width + left) * (int32_t)layer->input_channels : input;
      uint16_t of_this_input = 0;
      for (uint16_t channel = 0; channel < layer->output_channels; ++channel) {
        const int32_t sum =
            inside ? sum_products_inside(layer, from, channel) : sum_products(layer, from, top, left, channel);
        const int32_t scaled =
            tinyml_requantize(layer->biases[channel] + sum, layer->multipliers[channel], layer->shifts[channel]);
        *output++ = (int8_t)tinyml_clamp(scaled + layer->output_zero_point, layer->low, layer->high);
        if (++of_this_input == layer->depth_multiplier) {
          of_this_input = 0;
          ++from;
        }
      }
    }
  }
}

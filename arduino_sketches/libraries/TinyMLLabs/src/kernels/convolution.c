#include "convolution.h"

#include "fast_convolution.h"
#include "patches.h"
#include "requantize.h"

static int8_t scale(const tinyml_convolution *layer, int32_t sum, uint16_t channel) {
  const int32_t scaled = tinyml_requantize(sum, layer->multipliers[channel], layer->shifts[channel]);
  return (int8_t)tinyml_clamp(scaled + layer->output_zero_point, layer->low, layer->high);
}

// The sum of one channel's products, whose weights lie as in the file.
static int32_t sum_products(const int8_t *patch, const TINYML_FLASH int8_t *weights, size_t taps) {
  int32_t sum = 0;
  for (; taps > 0; --taps) sum += (int16_t)((int16_t)*patch++ * *weights++);
  return sum;
}

// The sums of two channels whose weights are in pairs.
static void sum_pair(const int8_t *patch, const TINYML_FLASH int8_t *weights, size_t taps, int32_t sums[2]) {
  int32_t first_sum = 0, second_sum = 0;
#define ADD_PRODUCTS(tap, at)                                                        \
  {                                                                                  \
    const int16_t value = patch[tap], first = weights[at];                           \
    first_sum += (int16_t)(value * first);                                           \
    second_sum += (int16_t)(value * (int16_t)(weights[(at) + 1] + (first < 0)));     \
  }
  for (; taps >= 4; taps -= 4, patch += 4, weights += 8) {
    ADD_PRODUCTS(0, 0)
    ADD_PRODUCTS(2, 2)
    ADD_PRODUCTS(1, 4)
    ADD_PRODUCTS(3, 6)
  }
  if (taps > 0) ADD_PRODUCTS(0, 0)
  if (taps > 1) ADD_PRODUCTS(1, 4)
  if (taps > 2) ADD_PRODUCTS(2, 2)
#undef ADD_PRODUCTS
  sums[0] = first_sum;
  sums[1] = second_sum;
}

static void convolve_patch(const tinyml_convolution *layer, const int8_t *patch, size_t taps, int8_t *output) {
  const TINYML_FLASH int8_t *weights = layer->weights;
  const uint16_t channels = layer->output_channels;
  const int in_pairs = layer->layout == TINYML_WEIGHTS_IN_PAIRS;
  const uint16_t paired = in_pairs ? channels & ~1u : 0;
  const size_t whole = in_pairs ? (taps + 3) & ~(size_t)3 : taps;
  uint16_t channel = 0;
  for (; channel < paired; channel += 2, weights += 2 * whole) {
    int32_t sums[2];
    sum_pair(patch, weights, taps, sums);
    output[channel] = scale(layer, layer->biases[channel] + sums[0], channel);
    output[channel + 1] = scale(layer, layer->biases[channel + 1] + sums[1], channel + 1);
  }
  for (; channel < channels; ++channel, weights += whole) {
    output[channel] = scale(layer, layer->biases[channel] + sum_products(patch, weights, taps), channel);
  }
}

void tinyml_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
#if defined(TINYML_FAST_KERNELS)
  if (tinyml_convolution_fast(layer, input, output, scratch)) return;
#endif
  const size_t taps = (size_t)layer->kernel_height * layer->kernel_width * layer->input_channels;
  const int is_input = tinyml_patches_are_input(layer);
  for (uint16_t y = 0; y < layer->output_height; ++y) {
    for (uint16_t x = 0; x < layer->output_width; ++x, output += layer->output_channels) {
      if (!is_input) tinyml_gather_patch(layer, input, y, x, scratch);
      convolve_patch(layer, is_input ? input : scratch, taps, output);
      if (is_input) input += taps;
    }
  }
}

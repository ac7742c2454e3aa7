#include "elementwise.h"

#include "requantize.h"

enum { LEFT_SHIFT = 20 };

typedef int8_t (*combine)(const void *layer, int8_t first, int8_t second);

static int32_t scale_up(int8_t value, int16_t zero_point, int32_t multiplier, int8_t shift) {
  return tinyml_requantize((int32_t)(value - zero_point) * ((int32_t)1 << LEFT_SHIFT), multiplier, shift);
}

static int8_t scale_down(const tinyml_sum *layer, int32_t sum) {
  const int32_t value = tinyml_requantize(sum, layer->output_multiplier, layer->output_shift);
  return (int8_t)tinyml_clamp(value + layer->output_zero_point, layer->low, layer->high);
}

static int8_t add(const void *settings, int8_t first, int8_t second) {
  const tinyml_sum *layer = (const tinyml_sum *)settings;
  return scale_down(layer,
                    scale_up(first, layer->first_zero_point, layer->first_multiplier, layer->first_shift) +
                        scale_up(second, layer->second_zero_point, layer->second_multiplier, layer->second_shift));
}

static int8_t subtract(const void *settings, int8_t first, int8_t second) {
  const tinyml_sum *layer = (const tinyml_sum *)settings;
  return scale_down(layer,
                    scale_up(first, layer->first_zero_point, layer->first_multiplier, layer->first_shift) -
                        scale_up(second, layer->second_zero_point, layer->second_multiplier, layer->second_shift));
}

static int8_t multiply(const void *settings, int8_t first, int8_t second) {
  const tinyml_product *layer = (const tinyml_product *)settings;
  const int32_t product = (int32_t)(first - layer->first_zero_point) * (second - layer->second_zero_point);
  const int32_t value = tinyml_requantize(product, layer->multiplier, layer->shift) + layer->output_zero_point;
  return (int8_t)tinyml_clamp(value, layer->low, layer->high);
}

// Inlined with a known `combined`, so that there is no call for each value.
static inline void run(const tinyml_pairing *pairing, combine combined, const void *layer, const int8_t *first,
                       const int8_t *second, int8_t *output) {
  const uint32_t *counts = pairing->counts, *steps1 = pairing->first_steps, *steps2 = pairing->second_steps;
  for (uint32_t i = 0; i < counts[0]; ++i) {
    for (uint32_t j = 0; j < counts[1]; ++j) {
      for (uint32_t k = 0; k < counts[2]; ++k) {
        const int8_t *value1 = first + i * steps1[0] + j * steps1[1] + k * steps1[2];
        const int8_t *value2 = second + i * steps2[0] + j * steps2[1] + k * steps2[2];
        for (uint32_t l = 0; l < counts[3]; ++l, value1 += steps1[3], value2 += steps2[3]) {
          *output++ = combined(layer, *value1, *value2);
        }
      }
    }
  }
}

void tinyml_add_s8(const tinyml_sum *layer, const int8_t *first, const int8_t *second, int8_t *output) {
  run(&layer->pairing, add, layer, first, second, output);
}

void tinyml_sub_s8(const tinyml_sum *layer, const int8_t *first, const int8_t *second, int8_t *output) {
  run(&layer->pairing, subtract, layer, first, second, output);
}

void tinyml_mul_s8(const tinyml_product *layer, const int8_t *first, const int8_t *second, int8_t *output) {
  run(&layer->pairing, multiply, layer, first, second, output);
}

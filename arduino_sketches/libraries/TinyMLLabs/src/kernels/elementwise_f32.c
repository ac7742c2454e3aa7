#include "elementwise_f32.h"

#include "clamp_f32.h"

typedef float (*combine)(float first, float second);

static float add(float first, float second) { return first + second; }
static float subtract(float first, float second) { return first - second; }
static float multiply(float first, float second) { return first * second; }

static inline void run(const tinyml_elementwise_float *layer, combine combined, const float *first,
                       const float *second, float *output) {
  const uint32_t *counts = layer->pairing.counts;
  const uint32_t *steps1 = layer->pairing.first_steps, *steps2 = layer->pairing.second_steps;
  for (uint32_t i = 0; i < counts[0]; ++i) {
    for (uint32_t j = 0; j < counts[1]; ++j) {
      for (uint32_t k = 0; k < counts[2]; ++k) {
        const float *value1 = first + i * steps1[0] + j * steps1[1] + k * steps1[2];
        const float *value2 = second + i * steps2[0] + j * steps2[1] + k * steps2[2];
        for (uint32_t l = 0; l < counts[3]; ++l, value1 += steps1[3], value2 += steps2[3]) {
          *output++ = tinyml_clamp_float(combined(*value1, *value2), layer->low, layer->high);
        }
      }
    }
  }
}

void tinyml_add_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output) {
  run(layer, add, first, second, output);
}

void tinyml_sub_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output) {
  run(layer, subtract, first, second, output);
}

void tinyml_mul_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output) {
  run(layer, multiply, first, second, output);
}

void tinyml_clamp_f32(const tinyml_clamping *layer, const float *input, float *output) {
  for (uint32_t k = 0; k < layer->count; ++k) output[k] = tinyml_clamp_float(input[k], layer->low, layer->high);
}

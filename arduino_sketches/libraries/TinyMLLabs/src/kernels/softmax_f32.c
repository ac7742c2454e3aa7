#include "softmax_f32.h"

#include <float.h>
#include <math.h>

void tinyml_softmax_f32(const tinyml_softmax_float *layer, const float *input, float *output) {
  for (uint32_t row = 0; row < layer->rows; ++row, input += layer->size, output += layer->size) {
    float largest = -FLT_MAX, sum = 0.0f;
    for (uint16_t k = 0; k < layer->size; ++k) {
      if (input[k] > largest) largest = input[k];
    }
    for (uint16_t k = 0; k < layer->size; ++k) {
      output[k] = expf((input[k] - largest) * layer->beta);
      sum += output[k];
    }
    for (uint16_t k = 0; k < layer->size; ++k) output[k] /= sum;
  }
}

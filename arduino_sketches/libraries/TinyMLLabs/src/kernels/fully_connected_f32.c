#include "fully_connected_f32.h"

#include "clamp_f32.h"

void tinyml_fully_connected_f32(const tinyml_fully_connected_float *layer, const float *input, float *output) {
  for (uint16_t batch = 0; batch < layer->batches; ++batch, input += layer->inputs) {
    const TINYML_FLASH float *weight = layer->weights;
    for (uint16_t to = 0; to < layer->outputs; ++to) {
      float sum = 0.0f;
      for (uint16_t from = 0; from < layer->inputs; ++from) sum += input[from] * *weight++;
      *output++ = tinyml_clamp_float(sum + layer->biases[to], layer->low, layer->high);
    }
  }
}

// SOFTMAX on float32, in the order of TensorFlow Lite Micro's reference kernel: its bits where expf() is the same.
#ifndef TINYML_KERNELS_SOFTMAX_F32_H
#define TINYML_KERNELS_SOFTMAX_F32_H

#include <stdint.h>

typedef struct {
  uint32_t rows;
  uint16_t size; // values a row
  float beta;
} tinyml_softmax_float;

// Output may be input.
void tinyml_softmax_f32(const tinyml_softmax_float *layer, const float *input, float *output);

#endif

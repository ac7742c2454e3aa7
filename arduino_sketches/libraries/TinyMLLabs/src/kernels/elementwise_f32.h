// ADD, SUB, MUL (with broadcasting), RELU and RELU6 on float32: TensorFlow Lite Micro's bits.
#ifndef TINYML_KERNELS_ELEMENTWISE_F32_H
#define TINYML_KERNELS_ELEMENTWISE_F32_H

#include <stdint.h>

#include "pairing.h"

typedef struct {
  tinyml_pairing pairing;
  float low, high; // of the fused activation
} tinyml_elementwise_float;

typedef struct {
  float low, high;
  uint32_t count;
} tinyml_clamping;

// Output may be an input that is not broadcast.
void tinyml_add_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output);
void tinyml_sub_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output);
void tinyml_mul_f32(const tinyml_elementwise_float *layer, const float *first, const float *second, float *output);
void tinyml_clamp_f32(const tinyml_clamping *layer, const float *input, float *output);

#endif

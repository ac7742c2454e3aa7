// AVERAGE_POOL_2D and MAX_POOL_2D on float32, in the order of TensorFlow Lite Micro's reference kernels: its bits.
#ifndef TINYML_KERNELS_POOLING_F32_H
#define TINYML_KERNELS_POOLING_F32_H

#include <stdint.h>

typedef struct {
  uint16_t input_height, input_width, output_height, output_width, channels;
  uint16_t window_height, window_width, stride_height, stride_width, pad_top, pad_left;
  float low, high; // of the fused activation
} tinyml_pooling_float;

// Without padding, output may be input: no value is read after its place was written.
void tinyml_average_pool_f32(const tinyml_pooling_float *layer, const float *input, float *output);
void tinyml_max_pool_f32(const tinyml_pooling_float *layer, const float *input, float *output);

#endif

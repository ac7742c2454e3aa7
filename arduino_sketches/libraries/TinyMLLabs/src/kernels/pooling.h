// AVERAGE_POOL_2D and MAX_POOL_2D on int8: TensorFlow Lite Micro's bytes. Padded places do not count.
#ifndef TINYML_KERNELS_POOLING_H
#define TINYML_KERNELS_POOLING_H

#include <stdint.h>

typedef struct {
  uint16_t input_height, input_width, output_height, output_width, channels;
  uint16_t window_height, window_width, stride_height, stride_width, pad_top, pad_left;
  int8_t low, high; // of the fused activation
} tinyml_pooling;

// Without padding, output may be input: no value is read after its place was written.
void tinyml_average_pool_s8(const tinyml_pooling *layer, const int8_t *input, int8_t *output);
void tinyml_max_pool_s8(const tinyml_pooling *layer, const int8_t *input, int8_t *output);

#endif

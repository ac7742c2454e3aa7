// ADD, SUB and MUL on int8, with broadcasting: TensorFlow Lite Micro's bytes.
#ifndef TINYML_KERNELS_ELEMENTWISE_H
#define TINYML_KERNELS_ELEMENTWISE_H

#include <stdint.h>

#include "pairing.h"

typedef struct {
  tinyml_pairing pairing;
  int16_t first_zero_point, second_zero_point, output_zero_point;
  int32_t first_multiplier, second_multiplier, output_multiplier; // of values * 2^20, on twice the larger scale
  int8_t first_shift, second_shift, output_shift;                 // 0 or less
  int8_t low, high;                                               // of the fused activation
} tinyml_sum;

typedef struct {
  tinyml_pairing pairing;
  int16_t first_zero_point, second_zero_point, output_zero_point;
  int32_t multiplier;
  int8_t shift;
  int8_t low, high; // of the fused activation
} tinyml_product;

// Output may be an input that is not broadcast.
void tinyml_add_s8(const tinyml_sum *layer, const int8_t *first, const int8_t *second, int8_t *output);
void tinyml_sub_s8(const tinyml_sum *layer, const int8_t *first, const int8_t *second, int8_t *output);
void tinyml_mul_s8(const tinyml_product *layer, const int8_t *first, const int8_t *second, int8_t *output);

#endif

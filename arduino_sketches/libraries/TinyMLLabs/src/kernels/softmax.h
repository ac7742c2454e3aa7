// SOFTMAX on int8: TensorFlow Lite Micro's bytes. The output's scale is 1/256 and its zero point -128.
#ifndef TINYML_KERNELS_SOFTMAX_H
#define TINYML_KERNELS_SOFTMAX_H

#include <stdint.h>

typedef struct {
  uint32_t rows;
  uint16_t size;      // values a row
  int32_t multiplier; // beta * input scale * 2^26 = multiplier / 2^31 * 2^shift, the shift 1 to 31
  uint8_t shift;
  int32_t smallest;   // exp(beta * input scale * difference) of a difference below this is 0
} tinyml_softmax;

// Output may be input.
void tinyml_softmax_s8(const tinyml_softmax *layer, const int8_t *input, int8_t *output);

#endif

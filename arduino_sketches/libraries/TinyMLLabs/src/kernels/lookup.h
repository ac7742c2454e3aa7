// Any function of one int8 value, as a table of its 256 results: RELU, RELU6, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH, and
// QUANTIZE from one scale to another. tinyml_labs/compiler/tables.py computes the tables.
#ifndef TINYML_KERNELS_LOOKUP_H
#define TINYML_KERNELS_LOOKUP_H

#include <stdint.h>

#include "flash.h"

typedef struct {
  const TINYML_FLASH int8_t *table; // the results of -128, -127, ... 127
  uint32_t count;
} tinyml_lookup;

// Output may be input.
void tinyml_lookup_s8(const tinyml_lookup *layer, const int8_t *input, int8_t *output);

#endif

// FULLY_CONNECTED on int8, with a multiplier for the tensor or one an output: TensorFlow Lite Micro's bytes.
#ifndef TINYML_KERNELS_FULLY_CONNECTED_H
#define TINYML_KERNELS_FULLY_CONNECTED_H

#include <stdint.h>

#include "flash.h"

typedef struct {
  const TINYML_FLASH int8_t *weights;      // (outputs, inputs)
  const TINYML_FLASH int32_t *biases;      // folded: bias - input_zero_point * (sum of the output's weights)
  const TINYML_FLASH int32_t *multipliers; // `scales` of them
  const TINYML_FLASH int8_t *shifts;       // `scales` of them
  uint16_t batches, inputs, outputs, scales; // scales: 1, or as many as outputs
  int16_t input_zero_point, output_zero_point; // the first is in the biases, and here for information
  int8_t low, high;                        // of the fused activation, in the output's numbers
} tinyml_fully_connected;

void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output);

#endif

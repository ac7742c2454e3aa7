// FULLY_CONNECTED on float32, in the order of TensorFlow Lite Micro's reference kernel: its bits, unless the compiler
// fuses a product and a sum into one instruction (-ffp-contract=off forbids it).
#ifndef TINYML_KERNELS_FULLY_CONNECTED_F32_H
#define TINYML_KERNELS_FULLY_CONNECTED_F32_H

#include <stdint.h>

#include "flash.h"

typedef struct {
  const TINYML_FLASH float *weights; // (outputs, inputs)
  const TINYML_FLASH float *biases;  // one an output
  uint16_t batches, inputs, outputs;
  float low, high; // of the fused activation
} tinyml_fully_connected_float;

void tinyml_fully_connected_f32(const tinyml_fully_connected_float *layer, const float *input, float *output);

#endif

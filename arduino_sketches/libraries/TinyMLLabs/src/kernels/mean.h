// MEAN on int8 over some of up to four sides: TensorFlow Lite Micro's bytes.
#ifndef TINYML_KERNELS_MEAN_H
#define TINYML_KERNELS_MEAN_H

#include <stdint.h>

// Neighbouring sides of one kind are counted as one: of four, at most two are kept and two are averaged.
typedef struct {
  uint32_t kept_counts[2], kept_steps[2]; // the outermost first; steps from one value to the next along a side
  uint32_t mean_counts[2], mean_steps[2];
  int16_t input_zero_point, output_zero_point;
  int32_t multiplier; // input scale / output scale / count = multiplier / 2^31 * 2^shift
  int8_t shift;
} tinyml_mean;

void tinyml_mean_s8(const tinyml_mean *layer, const int8_t *input, int8_t *output);

#endif

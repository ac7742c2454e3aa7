// QUANTIZE and DEQUANTIZE: between float32 and int8.
#ifndef TINYML_KERNELS_QUANTIZATION_H
#define TINYML_KERNELS_QUANTIZATION_H

#include <stdint.h>

typedef struct {
  float scale;
  int16_t zero_point;
  uint32_t count;
} tinyml_quantization; // real = scale * (stored - zero_point)

// Output may be input: it is written from the front, a quarter as fast as it is read.
void tinyml_quantize_f32_s8(const tinyml_quantization *layer, const float *input, int8_t *output);
void tinyml_dequantize_s8_f32(const tinyml_quantization *layer, const int8_t *input, float *output);

#endif

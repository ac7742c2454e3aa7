// CONV_2D and DEPTHWISE_CONV_2D on float32, in the order of TensorFlow Lite Micro's reference kernels: its bits, unless
// the compiler fuses a product and a sum into one instruction (-ffp-contract=off forbids it).
#ifndef TINYML_KERNELS_CONVOLUTION_F32_H
#define TINYML_KERNELS_CONVOLUTION_F32_H

#include <stdint.h>

#include "flash.h"

typedef struct {
  const TINYML_FLASH float *weights; // CONV_2D: (out, height, width, in). DEPTHWISE: (height, width, out)
  const TINYML_FLASH float *biases;  // one an output channel
  uint16_t input_height, input_width, input_channels;
  uint16_t output_height, output_width, output_channels;
  uint8_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  uint16_t pad_top, pad_left;
  uint16_t depth_multiplier; // DEPTHWISE only, else 0
  float low, high;           // of the fused activation
} tinyml_convolution_float;

void tinyml_convolution_f32(const tinyml_convolution_float *layer, const float *input, float *output);
void tinyml_depthwise_convolution_f32(const tinyml_convolution_float *layer, const float *input, float *output);

#endif

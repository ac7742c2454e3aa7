// CONV_2D and DEPTHWISE_CONV_2D on int8, one multiplier a channel: TensorFlow Lite Micro's bytes.
//
// The biases are folded: bias - input_zero_point * (sum of the channel's weights), so that the inner loop multiplies
// what is stored. A padded place counts as the input's zero point, which cancels its share of the fold.
#ifndef TINYML_KERNELS_CONVOLUTION_H
#define TINYML_KERNELS_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

#include "flash.h"

#define TINYML_WEIGHTS_AS_IN_FILE 0
// CONV_2D only, and faster: two channels' weights as 16-bit numbers, the first one's + 256 * the second one's. Of each
// four numbers 0 1 2 3 of a channel the order is 0 2 1 3; zeros fill the last four; an odd channel out comes last, as
// in the file.
#define TINYML_WEIGHTS_IN_PAIRS 1

typedef struct {
  const TINYML_FLASH int8_t *weights;      // CONV_2D: (out, height, width, in). DEPTHWISE: (height, width, out)
  const TINYML_FLASH int32_t *biases;      // folded; one an output channel
  const TINYML_FLASH int32_t *multipliers; // 0 or more; one an output channel
  const TINYML_FLASH int8_t *shifts;       // one an output channel
  uint16_t input_height, input_width, input_channels;
  uint16_t output_height, output_width, output_channels;
  uint8_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  uint16_t pad_top, pad_left;
  uint16_t depth_multiplier;               // DEPTHWISE only, else 0
  int16_t input_zero_point, output_zero_point;
  int8_t low, high;                        // of the fused activation, in the output's numbers
  uint8_t layout;                          // of the weights: TINYML_WEIGHTS_…
} tinyml_convolution;

// What `scratch` needs, for `taps` = kernel_height * kernel_width * input_channels: four patches of 16-bit numbers, two
// as they are gathered, and four numbers a channel.
#define TINYML_CONVOLUTION_SCRATCH_BYTES(taps, output_channels) \
  (10u * (((uint32_t)(taps) + 3u) & ~3u) + 4u + 16u * (uint32_t)(output_channels))

// scratch: TINYML_CONVOLUTION_SCRATCH_BYTES, at an address that 4 divides.
void tinyml_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch);

// What `scratch` needs: two columns of four channels, for kernels of 3 by 3; other kernels may take as much, or none.
#define TINYML_DEPTHWISE_SCRATCH_BYTES(output_height, stride_height) \
  (32u * (((uint32_t)(output_height) - 1u) * (uint32_t)(stride_height) + 3u))

// scratch: TINYML_DEPTHWISE_SCRATCH_BYTES, at an address that 4 divides.
void tinyml_depthwise_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output,
                                     void *scratch);

#endif

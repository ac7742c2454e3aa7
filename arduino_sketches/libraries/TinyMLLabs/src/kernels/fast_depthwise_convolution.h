// DEPTHWISE_CONV_2D for processors with arm_dsp.h's instructions; part of depthwise_convolution.c.
#ifndef TINYML_KERNELS_FAST_DEPTHWISE_CONVOLUTION_H
#define TINYML_KERNELS_FAST_DEPTHWISE_CONVOLUTION_H

#include "arm_dsp.h"
#include "convolution.h"

#if defined(TINYML_FAST_KERNELS)
// 0 if it cannot be done this way, and nothing was done.
int tinyml_depthwise_fast(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch);
#endif

#endif

// CONV_2D for processors with arm_dsp.h's instructions; part of convolution.c.
#ifndef TINYML_KERNELS_FAST_CONVOLUTION_H
#define TINYML_KERNELS_FAST_CONVOLUTION_H

#include "convolution.h"
#include "arm_dsp.h"

#if defined(TINYML_FAST_KERNELS)
// 0 if it cannot be done this way, and nothing was done.
int tinyml_convolution_fast(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch);
#endif

#endif

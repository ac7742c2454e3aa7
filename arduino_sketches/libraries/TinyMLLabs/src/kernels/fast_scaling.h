// tinyml_requantize in five instructions, for the channels where that is exact; to the byte what requantize.h gives.
//
// SMMLAR(2 * sum, multiplier, …) is gemmlowp's rounding_doubling_high_multiply. The division by 2^e that follows rounds
// halves away from zero: (x + 2^(e-1) - (x < 0)) >> e. What is added before the shift holds the output's zero point,
// too:
//     (x + (2 * zero_point + 1) * 2^(e-1) - (x < 0)) >> e,
// of which SMMLAR adds all, and SSAT does the last place of the shift. x < 0 is taken from the sum: the two differ only
// where x is 0, and there, with e > 0, the 1 does not matter.
#ifndef TINYML_KERNELS_FAST_SCALING_H
#define TINYML_KERNELS_FAST_SCALING_H

#include "arm_dsp.h"

#if defined(TINYML_FAST_KERNELS)
#include "flash.h"
#include "requantize.h"

// Other channels (a multiplier of 1/2 or more, or of less than 2^-23, or a bias near 2^30, as of a channel that is
// always the same) go the long way.
typedef struct {
  int32_t doubled_bias;
  int32_t multiplier;
  int32_t shift;   // e - 1; below 0: go the long way
  int32_t addend;  // (2 * zero_point + 1) * 2^(e-1)
} tinyml_scaling;

TINYML_INLINE void tinyml_prepare_scaling(tinyml_scaling *scaling, int32_t bias, int32_t multiplier, int32_t shift,
                                          int32_t output_zero_point, uint32_t taps) {
  const int32_t room = taps < 0x8000 ? 0x40000000 - (int32_t)(taps << 14) : 0; // for the bias, in a sum that is doubled
  const int32_t places = multiplier == 0 ? 0 : -shift - 1;
  scaling->multiplier = multiplier;
  if (bias > -room && bias < room && places >= 0 && places <= 21) {
    scaling->doubled_bias = 2 * bias;
    scaling->shift = places;
    scaling->addend = (2 * output_zero_point + 1) * ((int32_t)1 << places);
  } else {
    scaling->doubled_bias = 0;
    scaling->shift = INT32_MIN + (shift + 128) * 256 + output_zero_point + 128;
    scaling->addend = bias;
  }
}

__attribute__((noinline, unused)) static int32_t tinyml_scale_the_long_way(int32_t doubled_sum,
                                                                           const tinyml_scaling *scaling) {
  const int32_t coded = scaling->shift - INT32_MIN;
  const int32_t sum = (int32_t)((uint32_t)(doubled_sum / 2) + (uint32_t)scaling->addend);
  const int32_t scaled = tinyml_requantize(sum, scaling->multiplier, (int8_t)(coded / 256 - 128));
  return tinyml_clamp(scaled + coded % 256 - 128, -128, 127);
}

TINYML_INLINE int32_t tinyml_scale(int32_t doubled_sum, const tinyml_scaling *scaling) {
  if (scaling->shift < 0) return tinyml_scale_the_long_way(doubled_sum, scaling);
  const int32_t addend = scaling->addend + (doubled_sum >> 31);
  const int32_t scaled = tinyml_multiply_high_add(doubled_sum, scaling->multiplier, addend);
  return tinyml_halve_to_int8(scaled >> scaling->shift);
}

TINYML_INLINE void tinyml_clamp_all(int8_t *values, size_t count, int8_t low, int8_t high) {
  if (low == INT8_MIN && high == INT8_MAX) return;
  for (int8_t *end = values + count; values < end; ++values) *values = (int8_t)tinyml_clamp(*values, low, high);
}

#endif
#endif

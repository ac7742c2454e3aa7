// Fractions as integers, rounded as TensorFlow Lite Micro rounds them: the same bytes on every board.
//
// Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR
// 2018: a real number is a 32-bit fraction and a shift. The functions give the numbers of Google's gemmlowp,
// fixedpoint.h. Shifts to the right of numbers below 0 round down here, as every compiler does it.
#ifndef TINYML_KERNELS_REQUANTIZE_H
#define TINYML_KERNELS_REQUANTIZE_H

#include <stdint.h>

// a * b / 2^31, rounded; halves go up. Both being -2^31 is the one product that does not fit, and saturates.
static inline int32_t tinyml_rounding_doubling_high_multiply(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  const int64_t nudged = (int64_t)a * b + ((int64_t)1 << 30);
  return (int32_t)(nudged >> 31);
}

// value / 2^exponent, rounded; halves go away from zero. The exponent is 0 to 31.
static inline int32_t tinyml_rounding_divide_by_power_of_two(int32_t value, uint8_t exponent) {
  const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
  const int32_t rest = value & mask;
  return (value >> exponent) + (rest > (mask >> 1) + (value < 0 ? 1 : 0) ? 1 : 0);
}

// value * 2^exponent; what does not fit saturates.
static inline int32_t tinyml_saturating_multiply_by_power_of_two(int32_t value, uint8_t exponent) {
  const int32_t most = INT32_MAX >> exponent;
  if (value > most) return INT32_MAX;
  if (value < -most - 1) return INT32_MIN;
  return (int32_t)((uint32_t)value << exponent);
}

// value * multiplier / 2^31 * 2^shift: one rounding for the product, another one for a shift to the right.
static inline int32_t tinyml_requantize(int32_t value, int32_t multiplier, int8_t shift) {
  const int32_t shifted = (int32_t)((uint32_t)value << (shift > 0 ? shift : 0));
  const int32_t product = tinyml_rounding_doubling_high_multiply(shifted, multiplier);
  return tinyml_rounding_divide_by_power_of_two(product, (uint8_t)(shift > 0 ? 0 : -shift));
}

static inline int32_t tinyml_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

#endif

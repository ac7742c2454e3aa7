// Fractions as integers, rounded as TensorFlow Lite Micro rounds them: the same bytes on every board.
//
// Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018:
// a real number is a 32-bit fraction and a shift. The functions are those of Google's gemmlowp, fixedpoint.h.
#ifndef TINYML_FIXED_POINT_H
#define TINYML_FIXED_POINT_H

#include <stdint.h>

namespace tinyml {

// Half of a * b / 2^30, rounded. Both being -2^31 is the one product that does not fit.
inline int32_t rounding_doubling_high_multiply(int32_t a, int32_t b) {
  const int64_t product = static_cast<int64_t>(a) * b;
  const int64_t nudge = product >= 0 ? (1LL << 30) : 1 - (1LL << 30);
  return static_cast<int32_t>((product + nudge) / (1LL << 31));
}

// value / 2^exponent, rounded; halves go away from zero.
inline int32_t rounding_divide_by_power_of_two(int32_t value, uint8_t exponent) {
  const int32_t mask = static_cast<int32_t>((static_cast<uint32_t>(1) << exponent) - 1u);
  const int32_t rest = value & mask;
  return (value >> exponent) + (rest > (mask >> 1) + (value < 0 ? 1 : 0) ? 1 : 0);
}

// value * 2^exponent; what does not fit saturates.
inline int32_t saturating_multiply_by_power_of_two(int32_t value, uint8_t exponent) {
  const int32_t most = INT32_MAX >> exponent;
  if (value > most) return INT32_MAX;
  if (value < -most - 1) return INT32_MIN;
  return static_cast<int32_t>(static_cast<uint32_t>(value) << exponent);
}

// value * multiplier / 2^31 * 2^shift: one rounding for the product, another one for a shift to the right.
inline int32_t requantize(int32_t value, int32_t multiplier, int8_t shift) {
  const uint32_t shifted = static_cast<uint32_t>(value) << (shift > 0 ? shift : 0);
  const int32_t product = rounding_doubling_high_multiply(static_cast<int32_t>(shifted), multiplier);
  return rounding_divide_by_power_of_two(product, static_cast<uint8_t>(shift > 0 ? 0 : -shift));
}

}  // namespace tinyml

#endif

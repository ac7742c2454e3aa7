// Softmax in int8, computed as the reference kernel of TensorFlow Lite Micro computes it: the same bytes on every board.
//
// exp() and 1 / x in integers, after Google's gemmlowp (fixedpoint.h): the exponent is cut into a rest of less than a
// quarter, whose Taylor series is short, and quarters, halves, ones, ..., whose exponentials are constants; 1 / x is three
// steps of Newton's method.
#ifndef TINYML_SOFTMAX_H
#define TINYML_SOFTMAX_H

#include "fixed_point.h"

namespace tinyml {

// Of beta * input scale. The output's scale is 1/256 and its zero point -128, as in every int8 model.
struct Softmax {
  int32_t multiplier;  // beta * input scale * 2^26 = multiplier / 2^31 * 2^shift, the shift 1 to 31
  uint8_t shift;
  int16_t smallest;    // exp(beta * input scale * difference) of a difference below this is 0
  uint8_t size;
};

namespace softmax {

// The exponential of -2^-2, -2^-1, ... -2^4, in 2^-31.
inline int32_t exp_of_power(uint8_t index) {
  switch (index) {
    case 0: return 1672461947;
    case 1: return 1302514674;
    case 2: return 790015084;
    case 3: return 290630308;
    case 4: return 39332535;
    case 5: return 720401;
    default: return 242;
  }
}

// exp(a / 2^26) in 2^-31, for a <= 0.
inline int32_t exp_on_negative(int32_t a) {
  if (a == 0) return INT32_MAX;
  const int32_t quarter = static_cast<int32_t>(1) << 24;
  const int32_t rest = (a & (quarter - 1)) - quarter;  // -1/4 to 0
  const int32_t x = rest * 32 + (static_cast<int32_t>(1) << 28);  // from here on in 2^-31; a series around -1/8
  const int32_t x2 = rounding_doubling_high_multiply(x, x);
  const int32_t x3 = rounding_doubling_high_multiply(x2, x);
  const int32_t x4 = rounding_doubling_high_multiply(x2, x2);
  const int32_t thirds = rounding_doubling_high_multiply(rounding_divide_by_power_of_two(x4, 2) + x3, 715827883);
  const int32_t series = x + rounding_divide_by_power_of_two(thirds + x2, 1);
  const int32_t exp_of_eighth = 1895147668;
  int32_t result = exp_of_eighth + rounding_doubling_high_multiply(exp_of_eighth, series);
  const uint32_t powers = static_cast<uint32_t>(rest - a) >> 24;
  for (uint8_t index = 0; index < 7; ++index) {
    if (powers >> index & 1) result = rounding_doubling_high_multiply(result, exp_of_power(index));
  }
  return result;
}

// 1 / (1 + a / 2^31) in 2^-31, for 0 <= a.
inline int32_t one_over_one_plus(int32_t a) {
  const int32_t half = static_cast<int32_t>((static_cast<int64_t>(a) + INT32_MAX + 1) / 2);  // of the denominator
  int32_t x = 1515870810 + rounding_doubling_high_multiply(half, -1010580540);  // 48/17 - 32/17 * half, in 2^-29
  for (uint8_t step = 0; step < 3; ++step) {
    const int32_t error = (static_cast<int32_t>(1) << 29) - rounding_doubling_high_multiply(half, x);
    x += saturating_multiply_by_power_of_two(rounding_doubling_high_multiply(x, error), 2);
  }
  return saturating_multiply_by_power_of_two(x, 1);
}

inline uint8_t leading_zeros(uint32_t value) {
  uint8_t zeros = 0;
  for (; zeros < 32 && !(value >> 31); ++zeros) value <<= 1;
  return zeros;
}

// exp of beta * input scale * difference, in 2^-31.
inline int32_t exp_of_difference(const Softmax& layer, int32_t difference) {
  const uint32_t shifted = static_cast<uint32_t>(difference) << layer.shift;
  return exp_on_negative(rounding_doubling_high_multiply(static_cast<int32_t>(shifted), layer.multiplier));
}

}  // namespace softmax

inline void run_softmax(const Softmax& layer, const int8_t* input, int8_t* output) {
  int8_t largest = INT8_MIN;
  for (uint8_t k = 0; k < layer.size; ++k) {
    if (input[k] > largest) largest = input[k];
  }
  int32_t sum = 0;  // in 2^-19
  for (uint8_t k = 0; k < layer.size; ++k) {
    const int32_t difference = static_cast<int32_t>(input[k]) - largest;
    if (difference < layer.smallest) continue;
    sum += rounding_divide_by_power_of_two(softmax::exp_of_difference(layer, difference), 12);
  }
  const uint8_t zeros = softmax::leading_zeros(static_cast<uint32_t>(sum));
  const uint32_t fraction = (static_cast<uint32_t>(sum) << zeros) - (static_cast<uint32_t>(1) << 31);
  const int32_t scale = softmax::one_over_one_plus(static_cast<int32_t>(fraction));
  const uint8_t exponent = static_cast<uint8_t>(12 - zeros + 31 - 8);
  for (uint8_t k = 0; k < layer.size; ++k) {
    const int32_t difference = static_cast<int32_t>(input[k]) - largest;
    if (difference < layer.smallest) {
      output[k] = INT8_MIN;
      continue;
    }
    const int32_t product = rounding_doubling_high_multiply(scale, softmax::exp_of_difference(layer, difference));
    const int32_t value = rounding_divide_by_power_of_two(product, exponent) + INT8_MIN;
    output[k] = static_cast<int8_t>(value > INT8_MAX ? INT8_MAX : value);
  }
}

}  // namespace tinyml

#endif

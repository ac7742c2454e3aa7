// exp() and 1 / x in integers, after Google's gemmlowp (fixedpoint.h): the exponent is cut into a rest of less than a
// quarter, whose Taylor series is short, and quarters, halves, ones, ..., whose exponentials are constants; 1 / x is three
// steps of Newton's method.
#include "softmax.h"

#include "requantize.h"

#define MULTIPLY tinyml_rounding_doubling_high_multiply
#define DIVIDE tinyml_rounding_divide_by_power_of_two
#define SHIFT_UP tinyml_saturating_multiply_by_power_of_two

// The exponential of -2^-2, -2^-1, ... -2^4, in 2^-31.
static int32_t exp_of_power(uint8_t index) {
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
static int32_t exp_on_negative(int32_t a) {
  if (a == 0) return INT32_MAX;
  const int32_t quarter = (int32_t)1 << 24;
  const int32_t rest = (a & (quarter - 1)) - quarter;   // -1/4 to 0
  const int32_t x = rest * 32 + ((int32_t)1 << 28);     // from here on in 2^-31; a series around -1/8
  const int32_t x2 = MULTIPLY(x, x);
  const int32_t x3 = MULTIPLY(x2, x);
  const int32_t x4 = MULTIPLY(x2, x2);
  const int32_t thirds = MULTIPLY(DIVIDE(x4, 2) + x3, 715827883);
  const int32_t series = x + DIVIDE(thirds + x2, 1);
  const int32_t exp_of_eighth = 1895147668;
  const uint32_t powers = (uint32_t)(rest - a) >> 24;
  int32_t result = exp_of_eighth + MULTIPLY(exp_of_eighth, series);
  for (uint8_t index = 0; index < 7; ++index) {
    if (powers >> index & 1) result = MULTIPLY(result, exp_of_power(index));
  }
  return result;
}

// 1 / (1 + a / 2^31) in 2^-31, for 0 <= a.
static int32_t one_over_one_plus(int32_t a) {
  const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2); // of the denominator
  int32_t x = 1515870810 + MULTIPLY(half, -1010580540);             // 48/17 - 32/17 * half, in 2^-29
  for (uint8_t step = 0; step < 3; ++step) {
    const int32_t error = ((int32_t)1 << 29) - MULTIPLY(half, x);
    x += SHIFT_UP(MULTIPLY(x, error), 2);
  }
  return SHIFT_UP(x, 1);
}

// exp of beta * input scale * difference, in 2^-31.
static int32_t exp_of_difference(const tinyml_softmax *layer, int32_t difference) {
  return exp_on_negative(MULTIPLY((int32_t)((uint32_t)difference << layer->shift), layer->multiplier));
}

static void run_row(const tinyml_softmax *layer, const int8_t *input, int8_t *output) {
  int32_t largest = INT8_MIN;
  for (uint16_t k = 0; k < layer->size; ++k) {
    if (input[k] > largest) largest = input[k];
  }
  int32_t sum = 0; // in 2^-19
  for (uint16_t k = 0; k < layer->size; ++k) {
    const int32_t difference = input[k] - largest;
    if (difference >= layer->smallest) sum += DIVIDE(exp_of_difference(layer, difference), 12);
  }
  uint8_t zeros = 0;
  while (zeros < 31 && !((uint32_t)sum << zeros >> 31)) ++zeros;
  const uint32_t fraction = ((uint32_t)sum << zeros) - ((uint32_t)1 << 31);
  const int32_t scale = one_over_one_plus((int32_t)fraction);
  const uint8_t exponent = (uint8_t)(12 - zeros + 31 - 8);
  for (uint16_t k = 0; k < layer->size; ++k) {
    const int32_t difference = input[k] - largest;
    int32_t value = INT8_MIN;
    if (difference >= layer->smallest) {
      value += DIVIDE(MULTIPLY(scale, exp_of_difference(layer, difference)), exponent);
    }
    output[k] = (int8_t)tinyml_clamp(value, INT8_MIN, INT8_MAX);
  }
}

void tinyml_softmax_s8(const tinyml_softmax *layer, const int8_t *input, int8_t *output) {
  for (uint32_t row = 0; row < layer->rows; ++row) {
    run_row(layer, input + row * layer->size, output + row * layer->size);
  }
}

#include "fully_connected.h"

#include "fast_scaling.h"
#include "requantize.h"

#if defined(TINYML_FAST_KERNELS)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
// Sums of four outputs' products with the first inputs, a multiple of 8 and more than 0 of them: r4 to r7. What is read
// of the input is widened once for all four: r8, r9. `step` is between two outputs' weights.
#define FOUR_INPUTS(sum, weights)    \
  "ldr r10, " weights "\n"           \
  "sxtb16 r11, r10\n"                \
  "sxtb16 r10, r10, ror #8\n"        \
  "smlad " sum ", r11, r8, " sum "\n" \
  "smlad " sum ", r10, r9, " sum "\n"
#define FOUR_BY_FOUR           \
  "ldr r8, [r1], #4\n"         \
  "sxtb16 r9, r8, ror #8\n"    \
  "sxtb16 r8, r8\n"            \
  FOUR_INPUTS("r4", "[r0], #4") FOUR_INPUTS("r5", "[r0, r12]") \
  FOUR_INPUTS("r6", "[r0, lr]") FOUR_INPUTS("r7", "[r0, r3]")
TINYML_ASSEMBLY static void sum_four(const int8_t *weights, const int8_t *input, uint32_t eights, uint32_t step,
                                     int32_t sums[4]) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "sub r12, r3, #4\n"
      "add lr, r12, r3\n"
      "add r3, lr, r3\n"
      "movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
      "1:\n" FOUR_BY_FOUR FOUR_BY_FOUR
      "subs r2, #1\n"
      "bne 1b\n"
      "ldr r0, [sp, #36]\n"
      "stm r0, {r4-r7}\n"
      "pop {r4-r11, pc}\n");
}
#undef FOUR_INPUTS
#undef FOUR_BY_FOUR
#pragma GCC diagnostic pop

static int32_t sum_one(const int8_t *weights, const int8_t *input, uint32_t inputs) {
  const int8_t *const end = input + inputs, *const last_word = input + (inputs & ~3u);
  int32_t sum = 0;
  for (; input < last_word; input += 4, weights += 4) {
    const uint32_t bytes = tinyml_load_word(input), factors = tinyml_load_word(weights);
    sum = tinyml_add_products(tinyml_widen_even(bytes), tinyml_widen_even(factors), sum);
    sum = tinyml_add_products(tinyml_widen_odd(bytes), tinyml_widen_odd(factors), sum);
  }
  for (; input < end; ++input) sum += *input * *weights++;
  return sum;
}

static void multiply_row(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  const uint32_t inputs = layer->inputs, outputs = layer->outputs;
  const int8_t *weights = layer->weights;
  const uint32_t eights = inputs / 8, rest = inputs % 8;
  for (uint32_t to = 0; to < outputs;) {
    int32_t sums[4];
    const uint32_t count = outputs - to < 4 || eights == 0 ? 1 : 4;
    if (count == 4) {
      sum_four(weights, input, eights, inputs, sums);
      for (uint32_t each = 0; rest > 0 && each < 4; ++each) {
        sums[each] += sum_one(weights + each * inputs + 8 * eights, input + 8 * eights, rest);
      }
    } else {
      sums[0] = sum_one(weights, input, inputs);
    }
    weights += count * inputs;
    for (uint32_t each = 0; each < count; ++each, ++to) {
      const uint32_t scale = layer->scales > 1 ? to : 0;
      tinyml_scaling scaling;
      tinyml_prepare_scaling(&scaling, layer->biases[to], layer->multipliers[scale], layer->shifts[scale],
                             layer->output_zero_point, inputs);
      output[to] = (int8_t)tinyml_scale(2 * sums[each] + scaling.doubled_bias, &scaling);
    }
  }
  tinyml_clamp_all(output, outputs, layer->low, layer->high);
}

#else

static void multiply_row(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  const TINYML_FLASH int8_t *weight = layer->weights;
  for (uint16_t to = 0; to < layer->outputs; ++to) {
    int32_t sum = layer->biases[to];
    for (uint16_t from = 0; from < layer->inputs; ++from) sum += (int32_t)input[from] * *weight++;
    const uint16_t scale = layer->scales > 1 ? to : 0;
    const int32_t scaled = tinyml_requantize(sum, layer->multipliers[scale], layer->shifts[scale]);
    *output++ = (int8_t)tinyml_clamp(scaled + layer->output_zero_point, layer->low, layer->high);
  }
}

#endif

void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  for (uint16_t batch = 0; batch < layer->batches; ++batch, input += layer->inputs, output += layer->outputs) {
    multiply_row(layer, input, output);
  }
}

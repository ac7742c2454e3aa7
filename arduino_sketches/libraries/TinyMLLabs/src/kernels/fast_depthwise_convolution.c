// DEPTHWISE_CONV_2D, four channels at a time: kernels of 3 by 3 two multiplications an instruction, others one.
//
// For 3 by 3, pairs of neighbouring columns of the four channels are taken out of the input, as 16-bit numbers and with
// the padding around, into two "strips" that take turns: words (x0, x1) in one and (x2, x3) in the other. A row of the
// kernel is then w0 x0 + w1 x1 (SMLAD) + w2 x2 for one place and w0 x1 + (w1 x2 + w2 x3) (SMLAD) for its neighbour.
// A channel's six weights stay in registers down the whole strip.
#include "fast_depthwise_convolution.h"

#if defined(TINYML_FAST_KERNELS)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#include "fast_scaling.h"

typedef struct {
  tinyml_scaling scaling;
  uint32_t left[3], right[3]; // of each row of the kernel, doubled: (w0, w1) and (w1, w2)
} channel_weights;

static void load_channel(const tinyml_convolution *layer, uint32_t channel, channel_weights *to) {
  const uint32_t channels = layer->output_channels, taps = (uint32_t)layer->kernel_height * layer->kernel_width;
  tinyml_prepare_scaling(&to->scaling, layer->biases[channel], layer->multipliers[channel], layer->shifts[channel],
                         layer->output_zero_point, taps);
  if (taps != 9) return;
  const int8_t *weight = layer->weights + channel;
  for (int row = 0; row < 3; ++row, weight += 3 * channels) {
    const uint32_t middle = (uint32_t)(2 * weight[channels]);
    to->left[row] = tinyml_pack_low((uint32_t)(2 * weight[0]), middle);
    to->right[row] = tinyml_pack_low(middle, (uint32_t)(2 * weight[2 * channels]));
  }
}

// Columns `left` and `left` + 1 of four channels, from row -pad_top on; a word a channel and row.
static void fill_strip(const tinyml_convolution *layer, const int8_t *input, int32_t left, uint32_t rows,
                       uint32_t *to) {
  const uint32_t outside = 0x01010101u * (uint8_t)layer->input_zero_point;
  const uint32_t outside_pair = 0x00010001u * (uint16_t)layer->input_zero_point;
  const uint32_t channels = layer->input_channels, row_bytes = layer->input_width * channels;
  const int inside = left >= 0 && left < layer->input_width, next_inside = left >= -1 && left + 1 < layer->input_width;
  const int8_t *first = inside ? input + (uint32_t)left * channels : (const int8_t *)&outside;
  const int8_t *second = next_inside ? input + (uint32_t)(left + 1) * channels : (const int8_t *)&outside;
  const uint32_t step = inside ? row_bytes : 0, next_step = next_inside ? row_bytes : 0;
  const uint32_t bottom = (uint32_t)layer->pad_top + layer->input_height;
  uint32_t *const end = to + 4 * rows, *const from_bottom = to + 4 * (rows < bottom ? rows : bottom);
  for (uint32_t *top = to + 4 * layer->pad_top; to < top && to < end;) *to++ = outside_pair;
  for (; to < from_bottom; to += 4, first += step, second += next_step) {
    const uint32_t bytes = tinyml_load_word(first), next = tinyml_load_word(second);
    const uint32_t even = tinyml_widen_even(bytes), next_even = tinyml_widen_even(next);
    const uint32_t odd = tinyml_widen_odd(bytes), next_odd = tinyml_widen_odd(next);
    to[0] = tinyml_pack_low(even, next_even);
    to[1] = tinyml_pack_low(odd, next_odd);
    to[2] = tinyml_pack_high(even, next_even);
    to[3] = tinyml_pack_high(odd, next_odd);
  }
  while (to < end) *to++ = outside_pair;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
// One channel down two strips. x01 and x23: r0, r1; the weights: r4 to r6 (left), r7 to r9 (right); to: r12.
#define ENTER                                                                             \
  "push {r4-r11, lr}\n"                                                                   \
  "ldm r3!, {r4-r7}\n"                                                                    \
  "push {r2, r4-r7}\n" /* sp: end, bias, multiplier, shift, addend; +56: to, both steps */ \
  "ldm r3, {r4-r9}\n"                                                                     \
  "ldr r12, [sp, #56]\n"                                                                  \
  "1: ldr r10, [sp, #4]\n"
#define LEAVE            \
  "ldr r2, [sp]\n"       \
  "cmp r0, r2\n"         \
  "bne 1b\n"             \
  "add sp, #20\n"        \
  "pop {r4-r11, pc}\n"
// tinyml_scale: r2 has the multiplier, r3 the shift.
#define SCALE(sum)                            \
  "ldr lr, [sp, #16]\n"                       \
  "add lr, lr, " sum ", asr #31\n"            \
  "smmlar " sum ", " sum ", r2, lr\n"         \
  "asr " sum ", " sum ", r3\n"                \
  "ssat " sum ", #8, " sum ", asr #1\n"

// Two neighbouring places a row: r10, r11. 12 instructions do 18 multiplications.
TINYML_ASSEMBLY static void run_down_pair(const uint32_t *x01, const uint32_t *x23, const uint32_t *x01_end,
                                          const channel_weights *weights, int8_t *to, uint32_t place_step,
                                          uint32_t row_step) {
#define ROW(left, right)             \
  "smlad r10, r2, " left ", r10\n"   \
  "smlatb r11, r2, " left ", r11\n"  \
  "smlabt r10, r3, " right ", r10\n" \
  "smlad r11, r3, " right ", r11\n"
  __asm volatile(
      ENTER
      "mov r11, r10\n"
      "ldr r2, [r0], #16\n ldr r3, [r1], #16\n" ROW("r4", "r7")
      "ldr r2, [r0]\n ldr r3, [r1]\n" ROW("r5", "r8")
      "ldr r2, [r0, #16]\n ldr r3, [r1, #16]\n" ROW("r6", "r9")
      "ldrd r2, r3, [sp, #8]\n"
      SCALE("r10") SCALE("r11")
      "ldrd r2, r3, [sp, #60]\n"
      "strb r10, [r12]\n"
      "strb r11, [r12, r2]\n"
      "add r12, r3\n"
      LEAVE);
#undef ROW
}

// One place a row: r10. A stride of 2, or the last column of an odd width.
TINYML_ASSEMBLY static void run_down_single(const uint32_t *x01, const uint32_t *x23, const uint32_t *x01_end,
                                            const channel_weights *weights, int8_t *to, uint32_t stride_bytes,
                                            uint32_t row_step) {
#define ROW(left, right)            \
  "smlad r10, r2, " left ", r10\n"  \
  "smlabt r10, r3, " right ", r10\n"
  __asm volatile(
      ENTER
      "ldr r2, [r0]\n ldr r3, [r1]\n" ROW("r4", "r7")
      "ldr r2, [r0, #16]\n ldr r3, [r1, #16]\n" ROW("r5", "r8")
      "ldr r2, [r0, #32]\n ldr r3, [r1, #32]\n" ROW("r6", "r9")
      "ldrd r2, r3, [sp, #8]\n"
      SCALE("r10")
      "ldrd r2, r3, [sp, #60]\n"
      "strb r10, [r12]\n"
      "add r0, r2\n"
      "add r1, r2\n"
      "add r12, r3\n"
      LEAVE);
#undef ROW
}
#undef ENTER
#undef LEAVE
#undef SCALE
#pragma GCC diagnostic pop

// The same as both, for a channel that tinyml_scale_the_long_way has to scale.
static void run_down_slowly(const uint32_t *x01, const uint32_t *x23, const uint32_t *x01_end,
                            const channel_weights *weights, int8_t *to, uint32_t place_step, uint32_t row_step,
                            uint32_t stride_words, int pair) {
  for (; x01 < x01_end; x01 += stride_words, x23 += stride_words, to += row_step) {
    int32_t sum = 0, next = 0;
    for (int row = 0; row < 3; ++row) {
      const uint32_t left = weights->left[row], right = weights->right[row];
      sum = tinyml_add_low_high(x23[4 * row], right, tinyml_add_products(x01[4 * row], left, sum));
      next = tinyml_add_products(x23[4 * row], right, tinyml_add_high_low(x01[4 * row], left, next));
    }
    to[0] = (int8_t)tinyml_scale_the_long_way(sum, &weights->scaling);
    if (pair) to[place_step] = (int8_t)tinyml_scale_the_long_way(next, &weights->scaling);
  }
}

static void convolve_3x3(const tinyml_convolution *layer, const int8_t *input, int8_t *output, uint32_t *strips) {
  const uint32_t channels = layer->output_channels, width = layer->output_width, height = layer->output_height;
  const uint32_t stride = 4u * layer->stride_height, row_step = width * channels; // stride: in words of a strip
  const uint32_t rows = (height - 1) * layer->stride_height + 3;
  const uint32_t places = layer->stride_width == 1 ? 2 : 1; // in a pair of columns
  for (uint32_t group = 0; group < channels; group += 4) {
    const uint32_t channel = group + 4 <= channels ? group : channels - 4;
    channel_weights weights[4];
    for (uint32_t each = 0; each < 4; ++each) load_channel(layer, channel + each, &weights[each]);
    uint32_t *x01 = strips, *x23 = strips + 4 * rows;
    int32_t left = -(int32_t)layer->pad_left;
    fill_strip(layer, input + channel, left, rows, x01);
    for (uint32_t x = 0; x < width; x += places) {
      left += 2;
      fill_strip(layer, input + channel, left, rows, x23);
      const int pair = places == 2 && x + 1 < width;
      int8_t *to = output + x * channels + channel;
      for (uint32_t each = 0; each < 4; ++each, ++to, ++x01, ++x23) {
        const uint32_t *const end = x01 + height * stride;
        if (weights[each].scaling.shift < 0) {
          run_down_slowly(x01, x23, end, &weights[each], to, channels, row_step, stride, pair);
        } else if (pair) {
          run_down_pair(x01, x23, end, &weights[each], to, channels, row_step);
        } else {
          run_down_single(x01, x23, end, &weights[each], to, 4 * stride, row_step);
        }
      }
      uint32_t *const free = x01 - 4;
      x01 = x23 - 4;
      x23 = free;
    }
  }
}

// Four channels at one place.
static void convolve_place(const tinyml_convolution *layer, const channel_weights *weights, const int8_t *input,
                           uint32_t channel, int32_t top, int32_t left, int8_t *to) {
  const int8_t outside[4] = {(int8_t)layer->input_zero_point, (int8_t)layer->input_zero_point,
                             (int8_t)layer->input_zero_point, (int8_t)layer->input_zero_point};
  const uint32_t channels = layer->output_channels, step = layer->dilation_width * channels;
  const uint32_t width = layer->input_width;
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const int8_t *weight = layer->weights + channel;
  int32_t y = top;
  for (uint32_t tap_y = 0; tap_y < layer->kernel_height; ++tap_y, y += layer->dilation_height) {
    const uint32_t width_here = y >= 0 && y < layer->input_height ? width : 0;
    const int8_t *from = input + (y * layer->input_width + left) * (int32_t)channels + (int32_t)channel;
    int32_t x = left;
    for (const int8_t *end = weight + layer->kernel_width * channels; weight < end; weight += channels) {
      const uint32_t bytes = tinyml_load_word((uint32_t)x < width_here ? from : outside);
      const uint32_t factors = tinyml_load_word(weight);
      const uint32_t even = tinyml_widen_even(bytes), odd = tinyml_widen_odd(bytes);
      const uint32_t even_factors = tinyml_widen_even(factors), odd_factors = tinyml_widen_odd(factors);
      sum0 = tinyml_add_low_low(even, even_factors, sum0);
      sum1 = tinyml_add_low_low(odd, odd_factors, sum1);
      sum2 = tinyml_add_high_high(even, even_factors, sum2);
      sum3 = tinyml_add_high_high(odd, odd_factors, sum3);
      x += layer->dilation_width;
      from += step;
    }
  }
  to[0] = (int8_t)tinyml_scale(2 * sum0 + weights[0].scaling.doubled_bias, &weights[0].scaling);
  to[1] = (int8_t)tinyml_scale(2 * sum1 + weights[1].scaling.doubled_bias, &weights[1].scaling);
  to[2] = (int8_t)tinyml_scale(2 * sum2 + weights[2].scaling.doubled_bias, &weights[2].scaling);
  to[3] = (int8_t)tinyml_scale(2 * sum3 + weights[3].scaling.doubled_bias, &weights[3].scaling);
}

static void convolve_any(const tinyml_convolution *layer, const int8_t *input, int8_t *output) {
  const uint32_t channels = layer->output_channels;
  for (uint32_t group = 0; group < channels; group += 4) {
    const uint32_t channel = group + 4 <= channels ? group : channels - 4;
    channel_weights weights[4];
    for (uint32_t each = 0; each < 4; ++each) load_channel(layer, channel + each, &weights[each]);
    int8_t *to = output + channel;
    for (uint32_t y = 0; y < layer->output_height; ++y) {
      const int32_t top = (int32_t)(y * layer->stride_height) - layer->pad_top;
      for (uint32_t x = 0; x < layer->output_width; ++x, to += channels) {
        const int32_t left = (int32_t)(x * layer->stride_width) - layer->pad_left;
        convolve_place(layer, weights, input, channel, top, left, to);
      }
    }
  }
}

int tinyml_depthwise_fast(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
  if (layer->depth_multiplier != 1 || layer->output_channels < 4) return 0;
  if (layer->kernel_height == 3 && layer->kernel_width == 3 && layer->dilation_height == 1 &&
      layer->dilation_width == 1 &&
      (layer->stride_width == 2 || (layer->stride_width == 1 && layer->stride_height == 1))) {
    convolve_3x3(layer, input, output, scratch);
  } else {
    convolve_any(layer, input, output);
  }
  tinyml_clamp_all(output, (size_t)layer->output_height * layer->output_width * layer->output_channels, layer->low,
                   layer->high);
  return 1;
}

#endif

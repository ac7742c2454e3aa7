// CONV_2D with two multiplications an instruction.
//
// Up to four places of the output at a time; their patches are widened once, and then meet the weights of two channels
// at a time. With TINYML_WEIGHTS_IN_PAIRS one load brings two taps of both channels, and half of the widening is saved:
// SMLAD with the word as it is sums first + 256 * second, from which the first channel's own sum, SMLAD with the word's
// even bytes, is taken away at the end.
#include "fast_convolution.h"

#if defined(TINYML_FAST_KERNELS)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#include "fast_scaling.h"
#include "patches.h"

// Patches as 16-bit numbers and doubled: a row of words for each two taps, with one word a place. Of each four taps 0 1
// 2 3 the first row holds 0 and 2, the second one 1 and 3. This does one place or two neighbouring ones, whose `taps`
// bytes, a multiple of 4, lie one after another.
static void widen_patches(const int8_t *from, uint32_t taps, uint32_t *to, uint32_t places, int two) {
  const int8_t *const end = from + taps;
  for (; two && from < end; from += 4, to += 2 * places) {
    const uint32_t bytes = tinyml_load_word(from), next_bytes = tinyml_load_word(from + taps);
    const uint32_t even = tinyml_widen_even(bytes), next_even = tinyml_widen_even(next_bytes);
    const uint32_t odd = tinyml_widen_odd(bytes), next_odd = tinyml_widen_odd(next_bytes);
    to[0] = tinyml_add_pairs(even, even);
    to[1] = tinyml_add_pairs(next_even, next_even);
    to[places] = tinyml_add_pairs(odd, odd);
    to[places + 1] = tinyml_add_pairs(next_odd, next_odd);
  }
  for (; from < end; from += 4, to += 2 * places) {
    const uint32_t bytes = tinyml_load_word(from), even = tinyml_widen_even(bytes), odd = tinyml_widen_odd(bytes);
    to[0] = tinyml_add_pairs(even, even);
    to[places] = tinyml_add_pairs(odd, odd);
  }
}

typedef struct {
  const tinyml_scaling *scalings;
  const int8_t *weights;
  uint32_t taps;            // a multiple of 4
  uint32_t output_channels; // also the bytes between two places of the output
  uint32_t paired;          // so many of the channels are in pairs
} work;

// For multiply_four.
__attribute__((used)) void tinyml_scale_four(int32_t *doubled_sums, const tinyml_scaling *scaling);
void tinyml_scale_four(int32_t *doubled_sums, const tinyml_scaling *scaling) {
  for (int i = 0; i < 4; ++i) doubled_sums[i] = tinyml_scale_the_long_way(doubled_sums[i], scaling);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
// Four places and all pairs of channels. Sums of the first channel are in r4 to r7, of both in r8 to r11; r0 walks over
// the patches, r1 over the weights. 12 instructions do 16 multiplications.
#define TWO_TAPS             \
  "ldr.w r12, [r1], #4\n"    \
  "ldrd r2, r3, [r0], #8\n"  \
  "sxtb16 lr, r12\n"         \
  "smlad r4, r2, lr, r4\n"   \
  "smlad r8, r2, r12, r8\n"  \
  "smlad r5, r3, lr, r5\n"   \
  "smlad r9, r3, r12, r9\n"  \
  "ldrd r2, r3, [r0], #8\n"  \
  "smlad r6, r2, lr, r6\n"   \
  "smlad r10, r2, r12, r10\n" \
  "smlad r7, r3, lr, r7\n"   \
  "smlad r11, r3, r12, r11\n"
// tinyml_scale: r2 has the multiplier, r3 the shift, lr the addend.
#define SCALE(sum)                          \
  "add r0, lr, " sum ", asr #31\n"          \
  "smmlar " sum ", " sum ", r2, r0\n"       \
  "asr " sum ", " sum ", r3\n"              \
  "ssat " sum ", #8, " sum ", asr #1\n"
#define SECOND_SUM(both, first)             \
  "sub " both ", " both ", " first "\n"     \
  "add " both ", r2, " both ", asr #8\n"
TINYML_ASSEMBLY static void multiply_four(const uint32_t *patches, const int8_t *weights, const uint32_t *patches_end,
                                          int8_t *output, const tinyml_scaling *scalings, uint32_t channels,
                                          const tinyml_scaling *scalings_end, uint32_t quads_to_skip) {
  __asm volatile(
      "push {r0, r2-r11, lr}\n" // sp: patches, +4: their end, +8: output; +48: scalings, +52: channels, +56, +60
      "1: ldr r12, [sp, #48]\n"
      "ldr r4, [r12]\n"
      "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r8, r4\n mov r9, r4\n mov r10, r4\n mov r11, r4\n"
      "ldr r12, [sp, #60]\n"
      "tbb [pc, r12]\n"
      "2: .byte (3f - 2b) / 2, (4f - 2b) / 2, (5f - 2b) / 2, (6f - 2b) / 2\n"
      "3:\n" TWO_TAPS TWO_TAPS
      "4:\n" TWO_TAPS TWO_TAPS
      "5:\n" TWO_TAPS TWO_TAPS
      "6:\n" TWO_TAPS TWO_TAPS
      "ldr r12, [sp, #4]\n"
      "cmp r0, r12\n"
      "bne 3b\n"
      "ldr r12, [sp, #48]\n"
      "ldr r2, [r12, #16]\n"
      SECOND_SUM("r8", "r4") SECOND_SUM("r9", "r5") SECOND_SUM("r10", "r6") SECOND_SUM("r11", "r7")
      "ldrd r2, r3, [r12, #4]\n"
      "ldr lr, [r12, #12]\n"
      "cmp r3, #0\n"
      "blt 7f\n"
      SCALE("r4") SCALE("r5") SCALE("r6") SCALE("r7")
      "8:\n"
      "ldrd r2, r3, [r12, #20]\n"
      "ldr lr, [r12, #28]\n"
      "cmp r3, #0\n"
      "blt 9f\n"
      SCALE("r8") SCALE("r9") SCALE("r10") SCALE("r11")
      "10:\n"
      "bfi r4, r8, #8, #8\n bfi r5, r9, #8, #8\n bfi r6, r10, #8, #8\n bfi r7, r11, #8, #8\n"
      "ldr r0, [sp, #8]\n"
      "ldr r2, [sp, #52]\n"
      "strh r4, [r0]\n"
      "strh r5, [r0, r2]\n"
      "add r3, r0, r2, lsl #1\n"
      "strh r6, [r3]\n"
      "strh r7, [r3, r2]\n"
      "adds r0, #2\n"
      "str r0, [sp, #8]\n"
      "ldr r2, [sp, #56]\n"
      "add r12, #32\n"
      "str r12, [sp, #48]\n"
      "ldr r0, [sp]\n"
      "cmp r12, r2\n"
      "bne 1b\n"
      "add sp, #12\n"
      "pop {r4-r11, pc}\n"
      "7: push {r1, r4-r7, r12}\n" // the long way
      "add r0, sp, #4\n"
      "mov r1, r12\n"
      "bl tinyml_scale_four\n"
      "pop {r1, r4-r7, r12}\n"
      "b 8b\n"
      "9: push {r1, r8-r12}\n"
      "add r0, sp, #4\n"
      "add r1, r12, #16\n"
      "bl tinyml_scale_four\n"
      "pop {r1, r8-r12}\n"
      "b 10b\n");
}
#undef TWO_TAPS
#undef SCALE
#undef SECOND_SUM
#pragma GCC diagnostic pop

// The same for up to three places.
TINYML_INLINE void multiply_pairs(const work *todo, const uint32_t *patches, int8_t *output, const uint32_t places) {
  const uint32_t *const patches_end = patches + places * todo->taps / 2;
  const int8_t *weights = todo->weights;
  const tinyml_scaling *scaling = todo->scalings;
  for (uint32_t left = todo->paired; left > 0; left -= 2, scaling += 2, output += 2) {
    int32_t a0 = scaling->doubled_bias, a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0;
#define TWO_TAPS(at)                                                                        \
  {                                                                                         \
    const uint32_t both = tinyml_load_word(weights + 4 * at), first = tinyml_widen_even(both); \
    a0 = tinyml_add_products(patch[at * places], first, a0);                                \
    b0 = tinyml_add_products(patch[at * places], both, b0);                                 \
    if (places > 1) a1 = tinyml_add_products(patch[at * places + 1], first, a1);            \
    if (places > 1) b1 = tinyml_add_products(patch[at * places + 1], both, b1);             \
    if (places > 2) a2 = tinyml_add_products(patch[at * places + 2], first, a2);            \
    if (places > 2) b2 = tinyml_add_products(patch[at * places + 2], both, b2);             \
  }
    for (const uint32_t *patch = patches; patch < patches_end; patch += 2 * places, weights += 8) {
      TWO_TAPS(0) TWO_TAPS(1)
    }
#undef TWO_TAPS
    int8_t *to = output;
#define STORE(place)                                                                                      \
  if (places > place) {                                                                                   \
    const int32_t second = (int32_t)((uint32_t)b##place - (uint32_t)a##place) >> 8;                       \
    to[0] = (int8_t)tinyml_scale(a##place, &scaling[0]);                         \
    to[1] = (int8_t)tinyml_scale(second + scaling[1].doubled_bias, &scaling[1]); \
    to += todo->output_channels;                                                                          \
  }
    STORE(0) STORE(1) STORE(2)
#undef STORE
  }
}

// One channel that lies as in the file, at one place of so many.
static int8_t multiply_one(const work *todo, const uint32_t *patch, uint32_t places, uint32_t channel) {
  const tinyml_scaling *scaling = todo->scalings + channel;
  const int8_t *weights = todo->weights + channel * todo->taps;
  int32_t sum = scaling->doubled_bias;
  for (const int8_t *end = weights + todo->taps; weights < end; weights += 4, patch += 2 * places) {
    const uint32_t bytes = tinyml_load_word(weights);
    sum = tinyml_add_products(patch[0], tinyml_widen_even(bytes), sum);
    sum = tinyml_add_products(patch[places], tinyml_widen_odd(bytes), sum);
  }
  return (int8_t)tinyml_scale(sum, scaling);
}

static void multiply_pairs_1(const work *todo, const uint32_t *patches, int8_t *output) {
  multiply_pairs(todo, patches, output, 1);
}

static void multiply_pairs_2(const work *todo, const uint32_t *patches, int8_t *output) {
  multiply_pairs(todo, patches, output, 2);
}

static void multiply_pairs_3(const work *todo, const uint32_t *patches, int8_t *output) {
  multiply_pairs(todo, patches, output, 3);
}

// All channels of up to four places.
static void multiply(const work *todo, const uint32_t *patches, int8_t *output, uint32_t places) {
  const uint32_t paired = todo->paired, channels = todo->output_channels, taps = todo->taps;
  if (paired > 0 && places == 4) {
    multiply_four(patches, todo->weights, patches + 2 * taps, output, todo->scalings, channels, todo->scalings + paired,
                  (4 - taps / 4 % 4) % 4);
  } else if (paired > 0) {
    (places == 3 ? multiply_pairs_3 : places == 2 ? multiply_pairs_2 : multiply_pairs_1)(todo, patches, output);
  }
  for (uint32_t channel = paired; channel < channels; ++channel) {
    for (uint32_t each = 0; each < places; ++each) {
      output[each * channels + channel] = multiply_one(todo, patches + each, places, channel);
    }
  }
}

int tinyml_convolution_fast(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
  const uint32_t taps = (uint32_t)layer->kernel_height * layer->kernel_width * layer->input_channels;
  const uint32_t whole_taps = (taps + 3) & ~(uint32_t)3;
  const uint32_t channels = layer->output_channels;
  const int in_pairs = layer->layout == TINYML_WEIGHTS_IN_PAIRS;
  if (!in_pairs && taps != whole_taps) return 0;

  tinyml_scaling *const scalings = scratch;
  for (uint32_t channel = 0; channel < channels; ++channel) {
    tinyml_prepare_scaling(&scalings[channel], layer->biases[channel], layer->multipliers[channel],
                           layer->shifts[channel], layer->output_zero_point, taps);
  }
  uint32_t *const patches = (uint32_t *)(scalings + channels);
  int8_t *const gathered = (int8_t *)(patches + 2 * whole_taps);
  const work todo = {scalings, layer->weights, whole_taps, channels, in_pairs ? channels & ~1u : 0};

  const uint32_t all_places = (uint32_t)layer->output_height * layer->output_width;
  const int is_input = taps == whole_taps && tinyml_patches_are_input(layer);
  uint16_t row = 0, column = 0;
  int8_t *to = output;
  for (uint32_t place = 0; place < all_places;) {
    const uint32_t places = all_places - place < 4 ? all_places - place : 4;
    for (uint32_t each = 0; each < places; each += 2) {
      const uint32_t last = each + 1 < places ? each + 1 : each;
      const int8_t *from = is_input ? input + (place + each) * taps : gathered;
      for (uint32_t next = each; !is_input && next <= last; ++next) {
        tinyml_gather_patch(layer, input, row, column, gathered + (next - each) * whole_taps);
        if (++column == layer->output_width) {
          column = 0;
          ++row;
        }
      }
      widen_patches(from, whole_taps, patches + each, places, last > each);
    }
    multiply(&todo, patches, to, places);
    place += places;
    to += places * channels;
  }
  tinyml_clamp_all(output, all_places * channels, layer->low, layer->high);
  return 1;
}

#endif

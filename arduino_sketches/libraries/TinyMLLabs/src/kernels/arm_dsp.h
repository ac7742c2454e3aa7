// Instructions of Cortex-M4, M7, M33 and their like that work on two 16-bit numbers at once, for the fast kernels.
#ifndef TINYML_KERNELS_ARM_DSP_H
#define TINYML_KERNELS_ARM_DSP_H

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(TINYML_PORTABLE_KERNELS)
#define TINYML_FAST_KERNELS 1

#include <stdint.h>
#include <stddef.h>

#define TINYML_INLINE static inline __attribute__((always_inline))

// A function of assembly alone; the compiler sees no use of what it gets, and must not conclude anything from that.
#if defined(__clang__)
#define TINYML_ASSEMBLY __attribute__((naked, noinline, used))
#else
#define TINYML_ASSEMBLY __attribute__((naked, noipa, used))
#endif

// Bytes 0 and 2, as 16-bit numbers with a sign.
TINYML_INLINE uint32_t tinyml_widen_even(uint32_t bytes) {
  uint32_t result;
  __asm("sxtb16 %0, %1" : "=r"(result) : "r"(bytes));
  return result;
}

// Bytes 1 and 3.
TINYML_INLINE uint32_t tinyml_widen_odd(uint32_t bytes) {
  uint32_t result;
  __asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(bytes));
  return result;
}

// Two sums.
TINYML_INLINE uint32_t tinyml_add_pairs(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm("sadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

// The low halves of two words.
TINYML_INLINE uint32_t tinyml_pack_low(uint32_t first, uint32_t second) {
  uint32_t result;
  __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(first), "r"(second));
  return result;
}

// The high halves of two words.
TINYML_INLINE uint32_t tinyml_pack_high(uint32_t first, uint32_t second) {
  uint32_t result;
  __asm("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(second), "r"(first));
  return result;
}

// sum + both products.
TINYML_INLINE int32_t tinyml_add_products(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

// sum + one product: of a's low half and b's high half, and so on.
#define TINYML_ADD_PRODUCT(name, instruction)                                             \
  TINYML_INLINE int32_t name(uint32_t a, uint32_t b, int32_t sum) {                       \
    int32_t result;                                                                       \
    __asm(instruction " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));       \
    return result;                                                                        \
  }
TINYML_ADD_PRODUCT(tinyml_add_low_low, "smlabb")
TINYML_ADD_PRODUCT(tinyml_add_low_high, "smlabt")
TINYML_ADD_PRODUCT(tinyml_add_high_low, "smlatb")
TINYML_ADD_PRODUCT(tinyml_add_high_high, "smlatt")

// addend + a * b / 2^32, rounded; halves go up.
TINYML_INLINE int32_t tinyml_multiply_high_add(int32_t a, int32_t b, int32_t addend) {
  int32_t result;
  __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
  return result;
}

// value / 2, rounded down, within -128 and 127.
TINYML_INLINE int32_t tinyml_halve_to_int8(int32_t value) {
  int32_t result;
  __asm("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(value));
  return result;
}

TINYML_INLINE uint32_t tinyml_load_word(const int8_t *at) { // which need not be aligned
  uint32_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return word;
}

#endif
#endif

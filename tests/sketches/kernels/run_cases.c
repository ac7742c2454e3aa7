// Runs each case with the kernels as they are and with the portable ones (portable_…), and tells a line for each:
// its name, wrong bytes of both, whether anything was written where it must not be, and ticks of both.
#include "layer_case.h"

#include <string.h>

void portable_convolution_s8(const tinyml_convolution *, const int8_t *, int8_t *, void *);
void portable_depthwise_convolution_s8(const tinyml_convolution *, const int8_t *, int8_t *, void *);
void portable_fully_connected_s8(const tinyml_fully_connected *, const int8_t *, int8_t *);

// For another implementation of portable_…, which may have to get ready while no clock runs.
__attribute__((weak)) void prepare(const layer_case *each) { (void)each; }

enum { GUARD_BYTES = 32, GUARD = 0x5A };
static int8_t input[1 << 17], output[1 << 17];
static uint32_t scratch[1 << 15];

static void say_number(uint32_t number) {
  char text[12] = {0};
  char *at = text + sizeof text - 1;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  say(" ");
  say(at);
}

static uint32_t run(const layer_case *each, int portable, uint32_t *wrong, uint32_t *overrun) {
  uint8_t *const workplace = (uint8_t *)scratch;
  int8_t *const to = output + GUARD_BYTES + (portable ? 0 : 1); // at an odd address, too
  memset(output, GUARD, each->output_bytes + 2 * GUARD_BYTES + 1);
  memset(workplace, GUARD, each->scratch_bytes + GUARD_BYTES);
  memcpy(input + 1, each->input, each->input_bytes);
  prepare(each);
  const uint32_t before = ticks();
  if (each->kind == CONVOLUTION) {
    (portable ? portable_convolution_s8 : tinyml_convolution_s8)(each->layer, input + 1, to, scratch);
  } else if (each->kind == DEPTHWISE_CONVOLUTION) {
    (portable ? portable_depthwise_convolution_s8 : tinyml_depthwise_convolution_s8)(each->layer, input + 1, to,
                                                                                     scratch);
  } else {
    (portable ? portable_fully_connected_s8 : tinyml_fully_connected_s8)(each->layer, input + 1, to);
  }
  const uint32_t taken = ticks() - before;
  for (uint32_t i = 0; i < each->output_bytes; ++i) *wrong += to[i] != each->expected[i];
  for (int i = 1; i <= GUARD_BYTES; ++i) *overrun += to[-i] != GUARD;
  for (int i = 0; i < GUARD_BYTES; ++i) *overrun += to[each->output_bytes + (uint32_t)i] != GUARD;
  for (int i = 0; i < GUARD_BYTES; ++i) *overrun += workplace[each->scratch_bytes + (uint32_t)i] != GUARD;
  *overrun += memcmp(input + 1, each->input, each->input_bytes) != 0;
  return taken;
}

int main(void) {
  for (const layer_case *each = layer_cases; each < layer_cases + layer_case_count; ++each) {
    uint32_t wrong = 0, wrong_portable = 0, overrun = 0;
    const uint32_t taken = run(each, 0, &wrong, &overrun);
    const uint32_t taken_portable = run(each, 1, &wrong_portable, &overrun);
    say(each->name);
    say_number(wrong);
    say_number(wrong_portable);
    say_number(overrun);
    say_number(taken);
    say_number(taken_portable);
    say("\n");
  }
  return 0;
}

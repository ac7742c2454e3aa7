// A layer, what goes in, and what has to come out.
#ifndef LAYER_CASE_H
#define LAYER_CASE_H

#include <stdint.h>
#include <kernels/convolution.h>
#include <kernels/fully_connected.h>

enum { CONVOLUTION, DEPTHWISE_CONVOLUTION, FULLY_CONNECTED };

typedef struct {
  const char *name;
  int kind;
  const void *layer;
  const int8_t *input, *expected;
  uint32_t input_bytes, output_bytes, scratch_bytes;
} layer_case;

extern const layer_case layer_cases[];
extern const uint32_t layer_case_count;

void prepare(const layer_case *each);
void say(const char *text);
uint32_t ticks(void);

#endif

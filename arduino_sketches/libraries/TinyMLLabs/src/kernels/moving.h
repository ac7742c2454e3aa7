// Values that only change their places, of any type: PAD, CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE.
#ifndef TINYML_KERNELS_MOVING_H
#define TINYML_KERNELS_MOVING_H

#include <stdint.h>

// A block of values goes from one array to another. All steps are in bytes, and may be negative.
typedef struct {
  uint32_t counts[4];     // runs along four sides, the outermost first
  int32_t from_steps[4], to_steps[4];
  uint32_t run_bytes;     // bytes that lie side by side in both
} tinyml_move;

void tinyml_move_block(const tinyml_move *layer, const void *from, void *to);

#endif

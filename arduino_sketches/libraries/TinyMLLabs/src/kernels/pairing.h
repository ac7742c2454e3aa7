// How the values of two inputs meet in ADD, SUB and MUL, with broadcasting.
#ifndef TINYML_KERNELS_PAIRING_H
#define TINYML_KERNELS_PAIRING_H

#include <stdint.h>

// Sides of the output, the outermost first. Sides that both inputs run through alike are counted as one, so that inputs
// of one shape have one side.
typedef struct {
  uint32_t counts[4];
  uint32_t first_steps[4], second_steps[4]; // from one value to the next along a side; 0 where an input is broadcast
} tinyml_pairing;

#endif

// Runs a compiled model once, and again, between two functions that the emulator waits for.
#include "profiled_model.h"

extern "C" {
void* model_inputs[PROFILED_MODEL_INPUTS];
const void* model_outputs[PROFILED_MODEL_OUTPUTS];
__attribute__((noinline)) void inputs_wanted() { __asm volatile("" ::: "memory"); }
__attribute__((noinline)) void outputs_ready() { __asm volatile("" ::: "memory"); }
}

void setup() {
  for (uint8_t k = 0; k < PROFILED_MODEL_INPUTS; k++) model_inputs[k] = profiled_model_input(k);
  for (uint8_t k = 0; k < PROFILED_MODEL_OUTPUTS; k++) model_outputs[k] = profiled_model_output(k);
}

void loop() {
  inputs_wanted();
  profiled_model_invoke();
  outputs_ready();
}

// Made by tinyml_labs.compiler from 2,368 bytes of .tflite; SHA-256 d8cff12d06eca868…: do not change it by hand.
#ifndef RUNNER_MODEL_H
#define RUNNER_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define RUNNER_MODEL_ARENA_BYTES 32u
#define RUNNER_MODEL_LAYERS 3u
#define RUNNER_MODEL_INPUTS 1u
#define RUNNER_MODEL_OUTPUTS 1u

#define RUNNER_MODEL_INPUT_TYPE int8_t
#define RUNNER_MODEL_INPUT_BYTES 1u
#define RUNNER_MODEL_INPUT_SCALE 0.0246290341f
#define RUNNER_MODEL_INPUT_ZERO_POINT (-128)
#define RUNNER_MODEL_INPUT_RANK 2u
#define RUNNER_MODEL_INPUT_SHAPE {1, 1}

#define RUNNER_MODEL_OUTPUT_TYPE int8_t
#define RUNNER_MODEL_OUTPUT_BYTES 1u
#define RUNNER_MODEL_OUTPUT_SCALE 0.00794227608f
#define RUNNER_MODEL_OUTPUT_ZERO_POINT 0
#define RUNNER_MODEL_OUTPUT_RANK 2u
#define RUNNER_MODEL_OUTPUT_SHAPE {1, 1}

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t runner_model_sha256[32]; // of the .tflite file

// Where an input belongs; it has to be written before every inference.
void *runner_model_input(uint8_t index);
// What the last inference gave; valid until an input is written.
const void *runner_model_output(uint8_t index);
void runner_model_invoke(void);

#if defined(RUNNER_MODEL_TAPS) || defined(TINYML_TAPS)
// Called after each layer, once for each of its outputs, with what the layer gave.
typedef void (*runner_model_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);
void runner_model_invoke_with_taps(runner_model_tap tap, void *context);
#endif

#ifdef __cplusplus
}
#endif

#endif

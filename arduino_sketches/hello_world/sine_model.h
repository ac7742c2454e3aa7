// Made by tinyml_labs.compiler from 2,368 bytes of .tflite; SHA-256 d8cff12d06eca868…: do not change it by hand.
#ifndef SINE_MODEL_H
#define SINE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define SINE_MODEL_ARENA_BYTES 32u
#define SINE_MODEL_LAYERS 3u
#define SINE_MODEL_INPUTS 1u
#define SINE_MODEL_OUTPUTS 1u

#define SINE_MODEL_INPUT_TYPE int8_t
#define SINE_MODEL_INPUT_BYTES 1u
#define SINE_MODEL_INPUT_SCALE 0.0246290341f
#define SINE_MODEL_INPUT_ZERO_POINT (-128)
#define SINE_MODEL_INPUT_RANK 2u
#define SINE_MODEL_INPUT_SHAPE {1, 1}

#define SINE_MODEL_OUTPUT_TYPE int8_t
#define SINE_MODEL_OUTPUT_BYTES 1u
#define SINE_MODEL_OUTPUT_SCALE 0.00794227608f
#define SINE_MODEL_OUTPUT_ZERO_POINT 0
#define SINE_MODEL_OUTPUT_RANK 2u
#define SINE_MODEL_OUTPUT_SHAPE {1, 1}

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t sine_model_sha256[32]; // of the .tflite file

// Where an input belongs; it has to be written before every inference.
void *sine_model_input(uint8_t index);
// What the last inference gave; valid until an input is written.
const void *sine_model_output(uint8_t index);
void sine_model_invoke(void);

#if defined(SINE_MODEL_TAPS) || defined(TINYML_TAPS)
// Called after each layer, once for each of its outputs, with what the layer gave.
typedef void (*sine_model_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);
void sine_model_invoke_with_taps(sine_model_tap tap, void *context);
#endif

#ifdef __cplusplus
}
#endif

#endif

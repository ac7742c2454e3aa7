// Made by tinyml_labs.compiler from 19,040 bytes of .tflite; SHA-256 533ffb855054eede…: do not change it by hand.
#ifndef GESTURE_MODEL_H
#define GESTURE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define GESTURE_MODEL_ARENA_BYTES 176u
#define GESTURE_MODEL_LAYERS 4u
#define GESTURE_MODEL_INPUTS 1u
#define GESTURE_MODEL_OUTPUTS 1u

#define GESTURE_MODEL_INPUT_TYPE int8_t
#define GESTURE_MODEL_INPUT_BYTES 38u
#define GESTURE_MODEL_INPUT_SCALE 0.0313725509f
#define GESTURE_MODEL_INPUT_ZERO_POINT (-1)
#define GESTURE_MODEL_INPUT_RANK 2u
#define GESTURE_MODEL_INPUT_SHAPE {1, 38}

#define GESTURE_MODEL_OUTPUT_TYPE int8_t
#define GESTURE_MODEL_OUTPUT_BYTES 11u
#define GESTURE_MODEL_OUTPUT_SCALE 0.00390625f
#define GESTURE_MODEL_OUTPUT_ZERO_POINT (-128)
#define GESTURE_MODEL_OUTPUT_RANK 2u
#define GESTURE_MODEL_OUTPUT_SHAPE {1, 11}

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t gesture_model_sha256[32]; // of the .tflite file

// Where an input belongs; it has to be written before every inference.
void *gesture_model_input(uint8_t index);
// What the last inference gave; valid until an input is written.
const void *gesture_model_output(uint8_t index);
void gesture_model_invoke(void);

#if defined(GESTURE_MODEL_TAPS) || defined(TINYML_TAPS)
// Called after each layer, once for each of its outputs, with what the layer gave.
typedef void (*gesture_model_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);
void gesture_model_invoke_with_taps(gesture_model_tap tap, void *context);
#endif

#ifdef __cplusplus
}
#endif

#endif

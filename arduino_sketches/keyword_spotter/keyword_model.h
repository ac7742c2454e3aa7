// Made by tinyml_labs.compiler from 39,544 bytes of .tflite; SHA-256 9c7666678421d83b…: do not change it by hand.
#ifndef KEYWORD_MODEL_H
#define KEYWORD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define KEYWORD_MODEL_ARENA_BYTES 18308u
#define KEYWORD_MODEL_LAYERS 12u
#define KEYWORD_MODEL_INPUTS 1u
#define KEYWORD_MODEL_OUTPUTS 1u

#define KEYWORD_MODEL_INPUT_TYPE int8_t
#define KEYWORD_MODEL_INPUT_BYTES 1960u
#define KEYWORD_MODEL_INPUT_SCALE 0.101868875f
#define KEYWORD_MODEL_INPUT_ZERO_POINT (-128)
#define KEYWORD_MODEL_INPUT_RANK 4u
#define KEYWORD_MODEL_INPUT_SHAPE {1, 49, 40, 1}

#define KEYWORD_MODEL_OUTPUT_TYPE int8_t
#define KEYWORD_MODEL_OUTPUT_BYTES 4u
#define KEYWORD_MODEL_OUTPUT_SCALE 0.00390625f
#define KEYWORD_MODEL_OUTPUT_ZERO_POINT (-128)
#define KEYWORD_MODEL_OUTPUT_RANK 2u
#define KEYWORD_MODEL_OUTPUT_SHAPE {1, 4}

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t keyword_model_sha256[32]; // of the .tflite file

// Where an input belongs; it has to be written before every inference.
void *keyword_model_input(uint8_t index);
// What the last inference gave; valid until an input is written.
const void *keyword_model_output(uint8_t index);
void keyword_model_invoke(void);

#if defined(KEYWORD_MODEL_TAPS) || defined(TINYML_TAPS)
// Called after each layer, once for each of its outputs, with what the layer gave.
typedef void (*keyword_model_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);
void keyword_model_invoke_with_taps(keyword_model_tap tap, void *context);
#endif

#ifdef __cplusplus
}
#endif

#endif

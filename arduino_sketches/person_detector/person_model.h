// Made by tinyml_labs.compiler from 242,792 bytes of .tflite; SHA-256 eceeeab2d8638e4d…: do not change it by hand.
#ifndef PERSON_MODEL_H
#define PERSON_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define PERSON_MODEL_ARENA_BYTES 55636u
#define PERSON_MODEL_LAYERS 30u
#define PERSON_MODEL_INPUTS 1u
#define PERSON_MODEL_OUTPUTS 1u

#define PERSON_MODEL_INPUT_TYPE int8_t
#define PERSON_MODEL_INPUT_BYTES 9216u
#define PERSON_MODEL_INPUT_SCALE 1.0f
#define PERSON_MODEL_INPUT_ZERO_POINT (-128)
#define PERSON_MODEL_INPUT_RANK 4u
#define PERSON_MODEL_INPUT_SHAPE {1, 96, 96, 1}

#define PERSON_MODEL_OUTPUT_TYPE int8_t
#define PERSON_MODEL_OUTPUT_BYTES 2u
#define PERSON_MODEL_OUTPUT_SCALE 0.00390625f
#define PERSON_MODEL_OUTPUT_ZERO_POINT (-128)
#define PERSON_MODEL_OUTPUT_RANK 2u
#define PERSON_MODEL_OUTPUT_SHAPE {1, 2}

#ifdef __cplusplus
extern "C" {
#endif

extern const uint8_t person_model_sha256[32]; // of the .tflite file

// Where an input belongs; it has to be written before every inference.
void *person_model_input(uint8_t index);
// What the last inference gave; valid until an input is written.
const void *person_model_output(uint8_t index);
void person_model_invoke(void);

#if defined(PERSON_MODEL_TAPS) || defined(TINYML_TAPS)
// Called after each layer, once for each of its outputs, with what the layer gave.
typedef void (*person_model_tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);
void person_model_invoke_with_taps(person_model_tap tap, void *context);
#endif

#ifdef __cplusplus
}
#endif

#endif

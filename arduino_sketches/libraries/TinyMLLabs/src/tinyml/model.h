// A model as the server sees it, whatever runs it: TensorFlow Lite Micro, generated C, or your own code.
#ifndef TINYML_MODEL_H
#define TINYML_MODEL_H

#include "descriptions.h"

namespace tinyml {

// Microseconds since the start; Arduino's micros() is one.
typedef unsigned long (*Clock)();

// Called behind each layer with the bytes that it gave, while they are there.
typedef void (*LayerTap)(void* context, uint16_t layer, const void* values, uint32_t bytes);

// How a model shows its layers, if it was compiled so that it can.
struct LayerTaps {
  uint16_t layers;
  void (*invoke)(LayerTap tap, void* context);  // Model::invoke, with a tap
};

struct Model {
  const uint8_t* sha256;  // of the .tflite file, 32 bytes: by it the host knows the model
  uint32_t arena_bytes;
  const TensorLayout* inputs;
  uint8_t input_count;
  const TensorLayout* outputs;
  uint8_t output_count;
  // Where the input belongs: all input tensors, one behind the other, little endian. It is to be written before each
  // invoke, which may use its place for something else.
  uint8_t* input;
  size_t input_bytes;
  const uint8_t* output;  // where the output is after invoke, until the input is written again
  size_t output_bytes;
  const char* (*invoke)(void* context);  // nullptr if it went well, or else what went wrong
  void* context;
  const LayerTaps* taps;  // nullptr: it does not show its layers
};

}  // namespace tinyml

#endif

// A model as the server sees it, whatever runs it: TensorFlow Lite Micro, generated C, or your own code.
#ifndef TINYML_MODEL_H
#define TINYML_MODEL_H

#include "descriptions.h"

namespace tinyml {

// Microseconds since the start; Arduino's micros() is one.
typedef unsigned long (*Clock)();

struct Model {
  const uint8_t* sha256;  // of the .tflite file, 32 bytes: by it the host knows the model
  uint32_t arena_bytes;
  const TensorLayout* inputs;
  uint8_t input_count;
  const TensorLayout* outputs;
  uint8_t output_count;
  uint8_t* input;  // where the input belongs: all input tensors, one behind the other, little endian
  size_t input_bytes;
  const uint8_t* output;  // where the output is after invoke
  size_t output_bytes;
  const char* (*invoke)(void* context);  // nullptr if it went well, or else what went wrong
  void* context;
};

}  // namespace tinyml

#endif

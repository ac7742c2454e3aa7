// A dense layer in int8, computed as TensorFlow Lite Micro computes it: the same bytes on every board.
#ifndef TINYML_FULLY_CONNECTED_H
#define TINYML_FULLY_CONNECTED_H

#include "fixed_point.h"
#include "flash.h"

namespace tinyml {

struct FullyConnected {
  const int8_t* weights;       // (outputs, inputs), as all arrays in flash
  const int32_t* biases;       // one an output
  const int32_t* multipliers;  // input scale * weight scale / output scale = multiplier / 2^31 * 2^shift
  const int8_t* shifts;
  uint16_t inputs;
  uint16_t outputs;
  uint16_t scales;  // multipliers there are: 1 (quantized per tensor), or one an output (per channel)
  int16_t input_zero_point;
  int16_t output_zero_point;
  int8_t low;  // what the activation lets through: ReLU is low = output_zero_point
  int8_t high;
};

inline void run_fully_connected(const FullyConnected& layer, const int8_t* input, int8_t* output) {
  const int8_t* weight = layer.weights;
  for (uint16_t k = 0; k < layer.outputs; ++k) {
    int32_t sum = flash_i32(layer.biases + k);
    for (uint16_t i = 0; i < layer.inputs; ++i) {
      sum += static_cast<int32_t>(input[i] - layer.input_zero_point) * flash_i8(weight++);
    }
    const uint16_t scale = layer.scales == 1 ? 0 : k;
    const int32_t multiplier = flash_i32(layer.multipliers + scale);
    int32_t value = requantize(sum, multiplier, flash_i8(layer.shifts + scale));
    value += layer.output_zero_point;
    output[k] = static_cast<int8_t>(value < layer.low ? layer.low : value > layer.high ? layer.high : value);
  }
}

}  // namespace tinyml

#endif

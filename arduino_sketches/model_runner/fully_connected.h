// A dense layer in int8, computed as TensorFlow Lite Micro computes it: the same bytes on every board.
//
// Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018:
// a sum of products in 32 bits, times a real number that is a 32-bit fraction and a shift, rounded twice.
#ifndef FULLY_CONNECTED_H
#define FULLY_CONNECTED_H

#include <TinyMLLabs.h>

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

// Half of a * b / 2^30, rounded.
inline int32_t rounding_doubling_high_multiply(int32_t a, int32_t b) {
  const int64_t product = static_cast<int64_t>(a) * b;
  const int64_t nudge = product >= 0 ? (1LL << 30) : 1 - (1LL << 30);
  return static_cast<int32_t>((product + nudge) / (1LL << 31));
}

// value / 2^exponent, rounded; halves go away from zero.
inline int32_t rounding_divide_by_power_of_two(int32_t value, uint8_t exponent) {
  const int32_t mask = static_cast<int32_t>((1u << exponent) - 1u);
  const int32_t rest = value & mask;
  return (value >> exponent) + (rest > (mask >> 1) + (value < 0 ? 1 : 0) ? 1 : 0);
}

inline int32_t requantize(int32_t value, int32_t multiplier, int8_t shift) {
  const uint32_t shifted = static_cast<uint32_t>(value) << (shift > 0 ? shift : 0);
  const int32_t product = rounding_doubling_high_multiply(static_cast<int32_t>(shifted), multiplier);
  return rounding_divide_by_power_of_two(product, static_cast<uint8_t>(shift > 0 ? 0 : -shift));
}

inline void run_fully_connected(const FullyConnected& layer, const int8_t* input, int8_t* output) {
  const int8_t* weight = layer.weights;
  for (uint16_t k = 0; k < layer.outputs; ++k) {
    int32_t sum = tinyml::flash_i32(layer.biases + k);
    for (uint16_t i = 0; i < layer.inputs; ++i) {
      sum += static_cast<int32_t>(input[i] - layer.input_zero_point) * tinyml::flash_i8(weight++);
    }
    const uint16_t scale = layer.scales == 1 ? 0 : k;
    const int32_t multiplier = tinyml::flash_i32(layer.multipliers + scale);
    int32_t value = requantize(sum, multiplier, tinyml::flash_i8(layer.shifts + scale));
    value += layer.output_zero_point;
    output[k] = static_cast<int8_t>(value < layer.low ? layer.low : value > layer.high ? layer.high : value);
  }
}

#endif

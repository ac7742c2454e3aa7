// Real values to a model's int8 input: the same bytes as tinyml_labs.inference.quantize and TensorFlow Lite Micro.
#ifndef TINYML_QUANTIZATION_H
#define TINYML_QUANTIZATION_H

#include <stdint.h>

namespace tinyml {

// round(real / scale) + zero_point: a tie goes away from zero, and what does not fit saturates instead of wrapping. Scale
// is above 0 and the zero point is itself an int8, as in every model. NaN, which Python refuses, becomes -128.
inline int8_t quantize(float real, float scale, int32_t zero_point) {
  const float steps = real / scale;
  if (!(steps > -256.0f)) return INT8_MIN;
  if (steps >= 256.0f) return INT8_MAX;
  int32_t value = static_cast<int32_t>(steps);  // towards zero
  const float rest = steps - static_cast<float>(value);
  if (rest >= 0.5f) ++value;  // (steps + 0.5f would round 0.49999997f up: the sum is rounded first)
  if (rest <= -0.5f) --value;
  value += zero_point;
  return static_cast<int8_t>(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
}

}  // namespace tinyml

#endif

// What a fused activation lets through, on float32; without one its bounds are the largest numbers there are.
#ifndef TINYML_KERNELS_CLAMP_F32_H
#define TINYML_KERNELS_CLAMP_F32_H

static inline float tinyml_clamp_float(float value, float low, float high) {
  const float raised = value < low ? low : value;
  return high < raised ? high : raised;
}

#endif

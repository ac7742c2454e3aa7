// CMSIS-NN as portable_…, for benchmarks/kernels.py: the cases need weights and biases as in the file.
#include <arm_nnfunctions.h>

#include "layer_case.h"

static int32_t multipliers[1024], shifts[1024];
static int8_t buffer[1 << 16];
static const cmsis_nn_context context = {buffer, sizeof buffer};

void prepare(const layer_case *each) {
  const tinyml_convolution *convolution = each->layer;
  const tinyml_fully_connected *dense = each->layer;
  const int is_dense = each->kind == FULLY_CONNECTED;
  const int count = is_dense ? dense->scales : convolution->output_channels;
  for (int i = 0; i < count; ++i) {
    multipliers[i] = (is_dense ? dense->multipliers : convolution->multipliers)[i];
    shifts[i] = (is_dense ? dense->shifts : convolution->shifts)[i];
  }
}

#define DIMENSIONS(layer)                                                                                      \
  const cmsis_nn_per_channel_quant_params scales = {multipliers, shifts};                                      \
  const cmsis_nn_dims from = {1, layer->input_height, layer->input_width, layer->input_channels};              \
  const cmsis_nn_dims kernel = {layer->output_channels, layer->kernel_height, layer->kernel_width,             \
                                layer->input_channels};                                                        \
  const cmsis_nn_dims bias = {1, 1, 1, layer->output_channels};                                                \
  const cmsis_nn_dims to = {1, layer->output_height, layer->output_width, layer->output_channels};
#define TILES(layer)                                                                                            \
  {layer->stride_width, layer->stride_height}, {layer->pad_left, layer->pad_top},                               \
  {layer->dilation_width, layer->dilation_height}, {layer->low, layer->high}

void portable_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output, void *scratch) {
  (void)scratch;
  DIMENSIONS(layer)
  const cmsis_nn_conv_params settings = {-layer->input_zero_point, layer->output_zero_point, TILES(layer)};
  arm_convolve_wrapper_s8(&context, &settings, &scales, &from, input, &kernel, layer->weights, &bias, layer->biases,
                          &to, output);
}

void portable_depthwise_convolution_s8(const tinyml_convolution *layer, const int8_t *input, int8_t *output,
                                       void *scratch) {
  (void)scratch;
  DIMENSIONS(layer)
  const cmsis_nn_dw_conv_params settings = {-layer->input_zero_point, layer->output_zero_point,
                                            layer->depth_multiplier, TILES(layer)};
  arm_depthwise_conv_wrapper_s8(&context, &settings, &scales, &from, input, &kernel, layer->weights, &bias,
                                layer->biases, &to, output);
}

void portable_fully_connected_s8(const tinyml_fully_connected *layer, const int8_t *input, int8_t *output) {
  const cmsis_nn_activation bounds = {layer->low, layer->high};
  const cmsis_nn_fc_params settings = {-layer->input_zero_point, 0, layer->output_zero_point, bounds};
  const cmsis_nn_per_tensor_quant_params scale = {multipliers[0], shifts[0]};
  const cmsis_nn_dims from = {layer->batches, 1, 1, layer->inputs}, kernel = {layer->inputs, 1, 1, layer->outputs};
  const cmsis_nn_dims bias = {1, 1, 1, layer->outputs}, to = {layer->batches, 1, 1, layer->outputs};
  arm_fully_connected_s8(&context, &settings, &scale, &from, input, &kernel, layer->weights, &bias, layer->biases,
                         &to, output);
}

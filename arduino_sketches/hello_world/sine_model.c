// Made by tinyml_labs.compiler from 2,368 bytes of .tflite; SHA-256 d8cff12d06eca868…: do not change it by hand.
#include "sine_model.h"

#include <kernels/flash.h>
#include <kernels/fully_connected.h>

const uint8_t sine_model_sha256[32] = {
    0xd8, 0xcf, 0xf1, 0x2d, 0x06, 0xec, 0xa8, 0x68, 0x98, 0x9a, 0xcc, 0x48, 0xfd, 0x3b, 0x09, 0x67,
    0x55, 0x7d, 0x6b, 0xfe, 0x7a, 0xa9, 0x07, 0x4f, 0x5c, 0x79, 0x91, 0x09, 0xf8, 0x22, 0x95, 0x5a,
};

// Tensors that are never needed together share these bytes.
static uint8_t arena[32] __attribute__((aligned(16)));

// Constants of layer 0, FULLY_CONNECTED 'hidden_1'
static const TINYML_FLASH int8_t layer0_weights[16] = { // 16×1
    75, -10, -70, -27, -63, -14, -40, 87, -116, 44, -127, -5, -1, -70, 70, -29,
};
static const TINYML_FLASH int32_t layer0_biases[16] = { // less zero point * sum of weights
    7148, -1280, 3875, -3456, -8064, -1792, -5120, 7131, -14848, 5980, -16256, -640, -128, -8960,
    11729, -3712,
};
static const TINYML_FLASH int32_t layer0_multipliers[1] = {
    1694889721,
};
static const TINYML_FLASH int8_t layer0_shifts[1] = {
    -6,
};

// Constants of layer 1, FULLY_CONNECTED 'hidden_2'
static const TINYML_FLASH int8_t layer1_weights[256] = { // 16×16
    12, -1, -95, -26, 18, -23, 10, -36, -3, 7, -1, -7, -32, -3, 25, -11, 26, -11, 42, 4, -7, 27, -2,
    12, -10, 6, -34, 7, -13, 9, 4, 35, -22, -4, 127, -5, -6, 24, -7, -59, 12, -1, -6, 26, -12, -21,
    -14, -26, 16, 15, 0, -11, 30, -23, -2, -16, 3, -31, -14, 28, -30, 0, -36, 12, -20, 0, -43, 18,
    25, -18, 3, -29, 5, -38, 23, -23, -33, 34, 23, 18, 0, -28, 71, -24, -37, -28, -6, 100, 27, -81,
    11, 14, 24, -9, -100, -33, 11, 20, -51, 29, 32, 30, -10, 6, 20, 5, -25, 30, -33, -10, -4, 9, -8,
    26, -52, 2, -1, 16, -34, -14, 5, -35, -9, -2, -19, 24, -6, -35, 37, -3, -13, 9, -26, 24, -20,
    -11, -7, -17, 3, 32, -6, -13, -29, -14, 4, -10, 66, -11, 36, 4, -14, -8, 2, 26, -24, 7, -25, 16,
    32, 22, -14, 33, 60, -22, 15, -11, -2, 21, -21, 20, -32, 25, 5, 16, 10, -12, -55, -19, -16, -37,
    -2, -21, 6, -25, 25, -5, 23, -33, 32, -2, 0, 9, 8, 4, -95, -11, 9, -4, -26, -14, -27, 5, 11,
    -11, -15, -19, 26, 12, 3, 28, -28, -6, -5, 5, 21, 21, -32, -27, 31, 18, -12, -13, -32, 14, -2,
    35, 18, -25, 9, 25, -37, 29, -19, 13, 0, 5, -31, -17, -23, 14, 43, 10, 33, 37, -25, -2, 21, 76,
    -16, -14, -5, 13, 27, -30, -15, 27,
};
static const TINYML_FLASH int32_t layer1_biases[16] = { // less zero point * sum of weights
    -16595, 8921, 9130, -8862, -8489, -9084, 11088, -19765, -6912, 12320, 6039, -17255, -14498,
    -1792, -281, 8251,
};
static const TINYML_FLASH int32_t layer1_multipliers[1] = {
    1252830555,
};
static const TINYML_FLASH int8_t layer1_shifts[1] = {
    -6,
};

// Constants of layer 2, FULLY_CONNECTED 'y'
static const TINYML_FLASH int8_t layer2_weights[16] = { // 1×16
    -50, 54, 43, 24, -20, -127, -24, -33, 2, 34, 22, -18, -46, -31, 6, 93,
};
static const TINYML_FLASH int32_t layer2_biases[1] = { // less zero point * sum of weights
    -12049,
};
static const TINYML_FLASH int32_t layer2_multipliers[1] = {
    1156790058,
};
static const TINYML_FLASH int8_t layer2_shifts[1] = {
    -5,
};

// Layer 0, FULLY_CONNECTED 'hidden_1'
//   from int8 1×1, scale 0.0246290341, zero point -128
//   to int8 1×16, scale 0.00933419727, zero point -128
static void layer0_fully_connected(void) {
  static const tinyml_fully_connected settings = {
      .weights = layer0_weights, .biases = layer0_biases, .multipliers = layer0_multipliers,
      .shifts = layer0_shifts, .batches = 1, .inputs = 1, .outputs = 16, .scales = 1,
      .input_zero_point = -128, .output_zero_point = -128, .low = -128, .high = 127,
  };
  tinyml_fully_connected_s8(&settings, (const int8_t *)(arena + 16), (int8_t *)(arena + 0));
}

// Layer 1, FULLY_CONNECTED 'hidden_2'
//   from int8 1×16, scale 0.00933419727, zero point -128
//   to int8 1×16, scale 0.0118599031, zero point -128
static void layer1_fully_connected(void) {
  static const tinyml_fully_connected settings = {
      .weights = layer1_weights, .biases = layer1_biases, .multipliers = layer1_multipliers,
      .shifts = layer1_shifts, .batches = 1, .inputs = 16, .outputs = 16, .scales = 1,
      .input_zero_point = -128, .output_zero_point = -128, .low = -128, .high = 127,
  };
  tinyml_fully_connected_s8(&settings, (const int8_t *)(arena + 0), (int8_t *)(arena + 16));
}

// Layer 2, FULLY_CONNECTED 'y'
//   from int8 1×16, scale 0.0118599031, zero point -128
//   to int8 1×1, scale 0.00794227608, zero point 0
static void layer2_fully_connected(void) {
  static const tinyml_fully_connected settings = {
      .weights = layer2_weights, .biases = layer2_biases, .multipliers = layer2_multipliers,
      .shifts = layer2_shifts, .batches = 1, .inputs = 16, .outputs = 1, .scales = 1,
      .input_zero_point = -128, .output_zero_point = 0, .low = -128, .high = 127,
  };
  tinyml_fully_connected_s8(&settings, (const int8_t *)(arena + 16), (int8_t *)(arena + 0));
}

void *sine_model_input(uint8_t index) {
  (void)index;
  return arena + 16;
}

const void *sine_model_output(uint8_t index) {
  (void)index;
  return arena + 0;
}

void sine_model_invoke(void) {
  layer0_fully_connected();
  layer1_fully_connected();
  layer2_fully_connected();
}

#if defined(SINE_MODEL_TAPS) || defined(TINYML_TAPS)
void sine_model_invoke_with_taps(sine_model_tap tap, void *context) {
  layer0_fully_connected();
  tap(context, 0, arena + 0, 16u);
  layer1_fully_connected();
  tap(context, 1, arena + 16, 16u);
  layer2_fully_connected();
  tap(context, 2, arena + 0, 1u);
}
#endif

// Made by make_model.py: do not change it by hand.
// 2,368 bytes as a .tflite file, SHA-256 d8cff12d06eca868989acc48fd3b0967557d6bfe7aa9074f5c799109f822955a
#include "model.h"

using namespace tinyml;

static const int8_t kWeights0[] TINYML_FLASH = {  // 16×1
    75, -10, -70, -27, -63, -14, -40, 87, -116, 44, -127, -5, -1, -70, 70, -29,
};
static const int32_t kBiases0[] TINYML_FLASH = {
    -2452, 0, 12835, 0, 0, 0, 0, -4005, 0, 348, 0, 0, 0, 0, 2769, 0,
};
static const int32_t kMultipliers0[] TINYML_FLASH = {1694889721};
static const int8_t kShifts0[] TINYML_FLASH = {-6};

static const int8_t kWeights1[] TINYML_FLASH = {  // 16×16
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
static const int32_t kBiases1[] TINYML_FLASH = {
    4653, -3239, 8362, -1310, -1449, 3588, 3536, -1589, 0, -3424, -5609, -1895, 4318, 0, 487,
    -14789,
};
static const int32_t kMultipliers1[] TINYML_FLASH = {1252830555};
static const int8_t kShifts1[] TINYML_FLASH = {-6};

static const int8_t kWeights2[] TINYML_FLASH = {  // 1×16
    -50, 54, 43, 24, -20, -127, -24, -33, 2, 34, 22, -18, -46, -31, 6, 93,
};
static const int32_t kBiases2[] TINYML_FLASH = {-2961};
static const int32_t kMultipliers2[] TINYML_FLASH = {1156790058};
static const int8_t kShifts2[] TINYML_FLASH = {-5};

static const FullyConnected kLayers[] = {
    {kWeights0, kBiases0, kMultipliers0, kShifts0, 1, 16, 1, -128, -128, -128, 127},
    {kWeights1, kBiases1, kMultipliers1, kShifts1, 16, 16, 1, -128, -128, -128, 127},
    {kWeights2, kBiases2, kMultipliers2, kShifts2, 16, 1, 1, -128, 0, -128, 127},
};

static const uint8_t kSha256[32] = {
    0xd8, 0xcf, 0xf1, 0x2d, 0x06, 0xec, 0xa8, 0x68, 0x98, 0x9a, 0xcc, 0x48, 0xfd, 0x3b, 0x09, 0x67,
    0x55, 0x7d, 0x6b, 0xfe, 0x7a, 0xa9, 0x07, 0x4f, 0x5c, 0x79, 0x91, 0x09, 0xf8, 0x22, 0x95, 0x5a,
};
static const uint32_t kInputShape[] = {1, 1};
static const uint32_t kOutputShape[] = {1, 1};
static const TensorLayout kInput = {DType::int8, 0.0246290341f, -128, 2, kInputShape};
static const TensorLayout kOutput = {DType::int8, 0.00794227608f, 0, 2, kOutputShape};

static int8_t input[1];
static int8_t values[2][16];  // of the layer before, and of the layer
static uint8_t output[1];

static const char* invoke(void*) {
  const int8_t* from = input;
  int8_t* to = values[0];
  for (const FullyConnected& layer : kLayers) {
    run_fully_connected(layer, from, to);
    from = to;
    to = to == values[0] ? values[1] : values[0];
  }
  memcpy(output, from, sizeof output);
  return nullptr;
}

const Model kModel = {
    kSha256, sizeof input + sizeof values + sizeof output, &kInput, 1, &kOutput, 1,
    reinterpret_cast<uint8_t*>(input), sizeof input, output, sizeof output, invoke, nullptr,
};

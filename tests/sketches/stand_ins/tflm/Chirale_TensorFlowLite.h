// Stand-in for a library of TensorFlow Lite Micro, as far as the sketches use it. Its "model" gives back its first inputs.
#ifndef STAND_INS_TFLM_H
#define STAND_INS_TFLM_H

#include <stddef.h>
#include <stdint.h>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    int8_t* int8;
  } data;
};

namespace tflite {

struct Model {};

inline const Model* GetModel(const void* bytes) { return static_cast<const Model*>(bytes); }

template <unsigned int kOps>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddAdd() { return add(); }
  TfLiteStatus AddAveragePool2D() { return add(); }
  TfLiteStatus AddConv2D() { return add(); }
  TfLiteStatus AddDepthwiseConv2D() { return add(); }
  TfLiteStatus AddFullyConnected() { return add(); }
  TfLiteStatus AddLogistic() { return add(); }
  TfLiteStatus AddMaxPool2D() { return add(); }
  TfLiteStatus AddMean() { return add(); }
  TfLiteStatus AddMul() { return add(); }
  TfLiteStatus AddPad() { return add(); }
  TfLiteStatus AddReshape() { return add(); }
  TfLiteStatus AddSoftmax() { return add(); }

 private:
  TfLiteStatus add() { return count_++ < kOps ? kTfLiteOk : kTfLiteError; }
  unsigned int count_ = 0;
};

class MicroInterpreter {
 public:
  template <class Resolver>
  MicroInterpreter(const Model*, const Resolver&, uint8_t* arena, size_t arena_bytes) : bytes_(arena_bytes) {
    tensor_.data.int8 = reinterpret_cast<int8_t*>(arena);
  }
  TfLiteStatus AllocateTensors() { return bytes_ >= 4096 ? kTfLiteOk : kTfLiteError; }
  TfLiteTensor* input(size_t) { return &tensor_; }
  TfLiteTensor* output(size_t) { return &tensor_; }
  TfLiteStatus Invoke() { return kTfLiteOk; }

 private:
  TfLiteTensor tensor_;
  size_t bytes_;
};

}  // namespace tflite

#endif

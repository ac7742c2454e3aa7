// Stand-in for a library of TensorFlow Lite Micro, as far as the sketches use it. It reads the model's file, and knows all
// of its inputs and outputs; but it has no kernels: it gives back the inputs, again and again, as long as the outputs are.
#ifndef STAND_INS_TFLM_H
#define STAND_INS_TFLM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "stand_in_schema.h"

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType {
  kTfLiteNoType = 0, kTfLiteFloat32 = 1, kTfLiteInt32 = 2, kTfLiteUInt8 = 3, kTfLiteInt64 = 4, kTfLiteBool = 6,
  kTfLiteInt16 = 7, kTfLiteInt8 = 9,
};

struct TfLiteIntArray {
  int size;
  int data[8];
};
struct TfLiteQuantizationParams {
  float scale;
  int32_t zero_point;
};
struct TfLiteTensor {
  TfLiteType type;
  union {
    void* data;
    int8_t* int8;
    uint8_t* uint8;
    float* f;
  } data;
  TfLiteIntArray* dims;
  TfLiteQuantizationParams params;
  size_t bytes;
};

namespace tflite {

struct TFLMRegistration {
  BuiltinOperator builtin_code;
};

class MicroOpResolver {
 public:
  virtual const TFLMRegistration* FindOp(BuiltinOperator op) const = 0;
  virtual const TFLMRegistration* FindOp(const char* op) const = 0;

 protected:
  ~MicroOpResolver() {}
};

template <unsigned int kOps>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  const TFLMRegistration* FindOp(BuiltinOperator op) const override {
    for (unsigned int i = 0; i < count_; ++i) {
      if (registered_[i].builtin_code == op) return &registered_[i];
    }
    return nullptr;
  }
  const TFLMRegistration* FindOp(const char*) const override { return nullptr; }

#define OP(name, method, number) \
  TfLiteStatus Add##method() { return add(BuiltinOperator_##name); }
  STAND_IN_OPS(OP)
#undef OP

 private:
  TfLiteStatus add(BuiltinOperator op) {
    if (count_ >= kOps || FindOp(op)) return kTfLiteError;
    registered_[count_++].builtin_code = op;
    return kTfLiteOk;
  }
  TFLMRegistration registered_[kOps];
  unsigned int count_ = 0;
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena, size_t arena_bytes)
      : model_(model), graph_(model->subgraphs()->Get(0)), resolver_(resolver), arena_(arena), bytes_(arena_bytes) {}

  // The arena is written to, all of it, as a real one might be.
  TfLiteStatus AllocateTensors() {
    for (uint32_t i = 0; i < model_->operator_codes()->size(); ++i) {
      const OperatorCode& code = *model_->operator_codes()->Get(i);
      const int32_t old = code.deprecated_builtin_code(), newer = code.builtin_code();
      if (!resolver_.FindOp(static_cast<BuiltinOperator>(newer > old ? newer : old))) return kTfLiteError;
    }
    used_ = (1000 + largest_layer() + 15) / 16 * 16;
    if (used_ > bytes_) return kTfLiteError;
    for (size_t i = 0; i < inputs_size() + outputs_size(); ++i) {
      const bool first = i < inputs_size();
      const size_t number = first ? i : i - inputs_size();
      const int32_t index = (first ? graph_->inputs() : graph_->outputs())->Get(static_cast<uint32_t>(number));
      if (!place(*graph_->tensors()->Get(static_cast<uint32_t>(index)), i)) return kTfLiteError;
    }
    memset(arena_, 0xa5, bytes_);
    sum_ = sum();
    return kTfLiteOk;
  }
  size_t arena_used_bytes() const { return used_; }
  size_t inputs_size() const { return graph_->inputs()->size(); }
  size_t outputs_size() const { return graph_->outputs()->size(); }
  TfLiteTensor* input(size_t index) { return &tensors_[index]; }
  TfLiteTensor* output(size_t index) { return &tensors_[inputs_size() + index]; }
  TfLiteStatus Invoke() {
    if (sum() != sum_) return kTfLiteError;  // somebody has written over the model
    size_t from = 0, tensor = 0;
    for (size_t i = 0; i < outputs_size(); ++i) {
      for (size_t k = 0; k < output(i)->bytes; ++k) {
        output(i)->data.uint8[k] = input(tensor)->data.uint8[from++];
        if (from == input(tensor)->bytes) from = 0, tensor = (tensor + 1) % inputs_size();
      }
    }
    return kTfLiteOk;
  }

 private:
  // What the tensors between the layers take, if all of a layer's are there at the same time.
  size_t largest_layer() const {
    size_t most = 0;
    for (uint32_t i = 0; i < graph_->operators()->size(); ++i) {
      const Operator& layer = *graph_->operators()->Get(i);
      const size_t bytes = sum_of(*layer.inputs()) + sum_of(*layer.outputs());
      if (bytes > most) most = bytes;
    }
    return most;
  }
  size_t sum_of(const flatbuffers::Vector<int32_t>& tensors) const {
    size_t sum = 0;
    for (uint32_t i = 0; i < tensors.size(); ++i) {
      if (tensors.Get(i) < 0) continue;
      const Tensor& tensor = *graph_->tensors()->Get(static_cast<uint32_t>(tensors.Get(i)));
      if (!model_->buffers()->Get(tensor.buffer())->data()) sum += bytes_of(tensor);
    }
    return sum;
  }
  static size_t bytes_of(const Tensor& tensor) {
    const bool wide = tensor.type() == TensorType_FLOAT32 || tensor.type() == TensorType_INT32;
    size_t bytes = wide ? 4 : tensor.type() == TensorType_INT16 ? 2 : 1;
    for (uint32_t i = 0; tensor.shape() && i < tensor.shape()->size(); ++i) {
      bytes *= static_cast<size_t>(tensor.shape()->Get(i));
    }
    return bytes;
  }

  bool place(const Tensor& tensor, size_t index) {
    if (index >= sizeof tensors_ / sizeof *tensors_) return false;
    TfLiteTensor& made = tensors_[index];
    TfLiteIntArray& dims = dims_[index];
    made = TfLiteTensor();
    made.dims = &dims;
    made.bytes = bytes_of(tensor);
    dims.size = tensor.shape() ? static_cast<int>(tensor.shape()->size()) : 0;
    for (int i = 0; i < dims.size && i < 8; ++i) dims.data[i] = tensor.shape()->Get(static_cast<uint32_t>(i));
    switch (tensor.type()) {
      case TensorType_FLOAT32: made.type = kTfLiteFloat32; break;
      case TensorType_INT32: made.type = kTfLiteInt32; break;
      case TensorType_INT16: made.type = kTfLiteInt16; break;
      case TensorType_UINT8: made.type = kTfLiteUInt8; break;
      case TensorType_INT8: made.type = kTfLiteInt8; break;
      default: made.type = kTfLiteNoType; break;
    }
    const QuantizationParameters* const scales = tensor.quantization();
    if (scales && scales->scale() && scales->scale()->size() == 1) {
      made.params.scale = scales->scale()->Get(0);
      const bool shifted = scales->zero_point() && scales->zero_point()->size() == 1;
      made.params.zero_point = shifted ? static_cast<int32_t>(scales->zero_point()->Get(0)) : 0;
    }
    if (used_ + made.bytes > bytes_) return false;
    made.data.data = arena_ + used_;
    used_ = (used_ + made.bytes + 15) / 16 * 16;
    return true;
  }

  uint32_t sum() const {
    uint32_t sum = model_->version();
    for (uint32_t i = 0; i < model_->buffers()->size(); ++i) {
      const flatbuffers::Vector<uint8_t>* const data = model_->buffers()->Get(i)->data();
      for (uint32_t k = 0; data && k < data->size(); ++k) sum = sum * 31 + data->Get(k);
    }
    return sum;
  }

  const Model* model_;
  const SubGraph* graph_;
  const MicroOpResolver& resolver_;
  uint8_t* arena_;
  size_t bytes_;
  size_t used_ = 0;
  uint32_t sum_ = 0;
  TfLiteTensor tensors_[10];
  TfLiteIntArray dims_[10];
};

}  // namespace tflite

#endif

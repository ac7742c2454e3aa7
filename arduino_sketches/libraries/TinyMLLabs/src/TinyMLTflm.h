// Runs a model that the host has sent, with TensorFlow Lite Micro. For sketches alone, and not part of TinyMLLabs.h: include
// your library of TensorFlow Lite Micro first. Made for Chirale_TensorFLowLite 2.0.0.
#ifndef TINYML_TFLM_H
#define TINYML_TFLM_H

#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm/model_check.h"
#include "tinyml/model_upload.h"

namespace tinyml {

// The one interpreter of a sketch: of the sketch's own model, or of one in RAM.
class TflmRunner {
 public:
  // The resolver may get its kernels later, but before the first model.
  explicit TflmRunner(const tflite::MicroOpResolver& resolver) : resolver_(resolver), interpreter_(nullptr), data_(nullptr) {}

  // The engine of a ModelUpload; the runner has to stay.
  ModelEngine engine() {
    const ModelEngine made = {check, forget, prepare, this};
    return made;
  }

  // The interpreter of this very file, made anew if it is of another one; nullptr: the arena is too small, or a kernel
  // does not take the model.
  tflite::MicroInterpreter* interpreter_for(const uint8_t* data, uint8_t* arena, size_t arena_bytes) {
    if (data_ != data) make(data, arena, arena_bytes);
    return interpreter_;
  }

 private:
  static const uint32_t kLeastArena = 1024;  // with less, TensorFlow Lite Micro writes beyond it

  // An earlier interpreter is not destroyed: all it holds is its arena, and that may be somebody else's by now.
  bool make(const uint8_t* data, uint8_t* arena, size_t arena_bytes) {
    interpreter_ = nullptr;
    data_ = nullptr;
    if (arena_bytes < kLeastArena) return false;
    tflite::MicroInterpreter* const made =
        new (place_) tflite::MicroInterpreter(tflite::GetModel(data), resolver_, arena, arena_bytes);
    if (made->AllocateTensors() != kTfLiteOk) return false;
    interpreter_ = made;
    data_ = data;
    return true;
  }

  static bool check(void* context, const uint8_t* data, uint32_t size, ShortText& why) {
    return tflm::check_model(data, size, static_cast<TflmRunner*>(context)->resolver_, why);
  }

  static void forget(void* context) {
    static_cast<TflmRunner*>(context)->interpreter_ = nullptr;
    static_cast<TflmRunner*>(context)->data_ = nullptr;
  }

  static Prepared prepare(void* context, const uint8_t* data, uint32_t, uint8_t* arena, uint32_t arena_bytes,
                          Model* model, ShortText& why) {
    return static_cast<TflmRunner*>(context)->prepare(data, arena, arena_bytes, model, why);
  }

  Prepared prepare(const uint8_t* data, uint8_t* arena, uint32_t arena_bytes, Model* model, ShortText& why) {
    model->arena_bytes = tflm::least_arena(*tflite::GetModel(data)->subgraphs()->Get(0), *tflite::GetModel(data));
    if (model->arena_bytes > arena_bytes) return Prepared::too_small;
    if (!make(data, arena, arena_bytes)) {
      why << "TensorFlow Lite Micro could not set the model up; what it printed is in Board.text. Most likely ";
      return Prepared::too_small;
    }
    // Several inputs are to lie in a row, and TensorFlow Lite Micro puts them where it likes: they get a place of their
    // own at the arena's end, and so do several outputs.
    const size_t inputs = interpreter_->inputs_size(), outputs = interpreter_->outputs_size();
    input_bytes_ = output_bytes_ = 0;
    for (size_t i = 0; i < inputs; ++i) input_bytes_ += static_cast<uint32_t>(interpreter_->input(i)->bytes);
    for (size_t i = 0; i < outputs; ++i) output_bytes_ += static_cast<uint32_t>(interpreter_->output(i)->bytes);
    const uint32_t own_input = inputs > 1 ? aligned(input_bytes_) : 0, own_output = outputs > 1 ? aligned(output_bytes_) : 0;
    const uint32_t own = own_input + own_output;
    model->arena_bytes = static_cast<uint32_t>(interpreter_->arena_used_bytes()) + own;
    if (own > 0 && (own > arena_bytes || !make(data, arena, arena_bytes - own))) return Prepared::too_small;
    uint8_t* const end = arena + arena_bytes;
    input_ = own_input ? end - own : static_cast<uint8_t*>(interpreter_->input(0)->data.data);
    output_ = own_output ? end - own_output : static_cast<uint8_t*>(interpreter_->output(0)->data.data);
    return describe(model, why) ? Prepared::ready : Prepared::failed;
  }

  bool describe(Model* model, ShortText& why) {
    uint32_t* shapes = shapes_;
    model->input_count = static_cast<uint8_t>(interpreter_->inputs_size());
    model->output_count = static_cast<uint8_t>(interpreter_->outputs_size());
    for (uint8_t i = 0; i < model->input_count; ++i) {
      if (!describe(*interpreter_->input(i), &inputs_[i], &shapes)) return refuse("input ", i, why);
    }
    for (uint8_t i = 0; i < model->output_count; ++i) {
      if (!describe(*interpreter_->output(i), &outputs_[i], &shapes)) return refuse("output ", i, why);
    }
    model->inputs = inputs_;
    model->outputs = outputs_;
    model->input = input_;
    model->input_bytes = input_bytes_;
    model->output = output_;
    model->output_bytes = output_bytes_;
    model->invoke = invoke;
    model->context = this;
    return true;
  }

  static bool refuse(const char* role, uint8_t index, ShortText& why) {
    why << "the model's " << role << static_cast<uint32_t>(index) << " is empty, or has a type or rank that the link does not know.";
    return false;
  }

  static bool describe(const TfLiteTensor& tensor, TensorLayout* layout, uint32_t** shapes) {
    switch (tensor.type) {
      case kTfLiteInt8: layout->dtype = DType::int8; break;
      case kTfLiteUInt8: layout->dtype = DType::uint8; break;
      case kTfLiteInt16: layout->dtype = DType::int16; break;
      case kTfLiteInt32: layout->dtype = DType::int32; break;
      case kTfLiteInt64: layout->dtype = DType::int64; break;
      case kTfLiteFloat32: layout->dtype = DType::float32; break;
      case kTfLiteBool: layout->dtype = DType::boolean; break;
      default: return false;
    }
    const int rank = tensor.dims ? tensor.dims->size : 0;
    if (tensor.bytes == 0 || rank < 0 || rank > static_cast<int>(tflm::kMostDimensions)) return false;
    layout->scale = tensor.params.scale;
    layout->zero_point = tensor.params.zero_point;
    layout->rank = static_cast<uint8_t>(rank);
    layout->shape = *shapes;
    for (int i = 0; i < rank; ++i) *(*shapes)++ = static_cast<uint32_t>(tensor.dims->data[i]);
    return true;
  }

  static const char* invoke(void* context) { return static_cast<TflmRunner*>(context)->run(); }

  const char* run() {
    if (!interpreter_) return "the model is not ready any more: load it again.";
    const size_t inputs = interpreter_->inputs_size(), outputs = interpreter_->outputs_size();
    const uint8_t* from = input_;
    for (size_t i = 0; inputs > 1 && i < inputs; ++i) {
      const TfLiteTensor& tensor = *interpreter_->input(i);
      memcpy(tensor.data.data, from, tensor.bytes);
      from += tensor.bytes;
    }
    if (interpreter_->Invoke() != kTfLiteOk) return "TensorFlow Lite Micro could not run the model; see Board.text.";
    uint8_t* to = output_;
    for (size_t i = 0; outputs > 1 && i < outputs; ++i) {
      const TfLiteTensor& tensor = *interpreter_->output(i);
      memcpy(to, tensor.data.data, tensor.bytes);
      to += tensor.bytes;
    }
    return nullptr;
  }

  static uint32_t aligned(uint32_t bytes) { return (bytes + 15u) & ~15u; }

  const tflite::MicroOpResolver& resolver_;
  tflite::MicroInterpreter* interpreter_;
  const uint8_t* data_;  // the file that it is of
  alignas(tflite::MicroInterpreter) uint8_t place_[sizeof(tflite::MicroInterpreter)];
  uint8_t* input_ = nullptr;
  uint8_t* output_ = nullptr;
  uint32_t input_bytes_ = 0;
  uint32_t output_bytes_ = 0;
  TensorLayout inputs_[tflm::kMostTensors];
  TensorLayout outputs_[tflm::kMostTensors];
  uint32_t shapes_[2 * tflm::kMostTensors * tflm::kMostDimensions];
};

}  // namespace tinyml

#endif

// What TensorFlow Lite Micro takes for granted of a .tflite file, and does not look at itself: that it is one, that its
// numbers point to what is there, and that there are kernels for its layers.
#ifndef TINYML_TFLM_MODEL_CHECK_H
#define TINYML_TFLM_MODEL_CHECK_H

#include "../tinyml/short_text.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tinyml {
namespace tflm {

const uint32_t kSchemaVersion = 3;
const uint32_t kMostTensors = 4;  // inputs, and outputs
const uint32_t kMostDimensions = 8;
const uint32_t kMostElements = 1ul << 26;  // as the host's side has it

// 0: not known here, or not whole bytes.
inline uint32_t element_bytes(tflite::TensorType type) {
  switch (type) {
    case tflite::TensorType_INT8:
    case tflite::TensorType_UINT8:
    case tflite::TensorType_BOOL: return 1;
    case tflite::TensorType_INT16:
    case tflite::TensorType_UINT16:
    case tflite::TensorType_FLOAT16: return 2;
    case tflite::TensorType_INT32:
    case tflite::TensorType_UINT32:
    case tflite::TensorType_FLOAT32: return 4;
    case tflite::TensorType_INT64: return 8;
    default: return 0;
  }
}

// False if a dimension is negative, or the tensor larger than any board.
inline bool count_bytes(const tflite::Tensor& tensor, uint32_t* bytes) {
  uint32_t elements = 1;
  const uint32_t rank = tensor.shape() ? tensor.shape()->size() : 0;
  for (uint32_t i = 0; i < rank; ++i) {
    const int32_t size = tensor.shape()->Get(i);
    if (size < 0 || (size > 0 && elements > kMostElements / static_cast<uint32_t>(size))) return false;
    elements *= static_cast<uint32_t>(size);
  }
  *bytes = elements * element_bytes(tensor.type());
  return true;
}

inline uint32_t constant_bytes(const tflite::Tensor& tensor, const tflite::Model& model) {
  const auto* data = model.buffers()->Get(tensor.buffer())->data();
  return data ? data->size() : 0;
}

inline bool are_tensors(const flatbuffers::Vector<int32_t>* indices, int32_t least, uint32_t tensors) {
  for (uint32_t i = 0; indices && i < indices->size(); ++i) {
    const int32_t index = indices->Get(i);
    if (index < least || (index >= 0 && static_cast<uint32_t>(index) >= tensors)) return false;
  }
  return true;
}

inline bool is_whole(const tflite::SubGraph& graph, const tflite::Model& model) {
  const auto* tensors = graph.tensors();
  const auto* operators = graph.operators();
  if (!tensors || !operators || !graph.inputs() || !graph.outputs()) return false;
  for (uint32_t i = 0; i < tensors->size(); ++i) {
    const tflite::Tensor* const tensor = tensors->Get(i);
    uint32_t bytes = 0;
    if (!tensor || tensor->buffer() >= model.buffers()->size() || !model.buffers()->Get(tensor->buffer())) return false;
    if (!count_bytes(*tensor, &bytes)) return false;
    const uint32_t constant = constant_bytes(*tensor, model);
    if (constant > 0 && constant < bytes) return false;
  }
  for (uint32_t i = 0; i < operators->size(); ++i) {
    const tflite::Operator* const layer = operators->Get(i);
    if (!layer || layer->opcode_index() >= model.operator_codes()->size()) return false;
    if (!layer->inputs() || !are_tensors(layer->inputs(), -1, tensors->size())) return false;  // -1: left out
    if (!layer->outputs() || !are_tensors(layer->outputs(), 0, tensors->size())) return false;
  }
  if (!are_tensors(graph.inputs(), 0, tensors->size()) || !are_tensors(graph.outputs(), 0, tensors->size())) return false;
  for (uint32_t i = 0; i < graph.inputs()->size(); ++i) {  // who writes an input must not write over a constant
    const tflite::Tensor* const tensor = tensors->Get(static_cast<uint32_t>(graph.inputs()->Get(i)));
    if (constant_bytes(*tensor, model) > 0) return false;
  }
  return true;
}

inline tflite::BuiltinOperator builtin_of(const tflite::OperatorCode& code) {
  const int32_t old = code.deprecated_builtin_code(), newer = code.builtin_code();
  return static_cast<tflite::BuiltinOperator>(newer > old ? newer : old);
}

inline bool has_kernels(const tflite::Model& model, const tflite::MicroOpResolver& resolver, ShortText& why) {
  bool complete = true;
  for (uint32_t i = 0; i < model.operator_codes()->size(); ++i) {
    const tflite::OperatorCode* const code = model.operator_codes()->Get(i);
    if (!code) return false;
    const tflite::BuiltinOperator builtin = builtin_of(*code);
    const bool custom = builtin == tflite::BuiltinOperator_CUSTOM;
    const char* const name = !custom ? tflite::EnumNameBuiltinOperator(builtin)
                             : code->custom_code() ? code->custom_code()->c_str()
                                                   : "";
    if (custom ? resolver.FindOp(name) != nullptr : resolver.FindOp(builtin) != nullptr) continue;
    why << (complete ? "this sketch has no kernel for " : ", ");
    if (name[0]) {
      why << name;
    } else {
      why << "op number " << static_cast<uint32_t>(builtin);
    }
    complete = false;
  }
  if (!complete) why << ". Deploy the sketch with this model, or with one that has these layers too.";
  return complete;
}

// TensorFlow Lite Micro's softmax stops the program at a scale of 2^-26 or less, as that of a tensor that never moved in
// calibration (PreprocessSoftmaxScaling: the multiplier has to be greater than one).
inline bool has_dead_softmax(const tflite::SubGraph& graph, const tflite::Model& model) {
  for (uint32_t i = 0; i < graph.operators()->size(); ++i) {
    const tflite::Operator& layer = *graph.operators()->Get(i);
    const tflite::BuiltinOperator kind = builtin_of(*model.operator_codes()->Get(layer.opcode_index()));
    if (kind != tflite::BuiltinOperator_SOFTMAX || layer.inputs()->size() < 1 || layer.inputs()->Get(0) < 0) continue;
    const tflite::Tensor& tensor = *graph.tensors()->Get(static_cast<uint32_t>(layer.inputs()->Get(0)));
    if (tensor.type() == tflite::TensorType_FLOAT32) continue;
    const auto* quantization = tensor.quantization();
    const bool scaled = quantization && quantization->scale() && quantization->scale()->size() > 0;
    if (!scaled || !(quantization->scale()->Get(0) * 67108864.0f > 1.0f)) return true;
  }
  return false;
}

// Whether TensorFlow Lite Micro may be given the file, which is aligned to 16 bytes.
inline bool check_model(const uint8_t* data, uint32_t size, const tflite::MicroOpResolver& resolver, ShortText& why) {
  flatbuffers::Verifier verifier(data, size);
  if (!tflite::VerifyModelBuffer(verifier)) {
    why << "this is no whole .tflite file. Load one that conversion.convert has written.";
    return false;
  }
  const tflite::Model& model = *tflite::GetModel(data);
  if (model.version() != kSchemaVersion) {
    why << "the .tflite file has version " << model.version() << " of the schema, and TensorFlow Lite Micro reads 3.";
    return false;
  }
  const bool parts = model.operator_codes() && model.buffers() && model.subgraphs() && model.subgraphs()->size() > 0;
  for (uint32_t i = 0; parts && i < model.subgraphs()->size(); ++i) {
    if (model.subgraphs()->Get(i) && is_whole(*model.subgraphs()->Get(i), model)) continue;
    why << "the .tflite file is damaged: its layers name tensors that it does not have, or tensors data.";
    return false;
  }
  if (!parts) {
    why << "the .tflite file has no model in it.";
    return false;
  }
  const tflite::SubGraph& graph = *model.subgraphs()->Get(0);
  const uint32_t inputs = graph.inputs()->size(), outputs = graph.outputs()->size();
  if (inputs < 1 || inputs > kMostTensors || outputs < 1 || outputs > kMostTensors) {
    why << "the model has " << inputs << " inputs and " << outputs << " outputs; this sketch takes 1 to " << kMostTensors
        << " of each.";
    return false;
  }
  if (!has_kernels(model, resolver, why)) return false;
  if (has_dead_softmax(graph, model)) {
    why << "the input of the model's softmax has a scale that is too small: it never moved in calibration. Train the "
           "model, or convert it with samples that move it.";
    return false;
  }
  return true;
}

// Of the inputs, or the outputs, of a layer.
inline uint32_t largest_tensor(const flatbuffers::Vector<int32_t>& indices, const tflite::SubGraph& graph,
                               const tflite::Model& model) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < indices.size(); ++i) {
    uint32_t bytes = 0;
    if (indices.Get(i) < 0) continue;
    const tflite::Tensor& tensor = *graph.tensors()->Get(static_cast<uint32_t>(indices.Get(i)));
    if (constant_bytes(tensor, model) == 0 && count_bytes(tensor, &bytes) && bytes > largest) largest = bytes;
  }
  return largest;
}

// What an arena has to hold at the very least: the largest tensor, or what such a layer reads and writes at the same time
// that cannot write where it reads.
inline uint32_t least_arena(const tflite::SubGraph& graph, const tflite::Model& model) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < graph.operators()->size(); ++i) {
    const tflite::Operator& layer = *graph.operators()->Get(i);
    const uint32_t read = largest_tensor(*layer.inputs(), graph, model);
    const uint32_t written = largest_tensor(*layer.outputs(), graph, model);
    const tflite::BuiltinOperator kind = builtin_of(*model.operator_codes()->Get(layer.opcode_index()));
    const bool apart = kind == tflite::BuiltinOperator_CONV_2D || kind == tflite::BuiltinOperator_DEPTHWISE_CONV_2D ||
                       kind == tflite::BuiltinOperator_FULLY_CONNECTED;
    const uint32_t both = apart ? read + written : read > written ? read : written;
    if (both > most) most = both;
  }
  return most;
}

}  // namespace tflm
}  // namespace tinyml

#endif

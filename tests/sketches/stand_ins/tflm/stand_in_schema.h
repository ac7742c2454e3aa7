// Stand-in for TensorFlow Lite's schema, as far as the sketches use it; the numbers are those of schema.fbs.
#ifndef STAND_INS_SCHEMA_H
#define STAND_INS_SCHEMA_H

#include "stand_in_flatbuffers.h"

namespace tflite {

enum TensorType : int8_t {
  TensorType_FLOAT32 = 0, TensorType_FLOAT16 = 1, TensorType_INT32 = 2, TensorType_UINT8 = 3, TensorType_INT64 = 4,
  TensorType_BOOL = 6, TensorType_INT16 = 7, TensorType_INT8 = 9, TensorType_UINT32 = 15, TensorType_UINT16 = 16,
};

#define STAND_IN_OPS(OP)                                                                                              \
  OP(ADD, Add, 0) OP(AVERAGE_POOL_2D, AveragePool2D, 1) OP(CONCATENATION, Concatenation, 2) OP(CONV_2D, Conv2D, 3)    \
  OP(DEPTHWISE_CONV_2D, DepthwiseConv2D, 4) OP(DEQUANTIZE, Dequantize, 6) OP(FULLY_CONNECTED, FullyConnected, 9)      \
  OP(LOGISTIC, Logistic, 14) OP(MAX_POOL_2D, MaxPool2D, 17) OP(MUL, Mul, 18) OP(RELU, Relu, 19) OP(RELU6, Relu6, 21)  \
  OP(RESHAPE, Reshape, 22) OP(SOFTMAX, Softmax, 25) OP(TANH, Tanh, 28) OP(PAD, Pad, 34) OP(TRANSPOSE, Transpose, 39)  \
  OP(MEAN, Mean, 40) OP(SUB, Sub, 41) OP(SQUEEZE, Squeeze, 43) OP(STRIDED_SLICE, StridedSlice, 45)                    \
  OP(SPLIT, Split, 49) OP(PADV2, PadV2, 60) OP(SIN, Sin, 66) OP(EXPAND_DIMS, ExpandDims, 70)                          \
  OP(LEAKY_RELU, LeakyRelu, 98) OP(SPLIT_V, SplitV, 102) OP(COS, Cos, 108) OP(QUANTIZE, Quantize, 114)                \
  OP(HARD_SWISH, HardSwish, 117)

enum BuiltinOperator : int32_t {
#define OP(name, method, number) BuiltinOperator_##name = number,
  STAND_IN_OPS(OP)
#undef OP
  BuiltinOperator_CUSTOM = 32,
};

inline const char* EnumNameBuiltinOperator(BuiltinOperator number) {
  switch (number) {
#define OP(name, method, number) \
  case BuiltinOperator_##name: return #name;
    STAND_IN_OPS(OP)
#undef OP
    case BuiltinOperator_CUSTOM: return "CUSTOM";
  }
  return "";
}

struct QuantizationParameters : flatbuffers::Table {
  const flatbuffers::Vector<float>* scale() const { return pointer<flatbuffers::Vector<float>>(2); }
  const flatbuffers::Vector<int64_t>* zero_point() const { return pointer<flatbuffers::Vector<int64_t>>(3); }
};

struct Tensor : flatbuffers::Table {
  const flatbuffers::Vector<int32_t>* shape() const { return pointer<flatbuffers::Vector<int32_t>>(0); }
  TensorType type() const { return static_cast<TensorType>(value<int8_t>(1)); }
  uint32_t buffer() const { return value<uint32_t>(2); }
  const QuantizationParameters* quantization() const { return pointer<QuantizationParameters>(4); }
};

struct Operator : flatbuffers::Table {
  uint32_t opcode_index() const { return value<uint32_t>(0); }
  const flatbuffers::Vector<int32_t>* inputs() const { return pointer<flatbuffers::Vector<int32_t>>(1); }
  const flatbuffers::Vector<int32_t>* outputs() const { return pointer<flatbuffers::Vector<int32_t>>(2); }
};

struct OperatorCode : flatbuffers::Table {
  int8_t deprecated_builtin_code() const { return value<int8_t>(0); }
  const flatbuffers::String* custom_code() const { return pointer<flatbuffers::String>(1); }
  BuiltinOperator builtin_code() const { return static_cast<BuiltinOperator>(value<int32_t>(3)); }
};

struct Buffer : flatbuffers::Table {
  const flatbuffers::Vector<uint8_t>* data() const { return pointer<flatbuffers::Vector<uint8_t>>(0); }
};

struct SubGraph : flatbuffers::Table {
  typedef flatbuffers::Vector<flatbuffers::Offset<Tensor>> Tensors;
  typedef flatbuffers::Vector<flatbuffers::Offset<Operator>> Operators;
  const Tensors* tensors() const { return pointer<Tensors>(0); }
  const flatbuffers::Vector<int32_t>* inputs() const { return pointer<flatbuffers::Vector<int32_t>>(1); }
  const flatbuffers::Vector<int32_t>* outputs() const { return pointer<flatbuffers::Vector<int32_t>>(2); }
  const Operators* operators() const { return pointer<Operators>(3); }
};

struct Model : flatbuffers::Table {
  typedef flatbuffers::Vector<flatbuffers::Offset<OperatorCode>> Codes;
  typedef flatbuffers::Vector<flatbuffers::Offset<SubGraph>> Graphs;
  typedef flatbuffers::Vector<flatbuffers::Offset<Buffer>> Buffers;
  uint32_t version() const { return value<uint32_t>(0); }
  const Codes* operator_codes() const { return pointer<Codes>(1); }
  const Graphs* subgraphs() const { return pointer<Graphs>(2); }
  const Buffers* buffers() const { return pointer<Buffers>(4); }
};

inline const Model* GetModel(const void* bytes) {
  return reinterpret_cast<const Model*>(flatbuffers::follow(static_cast<const uint8_t*>(bytes)));
}

// Calls each(place) for all tables of a vector; false if one of them is none.
template <class Each>
bool verify_tables(const flatbuffers::Verifier& file, uint32_t at, uint16_t number, Each each) {
  bool good = true;
  uint32_t count = 0;
  const uint32_t first = file.vector(at, number, 4, &count, &good);
  for (uint32_t i = 0; good && i < count; ++i) {
    const uint32_t place = file.target(first + 4 * i);
    good = place && file.table(place) && each(place);
  }
  return good;
}

inline bool verify_vector(const flatbuffers::Verifier& file, uint32_t at, uint16_t number, uint32_t element) {
  bool good = true;
  uint32_t count = 0;
  file.vector(at, number, element, &count, &good);
  return good;
}

inline bool verify_number(const flatbuffers::Verifier& file, uint32_t at, uint16_t number, uint32_t bytes) {
  bool good = true;
  file.field(at, number, bytes, &good);
  return good;
}

inline bool VerifyModelBuffer(flatbuffers::Verifier& file) {
  const uint32_t model = file.root();
  if (!file.identifier("TFL3") || !model || !file.table(model) || !verify_number(file, model, 0, 4)) return false;
  const auto code = [&](uint32_t at) {
    return verify_number(file, at, 0, 1) && verify_vector(file, at, 1, 1) && verify_number(file, at, 3, 4);
  };
  const auto buffer = [&](uint32_t at) { return verify_vector(file, at, 0, 1); };
  const auto tensor = [&](uint32_t at) {
    bool good = verify_vector(file, at, 0, 4) && verify_number(file, at, 1, 1) && verify_number(file, at, 2, 4);
    const uint32_t from = good ? file.field(at, 4, 4, &good) : 0;
    const uint32_t scales = from ? file.target(from) : 0;
    if (!good || (from && (!scales || !file.table(scales)))) return false;
    return !from || (verify_vector(file, scales, 2, 4) && verify_vector(file, scales, 3, 8));
  };
  const auto layer = [&](uint32_t at) {
    return verify_number(file, at, 0, 4) && verify_vector(file, at, 1, 4) && verify_vector(file, at, 2, 4);
  };
  const auto graph = [&](uint32_t at) {
    return verify_tables(file, at, 0, tensor) && verify_vector(file, at, 1, 4) && verify_vector(file, at, 2, 4) &&
           verify_tables(file, at, 3, layer);
  };
  return verify_tables(file, model, 1, code) && verify_tables(file, model, 2, graph) && verify_tables(file, model, 4, buffer);
}

}  // namespace tflite

#endif

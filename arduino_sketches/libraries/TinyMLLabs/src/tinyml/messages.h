// What the frames say. Types, fields and their order as in tinyml_labs/link/messages.py.
#ifndef TINYML_MESSAGES_H
#define TINYML_MESSAGES_H

#include "descriptions.h"
#include "framing.h"
#include "model.h"

namespace tinyml {

// Below 0x80 the host speaks, from 0x80 the board. Every request has one answer, which names its sequence number.
enum class Type : uint8_t {
  hello = 0x01,
  load_begin = 0x02,
  load_data = 0x03,
  model_info = 0x04,
  infer = 0x05,
  stream_start = 0x06,
  stream_stop = 0x07,
  trace = 0x08,
  board = 0x81,
  done = 0x82,
  model = 0x83,
  result = 0x85,
  samples = 0x86,
  stream_end = 0x87,
  layer = 0x88,
  log = 0x8e,
  refusal = 0x8f,
};

enum class ErrorCode : uint8_t {
  unknown_request = 1,
  bad_request = 2,
  no_model = 3,
  out_of_memory = 4,
  model_damaged = 5,
  model_failed = 6,
  no_sensor = 7,
  busy = 8,
};

const size_t kSamplesOverhead = 9;
const size_t kResultOverhead = 14;
const size_t kLayerOverhead = 12;
const size_t kHashBytes = 32;

// -- what the host sends. unpack gives false if the payload is cut short.

struct StreamStart {
  uint8_t sensor;
  uint32_t samples;  // 0: until stopped

  static bool unpack(const uint8_t* payload, size_t size, StreamStart* message) {
    if (size < 5) return false;
    message->sensor = payload[0];
    message->samples = read_u32(payload + 1);
    return true;
  }
};

struct LoadBegin {
  uint32_t size;
  uint32_t crc32;
  const uint8_t* sha256;

  static bool unpack(const uint8_t* payload, size_t size, LoadBegin* message) {
    if (size < 8 + kHashBytes) return false;
    message->size = read_u32(payload);
    message->crc32 = read_u32(payload + 4);
    message->sha256 = payload + 8;
    return true;
  }
};

struct Trace {
  uint16_t first;
  uint16_t count;  // layers; 0: none any more

  static bool unpack(const uint8_t* payload, size_t size, Trace* message) {
    if (size < 4) return false;
    message->first = static_cast<uint16_t>(payload[0] | payload[1] << 8);
    message->count = static_cast<uint16_t>(payload[2] | payload[3] << 8);
    return true;
  }
};

// A part of something larger than a frame: an input (INFER, with total), or of a model (LOAD_DATA, without).
struct Piece {
  uint32_t offset;
  uint32_t total;
  const uint8_t* data;
  size_t size;

  static bool unpack_load(const uint8_t* payload, size_t size, Piece* message) {
    if (size < 4) return false;
    message->offset = read_u32(payload);
    message->total = 0;
    message->data = payload + 4;
    message->size = size - 4;
    return true;
  }

  static bool unpack_infer(const uint8_t* payload, size_t size, Piece* message) {
    if (size < 8) return false;
    message->offset = read_u32(payload);
    message->total = read_u32(payload + 4);
    message->data = payload + 8;
    message->size = size - 8;
    return true;
  }
};

// -- what the board sends. Writer is a FrameWriter.

template <class Writer>
void begin_message(Writer& writer, Type type, uint32_t micros) {
  writer.begin(static_cast<uint8_t>(type), micros);
}

template <class Writer>
void write_sensor(Writer& writer, const Sensor& sensor) {
  writer.u8(sensor.id);
  writer.u8(static_cast<uint8_t>(sensor.kind));
  writer.u8(static_cast<uint8_t>(sensor.dtype));
  writer.u16(sensor.channels);
  writer.u16(sensor.rows);
  writer.f32(sensor.rate_hz);
  writer.f32(sensor.low);
  writer.f32(sensor.high);
  writer.text(sensor.name);
  writer.text(sensor.unit);
  writer.text(sensor.channel_names);
}

// The board's hello. model_sha256 is nullptr without a model.
template <class Writer>
void write_board(Writer& writer, uint32_t micros, uint16_t request, const BoardDescription& description,
                 uint16_t max_payload, const uint8_t* model_sha256) {
  begin_message(writer, Type::board, micros);
  writer.u16(request);
  writer.u16(max_payload);
  writer.u32(description.receive_buffer);
  for (size_t i = 0; i < kHashBytes; ++i) writer.u8(model_sha256 ? model_sha256[i] : 0);
  writer.text(description.board);
  writer.text(description.firmware);
  writer.text(description.firmware_version);
  writer.text(description.board_id);
  writer.u8(description.sensor_count);
  for (uint8_t i = 0; i < description.sensor_count; ++i) write_sensor(writer, description.sensors[i]);
  writer.end();
}

template <class Writer>
void write_done(Writer& writer, uint32_t micros, uint16_t request) {
  begin_message(writer, Type::done, micros);
  writer.u16(request);
  writer.end();
}

// The text of a refusal follows by writer.characters and writer.decimal, and then writer.end().
template <class Writer>
void begin_refusal(Writer& writer, uint32_t micros, uint16_t request, ErrorCode code) {
  begin_message(writer, Type::refusal, micros);
  writer.u16(request);
  writer.u8(static_cast<uint8_t>(code));
}

template <class Writer, class Text>
void write_refusal(Writer& writer, uint32_t micros, uint16_t request, ErrorCode code, Text text) {
  begin_refusal(writer, micros, request, code);
  writer.characters(text);
  writer.end();
}

// `micros` is the time of the first sample; `first` its number since the stream began, lost ones counted.
template <class Writer>
void write_samples(Writer& writer, uint32_t micros, uint8_t sensor, uint32_t first, uint32_t overruns,
                   const void* data, size_t size) {
  begin_message(writer, Type::samples, micros);
  writer.u8(sensor);
  writer.u32(first);
  writer.u32(overruns);
  writer.bytes(data, size);
  writer.end();
}

template <class Writer>
void write_stream_end(Writer& writer, uint32_t micros, uint8_t sensor, uint32_t samples, uint32_t overruns) {
  begin_message(writer, Type::stream_end, micros);
  writer.u8(sensor);
  writer.u32(samples);
  writer.u32(overruns);
  writer.end();
}

template <class Writer>
void write_tensor(Writer& writer, const TensorLayout& tensor) {
  writer.u8(static_cast<uint8_t>(tensor.dtype));
  writer.f32(tensor.scale);
  writer.u32(static_cast<uint32_t>(tensor.zero_point));
  writer.u8(tensor.rank);
  for (uint8_t i = 0; i < tensor.rank; ++i) writer.u32(tensor.shape[i]);
}

template <class Writer>
void write_model(Writer& writer, uint32_t micros, uint16_t request, const Model& model) {
  begin_message(writer, Type::model, micros);
  writer.u16(request);
  writer.bytes(model.sha256, kHashBytes);
  writer.u32(model.arena_bytes);
  writer.u8(model.input_count);
  writer.u8(model.output_count);
  for (uint8_t i = 0; i < model.input_count; ++i) write_tensor(writer, model.inputs[i]);
  for (uint8_t i = 0; i < model.output_count; ++i) write_tensor(writer, model.outputs[i]);
  writer.end();
}

// A piece of the output: `size` of its `total` bytes from `offset` on.
template <class Writer>
void write_result(Writer& writer, uint32_t micros, uint16_t request, uint32_t microseconds, uint32_t offset,
                  uint32_t total, const void* data, size_t size) {
  begin_message(writer, Type::result, micros);
  writer.u16(request);
  writer.u32(microseconds);
  writer.u32(offset);
  writer.u32(total);
  writer.bytes(data, size);
  writer.end();
}

// A piece of what a layer gave: `size` of its `total` bytes from `offset` on.
template <class Writer>
void write_layer(Writer& writer, uint32_t micros, uint16_t request, uint16_t layer, uint32_t offset, uint32_t total,
                 const void* data, size_t size) {
  begin_message(writer, Type::layer, micros);
  writer.u16(request);
  writer.u16(layer);
  writer.u32(offset);
  writer.u32(total);
  writer.bytes(data, size);
  writer.end();
}

template <class Writer, class Text>
void write_log(Writer& writer, uint32_t micros, Text text) {
  begin_message(writer, Type::log, micros);
  writer.characters(text);
  writer.end();
}

}  // namespace tinyml

#endif

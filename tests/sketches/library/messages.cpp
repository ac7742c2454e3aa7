// Lines "kind field field ..." in, a line of hexadecimal out: the frame of a message, or the fields of a request. Texts and
// bytes are in hexadecimal, "-" if empty; floats are their bits.
#include <TinyMLLabs.h>

#include <iostream>
#include <list>
#include <sstream>

#include "memory_port.h"

using namespace tinyml;

struct Fields {
  explicit Fields(const std::string& line) : in(line) {}

  uint32_t number() {
    uint32_t value = 0;
    in >> value;
    return value;
  }
  float real() {
    const uint32_t bits = number();
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  const std::vector<uint8_t>& bytes() {
    std::string word;
    in >> word;
    kept_bytes.push_back(from_hex(word));
    return kept_bytes.back();
  }
  const char* text() {
    const std::vector<uint8_t>& data = bytes();
    kept_texts.push_back(std::string(data.begin(), data.end()));
    return kept_texts.back().c_str();
  }
  DType dtype() { return static_cast<DType>(number()); }
  std::vector<TensorLayout> tensors(uint32_t count) {
    std::vector<TensorLayout> layouts(count);
    for (TensorLayout& layout : layouts) {
      layout.dtype = dtype();
      layout.scale = real();
      layout.zero_point = static_cast<int32_t>(number());
      layout.rank = static_cast<uint8_t>(number());
      kept_shapes.push_back(std::vector<uint32_t>());
      for (int i = 0; i < layout.rank; ++i) kept_shapes.back().push_back(number());
      layout.shape = kept_shapes.back().data();
    }
    return layouts;
  }

  std::istringstream in;
  std::list<std::vector<uint8_t>> kept_bytes;
  std::list<std::string> kept_texts;
  std::list<std::vector<uint32_t>> kept_shapes;
};

void board(FrameWriter<MemoryPort>& writer, Fields& f) {
  const uint16_t request = static_cast<uint16_t>(f.number());
  const uint16_t max_payload = static_cast<uint16_t>(f.number());
  BoardDescription description = BoardDescription();
  description.receive_buffer = f.number();
  const std::vector<uint8_t>& sha256 = f.bytes();
  description.board = f.text();
  description.firmware = f.text();
  description.firmware_version = f.text();
  description.board_id = f.text();
  std::vector<Sensor> sensors(f.number());
  for (Sensor& sensor : sensors) {
    sensor.id = static_cast<uint8_t>(f.number());
    sensor.kind = static_cast<SensorKind>(f.number());
    sensor.dtype = f.dtype();
    sensor.channels = static_cast<uint16_t>(f.number());
    sensor.rows = static_cast<uint16_t>(f.number());
    sensor.rate_hz = f.real();
    sensor.low = f.real();
    sensor.high = f.real();
    sensor.name = f.text();
    sensor.unit = f.text();
    sensor.channel_names = f.text();
  }
  description.sensors = sensors.data();
  description.sensor_count = static_cast<uint8_t>(sensors.size());
  write_board(writer, 5, request, description, max_payload, sha256[0] ? sha256.data() : nullptr);
}

void model(FrameWriter<MemoryPort>& writer, Fields& f) {
  const uint16_t request = static_cast<uint16_t>(f.number());
  Model model = Model();
  model.sha256 = f.bytes().data();
  model.arena_bytes = f.number();
  model.input_count = static_cast<uint8_t>(f.number());
  model.output_count = static_cast<uint8_t>(f.number());
  const std::vector<TensorLayout> inputs = f.tensors(model.input_count);
  const std::vector<TensorLayout> outputs = f.tensors(model.output_count);
  model.inputs = inputs.data();
  model.outputs = outputs.data();
  write_model(writer, 5, request, model);
}

bool write(FrameWriter<MemoryPort>& writer, const std::string& kind, Fields& f) {
  if (kind == "board") {
    board(writer, f);
  } else if (kind == "model") {
    model(writer, f);
  } else if (kind == "done") {
    write_done(writer, 5, static_cast<uint16_t>(f.number()));
  } else if (kind == "refusal") {
    const uint16_t request = static_cast<uint16_t>(f.number());
    const ErrorCode code = static_cast<ErrorCode>(f.number());
    write_refusal(writer, 5, request, code, f.text());
  } else if (kind == "samples") {
    const uint8_t sensor = static_cast<uint8_t>(f.number());
    const uint32_t first = f.number();
    const uint32_t overruns = f.number();
    const std::vector<uint8_t>& data = f.bytes();
    write_samples(writer, 5, sensor, first, overruns, data.data(), data.size());
  } else if (kind == "stream_end") {
    const uint8_t sensor = static_cast<uint8_t>(f.number());
    const uint32_t samples = f.number();
    write_stream_end(writer, 5, sensor, samples, f.number());
  } else if (kind == "result") {
    const uint16_t request = static_cast<uint16_t>(f.number());
    const uint32_t microseconds = f.number();
    const uint32_t offset = f.number();
    const uint32_t total = f.number();
    const std::vector<uint8_t>& data = f.bytes();
    write_result(writer, 5, request, microseconds, offset, total, data.data(), data.size());
  } else if (kind == "layer") {
    const uint16_t request = static_cast<uint16_t>(f.number());
    const uint16_t layer = static_cast<uint16_t>(f.number());
    const uint32_t offset = f.number();
    const uint32_t total = f.number();
    const std::vector<uint8_t>& data = f.bytes();
    write_layer(writer, 5, request, layer, offset, total, data.data(), data.size());
  } else if (kind == "log") {
    write_log(writer, 5, f.text());
  } else {
    return false;
  }
  return true;
}

// The fields of a request, from a payload that ends where the memory does: reading past it is found.
void read(const std::string& kind, const std::vector<uint8_t>& payload) {
  StreamStart start;
  LoadBegin begin;
  Trace trace;
  Piece piece;
  const uint8_t* at = payload.data();
  const size_t size = payload.size();
  if (kind == "stream_start" && StreamStart::unpack(at, size, &start)) {
    printf("%u %u\n", start.sensor, start.samples);
  } else if (kind == "trace" && Trace::unpack(at, size, &trace)) {
    printf("%u %u\n", trace.first, trace.count);
  } else if (kind == "load_begin" && LoadBegin::unpack(at, size, &begin)) {
    printf("%u %u ", begin.size, begin.crc32);
    print_hex(begin.sha256, 32);
    putchar('\n');
  } else if (kind == "load_data" && Piece::unpack_load(at, size, &piece)) {
    printf("%u ", piece.offset);
    print_hex(piece.data, piece.size);
    putchar('\n');
  } else if (kind == "infer" && Piece::unpack_infer(at, size, &piece)) {
    printf("%u %u ", piece.offset, piece.total);
    print_hex(piece.data, piece.size);
    putchar('\n');
  } else {
    puts("short");
  }
}

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    Fields fields(line);
    std::string kind;
    fields.in >> kind;
    MemoryPort port;
    FrameWriter<MemoryPort> writer(port);
    if (write(writer, kind, fields)) {
      print_hex(port.written.data(), port.written.size());
      putchar('\n');
    } else {
      read(kind, fields.bytes());
    }
  }
}

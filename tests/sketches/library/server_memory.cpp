// A BoardServer on a port in memory, driven line by line; what it writes comes out as "at <line number> <hex>".
//
// rx HEX | poll MICROS | due MICROS (pushes the next number if so) | push MICROS COUNT | skip COUNT | room BYTES | takes BYTES |
// csv DECIMALS HEADER | begin MICROS | fault TEXT | model | taps (the model, which shows its layers) | log TEXT | state | input | forget
#include <TinyMLLabs.h>

#include <iostream>
#include <sstream>

#include "memory_port.h"

using namespace tinyml;

static unsigned long ticks = 0;
static unsigned long tick() { return ticks += 250; }

static uint8_t input[100];
static uint8_t output[2];
static const char* sum(void* fault) {
  if (input[0] == 255) return static_cast<const char*>(fault);
  uint32_t total = 0;
  for (uint8_t value : input) total += value;
  output[0] = static_cast<uint8_t>(total);
  output[1] = static_cast<uint8_t>(total >> 8);
  return nullptr;
}

// Three layers: the input, more than a frame holds, and the output.
static void sum_with_taps(LayerTap tap, void* context) {
  static uint8_t large[5000];
  for (size_t i = 0; i < sizeof large; ++i) large[i] = static_cast<uint8_t>(i * 7);
  tap(context, 0, input, sizeof input);
  tap(context, 1, large, sizeof large);
  sum(nullptr);
  tap(context, 2, output, sizeof output);
}

int main() {
  static const Sensor kSensors[] = {
      {3, "analog", "counts", 1, DType::uint16, 100.0f, 0.0f, 1023.0f, SensorKind::signal, 0, ""},
      {4, "microphone", "counts", 1, DType::int16, 16000.0f, 0.0f, 0.0f, SensorKind::audio, 0, ""},
      {5, "wide", "counts", 19, DType::uint16, 100.0f, 0.0f, 0.0f, SensorKind::signal, 0, ""},
      {6, "slow", "counts", 2, DType::uint16, 2.0f, 0.0f, 0.0f, SensorKind::signal, 0, "a,b"},
  };
  static const BoardDescription kBoard = {"host", "server_memory", "1", "", kSensors, 4, 64};
  static const uint8_t kHash[32] = {9};
  static const uint32_t kShapes[] = {1, 100, 1, 2};
  static const TensorLayout kInput = {DType::uint8, 1.0f, 0, 2, kShapes};
  static const TensorLayout kOutput = {DType::uint8, 1.0f, 0, 2, kShapes + 2};
  static char fault[] = "the sum is too hot";
  static const Model kModel = {kHash, 7, &kInput, 1, &kOutput, 1, input, sizeof input, output, sizeof output, sum, fault, nullptr};

  static const LayerTaps kTaps = {3, sum_with_taps};
  Model tapped = kModel;
  tapped.taps = &kTaps;

  MemoryPort port;
  BoardServer<MemoryPort, 36, 3> server(port, kBoard);
  std::string line, kept_text;
  uint16_t next = 0;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    std::istringstream in(line);
    std::string word, text;
    uint32_t a = 0, b = 0;
    in >> word;
    if (word == "rx") {
      in >> text;
      port.put(from_hex(text));
    } else if (word == "fault" || word == "log") {
      std::getline(in, text);
      if (word == "log") server.log(text.c_str() + 1, 77);
      if (word == "fault") kept_text = text.substr(1), server.set_sensor_fault(kept_text.c_str());
    } else {
      in >> a >> b;
    }
    if (word == "begin") server.begin(a);
    if (word == "csv") server.set_csv(true, static_cast<uint8_t>(a), b != 0);
    if (word == "poll") server.poll(a);
    if (word == "skip") server.skip(a);
    if (word == "room") port.room = static_cast<int>(a);
    if (word == "takes") port.largest_write = a;
    if (word == "model") server.set_model(kModel, tick);
    if (word == "taps") server.set_model(tapped, tick);
    if (word == "state") {
      printf("state %u %u %u %u\n", server.streaming(), server.can_push(a ? a : 1), server.samples_taken(),
             server.overruns());
    }
    if (word == "input") printf("state %u\n", static_cast<unsigned>(server.input_received()));
    if (word == "forget") server.forget_input();
    if (word == "due") {
      const bool due = server.sample_due(a);
      printf("due %u\n", due);
      const uint16_t sample[2] = {next, static_cast<uint16_t>(next + 1)};
      if (due) ++next, server.push(sample, a);
    }
    if (word == "push") {
      std::vector<uint16_t> samples(b);
      for (uint16_t& sample : samples) sample = next++;
      server.push(samples.data(), samples.size(), server.block_start(a, b));
    }
    if (port.written.empty()) continue;
    printf("at %d ", number);
    print_hex(port.written.data(), port.written.size());
    printf(" %u\n", static_cast<unsigned>(port.writes));
    port.written.clear();
    port.writes = 0;
  }
}

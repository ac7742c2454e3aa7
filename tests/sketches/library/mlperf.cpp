// An MlperfServer in memory: commands in, replies out. The clock goes on by 7 microseconds each time it is read.
#include <TinyMLLabs.h>

#include "memory_port.h"

using namespace tinyml;

static unsigned long time_us = 0;
static unsigned long tick() { return time_us += 7; }

static uint8_t input[4];
static uint8_t output[3];
static uint8_t runs = 0;
static const char* invoke(void*) {
  if (input[0] == 66) return "out of order";
  for (int i = 0; i < 3; ++i) output[i] = static_cast<uint8_t>(input[i] + input[3]);
  output[2] = ++runs;
  return nullptr;
}

int main(int count, char** arguments) {
  static const uint8_t kHash[32] = {0};
  static const uint32_t kShape[] = {1, 3};
  static const TensorLayout kOutput = {DType::int8, 0.00390625f, -128, 2, kShape};
  static const Model kModel = {kHash, 0, nullptr, 0, &kOutput, 1, input, 4, output, 3, invoke, nullptr, nullptr};
  uint8_t buffer[20] = {0};
  const MlperfSettings settings = {"host", "kws01", buffer, sizeof buffer, count > 1 && arguments[1][0] == 'i'};
  MemoryPort port;
  MlperfServer<MemoryPort> server(port, kModel, tick, settings);
  server.begin();
  for (int byte; (byte = getchar()) != EOF;) port.put(std::vector<uint8_t>(1, static_cast<uint8_t>(byte)));
  while (port.available() > 0) server.poll();
  fwrite(port.written.data(), 1, port.written.size(), stdout);
}

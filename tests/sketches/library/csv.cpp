// real: floats as bits and a number of decimals in, text out. line: a dtype and a sample in hexadecimal in, a CSV line out.
#include <TinyMLLabs.h>
#include <string.h>

#include <iostream>

#include "memory_port.h"

using namespace tinyml;

int main(int, char** arguments) {
  MemoryPort port;
  if (strcmp(arguments[1], "real") == 0) {
    TextWriter<MemoryPort> text(port);
    uint32_t bits;
    unsigned decimals;
    while (std::cin >> bits >> decimals) {
      float value;
      memcpy(&value, &bits, sizeof value);
      text.real(value, static_cast<uint8_t>(decimals));
      text.end_line();
    }
  } else {
    CsvWriter<MemoryPort> csv(port, 3);
    unsigned dtype;
    std::string sample;
    while (std::cin >> dtype >> sample) {
      const std::vector<uint8_t> bytes = from_hex(sample);
      Sensor sensor = Sensor();
      sensor.dtype = static_cast<DType>(dtype);
      sensor.channels = static_cast<uint16_t>(bytes.size() / size_of(sensor.dtype));
      sensor.name = "imu";
      csv.line(sensor, bytes.data());
    }
    Sensor sensor = Sensor();
    sensor.name = "analog";
    csv.header(sensor);
    sensor.channel_names = "accX,accY";
    csv.header(sensor);
  }
  fwrite(port.written.data(), 1, port.written.size(), stdout);
}

// How a board describes itself: its sensors and its model. Fields as in tinyml_labs/link/descriptions.py.
#ifndef TINYML_DESCRIPTIONS_H
#define TINYML_DESCRIPTIONS_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

enum class DType : uint8_t { int8 = 1, uint8 = 2, int16 = 3, uint16 = 4, int32 = 5, float32 = 6, int64 = 7, boolean = 8 };

inline uint8_t size_of(DType dtype) {
  switch (dtype) {
    case DType::int16:
    case DType::uint16: return 2;
    case DType::int32:
    case DType::float32: return 4;
    case DType::int64: return 8;
    default: return 1;
  }
}

// What a sensor's samples are, and so which file a recording of them is: CSV, WAV, PNG.
enum class SensorKind : uint8_t { signal = 0, audio = 1, image = 2 };

struct Sensor {
  uint8_t id;
  const char* name;           // "analog", "imu", "accelerometer", "microphone", "camera"
  const char* unit;           // one for all channels, or one for each: "g,g,g,deg/s,deg/s,deg/s"
  uint16_t channels;          // values a sample; of a camera, whose sample is a row, the width in pixels
  DType dtype;                // as it is sent; of a camera uint8 is grey, uint16 RGB565
  float rate_hz;              // samples a second; of a camera, rows a second
  float low;                  // the smallest and the largest value it can give; NAN where that is not known
  float high;
  SensorKind kind;
  uint16_t rows;              // the height of a camera's image; 0 for other kinds
  const char* channel_names;  // "accX,accY,accZ"; may be empty

  size_t sample_bytes() const { return static_cast<size_t>(channels) * size_of(dtype); }
};

struct BoardDescription {
  const char* board;             // "Arduino Uno"
  const char* firmware;          // the sketch's name
  const char* firmware_version;
  const char* board_id;          // the chip's own number in hexadecimal, or ""
  const Sensor* sensors;
  uint8_t sensor_count;
  uint32_t receive_buffer;       // bytes that the port holds until poll() fetches them: 64 on an Uno, 256 on most others
};

struct TensorLayout {
  DType dtype;
  float scale;
  int32_t zero_point;
  uint8_t rank;           // at most 8
  const uint32_t* shape;  // rank numbers, the batch of 1 among them
};

}  // namespace tinyml

#endif

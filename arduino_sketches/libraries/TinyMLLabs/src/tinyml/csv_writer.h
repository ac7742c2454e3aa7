// Numbers as text, for the Arduino Serial Plotter and other readers of comma-separated lines.
#ifndef TINYML_CSV_WRITER_H
#define TINYML_CSV_WRITER_H

#include <string.h>

#include "descriptions.h"
#include "flash.h"
#include "port.h"

namespace tinyml {

// Gathers text and sends it in writes of up to 64 bytes. Formats numbers by itself: the boards' printf has no floats.
template <class StreamType>
class TextWriter {
 public:
  explicit TextWriter(StreamType& port) : port_(port), used_(0) {}

  void character(char value) {
    if (used_ == sizeof out_) flush();
    out_[used_++] = static_cast<uint8_t>(value);
  }

  void characters(const char* text) {
    for (; *text; ++text) character(*text);
  }

  void characters(FlashText text) {
    for (size_t i = 0; text[i]; ++i) character(text[i]);
  }

  void decimal(uint32_t value) {
    if (value >= 10) decimal(value / 10);
    character(static_cast<char>('0' + value % 10));
  }

  void integer(int32_t value) {
    if (value < 0) character('-');
    decimal(value < 0 ? 0u - static_cast<uint32_t>(value) : static_cast<uint32_t>(value));
  }

  void integer64(int64_t value) {
    if (value < 0) character('-');
    decimal64(value < 0 ? 0u - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
  }

  void hex_byte(uint8_t value) {
    hex_digit(value >> 4);
    hex_digit(value & 15);
  }

  // With so many decimals (at most 6), as printf("%.*f") writes it: exactly rounded, halves to even. "nan", "inf",
  // "-inf"; from 2^32 on "ovf", as Arduino's print has it.
  void real(float value, uint8_t decimals) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint8_t exponent = static_cast<uint8_t>(bits >> 23);
    const uint32_t fraction = bits & 0x7fffffu;
    if (exponent == 255 && fraction) return characters("nan");
    if (bits >> 31) character('-');
    if (exponent == 255) return characters("inf");
    if (exponent >= 127 + 32) return characters("ovf");
    if (decimals > 6) decimals = 6;
    uint32_t power = 1;
    for (uint8_t i = 0; i < decimals; ++i) power *= 10;
    // value = mantissa * 2^shift; times the power of ten it still fits 64 bits, and the rest is shifted out.
    const uint32_t mantissa = exponent ? fraction | 0x800000u : fraction;
    const int16_t shift = static_cast<int16_t>((exponent ? exponent : 1) - 150);
    const uint64_t scaled = round_shift(static_cast<uint64_t>(mantissa) * power, shift);
    decimal(static_cast<uint32_t>(scaled / power));
    if (decimals == 0) return;
    character('.');
    uint32_t rest = static_cast<uint32_t>(scaled % power);
    while (power > 1) {
      power /= 10;
      character(static_cast<char>('0' + rest / power));
      rest %= power;
    }
  }

  void end_line() {
    characters("\r\n");
    flush();
  }

  void flush() {
    write_all(port_, out_, used_);
    used_ = 0;
  }

 private:
  void hex_digit(uint8_t value) { character(static_cast<char>(value < 10 ? '0' + value : 'a' + value - 10)); }

  void decimal64(uint64_t value) {
    if (value >= 10) decimal64(value / 10);
    character(static_cast<char>('0' + value % 10));
  }

  static uint64_t round_shift(uint64_t value, int16_t shift) {
    if (shift >= 0) return value << shift;
    if (shift < -63) return 0;
    const uint64_t half = static_cast<uint64_t>(1) << (-shift - 1);
    const uint64_t rest = value & (2 * half - 1);
    const uint64_t whole = value >> -shift;
    return whole + (rest > half || (rest == half && (whole & 1)) ? 1 : 0);
  }

  StreamType& port_;
  uint8_t used_;
  uint8_t out_[64];
};

// A sample a line: its channels, separated by commas.
template <class StreamType>
class CsvWriter {
 public:
  explicit CsvWriter(StreamType& port, uint8_t decimals = 4) : text_(port), decimals_(decimals) {}

  void set_decimals(uint8_t decimals) { decimals_ = decimals; }

  // The channels' names; of a sensor without any, its own name.
  void header(const Sensor& sensor) {
    const bool named = sensor.channel_names && *sensor.channel_names;
    text_.characters(named ? sensor.channel_names : sensor.name);
    text_.end_line();
  }

  // One sample as it is in memory or on the wire: little endian.
  void line(const Sensor& sensor, const void* sample) {
    const uint8_t* at = static_cast<const uint8_t*>(sample);
    for (uint16_t channel = 0; channel < sensor.channels; ++channel) {
      if (channel) text_.character(',');
      value(sensor.dtype, at);
      at += size_of(sensor.dtype);
    }
    text_.end_line();
  }

  TextWriter<StreamType>& text() { return text_; }

 private:
  template <class T>
  static T read(const uint8_t* at) {
    T value;
    memcpy(&value, at, sizeof value);
    return value;
  }

  void value(DType dtype, const uint8_t* at) {
    switch (dtype) {
      case DType::int8: return text_.integer(read<int8_t>(at));
      case DType::int16: return text_.integer(read<int16_t>(at));
      case DType::uint16: return text_.decimal(read<uint16_t>(at));
      case DType::int32: return text_.integer(read<int32_t>(at));
      case DType::float32: return text_.real(read<float>(at), decimals_);
      case DType::int64: return text_.integer64(read<int64_t>(at));
      default: return text_.decimal(*at);
    }
  }

  TextWriter<StreamType> text_;
  uint8_t decimals_;
};

}  // namespace tinyml

#endif

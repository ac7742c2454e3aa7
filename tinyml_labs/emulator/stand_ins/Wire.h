// Stand-in for Wire: an I2C bus with an MPU-6050 on it, register by register, which plays a recording of 7
// big-endian int16 a sample (acceleration, temperature, rotation) at the rate that its SMPLRT_DIV asks for.
// -DFITTED_MPU6050=0 unplugs it.
#ifndef STAND_INS_WIRE_H
#define STAND_INS_WIRE_H

#include <Arduino.h>

#include "recording.h"

#ifndef FITTED_MPU6050
#define FITTED_MPU6050 1
#endif

class TwoWire : public Stream {
 public:
  void begin() {}
  void end() {}
  void setClock(uint32_t) {}
  void beginTransmission(uint8_t address) {
    address_ = address;
    writes_ = 0;
  }
  uint8_t endTransmission(bool = true) { return answers() ? 0 : 2; } // 2: address not acknowledged
  size_t write(uint8_t value) override {
    if (!answers()) return 1;
    if (writes_++ == 0) register_ = value;
    else set(register_++, value);
    return 1;
  }
  using Print::write;
  uint8_t requestFrom(uint8_t address, uint8_t count) {
    address_ = address;
    asked_ = answers() ? count : 0;
    newest_at_request_ = newest();
    return asked_;
  }
  int available() override { return asked_; }
  int peek() override { return -1; }
  int read() override {
    if (asked_ == 0) return -1;
    asked_--;
    return get(register_++);
  }

 private:
  bool answers() const { return FITTED_MPU6050 && address_ == 0x68; }
  bool asleep() const { return registers_[0x6B] & 0x40; }
  double rate_hz() const { return ((registers_[0x1A] & 7) == 0 ? 8000.0 : 1000.0) / (1 + registers_[0x19]); }
  uint32_t newest() const {
    return asleep() ? 0 : static_cast<uint32_t>((micros() - awake_since_) * 1e-6 * rate_hz());
  }
  void set(uint8_t address, uint8_t value) {
    if (address == 0x6B && asleep() && !(value & 0x40)) awake_since_ = micros();
    registers_[address & 0x7F] = value;
  }
  uint8_t get(uint8_t address) {
    if (address == 0x75) return 0x68; // WHO_AM_I
    if (address == 0x3A) {            // INT_STATUS: bit 0 is data-ready, cleared by reading
      const bool ready = newest_at_request_ > seen_;
      seen_ = newest_at_request_;
      return ready;
    }
    if (address >= 0x3B && address < 0x3B + 14 && newest_at_request_ > 0) {
      return Recording<uint8_t>(14).sample(newest_at_request_ - 1)[address - 0x3B];
    }
    return registers_[address & 0x7F];
  }

  uint8_t address_ = 0, register_ = 0, asked_ = 0, writes_ = 0;
  uint8_t registers_[0x80] = {};
  uint32_t seen_ = 0, newest_at_request_ = 0;
  unsigned long awake_since_ = 0;

 public:
  TwoWire() { registers_[0x6B] = 0x40; } // asleep after power-up
};

extern TwoWire Wire;

#endif

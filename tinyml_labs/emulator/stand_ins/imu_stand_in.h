// An IMU that plays a recording: a new sample becomes ready with each tick of its own clock, and replaces one
// that nobody has read. Its clock may be off, as those of the chips are: -DIMU_CLOCK_ERROR=0.03. The methods are
// those that Arduino_LSM9DS1 and Arduino_BMI270_BMM150 have in common.
#ifndef STAND_INS_IMU_H
#define STAND_INS_IMU_H

#include <Arduino.h>

#include "recording.h"

#ifndef IMU_CLOCK_ERROR
#define IMU_CLOCK_ERROR 0
#endif

class ImuStandIn {
 public:
  ImuStandIn(bool fitted, float rate_hz) : fitted_(fitted), rate_hz_(rate_hz) {}

  int begin() {
    begin_ = micros();
    return fitted_;
  }
  void end() {}

  float accelerationSampleRate() { return rate_hz_; }
  float gyroscopeSampleRate() { return rate_hz_; }
  int accelerationAvailable() { return ready(acceleration_read_); }
  int gyroscopeAvailable() { return ready(gyroscope_read_); }
  int readAcceleration(float& x, float& y, float& z) { return give(0, acceleration_read_, x, y, z); }
  int readGyroscope(float& x, float& y, float& z) { return give(3, gyroscope_read_, x, y, z); }

 private:
  uint32_t newest() const {
    return static_cast<uint32_t>((micros() - begin_) * 1e-6 * static_cast<double>(rate_hz_) * (1 + IMU_CLOCK_ERROR));
  }
  bool ready(uint32_t read) const { return newest() > read; } // the first one after a whole period
  int give(size_t channel, uint32_t& read, float& x, float& y, float& z) {
    read = newest();
    const float* values = Recording<float>(6).sample(read - 1) + channel;
    x = values[0];
    y = values[1];
    z = values[2];
    return 1;
  }

  bool fitted_;
  float rate_hz_;
  unsigned long begin_ = 0;
  uint32_t acceleration_read_ = 0, gyroscope_read_ = 0; // the number of the last one read; they count from 1
};

#endif

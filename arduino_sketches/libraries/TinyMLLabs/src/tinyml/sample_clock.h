// Says when the next sample is due, from a clock in microseconds that wraps.
#ifndef TINYML_SAMPLE_CLOCK_H
#define TINYML_SAMPLE_CLOCK_H

#include <stdint.h>

namespace tinyml {

// A sensor's rate in thousandths of a hertz, one at least.
inline uint32_t to_millihertz(float rate_hz) {
  const float millihertz = rate_hz * 1000.0f + 0.5f;
  if (!(millihertz >= 1.0f)) return 1;
  return millihertz < 4.0e9f ? static_cast<uint32_t>(millihertz) : 4000000000u;
}

// Ticks at a rate without drift: 119 Hz is 8403 + 43/119 microseconds, and what is left of each period adds up.
// It has to be asked at least every 35 minutes.
class SampleClock {
 public:
  SampleClock() : whole_(1), rest_(0), rate_(1), sum_(0), due_(0) {}

  // The first tick is at `now`.
  void begin(uint32_t rate_millihertz, uint32_t now) {
    rate_ = rate_millihertz ? rate_millihertz : 1;
    whole_ = 1000000000u / rate_;
    rest_ = 1000000000u % rate_;
    sum_ = 0;
    due_ = now;
  }

  // The ticks that have come since the last call: 0 if none is due, more than 1 if you are late by whole periods.
  uint32_t take(uint32_t now) {
    uint32_t ticks = 0;
    for (;;) {
      const uint32_t late = now - due_;
      if (late & 0x80000000u) return ticks;  // that is, early
      if (late <= whole_) {
        advance_one();
        ++ticks;
      } else {  // many at once, and never too many: no period is longer than whole_ + 1
        const uint32_t step = late / (whole_ + 1);
        advance(step);
        ticks += step;
      }
    }
  }

  // When the next tick is due, in whole microseconds.
  uint32_t next_due() const { return due_; }

 private:
  void advance_one() {
    due_ += whole_;
    if (sum_ >= rate_ - rest_) {
      sum_ -= rate_ - rest_;
      ++due_;
    } else {
      sum_ += rest_;
    }
  }

  void advance(uint32_t ticks) {
    const uint64_t sum = sum_ + static_cast<uint64_t>(ticks) * rest_;
    due_ += ticks * whole_ + static_cast<uint32_t>(sum / rate_);
    sum_ = static_cast<uint32_t>(sum % rate_);
  }

  uint32_t whole_;  // a period is whole_ + rest_ / rate_ microseconds
  uint32_t rest_;
  uint32_t rate_;
  uint32_t sum_;  // what is left of the periods so far, in 1 / rate_ microseconds
  uint32_t due_;
};

}  // namespace tinyml

#endif

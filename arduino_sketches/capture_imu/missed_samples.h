// Counts what a sensor with a clock of its own has measured and nobody read in time: the next sample has replaced it.
#ifndef MISSED_SAMPLES_H
#define MISSED_SAMPLES_H

#include <stdint.h>

// Sensors give no number to a sample, so time has to tell. It knows when the last sample became ready: at this poll, if the
// poll before has found none and was not long ago. It also learns the sensor's real period, which is a few per cent off.
class MissedSamples {
 public:
  void begin(float rate_hz) {
    period_us_ = nominal_us_ = 1000000.0f / rate_hz;
    known_ = idle_ = false;
  }

  // After each poll of the sensor, `now` taken just before it. Gives the number of samples lost before the one that is ready.
  uint32_t poll(bool ready, uint32_t now) {
    const bool prompt = idle_ && now - polled_ < static_cast<uint32_t>(period_us_ / 4);
    polled_ = now;
    idle_ = !ready;
    if (!ready) return 0;
    const float periods = static_cast<float>(now - ready_) / period_us_;
    uint32_t count = known_ ? static_cast<uint32_t>(prompt ? periods + 0.5f : periods) : 1;
    if (count == 0) count = 1;
    if (prompt && known_ && count == 1) learn(now - ready_);
    ready_ = prompt || !known_ ? now : ready_ + static_cast<uint32_t>(static_cast<float>(count) * period_us_);
    if (static_cast<int32_t>(now - ready_) < 0) ready_ = now;
    known_ = true;
    return count - 1;
  }

 private:
  void learn(uint32_t period_us) {
    const float learned = period_us_ + (static_cast<float>(period_us) - period_us_) / 32;
    if (learned > 0.8f * nominal_us_ && learned < 1.2f * nominal_us_) period_us_ = learned;
  }

  float nominal_us_ = 10000, period_us_ = 10000;
  uint32_t ready_ = 0;   // when the last sample became ready
  uint32_t polled_ = 0;  // the last poll
  bool known_ = false;
  bool idle_ = false;    // the last poll has found nothing
};

#endif

// Counts what a sensor with a clock of its own has measured and nobody read in time: the next sample has replaced it.
#ifndef MISSED_SAMPLES_H
#define MISSED_SAMPLES_H

#include <stdint.h>

// Sensors give their samples no numbers, so time has to tell. A sample is in step if it was found at once: the poll before
// found none, and was not long ago. Then its time is known, and between two such samples the sensor's real period can be
// learned, which is some per cent off. After a late sample, ask `in_step` and do nothing long until it is.
class MissedSamples {
 public:
  void begin(float rate_hz) {
    period_us_ = nominal_us_ = 1000000.0f / rate_hz;
    found_any_ = idle_ = in_step_ = false;
    late_ = 0;
  }

  // After each poll of the sensor; `now` is from just before it. Gives the number of samples lost before the one found.
  uint32_t poll(bool found, uint32_t now) {
    const bool at_once = idle_ && now - polled_ < static_cast<uint32_t>(period_us_ / 4);
    polled_ = now;
    idle_ = !found;
    if (!found) return 0;
    const float periods = static_cast<float>(now - ready_) / period_us_;
    uint32_t count = found_any_ ? static_cast<uint32_t>(at_once ? periods + 0.5f : periods) : 1;
    if (count == 0) count = 1;
    if (at_once && in_step_ && count <= 16) learn(static_cast<float>(now - ready_) / static_cast<float>(count));
    if (at_once || !found_any_) {
      ready_ = now;
    } else {
      ready_ += static_cast<uint32_t>(static_cast<float>(count) * period_us_);
      if (static_cast<int32_t>(now - ready_) < 0) ready_ = now;
    }
    late_ = at_once ? 0 : static_cast<uint8_t>(late_ < 2 ? late_ + 1 : 1);
    in_step_ = at_once;
    found_any_ = true;
    return count - 1;
  }

  // False after a late sample, until the next one or for two periods at most: every second chance is enough, and a
  // sensor that is polled too slowly to be ever in step must not stop the sketch.
  bool in_step(uint32_t now) const { return late_ != 1 || now - ready_ > 2 * static_cast<uint32_t>(period_us_); }

 private:
  void learn(float period_us) {
    const float learned = period_us_ + (period_us - period_us_) / 32;
    if (learned > 0.8f * nominal_us_ && learned < 1.2f * nominal_us_) period_us_ = learned;
  }

  float nominal_us_ = 10000, period_us_ = 10000;
  uint32_t ready_ = 0;      // when the last sample became ready
  uint32_t polled_ = 0;     // the last poll
  bool found_any_ = false;
  bool idle_ = false;       // the last poll has found nothing
  bool in_step_ = false;    // the last sample was found at once
  uint8_t late_ = 0;        // 1: the last sample was late, 2: and so was the one before
};

#endif

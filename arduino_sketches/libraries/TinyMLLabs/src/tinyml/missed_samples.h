// Counts what a sensor with a clock of its own has measured and nobody read in time: the next sample has replaced it.
#ifndef TINYML_MISSED_SAMPLES_H
#define TINYML_MISSED_SAMPLES_H

#include <stdint.h>

namespace tinyml {

// Sensors give their samples no numbers, so time has to tell. A sample is prompt if the poll before it found none
// and was not long ago: then its time is known, and between two such samples the sensor's real period is learned,
// which is some per cent off. After a late sample, ask in_step() and do nothing long until it says so: the next
// one is prompt then.
class MissedSamples {
 public:
  static const int32_t kUnsure = -1;

  void begin(float rate_hz) { period_us_ = nominal_us_ = 1000000.0f / rate_hz; }

  // After each poll of the sensor; `now` is from just before it. Gives how many samples were lost before the one
  // found: 0 if none is found. kUnsure: nobody can tell, so do not use this one. The next will count it as lost.
  int32_t poll(bool found, uint32_t now) {
    const bool prompt = idle_ && now - polled_ < static_cast<uint32_t>(period_us_ / 4);
    polled_ = now;
    idle_ = !found;
    if (!found) return 0;
    const bool exact = exact_;
    exact_ = prompt;
    late_ = prompt ? 0 : late_ == 1 ? 2 : 1;
    if (!found_any_) {
      found_any_ = true;
      ready_ = now;
      return 0;
    }
    const float periods = static_cast<float>(now - ready_) / period_us_;
    if (prompt) {
      const uint32_t count = whole(periods + 0.5f);
      if (exact && count <= 16) learn(static_cast<float>(now - ready_) / static_cast<float>(count));
      ready_ = now;
      return static_cast<int32_t>(count - 1);
    }
    const float doubt = 0.03f + 0.004f * periods;
    if (whole(periods - doubt) != whole(periods + doubt)) return kUnsure;
    ready_ += static_cast<uint32_t>(static_cast<float>(whole(periods)) * period_us_);
    return static_cast<int32_t>(whole(periods) - 1);
  }

  // False after a late sample until the next one, or for two periods. Not after a second one in a row: a sensor
  // that is always polled too slowly must not stop the sketch.
  bool in_step(uint32_t now) const { return late_ != 1 || now - ready_ > 2 * static_cast<uint32_t>(period_us_); }

 private:
  static uint32_t whole(float periods) { return periods < 1 ? 1 : static_cast<uint32_t>(periods); }  // one was found

  void learn(float period_us) {
    const float learned = period_us_ + (period_us - period_us_) / 32;
    if (learned > 0.8f * nominal_us_ && learned < 1.2f * nominal_us_) period_us_ = learned;
  }

  float nominal_us_ = 10000, period_us_ = 10000;
  uint32_t ready_ = 0;      // when the last sample became ready: measured if exact_, else calculated
  uint32_t polled_ = 0;     // the last poll
  bool found_any_ = false;
  bool idle_ = false;       // the last poll has found nothing
  bool exact_ = false;
  uint8_t late_ = 0;        // 1: the last sample was late, 2: and so was the one before
};

}  // namespace tinyml

#endif

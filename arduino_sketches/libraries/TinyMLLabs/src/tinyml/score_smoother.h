// Turns the scores of one window after the other into events: a gesture is one event, and not ten.
#ifndef TINYML_SCORE_SMOOTHER_H
#define TINYML_SCORE_SMOOTHER_H

#include <stdint.h>

namespace tinyml {

// All in the unit of the scores. For an int8 model that is the quantized unit: a probability p is p / scale + zero_point.
struct SmootherSettings {
  int32_t threshold;   // an event needs an average of so much
  int32_t release;     // the same class can be an event again once its average was below this; at most the threshold
  uint16_t hold_off;   // after an event, none in so many updates
  uint32_t background;  // bit k is set if class k is never an event, such as "unknown" or "idle"
};

// The rule, in integers without any rounding, so that Python and every board do exactly the same:
//
// 1. Each update adds one score a class to the sum of the last Window scores; the oldest leaves. The first Window - 1
//    updates since the start or reset() are no events.
// 2. If a class is latched and its sum < release * Window, it is latched no more.
// 3. The best class is the one with the largest sum; of equals the first.
// 4. None of the hold_off updates that follow an event is an event.
// 5. It is an event if best is no background, is not latched, and its sum >= threshold * Window.
// 6. The class of an event is latched, in place of the one before.
//
// Sums are 32 bits: Window * the largest score has to fit.
template <uint8_t Classes, uint8_t Window, class Score = int8_t>
class ScoreSmoother {
  static_assert(Classes >= 1 && Window >= 1, "a smoother has one class and one score at least");

 public:
  explicit ScoreSmoother(const SmootherSettings& settings) : settings_(settings) { reset(); }

  // Takes the scores of the next window; gives the class of the event that it is, or -1.
  int16_t update(const Score* scores) {
    Score* oldest = history_[next_];
    next_ = next_ + 1 < Window ? static_cast<uint8_t>(next_ + 1) : 0;
    for (uint8_t i = 0; i < Classes; ++i) {
      sums_[i] += static_cast<int32_t>(scores[i]) - oldest[i];
      oldest[i] = scores[i];
    }
    if (missing_ > 0 && --missing_ > 0) return -1;
    if (latched_ >= 0 && sums_[latched_] < settings_.release * Window) latched_ = -1;
    if (quiet_ > 0) {
      --quiet_;
      return -1;
    }
    const int16_t candidate = best();
    if (is_background(candidate) || candidate == latched_) return -1;
    if (sums_[candidate] < settings_.threshold * Window) return -1;
    latched_ = candidate;
    quiet_ = settings_.hold_off;
    return candidate;
  }

  // After a gap in the windows: forget all.
  void reset() {
    for (uint8_t i = 0; i < Classes; ++i) {
      sums_[i] = 0;
      for (uint8_t k = 0; k < Window; ++k) history_[k][i] = 0;
    }
    next_ = 0;
    missing_ = Window;
    quiet_ = 0;
    latched_ = -1;
  }

  // The class with the largest sum; of equals the first.
  int16_t best() const {
    uint8_t best = 0;
    for (uint8_t i = 1; i < Classes; ++i) {
      if (sums_[i] > sums_[best]) best = i;
    }
    return best;
  }

  // The sum of the last Window scores of a class: Window times its moving average.
  int32_t sum(uint8_t index) const { return sums_[index]; }

 private:
  bool is_background(int16_t index) const { return index < 32 && ((settings_.background >> index) & 1u) != 0; }

  SmootherSettings settings_;
  int32_t sums_[Classes];
  Score history_[Window][Classes];
  uint8_t next_;      // where the oldest scores stand
  uint8_t missing_;   // updates until the first average
  uint16_t quiet_;    // updates left in which nothing is an event
  int16_t latched_;   // the class of the last event while it lasts, or -1
};

}  // namespace tinyml

#endif

// Turns the scores of one picture after the other into a state: somebody is there, or nobody.
#ifndef TINYML_PRESENCE_H
#define TINYML_PRESENCE_H

#include "score_smoother.h"

namespace tinyml {

// The rule, in integers without any rounding, so that Python and every board do exactly the same:
//
// 1. Each update adds the score to the sum of the last Window scores; the oldest leaves. The first Window - 1 updates since
//    the start or reset() change nothing: nobody is there.
// 2. None of the hold_off updates that follow a change is a change.
// 3. If nobody was there and the sum >= threshold * Window, somebody is. If somebody was and the sum < release * Window,
//    nobody is.
//
// The settings' background does not count: there is one score. Sums are 32 bits: Window * the largest score has to fit.
template <uint8_t Window, class Score = int8_t>
class Presence {
  static_assert(Window >= 1, "an average has one score at least");

 public:
  explicit Presence(const SmootherSettings& settings) : settings_(settings) { reset(); }

  // Takes the score of the next picture; true if somebody came or went.
  bool update(Score score) {
    Score* oldest = &scores_[next_];
    next_ = next_ + 1 < Window ? static_cast<uint8_t>(next_ + 1) : uint8_t(0);
    sum_ += static_cast<int32_t>(score) - *oldest;
    *oldest = score;
    if (missing_ > 0 && --missing_ > 0) return false;
    if (quiet_ > 0) {
      --quiet_;
      return false;
    }
    const int32_t level = present_ ? settings_.release : settings_.threshold;
    if ((sum_ >= level * Window) == present_) return false;
    present_ = !present_;
    quiet_ = settings_.hold_off;
    return true;
  }

  // After a gap in the pictures: forget all. Nobody is there.
  void reset() {
    for (uint8_t i = 0; i < Window; ++i) scores_[i] = 0;
    sum_ = 0;
    next_ = 0;
    missing_ = Window;
    quiet_ = 0;
    present_ = false;
  }

  bool present() const { return present_; }  // whether somebody is there

  // The sum of the last Window scores: Window times their moving average.
  int32_t sum() const { return sum_; }

 private:
  SmootherSettings settings_;
  int32_t sum_;
  Score scores_[Window];
  uint8_t next_;     // where the oldest score stands
  uint8_t missing_;  // updates until the first average
  uint16_t quiet_;   // updates left in which nothing changes
  bool present_;
};

}  // namespace tinyml

#endif

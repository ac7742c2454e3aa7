// Cuts a stream of samples into overlapping windows, as the model was trained on.
#ifndef TINYML_WINDOWER_H
#define TINYML_WINDOWER_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

// A window is Length samples of Channels values; the next one begins `stride` samples later. Window number k holds
// the samples k * stride to k * stride + Length - 1 since the start or the last reset().
template <class T, size_t Length, size_t Channels>
class Windower {
  static_assert(Length >= 1 && Channels >= 1, "a window has one value at least");

 public:
  explicit Windower(size_t stride) : stride_(stride ? stride : 1) { reset(); }

  // Takes one sample, all its channels; true if it completes a window, which is there until the next push.
  bool push(const T* sample) {
    T* place = values_ + next_ * Channels;
    for (size_t channel = 0; channel < Channels; ++channel) place[channel] = sample[channel];
    next_ = next_ + 1 < Length ? next_ + 1 : 0;
    if (--missing_ > 0) return false;
    missing_ = stride_;
    return true;
  }

  // After a gap in the samples: no window holds samples from before and after it.
  void reset() {
    next_ = 0;
    missing_ = Length;
  }

  // A value of the window that is complete; sample 0 is the oldest.
  T at(size_t sample, size_t channel) const {
    const size_t place = next_ + sample;
    return values_[(place < Length ? place : place - Length) * Channels + channel];
  }

  // The window in order, (Length, Channels).
  void copy(T* out) const {
    for (size_t sample = 0; sample < Length; ++sample) {
      for (size_t channel = 0; channel < Channels; ++channel) *out++ = at(sample, channel);
    }
  }

 private:
  size_t stride_;
  size_t next_;     // where the next sample goes: that of the oldest
  size_t missing_;  // samples until the next window is complete
  T values_[Length * Channels];
};

}  // namespace tinyml

#endif

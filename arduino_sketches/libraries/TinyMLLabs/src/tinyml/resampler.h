// Samples at the sensor's rate to samples at the model's: a straight line between two of them.
//
// It has no filter. Upwards, frequencies of up to a fifth of the sensor's rate lose less than 1.2 dB, and hands hardly
// go beyond; downwards, what lies above half of the new rate comes back as something slower. So the rates should be near each
// other, or the sensor's low-pass far below both. For recordings, tinyml_labs.features.resample does it without loss.
#ifndef TINYML_RESAMPLER_H
#define TINYML_RESAMPLER_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

// Time is counted in whole numbers, so that nothing drifts: one period of the sensor is `to` millihertz, one of the model
// is `from`. With equal rates what comes out is what went in, bit by bit.
template <size_t Channels>
class Resampler {
 public:
  Resampler() { begin(1, 1); }

  void begin(uint32_t from_millihertz, uint32_t to_millihertz) {
    from_ = static_cast<int32_t>(from_millihertz);
    to_ = static_cast<int32_t>(to_millihertz);
    reset();
  }

  // After a gap in the samples: no line is drawn across it.
  void reset() {
    empty_ = true;
    next_ = 0;
  }

  // Takes the sensor's next sample. Before the next one, take what there is with pop().
  void push(const float* sample) {
    for (size_t channel = 0; channel < Channels; ++channel) {
      before_[channel] = empty_ ? sample[channel] : newest_[channel];
      newest_[channel] = sample[channel];
    }
    if (!empty_) next_ -= to_;
    empty_ = false;
  }

  // Gives the model's next sample, or false if it lies after the newest one of the sensor.
  bool pop(float* sample) {
    if (empty_ || next_ > 0) return false;
    const float back = static_cast<float>(next_) / static_cast<float>(to_);  // 0 to -1 periods of the sensor
    for (size_t channel = 0; channel < Channels; ++channel) {
      sample[channel] = newest_[channel] + (newest_[channel] - before_[channel]) * back;
    }
    next_ += from_;
    return true;
  }

 private:
  int32_t from_, to_;
  int32_t next_;  // when the model's next sample is, after the sensor's newest
  bool empty_;
  float before_[Channels], newest_[Channels];
};

}  // namespace tinyml

#endif

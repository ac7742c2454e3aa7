// What a hand did in a window of acceleration (and rotation), in a few dozen numbers: tinyml_labs.features.motion.
#ifndef TINYML_MOTION_FEATURES_H
#define TINYML_MOTION_FEATURES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "band_spectrum.h"
#include "motion_statistics.h"

namespace tinyml {

const float kLeastLength = 0.05f;  // of the mean, in g, for a direction to be taken from it: in free fall there is none

// Length samples of Channels values: acceleration in g with gravity, x, y, z, and with 6 channels rotation in deg/s. The
// features are those of motion_features() in Python, in its order (motion_feature_names() says it), which also tells
// what each is good for; here in float32, within 0.00005 of them for what a sensor measures. (Where a movement without
// any noise lies in a plane, a feature can be the ratio of two roundings, and differ more.)
//
// An object has 12 * Length bytes (or 8 * padded_size(Length), if that is more) + padded_size(Length) + 4 * Bands + 52:
// for 238 samples and 9 bands 3,200 on a 32-bit board. On the stack compute() needs about 400 more.
template <size_t Length, size_t Channels, uint8_t Bands = 9>
class MotionFeatures {
  static_assert(Channels == 3 || Channels == 6, "acceleration has 3 channels, acceleration and rotation 6");
  static_assert(Length >= 8 && Bands >= 1, "a window has 8 samples and a spectrum one band at least");

 public:
  static const size_t kSize = Channels == 3 ? 29 + Bands : 34 + 2 * Bands;  // the number of features

  // Band b goes from band_edges_hz[b] up to, but without, band_edges_hz[b + 1]: Bands + 1 edges, increasing.
  MotionFeatures(float rate_hz, const float* band_edges_hz) : spectrum_(rate_hz, band_edges_hz) {}

  // Whether rate and bands suit the length. If not, Python refuses them and says why; here some features mean nothing.
  bool valid() const {
    const float rate_hz = spectrum_.rate_hz();
    return rate_hz >= 10.0f && rate_hz <= 10000.0f && Length > lag(80) && spectrum_.valid();
  }

  // Takes a window with at(sample, channel), such as a Windower; writes kSize features.
  template <class Window>
  void compute(const Window& window, float* features) {
    compute(window, features, [] {});
  }

  // Calls meanwhile() now and then, since this takes longer than a sensor waits: to read it, into another place.
  template <class Window, class Meanwhile>
  void compute(const Window& window, float* features, Meanwhile meanwhile) {
    find_up(window);
    meanwhile();
    for (size_t i = 0; i < Length; ++i) {
      for (uint8_t k = 0; k < 3; ++k) work_[3 * i + k] = change(window, i, k);
    }
    strengths_and_crests(features);
    meanwhile();
    circulation(features + 7 + Bands);
    meanwhile();
    shares_of_eighths(features + 9 + Bands);
    autocorrelation(features + 13 + Bands, meanwhile);
    sizes(window, features + 21 + Bands);
    meanwhile();
    tilts(features + 25 + Bands);
    features[28 + Bands] = jerk();
    meanwhile();
    bands(window, features + 5);  // takes work_ for itself
    meanwhile();
    if (Channels == 6) rotation(window, features + 29 + Bands);
  }

 private:
  static const size_t kPadded = padded_size(Length);
  static const size_t kWork = 3 * Length > 2 * kPadded ? 3 * Length : 2 * kPadded;

  // -- which way is up, and what changes -------------------------------------------------------------------------

  template <class Window>
  static float value(const Window& window, size_t sample, size_t channel) {
    return static_cast<float>(window.at(sample, channel));
  }

  // A mean to more digits than a float has: it, and what is then left of the differences from it.
  template <class Window>
  void find_means(const Window& window, size_t first_channel) {
    for (uint8_t k = 0; k < 3; ++k) {
      means_[k] = mean_difference(window, first_channel + k, 0.0f);
      rests_[k] = mean_difference(window, first_channel + k, means_[k]);
    }
  }

  template <class Window>
  static float mean_difference(const Window& window, size_t channel, float from) {
    CarefulSum sum;
    for (size_t i = 0; i < Length; ++i) sum.add(value(window, i, channel) - from);
    return sum.value() / static_cast<float>(Length);
  }

  template <class Window>
  void find_up(const Window& window) {
    find_means(window, 0);
    for (uint8_t k = 0; k < 3; ++k) up_[k] = means_[k] + rests_[k];
    mean_length_ = length3(up_);
    const float divisor = mean_length_ > kLeastLength ? mean_length_ : kLeastLength;
    for (uint8_t k = 0; k < 3; ++k) up_[k] /= divisor;
  }

  // A value without its mean, of the channels whose means were found last.
  template <class Window>
  float change(const Window& window, size_t sample, size_t channel) const {
    return value(window, sample, channel) - means_[channel % 3] - rests_[channel % 3];
  }

  // -- from the changes of acceleration in work_ --------------------------------------------------------------------

  // Splits a sample's change: along "up", which is the result, and across it.
  float split(size_t sample, float* horizontal) const {
    const float* change = work_ + 3 * sample;
    const float vertical = dot3(change, up_);
    for (uint8_t k = 0; k < 3; ++k) horizontal[k] = change[k] - vertical * up_[k];
    return vertical;
  }

  void strengths_and_crests(float* out) const {
    float vertical_sum = 0.0f, vertical_peak = 0.0f, across_sum = 0.0f, across_peak = 0.0f, h[3];
    PrincipalAxes principal;
    for (size_t i = 0; i < Length; ++i) {
      const float v = split(i, h);
      const float across = dot3(h, h);
      vertical_sum += v * v;
      across_sum += across;
      if (fabsf(v) > vertical_peak) vertical_peak = fabsf(v);
      if (across > across_peak) across_peak = across;
      principal.add(h);
    }
    principal.find();
    float squares[3] = {0.0f, 0.0f, 0.0f};
    for (size_t i = 0; i < Length; ++i) {  // once more: as differences of large sums, small ones would be noise
      split(i, h);
      for (uint8_t k = 0; k < 3; ++k) {
        const float part = dot3(h, principal.axis(k));
        squares[k] += part * part;
      }
    }
    for (uint8_t k = 0; k < 3; ++k) squares[k] /= static_cast<float>(Length);
    float longest, shortest;
    longest_and_shortest(squares, &longest, &shortest);
    const float vertical_rms = root_of_mean(vertical_sum, Length);
    out[0] = log_of(vertical_rms);
    out[1] = log_of(longest);
    out[2] = log_of(shortest);
    out[3] = vertical_peak / (vertical_rms + 1e-3f) / 3.0f;
    out[4] = sqrtf(across_peak) / (root_of_mean(across_sum, Length) + 1e-3f) / 3.0f;
  }

  // How the acceleration goes around: 1 in a circle, 0 to and fro on a line.
  void circulation(float* out) const {
    Circulation swept;
    for (size_t i = 0; i < Length; ++i) {
      float h[3];
      const float v = split(i, h);
      swept.add(v, h);
    }
    out[0] = swept.standing();
    out[1] = swept.lying(up_);
  }

  void shares_of_eighths(float* out) const {
    static const uint8_t kMost[4] = {1, 2, 4, 6};
    PartMeans<Length, 8> energies;
    for (size_t i = 0; i < Length; ++i) {
      float h[3];
      const float v = split(i, h);
      energies.add(i, v * v + dot3(h, h));
    }
    energies.shares(kMost, 4, out);
  }

  template <class Meanwhile>
  void autocorrelation(float* out, Meanwhile meanwhile) const {
    static const uint8_t kEdges[5] = {16, 30, 50, 80, 130};
    const float whole = products(0) + 0.01f;
    for (uint8_t range = 0; range < 4; ++range) {
      const size_t begin = lag(kEdges[range]), end = lag(kEdges[range + 1]);
      float largest = begin < Length ? products(begin) : 0.0f, smallest = largest;
      for (size_t l = begin + 1; l < end && l < Length; ++l) {
        meanwhile();
        const float found = products(l);
        if (found > largest) largest = found;
        if (found < smallest) smallest = found;
      }
      out[2 * range] = largest / whole;
      out[2 * range + 1] = smallest / whole;
    }
  }

  // So many hundredths of a second, in samples.
  size_t lag(uint8_t hundredths) const {
    return static_cast<size_t>(spectrum_.rate_hz() * static_cast<float>(hundredths) / 100.0f);
  }

  float products(size_t lag) const {
    float sum = 0.0f;
    const float* earlier = work_;
    const float* later = work_ + 3 * lag;
    for (size_t left = Length - lag; left > 0; --left, earlier += 3, later += 3) {  // half of all time is spent here
      sum += earlier[0] * later[0] + earlier[1] * later[1] + earlier[2] * later[2];
    }
    return sum;
  }

  template <class Window>
  void sizes(const Window& window, float* out) const {
    Spread spread;
    for (size_t i = 0; i < Length; ++i) {
      const float a[3] = {value(window, i, 0), value(window, i, 1), value(window, i, 2)};
      spread.add(length3(a));
    }
    out[0] = log_of(spread.deviation());
    out[1] = spread.most() - 1.0f;
    out[2] = 1.0f - spread.least();
    out[3] = mean_length_ - 1.0f;
  }

  void tilts(float* out) const {
    PartMeans<Length, 6> parts[3];
    for (size_t i = 0; i < Length; ++i) {
      for (uint8_t k = 0; k < 3; ++k) parts[k].add(i, work_[3 * i + k]);
    }
    float ups[6][3], away[6];
    for (uint8_t part = 0; part < 6; ++part) {
      for (uint8_t k = 0; k < 3; ++k) ups[part][k] = parts[k].mean(part) + rests_[k] + means_[k];
      const float length = length3(ups[part]);
      for (uint8_t k = 0; k < 3; ++k) ups[part][k] /= length > 0.2f ? length : 0.2f;
      away[part] = 1.0f - dot3(ups[part], up_);
    }
    sort_descending(away, 6);
    out[0] = away[0];
    out[1] = away[3];
    out[2] = 1.0f - dot3(ups[0], ups[5]);
  }

  float jerk() const {
    float sum = 0.0f;
    for (size_t i = 3; i < 3 * Length; i += 3) {
      const float step[3] = {work_[i] - work_[i - 3], work_[i + 1] - work_[i - 2], work_[i + 2] - work_[i - 1]};
      sum += sqrtf(dot3(step, step));
    }
    return log_of(sum / static_cast<float>(Length - 1) * spectrum_.rate_hz() / 10.0f);
  }

  // -- spectra: work_ is no longer the changes ----------------------------------------------------------------------

  // Three signals, and what is vertical in them, are two transforms. Total power is that of the changes; only in free
  // fall, where "up" is shorter than 1, the vertical part and the horizontal one are together less.
  template <class Window>
  void bands(const Window& window, float* out) {
    const size_t edges[3] = {spectrum_.first_line(0.3f), spectrum_.first_line(2.5f), spectrum_.first_line(12.0f)};
    const float up_length = mean_length_ < kLeastLength ? mean_length_ / kLeastLength : 1.0f;
    const float of_vertical = up_length * up_length - 1.0f;
    float total[2];
    for (uint8_t b = 0; b < Bands; ++b) out[b] = 0.0f;
    transform(window, 0);
    spectrum_.add_power(work_, work_ + kPadded, 1.0f, 1.0f, out);
    for (uint8_t i = 0; i < 2; ++i) total[i] = power(edges[i], edges[i + 1], 1.0f, 1.0f);
    transform(window, 2);
    spectrum_.add_power(work_, work_ + kPadded, 1.0f, of_vertical, out);
    for (uint8_t i = 0; i < 2; ++i) {
      total[i] += power(edges[i], edges[i + 1], 1.0f, of_vertical);
      out[Bands + i] = power(edges[i], edges[i + 1], 0.0f, 1.0f) / (total[i] + 1e-6f);
    }
    for (uint8_t b = 0; b < Bands; ++b) out[b] = log_of(sqrtf(out[b]));
  }

  template <class Window>
  void rotation(const Window& window, float* out) {
    static const uint8_t kMost[2] = {1, 4};
    find_means(window, 3);
    float sum = 0.0f, peak = 0.0f, around = 0.0f;
    PartMeans<Length, 8> energies;
    for (size_t i = 0; i < Length; ++i) {
      float w[3];
      for (uint8_t k = 0; k < 3; ++k) w[k] = change(window, i, 3 + k) / 100.0f;
      const float energy = dot3(w, w), vertical = dot3(w, up_);
      sum += energy;
      around += vertical * vertical;
      if (energy > peak) peak = energy;
      energies.add(i, energy);
    }
    out[0] = log_of(root_of_mean(sum, Length));
    out[1] = log_of(sqrtf(peak));
    out[2] = around / (sum + 1e-4f * static_cast<float>(Length));
    energies.shares(kMost, 2, out + 3 + Bands);
    for (uint8_t b = 0; b < Bands; ++b) out[3 + b] = 0.0f;
    transform(window, 3);
    spectrum_.add_power(work_, work_ + kPadded, 1.0f, 1.0f, out + 3);
    transform(window, 5);
    spectrum_.add_power(work_, work_ + kPadded, 1.0f, 0.0f, out + 3);
    for (uint8_t b = 0; b < Bands; ++b) out[3 + b] = log_of(sqrtf(out[3 + b]) / 100.0f);
  }

  // Of a channel's changes and the next one's; behind the last of acceleration comes the vertical part, behind that of
  // rotation nothing.
  template <class Window>
  void transform(const Window& window, size_t channel) {
    for (size_t i = 0; i < Length; ++i) {
      work_[i] = change(window, i, channel);
      work_[kPadded + i] = channel == 5 ? 0.0f : channel == 2 ? vertical(window, i) : change(window, i, channel + 1);
    }
    spectrum_.transform(work_, work_ + kPadded);
  }

  template <class Window>
  float vertical(const Window& window, size_t sample) const {
    const float changes[3] = {change(window, sample, 0), change(window, sample, 1), change(window, sample, 2)};
    return dot3(changes, up_);
  }

  float power(size_t begin, size_t end, float of_first, float of_second) const {
    return spectrum_.power(work_, work_ + kPadded, begin, end, of_first, of_second);
  }

  BandSpectrum<Length, Bands> spectrum_;
  float means_[3], rests_[3];  // a mean is the sum of both
  float up_[3], mean_length_;
  float work_[kWork];  // the changes of acceleration, sample by sample; later two signals and their spectrum
};

}  // namespace tinyml

#endif

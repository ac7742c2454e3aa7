// How strong two signals are in bands of frequency: Hann's window, filled up with zeros, and the FFT.
#ifndef TINYML_BAND_SPECTRUM_H
#define TINYML_BAND_SPECTRUM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "fft.h"

namespace tinyml {

// For Length samples. An object has padded_size(Length) + 4 * Bands + 12 bytes on a 32-bit board; the signals are
// elsewhere, kPadded values each.
template <size_t Length, uint8_t Bands>
class BandSpectrum {
 public:
  static const size_t kPadded = padded_size(Length);

  // Band b goes from band_edges_hz[b] up to, but without, band_edges_hz[b + 1]: Bands + 1 edges, increasing.
  BandSpectrum(float rate_hz, const float* band_edges_hz) : rate_hz_(rate_hz) {
    for (uint8_t b = 0; b <= Bands; ++b) first_lines_[b] = first_line(band_edges_hz[b]);
  }

  // Whether there is a line in each band.
  bool valid() const {
    for (uint8_t b = 0; b < Bands; ++b) {
      if (first_lines_[b] >= first_lines_[b + 1]) return false;
    }
    return true;
  }

  float rate_hz() const { return rate_hz_; }

  // The first line at or above a frequency.
  size_t first_line(float edge_hz) const {
    size_t line = 0;
    while (line <= kPadded / 2 && static_cast<float>(line) * rate_hz_ < edge_hz * static_cast<float>(kPadded)) ++line;
    return line;
  }

  // In place: the first Length values of both signals become their spectrum. Hann's window is the square of a sine,
  // which is turned on from sample to sample (R. C. Singleton's way, which loses little: Numerical Recipes, 5.4).
  void transform(float* x, float* y) const {
    const float step = 3.14159265f / static_cast<float>(Length + 1);
    const float by_sine = sinf(step), by_cosine = 2.0f * sinf(step / 2.0f) * sinf(step / 2.0f);  // 1 - cos(step)
    float sine = by_sine, cosine = 1.0f - by_cosine;
    for (size_t i = 0; i < Length; ++i) {
      x[i] *= sine * sine;
      y[i] *= sine * sine;
      const float turned = sine - (by_cosine * sine - by_sine * cosine);
      cosine -= by_cosine * cosine + by_sine * sine;
      sine = turned;
    }
    for (size_t i = Length; i < kPadded; ++i) x[i] = y[i] = 0.0f;
    fft_.transform(x, y);
  }

  // After transform(), the power of the lines from `begin` up to, but without, `end`: of_x times that of the first signal
  // and of_y times that of the second.
  static float power(const float* x, const float* y, size_t begin, size_t end, float of_x, float of_y) {
    float sum = 0.0f, power_x, power_y;
    for (size_t line = begin; line < end; ++line) {
      Fft<kPadded>::power(x, y, line, &power_x, &power_y);
      sum += of_x * power_x + of_y * power_y;
    }
    return sum / (static_cast<float>(Length) * 0.375f * static_cast<float>(Length + 1));  // the sum of Hann's squares
  }

  // The same for each band, added to what is there.
  void add_power(const float* x, const float* y, float of_x, float of_y, float* bands) const {
    for (uint8_t b = 0; b < Bands; ++b) bands[b] += power(x, y, first_lines_[b], first_lines_[b + 1], of_x, of_y);
  }

 private:
  float rate_hz_;
  size_t first_lines_[Bands + 1];
  Fft<kPadded> fft_;
};

}  // namespace tinyml

#endif

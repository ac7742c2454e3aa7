// The spectrum of two real signals at once: a fast Fourier transform for sizes that are a power of two.
#ifndef TINYML_FFT_H
#define TINYML_FFT_H

#include <math.h>
#include <stddef.h>

namespace tinyml {

// The least power of two that holds so many samples.
constexpr size_t padded_size(size_t length, size_t size = 1) {
  return size >= length ? size : padded_size(length, 2 * size);
}

// After J. W. Cooley and J. W. Tukey, "An Algorithm for the Machine Calculation of Complex Fourier Series" (1965). An
// object is a quarter of a sine, Size + 4 bytes; the signals are elsewhere.
template <size_t Size>
class Fft {
  static_assert(Size >= 4 && (Size & (Size - 1)) == 0, "the size of an FFT is a power of two, 4 at least");

 public:
  Fft() {
    for (size_t i = 0; i <= Size / 4; ++i) {
      sine_[i] = sinf(6.28318531f * static_cast<float>(i) / static_cast<float>(Size));
    }
  }

  // In place: x + iy, Size values each, becomes its spectrum.
  void transform(float* x, float* y) const {
    reverse_bits(x, y);
    for (size_t half = 1; half < Size; half *= 2) {
      const size_t step = Size / 2 / half;
      for (size_t k = 0; k < half; ++k) {
        const size_t angle = k * step;  // exp(-2 pi i angle / Size), of half a turn at most
        const bool first_quarter = angle <= Size / 4;
        const float cosine = first_quarter ? sine_[Size / 4 - angle] : -sine_[angle - Size / 4];
        const float sine = first_quarter ? sine_[angle] : sine_[Size / 2 - angle];
        for (size_t upper = k; upper < Size; upper += 2 * half) {
          const size_t lower = upper + half;
          const float turned_x = x[lower] * cosine + y[lower] * sine;
          const float turned_y = y[lower] * cosine - x[lower] * sine;
          x[lower] = x[upper] - turned_x;
          y[lower] = y[upper] - turned_y;
          x[upper] += turned_x;
          y[upper] += turned_y;
        }
      }
    }
  }

  // After transform(), |X|^2 and |Y|^2 of a line, 0 to Size / 2: those of the two real signals.
  static void power(const float* x, const float* y, size_t line, float* of_x, float* of_y) {
    const size_t mirrored = line ? Size - line : 0;
    const float x_sum = x[line] + x[mirrored], x_difference = x[line] - x[mirrored];
    const float y_sum = y[line] + y[mirrored], y_difference = y[line] - y[mirrored];
    *of_x = (x_sum * x_sum + y_difference * y_difference) / 4.0f;
    *of_y = (y_sum * y_sum + x_difference * x_difference) / 4.0f;
  }

 private:
  static void reverse_bits(float* x, float* y) {
    size_t reversed = 0;
    for (size_t i = 1; i < Size; ++i) {
      size_t bit = Size / 2;
      for (; reversed & bit; bit /= 2) reversed ^= bit;
      reversed |= bit;
      if (i >= reversed) continue;
      swap(x + i, x + reversed);
      swap(y + i, y + reversed);
    }
  }

  static void swap(float* a, float* b) {
    const float kept = *a;
    *a = *b;
    *b = kept;
  }

  float sine_[Size / 4 + 1];
};

}  // namespace tinyml

#endif

// The sums behind motion_features.h: vectors, means of parts, how points spread, turn around, and in which directions.
#ifndef TINYML_MOTION_STATISTICS_H
#define TINYML_MOTION_STATISTICS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

namespace tinyml {

inline float dot3(const float* a, const float* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

inline float length3(const float* a) { return sqrtf(dot3(a, a)); }

// Below a thousandth it is noise, and all the same.
inline float log_of(float value) { return log10f(value + 1e-3f); }

inline float root_of_mean(float sum, size_t count) { return sqrtf(sum / static_cast<float>(count)); }

inline void sort_descending(float* values, uint8_t count) {
  for (uint8_t i = 1; i < count; ++i) {
    const float value = values[i];
    uint8_t place = i;
    for (; place > 0 && values[place - 1] < value; --place) values[place] = values[place - 1];
    values[place] = value;
  }
}

// A sum that keeps what rounding loses, and adds it to the next value (W. Kahan, 1965). Not with -ffast-math.
class CarefulSum {
 public:
  CarefulSum() : sum_(0.0f), lost_(0.0f) {}

  void add(float value) {
    const float next = value - lost_;
    const float more = sum_ + next;
    lost_ = (more - sum_) - next;
    sum_ = more;
  }

  float value() const { return sum_; }

 private:
  float sum_, lost_;
};

// Means of Parts parts of a window, part p from sample p * Length / Parts on. Samples come in order.
template <size_t Length, uint8_t Parts>
class PartMeans {
 public:
  PartMeans() : part_(0) {
    for (uint8_t part = 0; part < Parts; ++part) sums_[part] = 0.0f;
  }

  void add(size_t sample, float value) {
    if (sample == begin(static_cast<uint8_t>(part_ + 1))) ++part_;
    sums_[part_] += value;
  }

  float mean(uint8_t part) const {
    return sums_[part] / static_cast<float>(begin(static_cast<uint8_t>(part + 1)) - begin(part));
  }

  // The share of the largest means in all of them, for each count of them that is asked for.
  void shares(const uint8_t* most, uint8_t count, float* out) const {
    float means[Parts], total = 1e-4f;
    for (uint8_t part = 0; part < Parts; ++part) total += means[part] = mean(part);
    sort_descending(means, Parts);
    for (uint8_t i = 0; i < count; ++i) {
      out[i] = 0.0f;
      for (uint8_t part = 0; part < most[i]; ++part) out[i] += means[part] / total;
    }
  }

 private:
  static size_t begin(uint8_t part) { return part * Length / Parts; }

  float sums_[Parts];
  uint8_t part_;
};

// Least, most, and standard deviation. Sums are those of differences from the first value: what is alike in all of them
// would only blur what differs.
class Spread {
 public:
  Spread() : count_(0), first_(0.0f), least_(0.0f), most_(0.0f), sum_(0.0f), squares_(0.0f) {}

  void add(float value) {
    if (count_++ == 0) first_ = least_ = most_ = value;
    if (value < least_) least_ = value;
    if (value > most_) most_ = value;
    sum_ += value - first_;
    squares_ += (value - first_) * (value - first_);
  }

  float least() const { return least_; }
  float most() const { return most_; }

  float deviation() const {
    const float mean = sum_ / static_cast<float>(count_);
    const float variance = squares_ / static_cast<float>(count_) - mean * mean;
    return variance > 0.0f ? sqrtf(variance) : 0.0f;
  }

 private:
  size_t count_;
  float first_, least_, most_, sum_, squares_;
};

// The area that a point sweeps as it moves, as a part of the most it could: 1 for a circle, 0 for a line. A point is a
// number along "up", v, and a vector across it, h.
class Circulation {
 public:
  Circulation() : started_(false), v_(0.0f), vv_(0.0f), hh_(0.0f), dv_dv_(0.0f), dh_dh_(0.0f) {
    for (uint8_t k = 0; k < 3; ++k) h_[k] = standing_[k] = lying_[k] = 0.0f;
  }

  void add(float v, const float* h) {
    if (started_) step(v - v_, h[0] - h_[0], h[1] - h_[1], h[2] - h_[2]);
    started_ = true;
    v_ = v;
    for (uint8_t k = 0; k < 3; ++k) h_[k] = h[k];
  }

  // In planes that hold "up".
  float standing() const {
    return length3(standing_) / (sqrtf(vv_) * sqrtf(dh_dh_) + sqrtf(hh_) * sqrtf(dv_dv_) + 1e-3f);
  }

  // In the plane across it.
  float lying(const float* up) const { return fabsf(dot3(lying_, up)) / (sqrtf(hh_) * sqrtf(dh_dh_) + 1e-3f); }

 private:
  void step(float dv, float dx, float dy, float dz) {
    const float dh[3] = {dx, dy, dz};
    for (uint8_t k = 0; k < 3; ++k) standing_[k] += v_ * dh[k] - h_[k] * dv;
    lying_[0] += h_[1] * dz - h_[2] * dy;
    lying_[1] += h_[2] * dx - h_[0] * dz;
    lying_[2] += h_[0] * dy - h_[1] * dx;
    vv_ += v_ * v_;
    hh_ += dot3(h_, h_);
    dv_dv_ += dv * dv;
    dh_dh_ += dot3(dh, dh);
  }

  bool started_;
  float v_, h_[3], standing_[3], lying_[3], vv_, hh_, dv_dv_, dh_dh_;
};

// The three directions, at right angles, in which points around 0 are spread independently of each other: the
// eigenvectors of their covariance, in no order. C. Jacobi's method (1846): turn in one plane after the other.
class PrincipalAxes {
 public:
  PrincipalAxes() {
    for (uint8_t i = 0; i < 3; ++i) {
      for (uint8_t k = 0; k < 3; ++k) {
        covariance_[i][k] = 0.0f;
        axes_[i][k] = i == k ? 1.0f : 0.0f;
      }
    }
  }

  void add(const float* point) {
    for (uint8_t i = 0; i < 3; ++i) {
      for (uint8_t k = 0; k < 3; ++k) covariance_[i][k] += point[i] * point[k];
    }
  }

  // Once, when all points are there.
  void find() {
    for (uint8_t sweep = 0; sweep < 6; ++sweep) {
      turn(0, 1);
      turn(0, 2);
      turn(1, 2);
    }
  }

  const float* axis(uint8_t index) const { return axes_[index]; }

 private:
  // In the plane of two axes, so that they are independent.
  void turn(uint8_t p, uint8_t q) {
    float(*c)[3] = covariance_;
    if (c[p][q] == 0.0f) return;
    const float cotangent = (c[q][q] - c[p][p]) / (2.0f * c[p][q]);  // of twice the angle
    const float size = fabsf(cotangent);
    if (size > 1e9f) return;  // what is left is below the rounding
    const float tangent = (cotangent < 0.0f ? -1.0f : 1.0f) / (size + sqrtf(size * size + 1.0f));
    const float cosine = 1.0f / sqrtf(tangent * tangent + 1.0f);
    const float sine = tangent * cosine;
    for (uint8_t k = 0; k < 3; ++k) {
      rotate(&c[k][p], &c[k][q], cosine, sine);
      rotate(&axes_[p][k], &axes_[q][k], cosine, sine);
    }
    for (uint8_t k = 0; k < 3; ++k) rotate(&c[p][k], &c[q][k], cosine, sine);
  }

  static void rotate(float* first, float* second, float cosine, float sine) {
    const float kept = *first;
    *first = cosine * kept - sine * *second;
    *second = sine * kept + cosine * *second;
  }

  float covariance_[3][3];
  float axes_[3][3];
};

// From the mean squares along three principal axes, the two eigenvalues of a plane: a third one is 0, but in free fall,
// where there is no plane, it is not. Their roots: RMS along the longest and along the shortest direction.
inline void longest_and_shortest(float* squares, float* longest, float* shortest) {
  sort_descending(squares, 3);
  const float a = squares[0], b = squares[1], c = squares[2];
  const float apart_squared = (a - b) * (a - b) + c * (c - 2.0f * (a + b));
  const float apart = apart_squared > 0.0f ? sqrtf(apart_squared) / 2.0f : 0.0f;
  const float half = (a + b + c) / 2.0f;
  const float large = half + apart;
  const float small = apart > 0.0f ? (a * b + a * c + b * c) / large : half;  // half - apart, without its rounding
  *longest = sqrtf(large);
  *shortest = sqrtf(small);
}

}  // namespace tinyml

#endif

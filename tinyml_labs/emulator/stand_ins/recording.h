// What the stand-ins play: the bytes that the test has linked in, as an array of T. It is played round and round.
#ifndef STAND_INS_RECORDING_H
#define STAND_INS_RECORDING_H

#include <stddef.h>
#include <stdint.h>

extern "C" const uint8_t recording_start[], recording_end[];

template <class T>
class Recording {
 public:
  explicit Recording(size_t values_per_sample = 1) : values_(values_per_sample) {}
  size_t samples() const { return static_cast<size_t>(recording_end - recording_start) / (sizeof(T) * values_); }
  const T* sample(size_t number) const {
    return reinterpret_cast<const T*>(recording_start) + (number % samples()) * values_;
  }

 private:
  size_t values_;
};

#endif

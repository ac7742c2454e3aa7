// Features of one scale: around 0, about 1 wide, never far from it. The same bits as tinyml_labs.features.Normalisation.
#ifndef TINYML_NORMALISATION_H
#define TINYML_NORMALISATION_H

#include <stddef.h>

namespace tinyml {

// Three operations a value, in this order; 16 bytes on a 32-bit board, the arrays beside it.
struct Normalisation {
  const float* mean;           // of the training data, one a feature
  const float* inverse_scale;  // 1 / standard deviation; 0 for a feature that is constant
  float limit;                 // what comes out is within +-limit
  size_t size;                 // the number of features

  // In place.
  void apply(float* values) const {
    for (size_t i = 0; i < size; ++i) {
      const float centred = values[i] - mean[i];
      const float scaled = centred * inverse_scale[i];
      values[i] = scaled < -limit ? -limit : scaled > limit ? limit : scaled;
    }
  }
};

}  // namespace tinyml

#endif

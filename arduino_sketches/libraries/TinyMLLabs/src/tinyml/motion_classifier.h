// From a sample of the IMU to an event, all in one: window, features, normalisation, int8, model, smoothed scores.
#ifndef TINYML_MOTION_CLASSIFIER_H
#define TINYML_MOTION_CLASSIFIER_H

#include "model.h"
#include "motion_features.h"
#include "normalisation.h"
#include "quantization.h"
#include "score_smoother.h"
#include "windower.h"

namespace tinyml {

// What training has settled; tinyml_labs.gesture_export writes one.
struct MotionSettings {
  float rate_hz;               // of the samples
  size_t stride;               // samples from one window to the next
  const float* band_edges_hz;  // Bands + 1
  Normalisation normalisation;
  SmootherSettings smoothing;
};

// A window is Length samples of Channels values, 3 (acceleration in g) or 6 (and rotation in deg/s). The model has one
// int8 input, a value a feature, and one int8 output, a score a class; Average windows of scores make an event.
template <size_t Length, size_t Channels, uint8_t Bands, uint8_t Classes, uint8_t Average>
class MotionClassifier {
 public:
  typedef MotionFeatures<Length, Channels, Bands> Features;
  static const size_t kFeatures = Features::kSize;

  // Settings and model have to stay.
  MotionClassifier(const MotionSettings& settings, const Model& model)
      : settings_(settings),
        model_(model),
        windower_(settings.stride),
        compute_(settings.rate_hz, settings.band_edges_hz),
        smoother_(settings.smoothing) {}

  // Whether the settings, the model and the sizes above are of one export.
  bool valid() const {
    return compute_.valid() && settings_.normalisation.size == kFeatures && model_.input_bytes == kFeatures &&
           model_.output_bytes == Classes;
  }

  // Takes a sample, all its channels. True if it completes a window: then there are new features and scores, and perhaps
  // an event. That takes as long as the features and the model do: 0.8 million instructions for 238 samples, longer than
  // most sensors keep a sample. So meanwhile() is called every now and then, to read the next ones into another place.
  template <class Meanwhile>
  bool push(const float* sample, Meanwhile meanwhile) {
    if (!windower_.push(sample)) return false;
    const TensorLayout& input = model_.inputs[0];
    float normal[kFeatures];
    compute_.compute(windower_, features_, meanwhile);
    for (size_t i = 0; i < kFeatures; ++i) normal[i] = features_[i];
    settings_.normalisation.apply(normal);
    for (size_t i = 0; i < kFeatures; ++i) {
      model_.input[i] = static_cast<uint8_t>(quantize(normal[i], input.scale, input.zero_point));
    }
    if (model_.invoke(model_.context)) return false;
    for (uint8_t i = 0; i < Classes; ++i) scores_[i] = static_cast<int8_t>(model_.output[i]);
    event_ = smoother_.update(scores_);
    return true;
  }

  bool push(const float* sample) {
    return push(sample, [] {});
  }

  // After a gap in the samples: no window and no average goes across it.
  void reset() {
    windower_.reset();
    smoother_.reset();
  }

  const float* features() const { return features_; }  // of the last window, before normalisation; kFeatures of them
  const int8_t* scores() const { return scores_; }  // of the last window; Classes of them
  int16_t event() const { return event_; }          // the class of the event that the last window is, or -1

  float probability(uint8_t index) const { return real(static_cast<float>(scores_[index])); }

  // A class's average over the last Average windows.
  float average(uint8_t index) const { return real(static_cast<float>(smoother_.sum(index)) / Average); }

 private:
  float real(float score) const {
    const TensorLayout& output = model_.outputs[0];
    return (score - static_cast<float>(output.zero_point)) * output.scale;
  }

  const MotionSettings& settings_;
  const Model& model_;
  Windower<float, Length, Channels> windower_;
  Features compute_;
  ScoreSmoother<Classes, Average> smoother_;
  float features_[kFeatures];
  int8_t scores_[Classes];
  int16_t event_ = -1;
};

}  // namespace tinyml

#endif

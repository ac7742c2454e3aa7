// From a frame of the spectrogram to an event, all in one: int8, window, model, smoothed scores.
#ifndef TINYML_KEYWORD_CLASSIFIER_H
#define TINYML_KEYWORD_CLASSIFIER_H

#include "model.h"
#include "quantization.h"
#include "score_smoother.h"
#include "windower.h"

namespace tinyml {

// One count of a spectrogram's raw values, as a real number: what the model was trained on.
const float kSpectrogramScale = 10.0f / 256.0f;

// What training has settled; tinyml_labs.keyword_export writes one.
struct KeywordSettings {
  size_t stride;  // frames from one window to the next
  SmootherSettings smoothing;
};

// A window is Frames frames of Channels raw values. The model has one int8 input, a value each, and one int8 output, a
// score a class; Average windows of scores make an event.
template <size_t Frames, size_t Channels, uint8_t Classes, uint8_t Average>
class KeywordClassifier {
 public:
  static const size_t kInputs = Frames * Channels;

  // The model has to stay.
  KeywordClassifier(const KeywordSettings& settings, const Model& model)
      : model_(model), windower_(settings.stride), smoother_(settings.smoothing) {
    for (uint8_t i = 0; i < Classes; ++i) scores_[i] = 0;
  }

  // Whether the model is of these sizes.
  bool valid() const { return model_.input_bytes == kInputs && model_.output_bytes == Classes; }

  // Takes the next frame. True if it completes a window: then there are new scores, and perhaps an event. That takes as
  // long as the model does; sound that comes meanwhile has to wait somewhere. Frames are kept as the model's int8, which
  // is half of their raw size: 1,960 bytes a second at 50 frames a second.
  bool push(const uint16_t* frame) {
    const TensorLayout& input = model_.inputs[0];
    int8_t quantized[Channels];
    for (size_t i = 0; i < Channels; ++i) {
      quantized[i] = quantize(static_cast<float>(frame[i]) * kSpectrogramScale, input.scale, input.zero_point);
    }
    if (!windower_.push(quantized)) return false;
    windower_.copy(reinterpret_cast<int8_t*>(model_.input));
    fault_ = model_.invoke(model_.context);
    if (fault_) return false;
    for (uint8_t i = 0; i < Classes; ++i) scores_[i] = static_cast<int8_t>(model_.output[i]);
    event_ = smoother_.update(scores_);
    return true;
  }

  // After a gap in the sound: no window and no average goes across it.
  void reset() {
    windower_.reset();
    smoother_.reset();
  }

  const int8_t* scores() const { return scores_; }  // of the last window; Classes of them
  int16_t event() const { return event_; }          // the class of the event that the last window is, or -1
  const char* fault() const { return fault_; }      // why the model did not run, or nullptr

  float probability(uint8_t index) const { return real(static_cast<float>(scores_[index])); }

  // A class's average over the last Average windows.
  float average(uint8_t index) const { return real(static_cast<float>(smoother_.sum(index)) / Average); }

 private:
  float real(float score) const {
    const TensorLayout& output = model_.outputs[0];
    return (score - static_cast<float>(output.zero_point)) * output.scale;
  }

  const Model& model_;
  Windower<int8_t, Frames, Channels> windower_;
  ScoreSmoother<Classes, Average> smoother_;
  int8_t scores_[Classes];
  int16_t event_ = -1;
  const char* fault_ = nullptr;
};

}  // namespace tinyml

#endif

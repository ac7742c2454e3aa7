// From a picture to whether a person is there, all in one: int8, model, averaged scores, a state.
#ifndef TINYML_PERSON_DETECTOR_H
#define TINYML_PERSON_DETECTOR_H

#include "model.h"
#include "presence.h"
#include "quantization.h"

namespace tinyml {

// What training has settled; tinyml_labs.person_export writes one.
struct PersonSettings {
  uint8_t detected;  // the class that is looked for
  SmootherSettings smoothing;
};

// A picture is Pixels grey values. The model has one int8 input, a value each, whose real numbers are 0 to 255, and one int8
// output, a score a class; the average over Average pictures says whether somebody is there.
template <size_t Pixels, uint8_t Classes, uint8_t Average>
class PersonDetector {
 public:
  static const size_t kInputs = Pixels;

  // The model has to stay.
  PersonDetector(const PersonSettings& settings, const Model& model)
      : model_(model), detected_(settings.detected), presence_(settings.smoothing) {
    for (uint8_t i = 0; i < Classes; ++i) scores_[i] = 0;
  }

  // Whether the model is of these sizes.
  bool valid() const {
    return model_.input_bytes == kInputs && model_.output_bytes == Classes && detected_ < Classes;
  }

  // Takes the next picture. True if the model ran: then there are new scores, and perhaps somebody came or went. That takes
  // as long as the model does. `picture` may be where the model's input is.
  bool push(const uint8_t* picture) {
    const TensorLayout& input = model_.inputs[0];
    int8_t* const quantized = reinterpret_cast<int8_t*>(model_.input);
    for (size_t i = 0; i < Pixels; ++i) {
      quantized[i] = quantize(static_cast<float>(picture[i]), input.scale, input.zero_point);
    }
    changed_ = false;
    fault_ = model_.invoke(model_.context);
    if (fault_) return false;
    for (uint8_t i = 0; i < Classes; ++i) scores_[i] = static_cast<int8_t>(model_.output[i]);
    changed_ = presence_.update(scores_[detected_]);
    return true;
  }

  // After a gap in the pictures: no average goes across it, and nobody is there.
  void reset() {
    changed_ = false;
    presence_.reset();
  }

  const int8_t* scores() const { return scores_; }        // of the last picture; Classes of them
  bool present() const { return presence_.present(); }    // whether somebody is there
  bool changed() const { return changed_; }               // whether somebody came or went with the last picture
  const char* fault() const { return fault_; }            // why the model did not run, or nullptr

  float probability(uint8_t index) const { return real(static_cast<float>(scores_[index])); }

  // Of what is looked for, over the last Average pictures.
  float average() const { return real(static_cast<float>(presence_.sum()) / Average); }

 private:
  float real(float score) const {
    const TensorLayout& output = model_.outputs[0];
    return (score - static_cast<float>(output.zero_point)) * output.scale;
  }

  const Model& model_;
  uint8_t detected_;
  Presence<Average> presence_;
  int8_t scores_[Classes];
  bool changed_ = false;
  const char* fault_ = nullptr;
};

}  // namespace tinyml

#endif

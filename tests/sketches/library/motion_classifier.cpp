// Rows of float samples in; a row a window out: features, the model's inputs, its scores, the event. A row whose first value
// is NaN is a gap. Compiled with gesture_settings.h and gesture_model.cpp of a classifier.
#include <cstdio>

#include "gesture_settings.h"

template <class T>
static void write(const T* values, size_t count) {
  fwrite(values, sizeof(T), count, stdout);
}

int main() {
  static gesture::Classifier classifier(gesture::kSettings, kGestureModel);
  if (!classifier.valid()) return 1;
  float sample[gesture::kChannels];
  unsigned long pauses = 0;
  while (fread(sample, sizeof(float), gesture::kChannels, stdin) == gesture::kChannels) {
    if (sample[0] != sample[0]) {
      classifier.reset();
      continue;
    }
    if (!classifier.push(sample, [&pauses] { ++pauses; })) continue;
    const int32_t event = classifier.event();
    write(classifier.features(), gesture::kFeatures);
    write(kGestureModel.input, gesture::kFeatures);
    write(classifier.scores(), gesture::kClasses);
    write(&event, 1);
  }
  fprintf(stderr, "%lu\n", pauses);
}

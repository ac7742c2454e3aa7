// Grey pictures of 176 x 144 in; of each: the picture as the model gets it, its inputs, scores, sum, and state (0 or 1, and 2
// more if it has changed), as int32. Compiled with the files of a classifier.
#include <cstdio>

#include "person_settings.h"

using namespace tinyml;

template <class T>
static void write(const T* values, size_t count) {
  fwrite(values, sizeof(T), count, stdout);
}

int main() {
  static person::Detector detector(person::kSettings, kPersonModel);
  static ImageResizer<176, 144, person::kWidth, person::kHeight, person::kCrop> resizer;
  static uint8_t frame[144 * 176], picture[person::Detector::kInputs];
  if (!detector.valid()) return 1;
  while (fread(frame, 1, sizeof frame, stdin) == sizeof frame) {
    resizer.resize(frame, picture);
    write(picture, sizeof picture);
    if (!detector.push(picture)) return fputs(detector.fault(), stderr), 2;
    const int32_t state = detector.present() + 2 * detector.changed();
    const float average = detector.average();
    write(kPersonModel.input, sizeof picture);
    write(detector.scores(), person::kClasses);
    write(&average, 1);
    write(&state, 1);
  }
}

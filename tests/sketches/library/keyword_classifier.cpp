// Frames of a spectrogram in, 40 uint16 each; a row a window out: the model's inputs, its scores, the event as int32. A frame
// whose first value is 65535 is a gap. Compiled with the files of a classifier.
#include <cstdio>

#include "keyword_settings.h"

template <class T>
static void write(const T* values, size_t count) {
  fwrite(values, sizeof(T), count, stdout);
}

int main() {
  static keyword::Classifier classifier(keyword::kSettings, kKeywordModel);
  if (!classifier.valid()) return 1;
  uint16_t frame[keyword::kChannels];
  while (fread(frame, sizeof *frame, keyword::kChannels, stdin) == keyword::kChannels) {
    if (frame[0] == 65535) {
      classifier.reset();
      continue;
    }
    if (!classifier.push(frame)) {
      if (classifier.fault()) return fputs(classifier.fault(), stderr), 2;
      continue;
    }
    const int32_t event = classifier.event();
    write(kKeywordModel.input, keyword::Classifier::kInputs);
    write(classifier.scores(), keyword::kClasses);
    write(&event, 1);
  }
}

// Made by tinyml_labs.keyword_export: do not change it by hand. Export again.
// The model: 39,544 bytes as a .tflite file, SHA-256 9c7666678421d83bdda1a0c7568139fa96344725d4731e2eca39fb48afcf4a4e
#ifndef KEYWORD_SETTINGS_H
#define KEYWORD_SETTINGS_H

#include <TinyMLLabs.h>

#define KEYWORD_EXPORT 0x9c766667  // by this number the model's files know their settings

extern const tinyml::Model kKeywordModel;

namespace keyword {

// Frames in a window, values in a frame, classes, windows in an average. A window is 0.98 s, one each 0.1 s.
typedef tinyml::KeywordClassifier<49, 40, 4, 3> Classifier;

const size_t kFrames = 49;
const size_t kChannels = 40;
const uint8_t kEvery = 2;  // of the front end's frames, one each 10 ms, this one is kept

const uint8_t kClasses = 4;
const char* const kLabels[kClasses] = {
    "silence", "unknown", "yes", "no",
};
const char kLabelList[] = "silence,unknown,yes,no";

const tinyml::KeywordSettings kSettings = {
    5,  // frames from one window to the next
    {92, 0, 7, 0x3},  // threshold, release, hold-off; background: silence and unknown
};

}  // namespace keyword

#endif

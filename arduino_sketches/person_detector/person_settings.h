// Made by tinyml_labs.person_export: do not change it by hand. Export again.
// The model: 242,792 bytes as a .tflite file, SHA-256 eceeeab2d8638e4ddbd9120c82090cb9335ef34aad043294c9c12e96ae5f05c2
#ifndef PERSON_SETTINGS_H
#define PERSON_SETTINGS_H

#include <TinyMLLabs.h>

#define PERSON_EXPORT 0xeceeeab2  // by this number the model's files know their settings

extern const tinyml::Model kPersonModel;

namespace person {

// Pixels, classes, pictures in an average.
typedef tinyml::PersonDetector<9216, 2, 3> Detector;

// What the model gets of the camera's picture.
const uint16_t kWidth = 96;
const uint16_t kHeight = 96;
const tinyml::ImageCrop kCrop = tinyml::ImageCrop::square;

const uint8_t kClasses = 2;
const char* const kLabels[kClasses] = {
    "no_person", "person",
};
const char kLabelList[] = "no_person,person";

const tinyml::PersonSettings kSettings = {
    1,  // the class that is looked for: person
    {51, -26, 2, 0x1},  // threshold, release, hold-off; background: no_person
};

}  // namespace person

#endif

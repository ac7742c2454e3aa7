// Made by tinyml_labs.gesture_export: do not change it by hand. Export again.
// The model: 19,040 bytes as a .tflite file, SHA-256 533ffb855054eede0d76be27572df8db83639262c1e1d3d045005208db0b7112
#ifndef GESTURE_SETTINGS_H
#define GESTURE_SETTINGS_H

#include <TinyMLLabs.h>

#define GESTURE_EXPORT 0x533ffb85  // by this number the model's files know their settings

extern const tinyml::Model kGestureModel;

namespace gesture {

// Samples in a window, channels, bands, classes, windows in an average. A window is 2 s, one each 0.252 s.
typedef tinyml::MotionClassifier<238, 3, 9, 11, 4> Classifier;

const size_t kLength = 238;
const size_t kChannels = 3;
const char kChannelList[] = "accX,accY,accZ";
const char kUnits[] = "g,g,g";

const uint8_t kClasses = 11;
const char* const kLabels[kClasses] = {
    "idle", "circle", "updown", "wave", "flick", "punch", "flex", "wing", "ring", "slope", "other",
};
const char kLabelList[] = "idle,circle,updown,wave,flick,punch,flex,wing,ring,slope,other";

const size_t kFeatures = 38;
static_assert(kFeatures == Classifier::kFeatures, "this library has other features: export again");

const float kBandEdgesHz[] = {
    0.300000012f, 0.800000012f, 1.29999995f, 1.79999995f, 2.5f, 3.4000001f, 4.5999999f, 7.0f, 12.0f,
    25.0f,
};
const float kMean[] = {
    -0.539191902f, -0.432830811f, -0.895350218f, 0.93053627f, 0.833818257f, -1.02522278f,
    -0.930229187f, -0.946099997f, -0.887054086f, -1.07235563f, -1.27000558f, -1.24001336f,
    -1.34415305f, -1.53642762f, 0.385721236f, 0.420452982f, 0.216685832f, 0.144082963f,
    0.352631748f, 0.568922639f, 0.811099172f, 0.936507881f, 0.132799745f, -0.205570087f,
    0.105464041f, -0.247316688f, 0.144345939f, -0.216244444f, 0.101026081f, -0.182785287f,
    -0.554615617f, 1.49132788f, 0.481898308f, -0.069368951f, 0.299670935f, 0.047041703f,
    0.16621694f, -0.149011344f,
};
const float kInverseScale[] = {
    1.77177918f, 1.96218371f, 2.08162951f, 3.43828344f, 4.1571312f, 2.04573345f, 1.85230684f,
    1.46748352f, 1.33056903f, 1.31030846f, 1.34843409f, 1.5276773f, 2.01100969f, 2.10074282f,
    3.10815692f, 4.14952946f, 4.65164614f, 6.62290812f, 6.49084473f, 5.68523026f, 8.10539722f,
    17.8794308f, 3.22426987f, 3.36641026f, 3.85879564f, 5.04510117f, 4.52880812f, 6.810534f,
    5.71536016f, 7.8847332f, 1.76510262f, 0.798811555f, 3.24009919f, 6.17140961f, 2.37818432f,
    12.1905212f, 3.3067565f, 2.23340607f,
};

const tinyml::MotionSettings kSettings = {
    119.0f,  // samples a second
    30,  // samples from one window to the next
    kBandEdgesHz,
    {kMean, kInverseScale, 4.0f, kFeatures},
    {90, 0, 4, 0x401},  // threshold, release, hold-off; background: idle and other
};

}  // namespace gesture

#endif

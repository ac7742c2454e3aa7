// Computes the features of the windows that it carries, and how long it takes. A byte tells it to begin.
//
// The recording is windows of 238 x 6 float32; for each one the features follow, float32: 52 of all channels, 38 of
// acceleration alone, and the microseconds that each of the two took.
#include <TinyMLLabs.h>

using namespace tinyml;

extern "C" {
extern const float recording_start[], recording_end[];
}

const size_t kLength = 238;
const float kBands[] = {0.3f, 0.8f, 1.3f, 1.8f, 2.5f, 3.4f, 4.6f, 7.0f, 12.0f, 25.0f};
Windower<float, kLength, 3> acceleration(kLength);
Windower<float, kLength, 6> all(kLength);
MotionFeatures<kLength, 3> features_of_acceleration(119.0f, kBands);
MotionFeatures<kLength, 6> features_of_all(119.0f, kBands);

template <class Features, class Window>
float compute(Features& features, const Window& window) {
  float found[Features::kSize];
  const unsigned long begin = micros();
  features.compute(window, found);
  const unsigned long end = micros();
  Serial.write(reinterpret_cast<const uint8_t*>(found), sizeof found);
  return static_cast<float>(end - begin);
}

void setup() { Serial.begin(115200); }

void loop() {
  if (!Serial.available()) return;
  Serial.read();
  const float* sample = recording_start;
  while (sample < recording_end) {
    for (size_t i = 0; i < kLength; ++i, sample += 6) {
      all.push(sample);
      acceleration.push(sample);
    }
    const float took[2] = {compute(features_of_all, all), compute(features_of_acceleration, acceleration)};
    Serial.write(reinterpret_cast<const uint8_t*>(took), sizeof took);
  }
}

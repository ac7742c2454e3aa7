// From samples to events, without a model: turn a knob on A0, and see what a window, its scores and the smoother make of it.
//
// 50 samples a second; a window is half a second of them, and a new one is complete every tenth of a second. A window has
// a score for each of three classes; the smoother averages four of them, and tells once when one stands out.
#include <TinyMLLabs.h>

using namespace tinyml;

const uint8_t kLength = 25;
const uint8_t kStride = 5;
enum { kStill, kLow, kTurning, kClasses };
const char* const kNames[kClasses] = {"still", "low", "turning"};

SampleClock sample_clock;
Windower<int16_t, kLength, 1> windower(kStride);

// An event needs an average of 60; the same one comes again only after its average was below 30; after an event there
// is none for 5 windows; "still" is none at all. Scores are 0 to 100.
const SmootherSettings kSmoothing = {60, 30, 5, 1u << kStill};
ScoreSmoother<kClasses, 4, uint8_t> smoother(kSmoothing);

// What a model would do: a window in, a score for each class out.
void score(uint8_t* scores) {
  int16_t low = 1023, high = 0;
  for (uint8_t i = 0; i < kLength; ++i) {
    const int16_t value = windower.at(i, 0);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const int16_t span = high - low;
  scores[kTurning] = span > 200 ? 100 : static_cast<uint8_t>(span / 2);
  scores[kLow] = high < 200 ? static_cast<uint8_t>(100 - high / 2) : 0;
  scores[kStill] = 50;
}

void setup() {
  Serial.begin(115200);
  sample_clock.begin(to_millihertz(50), micros());
}

void loop() {
  const uint32_t due = sample_clock.take(micros());
  if (due == 0) return;
  if (due > 1) {  // samples were missed: no window may hold a gap
    windower.reset();
    smoother.reset();
  }
  const int16_t sample = analogRead(A0);
  if (!windower.push(&sample)) return;
  uint8_t scores[kClasses];
  score(scores);
  const int16_t event = smoother.update(scores);
  if (event < 0) return;
  Serial.print("event: ");
  Serial.println(kNames[event]);
}

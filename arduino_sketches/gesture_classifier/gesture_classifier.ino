// Tells gestures, on the board alone: IMU -> windows -> features -> model -> events.
//
// - Without Python: open the Serial Monitor. Each gesture is a line, "circle 0.93": its name, and its probability, averaged
//   over the last windows. The LED is on for half a second.
// - With Python, the same lines are in Board(port).logs, and there are three sensors to record or stream: "imu" (the samples
//   as the model gets them), "features" (of each window, before normalisation) and "scores" (the probability of each class).
//   Board(port).infer(inputs) runs the model on inputs of yours, and Board(port).require_model(model) asks whether it is the
//   one you think.
// - CSV_MODE: the scores as curves in the Serial Plotter, until Python asks for frames.
//
// Another model: tinyml_labs.gesture_export writes gesture_settings.h and the model. Boards and IMUs: ../README.md.

// #define CSV_MODE
// #define USE_LSM9DS1  // Nano 33 BLE Sense, with this library alone installed
// #define USE_BMI270   // Nano 33 BLE Sense Rev2, with this library alone installed
// #define USE_MPU6050  // this one, whatever the board
// #define USE_ADXL335

#if defined(__AVR__)
#error "gesture_classifier needs 16 KB of RAM and fast float arithmetic: a Nano 33 BLE (Sense), an Uno R4, an ESP32."
#endif

#include <stdio.h>

#include "gesture_settings.h"
#include "samples.h"

using namespace tinyml;

enum : uint8_t { kScores, kImu, kFeatures, kSensors };
static const float kWindowsASecond = gesture::kSettings.rate_hz / static_cast<float>(gesture::kSettings.stride);
static const Sensor kSensorList[kSensors] = {
    {kScores, "scores", "probability", gesture::kClasses, DType::float32, kWindowsASecond, 0, 1, SensorKind::signal, 0,
     gesture::kLabelList},
    {kImu, "imu", gesture::kUnits, gesture::kChannels, DType::float32, gesture::kSettings.rate_hz, NAN, NAN,
     SensorKind::signal, 0, gesture::kChannelList},
    {kFeatures, "features", "", gesture::kFeatures, DType::float32, kWindowsASecond, NAN, NAN, SensorKind::signal, 0, ""},
};

static char board_id[17];
static const BoardDescription kBoard = {
    this_board_name(), "gesture_classifier", "0.1.0", board_id, kSensorList, kSensors, 64};
static const size_t kFrameBytes = sizeof(float) * gesture::kFeatures > 240 ? sizeof(float) * gesture::kFeatures : 240;
static BoardServer<Stream, kFrameBytes, 8, 128> server(Serial, kBoard);

static gesture::Classifier classifier(gesture::kSettings, kGestureModel);
static const char* fault;

static void set_led(bool on) {
#ifdef LED_BUILTIN
  pinMode(LED_BUILTIN, OUTPUT);
  digitalWrite(LED_BUILTIN, on ? HIGH : LOW);
#else
  (void)on;
#endif
}

void setup() {
  Serial.begin(115200);
  set_led(false);
  this_board_id(board_id);
  fault = classifier.valid() ? begin_samples() : "gesture_settings.h and the model do not fit each other.";
  server.set_sensor_fault(fault);
  server.set_model(kGestureModel, micros);
#ifdef CSV_MODE
  server.set_csv(true, 2, true);
#endif
  server.begin(micros());
}

// A line for whoever listens: Python, if it has ever sent a frame, or the Serial Monitor.
static void say(const char* text) {
  if (server.counts().frames > 0) return server.log(text, micros());
#ifndef CSV_MODE
  if (Serial) Serial.println(text);
#endif
}

// Every so many milliseconds; `last` is when it was.
static bool is_time(uint32_t now_ms, uint32_t every_ms, uint32_t* last) {
  if (now_ms - *last < every_ms) return false;
  *last = now_ms;
  return true;
}

// Samples are missing: the windows begin anew, and the streams say so.
static void skip(uint32_t lost) {
  classifier.reset();
  if (server.samples_taken() > 0) server.skip(server.streaming(kImu) ? lost : gesture::kLength / gesture::kSettings.stride);
  static uint32_t total = 0, said_at = millis() - 5000;
  total += lost;
  if (!is_time(millis(), 5000, &said_at)) return;
  char text[64];
  snprintf(text, sizeof text, "%lu samples lost: no event until windows are whole", static_cast<unsigned long>(total));
  say(text);
}

static void send_window(uint32_t now) {
  float probabilities[gesture::kClasses];
  for (uint8_t i = 0; i < gesture::kClasses; ++i) probabilities[i] = classifier.probability(i);
  if (server.streaming(kScores)) server.push(probabilities, now);
  if (server.streaming(kFeatures)) server.push(classifier.features(), now);
}

static uint32_t led_since;

static void tell(uint8_t event) {
  set_led(true);
  led_since = millis();
  const unsigned percent = static_cast<unsigned>(classifier.average(event) * 100 + 0.5f);
  char text[64];
  snprintf(text, sizeof text, "%s %u.%02u", gesture::kLabels[event], percent / 100, percent % 100);
  say(text);
}

void loop() {
  if (in_step()) server.poll(micros());  // to write may take long
  if (is_time(millis(), 500, &led_since)) set_led(false);
  if (fault) {
    static uint32_t said_at = 0;
    if (server.counts().frames == 0 && is_time(millis(), 2000, &said_at)) say(fault);  // Python is told when it asks
    return;
  }
  read_ahead();
  static ImuSample sample;
  if (!next_sample(&sample)) return;
  if (sample.lost > 0) skip(sample.lost);
  if (server.streaming(kImu)) server.push(sample.values, sample.micros);
  if (!classifier.push(sample.values, read_ahead_sometimes)) return;
  send_window(sample.micros);
  if (classifier.event() >= 0) tell(static_cast<uint8_t>(classifier.event()));
}

// Sees whether a person is there, on the board alone: camera -> grey picture of the model's size -> model -> a state.
//
// - Without Python: open the Serial Monitor. When somebody comes it says "person 0.93", the probability averaged over the last
//   pictures, and "gone" when nobody is there any more. The LED is on as long as somebody is there.
// - With Python, the same lines are in Board(port).logs, and there are two sensors to record or stream: "scores" (the
//   probability of each class, a row a picture) and "camera" (the pictures as the model gets them). Board(port).infer(inputs)
//   runs the model on pictures of yours, and Board(port).require_model(model) asks whether it is the one you think.
// - CSV_MODE: the scores as curves in the Serial Plotter, until Python asks for frames.
//
// Needs the libraries TinyMLLabs and Arduino_OV767X: ../README.md says how, and
// how much RAM it takes. Another model: tinyml_labs.person_export writes person_settings.h and the model. Another camera:
// camera.h.

// #define CSV_MODE

#include <stdio.h>

#include <TinyMLLabs.h>

#include "camera.h"
#include "person_settings.h"

#ifndef PICTURES_A_SECOND
#define PICTURES_A_SECOND 1  // a camera's picture takes up to 0.4 s, and then comes the model
#endif

#ifndef INPUT_WAIT_MS
#define INPUT_WAIT_MS 5000  // so long a picture waits for the rest of an input that Python has begun to send
#endif

using namespace tinyml;

enum : uint8_t { kScores = 1, kCamera };
static const float kPicturesASecond = PICTURES_A_SECOND;
static const Sensor kSensorList[] = {
    {kScores, "scores", "probability", person::kClasses, DType::float32, kPicturesASecond, 0, 1, SensorKind::signal, 0,
     person::kLabelList},
    {kCamera, "camera", "grey", person::kWidth, DType::uint8, person::kHeight * kPicturesASecond, 0, 255,
     SensorKind::image, person::kHeight, ""},
};

static char board_id[17];
static const BoardDescription kBoard = {this_board_name(), "person_detector", "0.1.0", board_id, kSensorList, 2, 256};
// Pictures come and go in pieces of some rows: a frame that goes, and a request that comes.
static const size_t kPieceBytes = person::kWidth * 12;
static BoardServer<Stream, kPieceBytes, 4, kPieceBytes + 8> server(Serial, kBoard);

static ImageResizer<kCameraWidth, kCameraHeight, person::kWidth, person::kHeight, person::kCrop> resizer;
static person::Detector detector(person::kSettings, kPersonModel);
static const char* fault;

static uint8_t picture[person::Detector::kInputs];  // as the model gets it
static uint32_t picture_taken;
static bool picture_waits = false;  // the stream wants it, and has no row of it yet
static SampleClock picture_clock;

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
  fault = detector.valid() ? begin_camera() : "person_settings.h and the model do not fit each other.";
  server.set_sensor_fault(fault);
  server.set_model(kPersonModel, micros);
  server.set_flush_ms(1000);  // a frame leaves when it is full: no row of a picture waits for the next one
#ifdef CSV_MODE
  server.set_csv(true, 2, true);
#endif
  server.begin(micros());
  picture_clock.begin(to_millihertz(kPicturesASecond), micros());
}

// A line for whoever listens: Python, if it has ever sent a frame, or the Serial Monitor.
static void say(const char* text) {
  if (server.counts().frames > 0) return server.log(text, micros());
#ifndef CSV_MODE
  if (Serial) Serial.println(text);
#endif
}

static void say_sometimes(const char* text) {
  static uint32_t said_at = 0;
  if (server.counts().frames > 0 || millis() - said_at < 2000) return;  // Python is told when it asks
  said_at = millis();
  say(text);
}

static void tell() {
  set_led(detector.present());
  if (!detector.present()) return say("gone");
  const unsigned percent = static_cast<unsigned>(detector.average() * 100 + 0.5f);
  char text[64];
  snprintf(text, sizeof text, "%s %u.%02u", person::kLabels[person::kSettings.detected], percent / 100, percent % 100);
  say(text);
}

// Whether Python is about to send an input of the model. A picture goes to the same place, and so has to wait; but not for
// one of which nothing more comes.
static bool input_is_coming() {
  static uint32_t received = 0, since = 0;
  if (server.input_received() != received) {
    received = server.input_received();
    since = millis();
  }
  if (received > 0 && millis() - since > INPUT_WAIT_MS) server.forget_input();
  return server.input_received() > 0;
}

// Sends the rows of the picture for which there is room; true when there are none left.
static bool send_rows() {
  while (server.streaming(kCamera)) {
    const uint16_t row = static_cast<uint16_t>(server.samples_taken() % person::kHeight);
    if (row == 0 && !picture_waits) return true;
    if (!server.can_push()) return false;
    picture_waits = false;
    const uint32_t since_picture = row * static_cast<uint32_t>(1e6f / kPicturesASecond / person::kHeight);
    server.push(picture + static_cast<size_t>(row) * person::kWidth, picture_taken + since_picture);
  }
  return true;
}

// Takes a picture if one is due. One that came due while nobody had time for it is lost, and the streams say so.
static bool next_picture() {
  const uint32_t due = picture_clock.take(micros());
  if (due == 0) return false;
  if (server.samples_taken() > 0) server.skip((due - 1) * (server.streaming(kCamera) ? person::kHeight : 1));
  picture_taken = micros();
  uint8_t* out = picture;
  take_picture([&out](const uint8_t* row) {
    resizer.push(row);
    while (resizer.pop(out)) out += person::kWidth;
  });
  picture_waits = server.streaming(kCamera);
  return true;
}

static void send_scores() {
  float probabilities[person::kClasses];
  for (uint8_t i = 0; i < person::kClasses; ++i) probabilities[i] = detector.probability(i);
  server.push(probabilities, picture_taken);
}

void loop() {
  server.poll(micros());
  if (fault) return say_sometimes(fault);
  if (!send_rows() || input_is_coming() || !next_picture()) return;
  if (!detector.push(picture)) return say_sometimes(detector.fault());
  if (server.streaming(kScores)) send_scores();
  if (detector.changed()) tell();
}

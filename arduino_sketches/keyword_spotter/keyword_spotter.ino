// Hears keywords, on the board alone: microphone -> spectrogram -> windows -> model -> events.
//
// - Without Python: open the Serial Monitor. Each keyword is a line, "yes 0.93": its name, and its probability, averaged over
//   the last windows. The LED is on for half a second.
// - With Python, the same lines are in Board(port).logs, and there are three sensors to record or stream: "scores" (the
//   probability of each class, a row a window), "microphone" (the sound) and "spectrogram" (raw frames).
//   Board(port).infer(inputs) runs the model on inputs of yours, and Board(port).require_model(model) asks whether it is the
//   one you think.
// - CSV_MODE: the scores as curves in the Serial Plotter, until Python asks for frames.
//
// Needs the libraries TinyMLLabs and MicroFrontend: ../README.md says how.
// Another model: tinyml_labs.keyword_export writes keyword_settings.h and the model. Another microphone: microphone.h.

// #define CSV_MODE

#include <stdio.h>

#include <TinyMLAudio.h>

#include "keyword_settings.h"
#include "microphone.h"

using namespace tinyml;

enum : uint8_t { kScores = 1, kMicrophone, kSpectrogram };
static const float kFramesASecond = 100.0f / keyword::kEvery;
static const Sensor kSensorList[] = {
    {kScores, "scores", "probability", keyword::kClasses, DType::float32,
     kFramesASecond / static_cast<float>(keyword::kSettings.stride), 0, 1, SensorKind::signal, 0, keyword::kLabelList},
    {kMicrophone, "microphone", "counts", 1, DType::int16, AudioFrontEnd::kRateHz, -32768, 32767, SensorKind::audio, 0,
     ""},
    {kSpectrogram, "spectrogram", "counts", keyword::kChannels, DType::uint16, kFramesASecond, 0, NAN, SensorKind::signal,
     0, ""},
};

static char board_id[17];
static const BoardDescription kBoard = {this_board_name(), "keyword_spotter", "0.1.0", board_id, kSensorList, 3, 256};
// One request takes a whole input of the model: the next window would spoil half of one.
static const size_t kRequestBytes = keyword::Classifier::kInputs + 64;
static BoardServer<Stream, 480, 16, kRequestBytes> server(Serial, kBoard);

static AudioFrontEnd front_end(keyword::kEvery);
static keyword::Classifier classifier(keyword::kSettings, kKeywordModel);
static const char* fault;

static void set_led(bool on) {
#ifdef LED_BUILTIN
  pinMode(LED_BUILTIN, OUTPUT);
  digitalWrite(LED_BUILTIN, on ? HIGH : LOW);
#else
  (void)on;
#endif
}

static const char* begin_all() {
  if (!classifier.valid()) return "keyword_settings.h and the model do not fit each other.";
  if (!front_end.begin()) return "there is no memory for the audio front end.";
  return begin_microphone();
}

void setup() {
  Serial.begin(115200);
  set_led(false);
  this_board_id(board_id);
  fault = begin_all();
  server.set_sensor_fault(fault);
  server.set_model(kKeywordModel, micros);
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

// Sound is missing: the front end and the windows begin anew, and the streams say so.
static void skip(uint32_t lost) {
  front_end.reset();
  classifier.reset();
  if (server.samples_taken() > 0) {
    const size_t frames = lost / (AudioFrontEnd::kStep * keyword::kEvery) + 1;
    const size_t windows = (frames + keyword::kFrames) / keyword::kSettings.stride;
    server.skip(server.streaming(kMicrophone) ? lost : server.streaming(kSpectrogram) ? frames : windows);
  }
  static uint32_t total = 0, said_at = millis() - 5000;
  total += lost;
  if (!is_time(millis(), 5000, &said_at)) return;
  char text[64];
  snprintf(text, sizeof text, "%lu samples lost: no event until windows are whole", static_cast<unsigned long>(total));
  say(text);
}

static void send_scores(uint32_t now) {
  float probabilities[keyword::kClasses];
  for (uint8_t i = 0; i < keyword::kClasses; ++i) probabilities[i] = classifier.probability(i);
  server.push(probabilities, now);
}

static uint32_t led_since;

static void tell(uint8_t event) {
  set_led(true);
  led_since = millis();
  const unsigned percent = static_cast<unsigned>(classifier.average(event) * 100 + 0.5f);
  char text[64];
  snprintf(text, sizeof text, "%s %u.%02u", keyword::kLabels[event], percent / 100, percent % 100);
  say(text);
}

static void say_sometimes(const char* text) {
  static uint32_t said_at = 0;
  if (server.counts().frames == 0 && is_time(millis(), 2000, &said_at)) say(text);  // Python is told when it asks
}

void loop() {
  server.poll(micros());
  if (is_time(millis(), 500, &led_since)) set_led(false);
  if (fault) return say_sometimes(fault);
  static SoundStep step;
  if (!next_step(&step)) return;
  if (step.lost > 0) skip(step.lost);
  if (server.streaming(kMicrophone)) server.push(step.samples, AudioFrontEnd::kStep, step.micros);
  const uint16_t* frame = front_end.push(step.samples);
  if (!frame) return;
  const uint32_t heard = step.micros + 10000;
  if (server.streaming(kSpectrogram)) server.push(frame, heard);
  const bool complete = classifier.push(frame);
  if (classifier.fault()) return say_sometimes(classifier.fault());
  if (!complete) return;
  if (server.streaming(kScores)) send_scores(heard);
  if (classifier.event() >= 0) tell(static_cast<uint8_t>(classifier.event()));
}

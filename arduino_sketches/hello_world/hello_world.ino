// Hello world: a network that has learnt sin(x) makes the light breathe. On any board, an Uno too.
//
// - Without Python: look at the LED; a breath takes about six seconds. CSV_MODE: the curve in the Serial Plotter.
// - With Python: Board(port).stream("sine", 300) gives what goes in and what comes out; Board(port).infer(inputs) runs the
//   model on inputs of yours, and Board(port).require_model(model) asks whether it is the one you think.
//
// Another model: python make_model.py MODEL.tflite, or `tinyml-labs deploy MODEL.tflite --sketch hello_world`.
#include <TinyMLLabs.h>

#include "sine.h"

// #define CSV_MODE

#ifndef X_STEP
#define X_STEP 0.02f  // from one answer to the next, fifty a second
#endif

#ifndef X_END
#define X_END 6.2831853f  // then it begins again: the network has learnt one period
#endif

using namespace tinyml;

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "sine", "", 2, DType::float32, 50.0f, NAN, NAN, SensorKind::signal, 0, "x,y"},
};
static const BoardDescription kBoard = {this_board_name(), "hello_world", "0.1.0", board_id, kSensors, 1, 64};

#ifdef __AVR__
static BoardServer<Stream, 40, 3> server(Serial, kBoard);
#else
static BoardServer<Stream> server(Serial, kBoard);
#endif

static SampleClock breath;

void setup() {
  Serial.begin(115200);
#ifdef LED_BUILTIN
  pinMode(LED_BUILTIN, OUTPUT);
#endif
  this_board_id(board_id);
  server.set_model(kSineModel, micros);
#ifdef CSV_MODE
  server.set_csv(true, 4, true);
#endif
  server.begin(micros());
  breath.begin(to_millihertz(50.0f), micros());
}

// One inference: x, as the model's int8, in; y, as a real number, out.
static float answer(float x) {
  const TensorLayout& in = kSineModel.inputs[0];
  const TensorLayout& out = kSineModel.outputs[0];
  kSineModel.input[0] = static_cast<uint8_t>(quantize(x, in.scale, in.zero_point));
  if (kSineModel.invoke(kSineModel.context)) return 0.0f;
  return static_cast<float>(static_cast<int8_t>(kSineModel.output[0]) - out.zero_point) * out.scale;
}

// Brightness by hand, from -1 (dark) to 1 (bright): on for a part of each 10 ms. LED_BUILTIN has no PWM on many boards.
static void shine(float y) {
#ifdef LED_BUILTIN
  const float part = (y + 1.0f) / 2.0f;
  digitalWrite(LED_BUILTIN, static_cast<float>(micros() % 10000) < part * 10000.0f ? HIGH : LOW);
#else
  (void)y;
#endif
}

void loop() {
  static float x = 0.0f, y = 0.0f;
  server.poll(micros());
  shine(y);
  const uint32_t now = micros();
  const uint32_t due = breath.take(now);
  if (due == 0) return;
  y = answer(x);
  if (server.streaming()) {
    if (due > 1) server.skip(due - 1);
    const float values[] = {x, y};
    server.push(values, now);
  }
  x += X_STEP;
  if (x >= X_END) x = 0.0f;
}

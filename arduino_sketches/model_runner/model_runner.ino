// Runs a model on the board, as it came out of Python: the sine of 01_hello_world, or another one in runner_model.
//
// - For Python: Board(port).infer(inputs) gives the outputs and the microseconds of each; Board(port).stream("result", 100)
//   the model's own sweep through its inputs.
// - DIALECT_MLPERF: the commands of MLPerf Tiny, for its public runner or a terminal: "name%", "infer 10 1%".
// - CSV_MODE: the sweep as lines of text for the Arduino Serial Plotter, until Python asks for frames.
//
// Another model: python make_model.py MODEL.tflite, or `tinyml-labs deploy MODEL.tflite`, which makes a folder of it. With
// `tinyml-labs deploy --engine tflm MODEL.tflite`, Board(port).load(model) puts further ones into the board's RAM.
#include <TinyMLLabs.h>

#include "board_memory.h"
#include "model.h"

// #define DIALECT_MLPERF
// #define CSV_MODE

using namespace tinyml;

#ifdef DIALECT_MLPERF

static uint8_t buffer[64];
static const MlperfSettings kSettings = {this_board_name(), "custom", buffer, sizeof buffer, false};
static MlperfServer<Stream> server(Serial, kModel, micros, kSettings);

void setup() {
  Serial.begin(115200);
  server.begin();
}

void loop() { server.poll(); }

#else

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "result", "", 2, DType::float32, 50.0f, NAN, NAN, SensorKind::signal, 0, "input,output"}};
static const BoardDescription kBoard = {this_board_name(), "model_runner", "0.1.0", board_id, kSensors, 1,
                                        RECEIVE_BUFFER_BYTES};

#ifdef __AVR__
static BoardServer<Stream, 40, 3, REQUEST_BYTES> server(Serial, kBoard);
#else
static BoardServer<Stream, 240, 8, REQUEST_BYTES> server(Serial, kBoard);
#endif

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
  server.set_model(kModel, micros);
#if LOADABLE_BYTES > 0
  server.set_upload(model_upload);
#endif
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.begin(micros());
}

static float real_value(const TensorLayout& tensor, uint8_t byte) {
  if (tensor.dtype != DType::int8) return NAN;
  return static_cast<float>(static_cast<int8_t>(byte) - tensor.zero_point) * tensor.scale;
}

// The model's answer to one number after the other: for a model of one input and one output.
static void push_next_result(uint32_t now) {
  static uint8_t next = 0;
  const Model* const model = server.model();
  if (!model || server.input_received() > 0) return;  // none, or its input is Python's just now
  memset(model->input, next, model->input_bytes);
  if (model->invoke(model->context)) return;
  const float values[] = {real_value(model->inputs[0], next), real_value(model->outputs[0], model->output[0])};
  ++next;
  server.push(values, now);
}

void loop() {
  server.poll(micros());
  const uint32_t now = micros();
  if (server.sample_due(now)) push_next_result(now);
}

#endif

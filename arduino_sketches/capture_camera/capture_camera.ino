// Captures grey pictures of an OV7675 or OV7670 camera: "camera" is the 96 x 96 pixels in the middle, "camera_raw" all 176 x 144.
//
// For the Nano 33 BLE (Sense) with the Tiny Machine Learning Kit's shield. Needs Arduino_OV767X and TinyMLLabs: ../README.md.
// The sensor's samples are rows; a new picture is taken when the last one's rows are all on their way.
#include <Arduino_OV767X.h>
#include <TinyMLLabs.h>

// #define CSV_MODE  // a row a line of text, until Python asks for frames

using namespace tinyml;

static const uint16_t kRawWidth = 176, kRawHeight = 144;  // QCIF
static const uint16_t kSide = 96;                         // of the square in the middle
static const uint16_t kFramesPerSecond = 5;               // 1 or 5, says the library; sending takes its time too

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "camera", "grey", kSide, DType::uint8, kSide * kFramesPerSecond, 0, 255, SensorKind::image, kSide, ""},
    {1, "camera_raw", "grey", kRawWidth, DType::uint8, kRawHeight * kFramesPerSecond, 0, 255, SensorKind::image, kRawHeight, ""},
};
static const BoardDescription kBoard = {this_board_name(), "capture_camera", "0.1.0", board_id, kSensors, 2, 256};
static BoardServer<Stream, 1152, 8> server(Serial, kBoard);  // 12 rows of 96 or 6 of 176 a frame: whole numbers of them a picture

static uint8_t picture[kRawHeight * kRawWidth];
static uint32_t picture_taken;

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
  if (!Camera.begin(QCIF, GRAYSCALE, kFramesPerSecond)) server.set_sensor_fault("no camera found. Is its shield plugged in?");
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.begin(micros());
}

void loop() {
  server.poll(micros());
  const Sensor& sensor = kSensors[server.streaming(0) ? 0 : 1];
  const uint16_t top = (kRawHeight - sensor.rows) / 2, left = (kRawWidth - sensor.channels) / 2;
  while (server.can_push()) {
    const uint16_t row = server.samples_taken() % sensor.rows;
    if (row == 0) {
      picture_taken = micros();
      Camera.readFrame(picture);
    }
    server.push(&picture[(top + row) * kRawWidth + left], picture_taken);
    if (row + 1 == sensor.rows) return;
  }
}

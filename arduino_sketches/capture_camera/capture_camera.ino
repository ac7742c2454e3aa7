// Captures grey pictures of an OV7675 or OV7670: the sensor "camera" is the square in the middle, made 96 x 96, as
// person_detector's model gets it; "camera_raw" is all 176 x 144. For the Nano 33 BLE (Sense) on the Tiny Machine
// Learning Kit's shield.
//
// A sample is a row. Pictures are taken at a steady rate; one that comes due while the last is still on its way
// counts as lost. Needs the libraries Arduino_OV767X and TinyMLLabs: ../README.md says how.
#include <Arduino_OV767X.h>
#include <TinyMLLabs.h>

// #define CSV_MODE  // a row a line of text, until Python asks for frames

#ifndef PICTURES_A_SECOND
#define PICTURES_A_SECOND 2  // the camera gives 5, and to wait for the next and read it takes two of its periods
#endif

using namespace tinyml;

static const uint16_t kRawWidth = 176, kRawHeight = 144;  // QCIF
static const uint16_t kSide = 96;                         // of the square in the middle, made smaller

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "camera", "grey", kSide, DType::uint8, kSide * PICTURES_A_SECOND, 0, 255, SensorKind::image, kSide, ""},
    {1, "camera_raw", "grey", kRawWidth, DType::uint8, kRawHeight * PICTURES_A_SECOND, 0, 255, SensorKind::image,
     kRawHeight, ""},
};
static const BoardDescription kBoard = {this_board_name(), "capture_camera", "0.1.0", board_id, kSensors, 2, 256};
static BoardServer<Stream, 1152, 8> server(Serial, kBoard);  // a picture is 8 frames of 12 rows, or 24 of 6

static uint8_t picture[kRawHeight * kRawWidth];  // the small one takes the place of the large one
static ImageResizer<kRawWidth, kRawHeight, kSide, kSide> resizer;
static uint32_t picture_taken;
static SampleClock picture_clock;

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
  if (!Camera.begin(QCIF, GRAYSCALE, 5)) server.set_sensor_fault("no camera found. Is its shield plugged in?");
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.set_flush_ms(1000);  // a frame leaves when it is full: no row of a picture waits for the next one
  server.begin(micros());
}

// Gives false if none is due yet.
static bool take_picture(const Sensor& sensor) {
  const uint32_t now = micros();
  if (server.samples_taken() == 0) picture_clock.begin(to_millihertz(PICTURES_A_SECOND), now);
  const uint32_t due = picture_clock.take(now);
  if (due == 0) return false;
  server.skip((due - 1) * sensor.rows);
  picture_taken = now;
  Camera.readFrame(picture);
  if (sensor.rows == kSide) resizer.resize(picture, picture);
  return true;
}

void loop() {
  server.poll(micros());
  const Sensor& sensor = kSensors[server.streaming(0) ? 0 : 1];
  while (server.can_push()) {
    const uint16_t row = server.samples_taken() % sensor.rows;
    if (row == 0 && !take_picture(sensor)) return;
    const uint32_t since_picture = row * (1000000ul / PICTURES_A_SECOND / sensor.rows);  // so that rows have a rate
    server.push(&picture[row * sensor.channels], picture_taken + since_picture);
  }
}

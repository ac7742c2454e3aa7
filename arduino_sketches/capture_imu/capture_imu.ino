// Captures motion: acceleration in g and, where the sensor has it, rotation in degrees a second.
//
// Nano 33 BLE Sense, first and second revision: install Arduino_LSM9DS1 and Arduino_BMI270_BMM150, and the sketch
// finds out which IMU is there. Other boards: an MPU-6050 on the I2C pins, or an ADXL335 on A0, A1, A2. Needs the
// library TinyMLLabs: ../README.md says how.

// #define CSV_MODE     // lines of text for the Arduino Serial Plotter, until Python asks for frames
// #define USE_LSM9DS1  // Nano 33 BLE Sense, with this library alone installed
// #define USE_BMI270   // Nano 33 BLE Sense Rev2, with this library alone installed
// #define USE_MPU6050  // this one, whatever the board
// #define USE_ADXL335

#include <TinyMLImu.h>
#include <TinyMLLabs.h>

using namespace tinyml;

static char board_id[17];
static const BoardDescription kBoard = {this_board_name(), "capture_imu", "0.1.0", board_id, &imu_sensor, 1, 64};

#ifdef __AVR__
static BoardServer<Stream, 36, 6> server(Serial, kBoard);  // frames that fit the Uno's transmit buffer
#else
static BoardServer<Stream> server(Serial, kBoard);
#endif

static bool imu_found;
static MissedSamples missed;

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
  imu_found = begin_imu();
  if (!imu_found) server.set_sensor_fault(kNoImu);
  missed.begin(imu_sensor.rate_hz);
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.begin(micros());
}

void loop() {
  if (missed.in_step(micros())) server.poll(micros());  // to write may take long
  if (!imu_found) return;
  const uint32_t now = micros();
  float values[kImuChannels];
#ifdef USE_ADXL335  // measures when it is asked
  if (!server.sample_due(now)) return;
  read_imu(values);
#else               // measures by a clock of its own
  const bool ready = read_imu(values);
  const int32_t lost = missed.poll(ready, now);
  if (!ready || lost == MissedSamples::kUnsure) return;
  const bool first = server.samples_taken() == 0;  // before a stream's first sample nothing is lost
  if (!first) server.skip(static_cast<uint32_t>(lost));
#endif
  server.push(values, now);
}

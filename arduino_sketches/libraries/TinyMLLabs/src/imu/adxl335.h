// An ADXL335 on A0, A1, A2: an accelerometer whose outputs are voltages. Its supply has to be the converter's
// reference: 3.3 V, and on a 5 V board a wire from 3.3 V to AREF. Then 0 g is half of 1023 counts, and 1 g a
// tenth of 1024 (330 mV of 3.3 V).
#ifndef TINYML_IMU_ADXL335_H
#define TINYML_IMU_ADXL335_H

#ifndef RATE_HZ
#define RATE_HZ 100
#endif

namespace tinyml {

static const uint8_t kImuChannels = 3;
static const char kNoImu[] = "";
static Sensor imu_sensor = {0, "accelerometer", "g", kImuChannels, DType::float32, RATE_HZ, -3.6f, 3.6f,
                            SensorKind::signal, 0, "accX,accY,accZ"};

static bool begin_imu() {
#ifdef __AVR__
  analogReference(EXTERNAL);
#else
  analogReadResolution(10);
#endif
  return true;
}

static bool read_imu(float* values) {
  const uint8_t kPins[] = {A0, A1, A2};
  for (uint8_t k = 0; k < 3; k++) values[k] = (analogRead(kPins[k]) - 511.5f) / 102.4f;
  return true;
}

}  // namespace tinyml

#endif

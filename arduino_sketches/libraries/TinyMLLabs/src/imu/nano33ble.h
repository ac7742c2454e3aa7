// The IMU of the Nano 33 BLE Sense by Arduino's libraries: LSM9DS1 on the first revision, BMI270 on Rev2. Both
// measure +-4 g and +-2000 deg/s; the libraries say 119 Hz and 99.84 Hz.
#ifndef TINYML_IMU_NANO33BLE_H
#define TINYML_IMU_NANO33BLE_H

#ifdef USE_LSM9DS1
#include <Arduino_LSM9DS1.h>
#endif
#ifdef USE_BMI270
#include <Arduino_BMI270_BMM150.h>
#endif

namespace tinyml {

static const uint8_t kImuChannels = 6;
static const char kNoImu[] = "no IMU found: neither LSM9DS1 nor BMI270 answers. Is it a Nano 33 BLE Sense?";
static Sensor imu_sensor = {0, "imu", "g,g,g,deg/s,deg/s,deg/s", kImuChannels, DType::float32, 119, -2000, 2000,
                            SensorKind::signal, 0, "accX,accY,accZ,gyrX,gyrY,gyrZ"};
static enum { kNone, kLsm9ds1, kBmi270 } imu_fitted = kNone;

static bool begin_imu() {
#ifdef USE_LSM9DS1
  if (imu_fitted == kNone && IMU_LSM9DS1.begin()) {
    imu_fitted = kLsm9ds1;
    imu_sensor.rate_hz = IMU_LSM9DS1.accelerationSampleRate();
  }
#endif
#ifdef USE_BMI270
  if (imu_fitted == kNone && IMU_BMI270_BMM150.begin()) {
    const float rate_hz = IMU_BMI270_BMM150.accelerationSampleRate();
    if (rate_hz > 1) {  // without the chip, versions of the library say that it has begun, and 0.39 Hz
      imu_fitted = kBmi270;
      imu_sensor.rate_hz = rate_hz;
    }
  }
#endif
  return imu_fitted != kNone;
}

// Asking whether a sample is ready clears the BMI270's answer: so it is kept until both halves are there.
template <class Library>
static bool read_both(Library& imu, float* values) {
  static bool acceleration_ready = false, rotation_ready = false;
  acceleration_ready = acceleration_ready || imu.accelerationAvailable();
  rotation_ready = rotation_ready || imu.gyroscopeAvailable();
  if (!acceleration_ready || !rotation_ready) return false;
  imu.readAcceleration(values[0], values[1], values[2]);
  imu.readGyroscope(values[3], values[4], values[5]);
  acceleration_ready = imu.accelerationAvailable();
  rotation_ready = imu.gyroscopeAvailable();
  return !acceleration_ready && !rotation_ready;  // or the next sample came meanwhile, and these may be halves of two
}

// Gives false if there is no new sample yet.
static bool read_imu(float* values) {
#ifdef USE_LSM9DS1
  if (imu_fitted == kLsm9ds1) return read_both(IMU_LSM9DS1, values);
#endif
#ifdef USE_BMI270
  if (imu_fitted == kBmi270) return read_both(IMU_BMI270_BMM150, values);
#endif
  return false;
}

}  // namespace tinyml

#endif

// An MPU-6050 (or its kin MPU-6500, MPU-9250) on the I2C pins, without a library: +-4 g, +-2000 deg/s, 100 Hz,
// with a low-pass at 44 Hz. Register numbers: InvenSense RM-MPU-6000A-00, "MPU-6000 and MPU-6050 Register Map and
// Descriptions".
#ifndef TINYML_IMU_MPU6050_H
#define TINYML_IMU_MPU6050_H

#include <Wire.h>

namespace tinyml {

static const uint8_t kImuChannels = 6;
static const char kNoImu[] = "no MPU-6050 at I2C address 0x68 or 0x69. Look at SDA, SCL, GND and its power.";
static Sensor imu_sensor = {0, "imu", "g,g,g,deg/s,deg/s,deg/s", kImuChannels, DType::float32, 100, -2000, 2000,
                            SensorKind::signal, 0, "accX,accY,accZ,gyrX,gyrY,gyrZ"};
static uint8_t imu_address;

static bool write_register(uint8_t number, uint8_t value) {
  Wire.beginTransmission(imu_address);
  Wire.write(number);
  Wire.write(value);
  return Wire.endTransmission() == 0;
}

static bool begin_imu() {
  Wire.begin();
  Wire.setClock(400000);
  for (imu_address = 0x68; imu_address <= 0x69; imu_address++) {
    if (!write_register(0x6B, 0x80)) continue;  // PWR_MGMT_1: reset
    delay(100);
    return write_register(0x6B, 0x01)           // awake, with the gyroscope's clock
           && write_register(0x1A, 0x03)        // CONFIG: low-pass, and so a base rate of 1 kHz
           && write_register(0x19, 9)           // SMPLRT_DIV: 1 kHz / (1 + 9)
           && write_register(0x1B, 0x18)        // GYRO_CONFIG: +-2000 deg/s
           && write_register(0x1C, 0x08)        // ACCEL_CONFIG: +-4 g
           && write_register(0x38, 0x01);       // INT_ENABLE: data ready
  }
  return false;
}

static int16_t read_word() {
  const uint8_t high = static_cast<uint8_t>(Wire.read());
  return static_cast<int16_t>(high << 8 | static_cast<uint8_t>(Wire.read()));
}

// Gives false if there is no new sample yet. One read takes whether there is, and the sample: nothing can come
// between.
static bool read_imu(float* values) {
  const uint8_t kBytes = 15;  // INT_STATUS, acceleration, temperature, rotation
  Wire.beginTransmission(imu_address);
  Wire.write(static_cast<uint8_t>(0x3A));
  if (Wire.endTransmission(false) != 0) return false;
  if (Wire.requestFrom(imu_address, kBytes) != kBytes) return false;
  const bool ready = Wire.read() & 1;
  for (uint8_t k = 0; k < 3; k++) values[k] = read_word() * (4.0f / 32768);
  read_word();
  for (uint8_t k = 3; k < 6; k++) values[k] = read_word() * (2000.0f / 32768);
  return ready;
}

}  // namespace tinyml

#endif

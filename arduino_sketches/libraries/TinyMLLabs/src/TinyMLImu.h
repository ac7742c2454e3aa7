// The IMU of a sketch, as imu_sensor, kImuChannels, kNoImu, begin_imu() and read_imu(). Which one it is says the board, or
// a define before this include: USE_LSM9DS1 or USE_BMI270 (Nano 33 BLE Sense, with one of Arduino's libraries alone),
// USE_MPU6050, USE_ADXL335. For another sensor write these five yourself, and do not include this.
//
// Not part of TinyMLLabs.h: it needs Arduino.h, and the sensors' libraries. For one file of a sketch, not for two.
#ifndef TINYML_IMU_H
#define TINYML_IMU_H

#include <TinyMLLabs.h>

#if !defined(USE_LSM9DS1) && !defined(USE_BMI270) && !defined(USE_MPU6050) && !defined(USE_ADXL335)
#if defined(ARDUINO_ARDUINO_NANO33BLE)  // both revisions of the board have this name
#define USE_LSM9DS1
#define USE_BMI270
#else
#define USE_MPU6050
#endif
#endif

#if defined(USE_LSM9DS1) || defined(USE_BMI270)
#include "imu/nano33ble.h"
#elif defined(USE_MPU6050)
#include "imu/mpu6050.h"
#else
#include "imu/adxl335.h"
#endif

#endif

// Which IMU: each of these files has imu_sensor, kImuChannels, kNoImu, begin_imu() and read_imu(). Write one more
// for another sensor.
#ifndef IMU_H
#define IMU_H

#if !defined(USE_LSM9DS1) && !defined(USE_BMI270) && !defined(USE_MPU6050) && !defined(USE_ADXL335)
#if defined(ARDUINO_ARDUINO_NANO33BLE)  // both revisions of the board have this name
#define USE_LSM9DS1
#define USE_BMI270
#else
#define USE_MPU6050
#endif
#endif

#if defined(USE_LSM9DS1) || defined(USE_BMI270)
#include "imu_nano33ble.h"
#elif defined(USE_MPU6050)
#include "imu_mpu6050.h"
#else
#include "imu_adxl335.h"
#endif

#endif

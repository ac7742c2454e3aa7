// Stand-in for Arduino_LSM9DS1 1.1.1: the IMU of the Nano 33 BLE Sense, fitted with -DFITTED_LSM9DS1=1.
#ifndef STAND_INS_LSM9DS1_H
#define STAND_INS_LSM9DS1_H

#include "imu_stand_in.h"

#ifndef FITTED_LSM9DS1
#define FITTED_LSM9DS1 0
#endif

class LSM9DS1Class : public ImuStandIn {
 public:
  LSM9DS1Class() : ImuStandIn(FITTED_LSM9DS1, 119.0f) {}
};

extern LSM9DS1Class IMU_LSM9DS1;
#undef IMU
#define IMU IMU_LSM9DS1

#endif

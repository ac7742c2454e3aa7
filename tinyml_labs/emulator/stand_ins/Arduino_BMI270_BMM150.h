// Stand-in for Arduino_BMI270_BMM150 1.2: the IMU of the Nano 33 BLE Sense Rev2, fitted with -DFITTED_BMI270=1.
#ifndef STAND_INS_BMI270_H
#define STAND_INS_BMI270_H

#include "imu_stand_in.h"

#ifndef FITTED_BMI270
#define FITTED_BMI270 0
#endif

class BoschSensorClass : public ImuStandIn {
 public:
  BoschSensorClass() : ImuStandIn(FITTED_BMI270, 99.84f) {}
};

extern BoschSensorClass IMU_BMI270_BMM150;
#undef IMU
#define IMU IMU_BMI270_BMM150

#endif

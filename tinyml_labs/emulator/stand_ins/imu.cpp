// The two objects that the libraries define: one each, so that a sketch can link both.
#include <Arduino_BMI270_BMM150.h>
#include <Arduino_LSM9DS1.h>

BoschSensorClass IMU_BMI270_BMM150;
LSM9DS1Class IMU_LSM9DS1;

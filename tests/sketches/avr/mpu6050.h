#ifndef MPU6050_H
#define MPU6050_H

#include <stddef.h>
#include <stdint.h>

#include "sim_avr.h"

/* Put an MPU-6050 at address 0x68 of the I2C bus. It plays a file of 14 bytes a sample, its registers 0x3B to 0x48. */
void attach_mpu6050(avr_t* avr, const char* path);

uint8_t* read_file(const char* path, size_t* size); /* avr_board.c */

#endif

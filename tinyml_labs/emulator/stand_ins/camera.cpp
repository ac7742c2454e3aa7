#include <Arduino_OV767X.h>

OV767X Camera;

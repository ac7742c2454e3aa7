#include <Wire.h>

TwoWire Wire;

// The few parts of the Arduino API that thin sketches use, on this computer: Serial is a file descriptor.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const int A0 = 14;

unsigned long micros();
unsigned long millis();
void delay(unsigned long milliseconds);
int analogRead(int pin);

class Stream {
 public:
  void begin(unsigned long) {}
  explicit operator bool() const { return true; }
  int available();
  int read();
  size_t write(const uint8_t* data, size_t size);
  int availableForWrite() { return 0; }
  size_t print(const char* text) { return write(reinterpret_cast<const uint8_t*>(text), strlen(text)); }
  size_t println(const char* text) { return print(text) + print("\r\n"); }
};

extern Stream Serial;

void setup();
void loop();

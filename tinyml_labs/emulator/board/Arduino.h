// The part of the Arduino API that sketches use, on QEMU's mps2-an386 (Cortex-M4F, 25 MHz timers, CMSDK UART).
// The names and meanings are those of the cores' own Arduino.h; what a sketch does not need is not here.
#ifndef SHIM_ARDUINO_H
#define SHIM_ARDUINO_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t byte;
typedef bool boolean;

#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define INPUT_PULLUP 2
#define LED_BUILTIN 13
#define DEC 10
#define HEX 16
#define F(text) (text)
#define PROGMEM
enum : uint8_t { A0 = 14, A1, A2, A3, A4, A5 };

unsigned long micros();
unsigned long millis();
void delay(unsigned long milliseconds);
void delayMicroseconds(unsigned int microseconds);
inline void yield() {}
void noInterrupts();
void interrupts();

int analogRead(uint8_t pin); // plays the recording, one value a call: stand_ins/analog.cpp
inline void analogReadResolution(int) {}
inline void pinMode(uint8_t, uint8_t) {}
inline void digitalWrite(uint8_t, uint8_t) {}
inline int digitalRead(uint8_t) { return LOW; }

class Print {
 public:
  virtual ~Print() {}
  virtual size_t write(uint8_t value) = 0;
  virtual size_t write(const uint8_t* data, size_t size) {
    for (size_t k = 0; k < size; k++) write(data[k]);
    return size;
  }
  virtual int availableForWrite() { return 0; } // "does not tell", as on the Mbed boards
  virtual void flush() {}
  size_t write(const char* text) { return write(reinterpret_cast<const uint8_t*>(text), strlen(text)); }
  size_t print(const char* text) { return write(text); }
  size_t print(char value) { return write(static_cast<uint8_t>(value)); }
  size_t print(int value, int base = DEC) { return print(static_cast<long>(value), base); }
  size_t print(unsigned value, int base = DEC) { return print(static_cast<unsigned long>(value), base); }
  size_t print(long value, int base = DEC);
  size_t print(unsigned long value, int base = DEC);
  size_t print(double value, int digits = 2);
  size_t println() { return write("\r\n"); }
  template <class... Arguments>
  size_t println(Arguments... arguments) {
    const size_t size = print(arguments...);
    return size + println();
  }
};

class Stream : public Print {
 public:
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int peek() = 0;
};

class HardwareSerial : public Stream {
 public:
  void begin(unsigned long baud);
  void end() {}
  int available() override;
  int read() override;
  int peek() override;
  size_t write(uint8_t value) override;
  using Print::write;
  explicit operator bool() const { return true; }
};

extern HardwareSerial Serial;

void setup();
void loop();

#endif

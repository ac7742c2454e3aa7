// Runs a sketch with Serial at an open file descriptor, the first argument, or at standard input and output without one.
#include <Arduino.h>
#include <poll.h>
#include <unistd.h>

Stream Serial;

static int in = 0, out = 1;
static uint8_t buffer[512];
static ssize_t at = 0, size = 0;
static bool ended = false;

// Time goes on by 100 us a turn of loop(), however busy this computer is, and a little each time somebody looks.
static unsigned long time_us = 0;
unsigned long micros() { return ++time_us; }
unsigned long millis() { return micros() / 1000; }
void delay(unsigned long milliseconds) { time_us += milliseconds * 1000; }
int analogRead(int) {  // a knob that is turned to and fro
  const int phase = static_cast<int>(millis() / 4 % 2046);
  return phase < 1023 ? phase : 2046 - phase;
}

int Stream::available() {
  if (at == size) {
    pollfd readable = {in, POLLIN, 0};
    if (poll(&readable, 1, 0) <= 0 || !(readable.revents & (POLLIN | POLLHUP))) return 0;
    size = ::read(in, buffer, sizeof buffer);
    at = 0;
    if (size <= 0) {
      ended = in == 0;  // a pipe is over; a pseudo terminal waits for its next host
      size = 0;
    }
  }
  return static_cast<int>(size - at);
}
int Stream::read() { return available() ? buffer[at++] : -1; }
size_t Stream::write(const uint8_t* data, size_t count) {
  const ssize_t sent = ::write(out, data, count);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

int main(int count, char** arguments) {
  if (count > 1) in = out = atoi(arguments[1]);
  const pid_t parent = getppid();
  setup();
  while (getppid() == parent && !ended) {
    loop();
    time_us += 100;
    usleep(20);
  }
}

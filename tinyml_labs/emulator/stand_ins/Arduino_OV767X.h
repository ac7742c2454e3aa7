// Stand-in for Arduino_OV767X 0.0.2: a camera that plays the recording, a grey picture a frame, QCIF or QVGA.
#ifndef STAND_INS_OV767X_H
#define STAND_INS_OV767X_H

#include <Arduino.h>

#include "recording.h"

enum { YUV422 = 0, RGB444 = 1, RGB565 = 2, GRAYSCALE = 4 };
enum { VGA = 0, CIF = 1, QVGA = 2, QCIF = 3, QQVGA = 4 };

#ifndef FITTED_CAMERA
#define FITTED_CAMERA 1
#endif

class OV767X {
 public:
  int begin(int resolution, int format, int frames_per_second) {
    width_ = resolution == QVGA ? 320 : 176;
    height_ = resolution == QVGA ? 240 : 144;
    return FITTED_CAMERA && (resolution == QCIF || resolution == QVGA) && format == GRAYSCALE &&
           (frames_per_second == 1 || frames_per_second == 5);
  }
  int width() const { return width_; }
  int height() const { return height_; }
  int bytesPerPixel() const { return 2; } // of what the camera sends; readFrame drops the colours
  void readFrame(void* buffer) {
    while (micros() / kFrame == started_) delayMicroseconds(1000); // until the next frame begins
    delayMicroseconds(kFrame * 3 / 4);
    started_ = micros() / kFrame;
    const size_t size = static_cast<size_t>(width_) * height_;
    memcpy(buffer, Recording<uint8_t>(size).sample(next_++), size);
  }

 private:
  static const unsigned long kFrame = 200000; // microseconds, at 5 frames a second
  int width_ = 176, height_ = 144;
  size_t next_ = 0;
  unsigned long started_ = 0;
};

extern OV767X Camera;

#endif

// The sensor: grey pictures of an OV7675 or OV7670, from the library Arduino_OV767X. For the Nano 33 BLE (Sense) on the Tiny
// Machine Learning Kit's shield.
//
// Another camera: write kCameraWidth, kCameraHeight, begin_camera() and take_picture() yourself, in a file of this sketch, and
// include that instead. All that matters is that the rows of a whole picture come from above, a byte a pixel
// (tinyml/camera_formats.h makes grey of colours, a row at a time).
#ifndef CAMERA_H
#define CAMERA_H

#include <Arduino_OV767X.h>
#include <TinyMLLabs.h>

// #define CAMERA_QVGA  // 320 x 240 in place of 176 x 144: 51 KB more of RAM

#ifdef CAMERA_QVGA
static const uint16_t kCameraWidth = 320, kCameraHeight = 240;
static const int kCameraResolution = QVGA;
#else
static const uint16_t kCameraWidth = 176, kCameraHeight = 144;
static const int kCameraResolution = QCIF;
#endif

// Gives why there are no pictures, or nullptr.
static const char* begin_camera() {
  return Camera.begin(kCameraResolution, GRAYSCALE, 5) ? nullptr : "no camera found. Is its shield plugged in?";
}

// Calls take_row(const uint8_t* grey) for each row. Waits up to two fifths of a second for a picture: the library gives none but
// whole ones, so that one has to have room here.
template <class TakeRow>
static void take_picture(TakeRow take_row) {
  static uint8_t frame[static_cast<size_t>(kCameraHeight) * kCameraWidth];
  Camera.readFrame(frame);
  for (uint16_t y = 0; y < kCameraHeight; ++y) take_row(frame + static_cast<size_t>(y) * kCameraWidth);
}

#endif

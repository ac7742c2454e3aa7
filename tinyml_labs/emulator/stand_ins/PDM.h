// Stand-in for the PDM library: a microphone that plays the recording in blocks, from an interrupt.
#ifndef STAND_INS_PDM_H
#define STAND_INS_PDM_H

#include <Arduino.h>

class PDMClass {
 public:
  int begin(int channels, int sample_rate);
  void end() {}
  int available();                      // bytes
  int read(void* buffer, size_t bytes); // from the interrupt or from loop()
  void onReceive(void (*handler)());
  void setGain(int) {}
  void setBufferSize(int bytes);
};

extern PDMClass PDM;

#endif

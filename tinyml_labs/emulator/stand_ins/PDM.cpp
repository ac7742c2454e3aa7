#include <PDM.h>
#include <mps2.h>

#include "recording.h"

PDMClass PDM;

namespace {

int block_bytes = 512; // as DEFAULT_PDM_BUFFER_SIZE
size_t played = 0;     // samples
int unread_bytes = 0;
void (*receive_handler)() = nullptr;

void on_block() {
  played += static_cast<size_t>(unread_bytes) / sizeof(int16_t); // a block that nobody took is lost
  unread_bytes = block_bytes;
  if (receive_handler) receive_handler();
}

} // namespace

#ifndef FITTED_MICROPHONE
#define FITTED_MICROPHONE 1
#endif

int PDMClass::begin(int channels, int sample_rate) {
  if (!FITTED_MICROPHONE || channels != 1 || sample_rate != 16000) return 0;
  mps2::every(static_cast<uint32_t>(block_bytes / 2 * 1000000ll / sample_rate), on_block);
  return 1;
}

int PDMClass::available() { return unread_bytes; }

int PDMClass::read(void* buffer, size_t bytes) {
  const size_t there = static_cast<size_t>(unread_bytes);
  const size_t count = (bytes < there ? bytes : there) / sizeof(int16_t);
  for (size_t k = 0; k < count; k++) static_cast<int16_t*>(buffer)[k] = *Recording<int16_t>().sample(played++);
  unread_bytes -= static_cast<int>(count * sizeof(int16_t));
  return static_cast<int>(count * sizeof(int16_t));
}

void PDMClass::onReceive(void (*handler)()) { receive_handler = handler; }
void PDMClass::setBufferSize(int bytes) { block_bytes = bytes; }

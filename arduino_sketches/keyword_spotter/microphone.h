// The sensor: sound in steps of 10 ms, from the library PDM of the board's core (Nano 33 BLE Sense, Nano RP2040 Connect).
//
// Another microphone: write SoundStep, begin_microphone() and next_step() yourself, in a file of this sketch, and include that
// instead. All that matters is 16 kHz, int16, and that `lost` is true.
#ifndef MICROPHONE_H
#define MICROPHONE_H

#include <PDM.h>
#include <TinyMLLabs.h>

#ifndef GAIN
#define GAIN 20  // 0 to 80 on the Nano 33 BLE Sense, in steps of half a decibel
#endif

struct SoundStep {
  uint32_t micros;  // when its first sample was taken
  uint32_t lost;    // so many samples are missing before it: nobody has fetched them in time
  int16_t samples[160];
};

struct SoundBlock {
  uint32_t micros;
  uint32_t lost;
  uint16_t count;
  int16_t samples[256];
};

static tinyml::RingBuffer<SoundBlock, 32> sound_blocks;  // that wait while the model runs: half a second

// From the library's interrupt, every 16 ms. It has two buffers, and the full one has to be fetched at once.
static void on_sound() {
  static int16_t nowhere[256];
  static uint32_t lost = 0;
  const uint32_t now = micros();
  while (true) {
    SoundBlock* block = sound_blocks.back();
    const int bytes = PDM.read(block ? block->samples : nowhere, sizeof nowhere);
    if (bytes <= 0) return;
    const uint16_t count = static_cast<uint16_t>(static_cast<size_t>(bytes) / sizeof nowhere[0]);
    if (!block) {
      lost += count;
      continue;
    }
    block->micros = now - count * 125u / 2;  // 62.5 microseconds a sample
    block->lost = lost;
    block->count = count;
    lost = 0;
    sound_blocks.commit();
  }
}

// Gives why there is no sound, or nullptr.
static const char* begin_microphone() {
  PDM.onReceive(on_sound);
  PDM.setBufferSize(512);
  PDM.setGain(GAIN);
  return PDM.begin(1, 16000) ? nullptr : "the microphone does not start: PDM.begin(1, 16000) says no";
}

// Gives the next 10 ms; false if they are not there yet.
static bool next_step(SoundStep* step) {
  static const size_t kSamples = sizeof step->samples / sizeof step->samples[0];
  static size_t have = 0;  // samples in the step
  static size_t used = 0;  // of the first block that waits
  static uint32_t lost = 0;
  while (have < kSamples) {
    const SoundBlock* block = sound_blocks.front();
    if (!block) return false;
    if (used == 0 && block->lost > 0) {
      lost += block->lost + static_cast<uint32_t>(have);  // no step has a gap in it
      have = 0;
    }
    if (have == 0) step->micros = block->micros + static_cast<uint32_t>(used) * 125u / 2;
    const size_t rest = block->count - used, wanted = kSamples - have, count = rest < wanted ? rest : wanted;
    memcpy(step->samples + have, block->samples + used, count * sizeof step->samples[0]);
    have += count;
    used += count;
    if (used < block->count) continue;
    sound_blocks.drop_front();
    used = 0;
  }
  have = 0;
  step->lost = lost;
  lost = 0;
  return true;
}

#endif

// Computes the frames of the sounds that it carries, and how long they take. A byte tells it to begin.
//
// The recording is sounds of uint32 steps and so many times 160 int16 samples. For each one its frames follow, 40 uint16
// each; then, float32: the microseconds of a step, and the bytes of heap that the front end has taken.
#include <TinyMLAudio.h>
#include <malloc.h>

extern "C" {
extern const uint32_t recording_start[], recording_end[];
}

static tinyml::AudioFrontEnd front_end;
static float heap_bytes;

template <class T>
static void send(const T* values, size_t count) {
  Serial.write(reinterpret_cast<const uint8_t*>(values), count * sizeof(T));
}

void setup() {
  Serial.begin(115200);
  front_end.begin();
  heap_bytes = static_cast<float>(mallinfo().uordblks);
}

void loop() {
  if (!Serial.available()) return;
  Serial.read();
  unsigned long took = 0, steps = 0;
  for (const uint32_t* sound = recording_start; sound < recording_end;) {
    const uint32_t count = *sound;
    const int16_t* samples = reinterpret_cast<const int16_t*>(sound + 1);
    front_end.reset();
    for (uint32_t k = 0; k < count; ++k, samples += tinyml::AudioFrontEnd::kStep) {
      const unsigned long begin = micros();
      const uint16_t* frame = front_end.push(samples);
      took += micros() - begin;
      if (frame) send(frame, tinyml::AudioFrontEnd::kChannels);
    }
    steps += count;
    sound = reinterpret_cast<const uint32_t*>(samples);
  }
  const float figures[2] = {static_cast<float>(took) / static_cast<float>(steps), heap_bytes};
  send(figures, 2);
}

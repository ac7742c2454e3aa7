// Sound in, int16 at 16 kHz; the frames of its spectrogram out, 40 uint16 each. Argument: every which frame is kept. A second
// argument: reset() comes after so many samples, and no frame before it goes out.
#include <TinyMLAudio.h>

#include <cstdio>
#include <cstdlib>

int main(int count, char** arguments) {
  static tinyml::AudioFrontEnd front_end(static_cast<uint8_t>(atoi(arguments[1])));
  if (!front_end.begin()) return 1;
  long before = count > 2 ? atol(arguments[2]) : 0;
  int16_t samples[tinyml::AudioFrontEnd::kStep];
  while (fread(samples, sizeof samples, 1, stdin) == 1) {
    const uint16_t* frame = front_end.push(samples);
    if (before > 0) {
      before -= static_cast<long>(tinyml::AudioFrontEnd::kStep);
      if (before <= 0) front_end.reset();
    } else if (frame) {
      fwrite(frame, sizeof *frame, tinyml::AudioFrontEnd::kChannels, stdout);
    }
  }
}

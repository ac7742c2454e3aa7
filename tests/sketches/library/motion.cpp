// What is computed, and its sizes, as arguments; float32 (and int32) values in, float32 or int8 values out, all little endian.
//
// features <length> <channels> <bands>: the rate and bands + 1 edges in, "valid" as a float out; then windows in, features out.
// normalise <size>: the limit, means and inverse scales in; then rows of features in and out.
// quantize: triples of a value, a scale and a zero point (int32) in, int8 out.
#include <TinyMLLabs.h>

#include <stdio.h>
#include <stdlib.h>

#include <string>
#include <vector>

using namespace tinyml;

template <class T>
bool read(T* values, size_t count) {
  return fread(values, sizeof(T), count, stdin) == count;
}

template <size_t Channels>
struct StoredWindow {
  float at(size_t sample, size_t channel) const { return values[sample * Channels + channel]; }
  const float* values;
};

template <size_t Length, size_t Channels, uint8_t Bands>
int features() {
  typedef MotionFeatures<Length, Channels, Bands> Features;
  float settings[Bands + 2];
  if (!read(settings, Bands + 2)) return 1;
  Features motion(settings[0], settings + 1);
  const float valid = motion.valid() ? 1.0f : 0.0f;
  fwrite(&valid, sizeof valid, 1, stdout);
  std::vector<float> samples(Length * Channels);
  std::vector<float> found(Features::kSize);
  const StoredWindow<Channels> window = {samples.data()};
  Windower<float, Length, Channels> windower(Length);
  std::vector<float> again(found.size());
  while (read(samples.data(), samples.size())) {
    motion.compute(window, found.data());
    for (size_t i = 0; i < Length; ++i) windower.push(samples.data() + i * Channels);
    motion.compute(windower, again.data());
    if (memcmp(found.data(), again.data(), found.size() * sizeof(float)) != 0) abort();
    fwrite(found.data(), sizeof(float), found.size(), stdout);
  }
  fprintf(stderr, "%zu bytes\n", sizeof motion);
  return 0;
}

int normalise(size_t size) {
  std::vector<float> mean(size), inverse_scale(size), values(size);
  float limit;
  if (!read(&limit, 1) || !read(mean.data(), size) || !read(inverse_scale.data(), size)) return 1;
  const Normalisation normalisation = {mean.data(), inverse_scale.data(), limit, size};
  while (read(values.data(), size)) {
    normalisation.apply(values.data());
    fwrite(values.data(), sizeof(float), size, stdout);
  }
  return 0;
}

int quantize_all() {
  struct {
    float real, scale;
    int32_t zero_point;
  } given;
  while (read(&given, 1)) {
    const int8_t found = quantize(given.real, given.scale, given.zero_point);
    fwrite(&found, 1, 1, stdout);
  }
  return 0;
}

int main(int, char** arguments) {
  const std::string what = arguments[1];
  if (what == "quantize") return quantize_all();
  if (what == "normalise") return normalise(static_cast<size_t>(atoi(arguments[2])));
  const std::string sizes = std::string(arguments[2]) + " " + arguments[3] + " " + arguments[4];
  if (sizes == "238 3 9") return features<238, 3, 9>();
  if (sizes == "238 6 9") return features<238, 6, 9>();
  if (sizes == "64 3 4") return features<64, 3, 4>();
  if (sizes == "257 6 2") return features<257, 6, 2>();
  return 1;
}

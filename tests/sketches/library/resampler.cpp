// from and to in millihertz as arguments; lines "value" or "reset" in, what the resampler gives out, one a line.
#include <TinyMLLabs.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

int main(int, char** arguments) {
  tinyml::Resampler<2> resampler;
  resampler.begin(static_cast<uint32_t>(atol(arguments[1])), static_cast<uint32_t>(atol(arguments[2])));
  std::string word;
  while (std::cin >> word) {
    if (word == "reset") {
      resampler.reset();
      continue;
    }
    const float value = strtof(word.c_str(), nullptr);
    float sample[2] = {value, -2 * value};
    resampler.push(sample);
    while (resampler.pop(sample)) {
      if (sample[1] != -2 * sample[0]) abort();
      printf("%.9g\n", static_cast<double>(sample[0]));
    }
  }
}

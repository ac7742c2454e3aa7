// length channels stride as arguments; lines "sample values..." or "reset" in, the windows out, one a line.
#include <TinyMLLabs.h>

#include <iostream>
#include <sstream>
#include <vector>

using namespace tinyml;

template <size_t Length, size_t Channels>
void run(size_t stride) {
  Windower<int32_t, Length, Channels> windower(stride);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    std::string word;
    in >> word;
    if (word == "reset") {
      windower.reset();
      continue;
    }
    int32_t sample[Channels];
    for (int32_t& value : sample) in >> value;
    if (!windower.push(sample)) continue;
    std::vector<int32_t> window(Length * Channels);
    windower.copy(window.data());
    for (size_t i = 0; i < window.size(); ++i) {
      if (windower.at(i / Channels, i % Channels) != window[i]) abort();
      printf("%d ", window[i]);
    }
    putchar('\n');
  }
}

int main(int, char** arguments) {
  const int length = atoi(arguments[1]);
  const int channels = atoi(arguments[2]);
  const size_t stride = static_cast<size_t>(atoi(arguments[3]));
  if (length == 1 && channels == 1) run<1, 1>(stride);
  if (length == 5 && channels == 1) run<5, 1>(stride);
  if (length == 10 && channels == 3) run<10, 3>(stride);
  if (length == 128 && channels == 6) run<128, 6>(stride);
}

// window threshold release hold_off as arguments; a score, or "reset", a line in; "changed present sum" out.
#include <TinyMLLabs.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

using namespace tinyml;

template <uint8_t Window, class Score>
int run(const SmootherSettings& settings) {
  Presence<Window, Score> presence(settings);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "reset") {
      presence.reset();
      continue;
    }
    const bool changed = presence.update(static_cast<Score>(atoi(line.c_str())));
    printf("%d %d %d\n", changed, presence.present(), static_cast<int>(presence.sum()));
  }
  return 0;
}

int main(int, char** arguments) {
  int number[5];
  for (int i = 1; i <= 4; ++i) number[i] = atoi(arguments[i]);
  const SmootherSettings settings = {number[2], number[3], static_cast<uint16_t>(number[4]), 0};
  if (number[1] == 1) return run<1, int8_t>(settings);
  if (number[1] == 4) return run<4, int8_t>(settings);
  if (number[1] == 5) return run<5, uint8_t>(settings);
  if (number[1] == 255) return run<255, int16_t>(settings);
  return 1;
}

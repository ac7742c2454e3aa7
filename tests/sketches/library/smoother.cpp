// classes window threshold release hold_off background_mask as arguments; a line of scores, or "reset", in; "event best sums..." out.
#include <TinyMLLabs.h>

#include <iostream>
#include <sstream>

using namespace tinyml;

template <uint8_t Classes, uint8_t Window, class Score>
void run(const SmootherSettings& settings) {
  ScoreSmoother<Classes, Window, Score> smoother(settings);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "reset") {
      smoother.reset();
      continue;
    }
    std::istringstream in(line);
    Score scores[Classes];
    for (Score& score : scores) {
      int value;
      in >> value;
      score = static_cast<Score>(value);
    }
    printf("%d", smoother.update(scores));
    printf(" %d", smoother.best());
    for (uint8_t i = 0; i < Classes; ++i) printf(" %d", smoother.sum(i));
    putchar('\n');
  }
}

int main(int, char** arguments) {
  int number[7];
  for (int i = 1; i <= 6; ++i) number[i] = atoi(arguments[i]);
  const SmootherSettings settings = {number[3], number[4], static_cast<uint16_t>(number[5]),
                                     static_cast<uint32_t>(number[6])};
  if (number[1] == 1 && number[2] == 1) run<1, 1, int8_t>(settings);
  if (number[1] == 3 && number[2] == 4) run<3, 4, int8_t>(settings);
  if (number[1] == 3 && number[2] == 5) run<3, 5, uint8_t>(settings);
  if (number[1] == 12 && number[2] == 20) run<12, 20, int16_t>(settings);
}

// multiplier shift smallest size as arguments; rows of int8 in, the softmax of each out.
#include <TinyMLLabs.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int, char** arguments) {
  const tinyml::Softmax layer = {atoi(arguments[1]), static_cast<uint8_t>(atoi(arguments[2])),
                                 static_cast<int16_t>(atoi(arguments[3])), static_cast<uint8_t>(atoi(arguments[4]))};
  std::vector<int8_t> row(layer.size), scores(layer.size);
  while (fread(row.data(), 1, row.size(), stdin) == row.size()) {
    tinyml::run_softmax(layer, row.data(), scores.data());
    fwrite(scores.data(), 1, scores.size(), stdout);
  }
}

// tinyml_scale against tinyml_requantize, around the sums where the result changes; says how many differ of how many.
#include <stdint.h>

#include <kernels/fast_scaling.h>

void say(const char *text);

static void say_number(uint32_t number) {
  char text[12] = {0};
  char *at = text + sizeof text - 1;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  say(at);
  say(" ");
}

int main(void) {
  static const int32_t multipliers[] = {0,          1,          3,          1 << 30, (1 << 30) + 1, 1518500250,
                                        1717986918, INT32_MAX - 1, INT32_MAX};
  static const int zero_points[] = {-128, -1, 0, 127};
  uint32_t compared = 0, differ = 0, random = 1;
  for (unsigned each = 0; each < sizeof multipliers / sizeof *multipliers; ++each) {
    for (int shift = -31; shift <= 3; ++shift) {
      const int zero_point = zero_points[(unsigned)(each + shift + 64) % 4];
      const int32_t bias = (int32_t)each - 4;
      tinyml_scaling scaling;
      tinyml_prepare_scaling(&scaling, bias, multipliers[each], shift, zero_point, 1);
      for (int32_t step = -150; step <= 150; ++step) {
        // sums whose result is next to a half, and others
        const int64_t half = (int64_t)(2 * step + 1) * ((int64_t)1 << (30 - shift));
        int64_t sum = multipliers[each] < 1 << 20 ? step * 1000 : half / multipliers[each];
        random = random * 1664525u + 1013904223u;
        if (step % 3 == 0) sum = (int32_t)random >> (random % 31 + 1);
        if (sum < -(1 << 30) + (1 << 15) || sum > (1 << 30) - (1 << 15)) continue;
        for (int64_t near = sum - 2; near <= sum + 2; ++near, ++compared) {
          const int32_t right = tinyml_requantize((int32_t)near, multipliers[each], (int8_t)shift);
          // products of weights alone are what a kernel adds to the doubled bias
          const int32_t found = tinyml_scale(scaling.doubled_bias + 2 * ((int32_t)near - bias), &scaling);
          differ += found != tinyml_clamp(right + zero_point, -128, 127);
        }
      }
    }
  }
  say_number(differ);
  say_number(compared);
  return 0;
}

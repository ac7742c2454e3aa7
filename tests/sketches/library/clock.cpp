// count: ticks in so many seconds, asked at uneven times that are late by at most so many microseconds.
// exact: whether each tick is due at floor(n * period). late: one call after a long pause. rate: to_millihertz.
#include <TinyMLLabs.h>
#include <stdio.h>
#include <string.h>

using namespace tinyml;

int main(int, char** arguments) {
  const uint32_t rate = static_cast<uint32_t>(atoll(arguments[2]));
  const uint64_t start = strtoull(arguments[3], nullptr, 10);
  const uint64_t number = strtoull(arguments[4], nullptr, 10);
  SampleClock clock;
  clock.begin(rate, static_cast<uint32_t>(start));
  if (strcmp(arguments[1], "count") == 0) {
    const uint64_t end = start + number * 1000000u;
    const uint32_t largest_step = static_cast<uint32_t>(atoll(arguments[5]));
    uint64_t ticks = 0;
    uint32_t random = 1;
    for (uint64_t now = start;;) {
      ticks += clock.take(static_cast<uint32_t>(now));
      if (now == end) break;
      random = random * 1664525u + 1013904223u;
      now += 1 + (random >> 8) % largest_step;
      if (now > end) now = end;
    }
    printf("%llu\n", static_cast<unsigned long long>(ticks));
  } else if (strcmp(arguments[1], "exact") == 0) {
    for (uint64_t n = 0; n < number; ++n) {
      const uint64_t due = start + n * 1000000000u / rate;
      if (clock.next_due() != static_cast<uint32_t>(due)) return printf("tick %llu\n", (unsigned long long)n), 0;
      if (clock.take(static_cast<uint32_t>(due - 1)) != 0) return printf("early at %llu\n", (unsigned long long)n), 0;
      const uint32_t ticks = clock.take(static_cast<uint32_t>(due));
      if (ticks == 0) return printf("none at %llu\n", (unsigned long long)n), 0;
      n += ticks - 1;
    }
    puts("exact");
  } else if (strcmp(arguments[1], "late") == 0) {
    printf("%u\n", clock.take(static_cast<uint32_t>(start + number)));
  } else {
    printf("%u\n", to_millihertz(static_cast<float>(atof(arguments[3]))));
  }
}

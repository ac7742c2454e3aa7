"""Sketches that the tests run."""

ENDS_WITH_DONE = """
void setup() {
  Serial.begin(115200);
  say();
  Serial.print("done\\n");
}
void loop() {}
"""

LIBRARY = (
    r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

static void say() {
  char text[80];
  volatile double third = 1.0 / 3.0;
  volatile float half = 0.5f;
  printf("%.6f %g %e %5.1f|%-8s|%08lx %lld %s\n", third, third * 1e-7, third, (double)half, "left", 0xbeefUL,
         -1234567890123LL, "a text that is longer than what printf keeps on the stack: it has more than 128 letters "
         "when it is written out in full, and so it has to come from the heap");
  sscanf("12 -3.5e2 word", "%d %lf %s", (int*)text, (double*)(text + 8), text + 16);
  printf("%d %.2f %s\n", *(int*)text, *(double*)(text + 8), text + 16);
  const double rounded = static_cast<double>(lround(third * 10));
  snprintf(text, sizeof text, "%.4f %.4f %.4f %.4f", sqrtf(half), floorf(-half), fabsf(-half), rounded);
  puts(text);
  volatile unsigned long long large = 0xFFFFFFFFFFFFULL, small = 12345;
  printf("%llu %llu %.3f\n", large / small, large % small, (double)large / 1e9);
  char* pieces[40];
  unsigned sum = 0;
  for (int round = 0; round < 3; round++) {
    for (int k = 0; k < 40; k++) {
      pieces[k] = static_cast<char*>(malloc(10 + 7 * k));
      memset(pieces[k], k + round, 10 + 7 * k);
    }
    for (int k = 0; k < 40; k += 2) pieces[k] = static_cast<char*>(realloc(pieces[k], 300));
    for (int k = 0; k < 40; k++) {
      for (int at = 0; at < 10 + 7 * k; at++) sum = sum * 31 + static_cast<unsigned char>(pieces[k][at]);
      free(pieces[k]);
    }
  }
  int* numbers = new int[50];
  for (int k = 0; k < 50; k++) numbers[k] = (k * 37) % 50;
  qsort(numbers, 50, sizeof(int), [](const void* a, const void* b) { return *(const int*)a - *(const int*)b; });
  for (int k = 0; k < 50; k++) sum = sum * 31 + numbers[k];
  delete[] numbers;
  printf("%u %d %ld %.3f\n", sum, atoi("-77"), strtol("0x1f", nullptr, 16), strtod("2.5e3", nullptr));
  Serial.println(3.14159, 4);
  Serial.println(-17);
}
"""
    + ENDS_WITH_DONE
)
"""Text, numbers, memory: what a sketch takes from the C library. It says the same with every C library."""

MATHEMATICS = (
    r"""
#include <stdio.h>
#include <math.h>
#include <stdint.h>
static uint32_t sum = 2166136261u;
static void add(double value) {
  unsigned char bytes[8];
  memcpy(bytes, &value, 8);
  for (unsigned char byte : bytes) sum = (sum ^ byte) * 16777619u;
}
static void say() {
  for (int k = -40; k <= 40; k++) {
    volatile float x = k * 0.173f;
    volatile double y = k * 0.173;
    add(sinf(x)); add(cosf(x)); add(expf(x)); add(logf(fabsf(x) + 1)); add(powf(fabsf(x), 1.5f)); add(atan2f(x, 2));
    add(sin(y)); add(exp(y)); add(log(fabs(y) + 1)); add(pow(fabs(y), 1.5)); add(tanh(y)); add(sqrt(fabs(y)));
    add(x * y / 7); add(static_cast<int64_t>(y * 1e9)); add(roundf(x)); add(fmodf(x, 0.7f)); add(log1pf(fabsf(x)));
  }
  printf("%08lx\n", static_cast<unsigned long>(sum));
}
"""
    + ENDS_WITH_DONE
)
"""A checksum of many results: the same program has to give the same in each emulator, to the bit."""

INTERRUPTED = (
    r"""
#include <mps2.h>
#include <stdio.h>
static volatile unsigned count = 0;
static volatile float total = 0;
static void on_alarm() { count++; total = total + 0.25f * count; }
static void say() {
  mps2::every(100, on_alarm);
  volatile float mine = 1.0f;
  while (count < 500) mine = mine * 1.0001f + 0.5f - 0.5f * 1.0f;
  noInterrupts();
  const unsigned before = count;
  const unsigned long begin = micros();
  while (micros() - begin < 1000) {}
  const unsigned within = count - before;
  interrupts();
  delay(1);
  printf("%u %u %d\n", before, within, count > before);
}
"""
    + ENDS_WITH_DONE
)
"""An interrupt in the midst of floating-point arithmetic, and none while they are off."""

LOOPS = r"""
extern "C" {
// 3 cycles a turn: subtract 1, branch 1 + refill 1. At its end the branch takes 1, the return 1 + 2.
__attribute__((naked, noinline, aligned(4))) void count_down(unsigned turns) {
  __asm volatile("1: subs r0, #1\n bne 1b\n bx lr");
}
// 2 + 1 + 1 for three loads in a row, 1 for the store behind them, 1 for the sum, and the loop's 3: 9 cycles.
__attribute__((naked, noinline, aligned(4))) void load_and_store(unsigned turns, int* words) {
  __asm volatile(
      "push {r4, r5}\n nop\n"
      "1: ldr r2, [r1]\n ldr r3, [r1, #4]\n ldr r4, [r1, #8]\n str r2, [r1, #12]\n adds r5, r2, r3\n"
      "subs r0, #1\n bne 1b\n pop {r4, r5}\n bx lr");
}
// 1 + 4 and 1 + 4 for four registers each way, 1 for the product of longs, 7 for the division, the loop's 3: 21.
__attribute__((naked, noinline, aligned(4))) void push_and_divide(unsigned turns) {
  __asm volatile(
      "1: push {r4-r7}\n pop {r4-r7}\n .balign 4\n umull r2, r3, r0, r0\n udiv r2, r3, r0\n"
      "subs r0, #1\n bne 1b\n bx lr");
}
// 3 and 1 more, as its result is taken; 1; 14; and the loop's 3: 22.
__attribute__((naked, noinline, aligned(4))) void multiply_and_divide_floats(unsigned turns) {
  __asm volatile(
      "1: vfma.f32 s0, s1, s2\n vadd.f32 s3, s0, s1\n vdiv.f32 s4, s1, s2\n subs r0, #1\n bne 1b\n bx lr");
}
}
static int words[4];
void setup() {
  count_down(1000);
  load_and_store(1000, words);
  push_and_divide(1000);
  multiply_and_divide_floats(1000);
  Serial.begin(115200);
  Serial.print("done\n");
}
void loop() {}
"""

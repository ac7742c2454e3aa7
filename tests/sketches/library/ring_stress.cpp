// Two threads, one that pushes and one that pops: every number comes once, in order, or is counted as dropped.
#include <TinyMLLabs.h>
#include <stdio.h>
#include <stdlib.h>

#include <thread>

using namespace tinyml;

struct Element {
  uint32_t number;
  uint32_t check[3];
};

template <size_t Size>
int stress(uint32_t count) {
  static RingBuffer<Element, Size> ring;
  std::thread producer([count] {
    for (uint32_t number = 1; number <= count; ++number) {
      if (number % 3) {
        ring.push(Element{number, {~number, number * 7, number ^ 0x55555555u}});
      } else if (Element* place = ring.back()) {  // the other way to push: in place
        *place = Element{number, {~number, number * 7, number ^ 0x55555555u}};
        ring.commit();
      } else {
        --number;  // room is asked for, not dropped: wait
        std::this_thread::yield();
      }
    }
    while (!ring.push(Element{0, {0, 0, 0}})) std::this_thread::yield();  // the end; its failures are counted too
  });
  uint32_t last = 0;
  uint32_t received = 0;
  uint32_t jumped = 0;
  for (;;) {
    Element element;
    if (ring.size() > Size) return puts("larger than it is"), 1;
    if (!ring.pop(&element)) {
      std::this_thread::yield();
      continue;
    }
    if (element.number == 0) break;
    if (element.number <= last || element.check[0] != ~element.number || element.check[1] != element.number * 7 ||
        element.check[2] != (element.number ^ 0x55555555u)) {
      return printf("torn or out of order: %u behind %u\n", element.number, last), 1;
    }
    jumped += element.number - last - 1;
    last = element.number;
    ++received;
  }
  producer.join();
  jumped += count - last;
  if (received + jumped != count || ring.dropped() < jumped || ring.size() != 0) {
    return printf("%u received, %u jumped, %u dropped of %u\n", received, jumped, ring.dropped(), count), 1;
  }
  printf("%u received, %u dropped\n", received, jumped);
  return 0;
}

int main(int, char** arguments) {
  const uint32_t count = static_cast<uint32_t>(atol(arguments[1]));
  return stress<1>(count) || stress<2>(count) || stress<7>(count) || stress<256>(count) || stress<32767>(count);
}

// A sentence that is put together from words and numbers, and cut where its room ends.
#ifndef TINYML_SHORT_TEXT_H
#define TINYML_SHORT_TEXT_H

#include "flash.h"

namespace tinyml {

class ShortText {
 public:
  ShortText() : size_(0) { text_[0] = 0; }

  void clear() {
    size_ = 0;
    text_[0] = 0;
  }

  ShortText& operator<<(const char* words) {
    while (words && *words) append(*words++);
    return *this;
  }

  ShortText& operator<<(uint32_t number) {
    char digits[10];
    uint8_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    while (count > 0) append(digits[--count]);
    return *this;
  }

  const char* text() const { return text_; }

 private:
  void append(char letter) {
    if (size_ + 1u >= sizeof text_) return;
    text_[size_++] = letter;
    text_[size_] = 0;
  }

  uint16_t size_;
  char text_[320];
};

}  // namespace tinyml

#endif

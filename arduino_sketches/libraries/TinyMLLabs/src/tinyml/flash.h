// Constants that stay in flash: on an AVR (Uno, Nano Every) a constant costs RAM unless it is read in a special way.
#ifndef TINYML_FLASH_H
#define TINYML_FLASH_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVR__)
#include <avr/pgmspace.h>
#define TINYML_FLASH PROGMEM
#else
#define TINYML_FLASH
#endif

namespace tinyml {

// Text declared with TINYML_FLASH; a type of its own, so that it cannot be mistaken for text in RAM.
struct FlashText {
  const char* start;

  char operator[](size_t index) const {
#if defined(__AVR__)
    return static_cast<char>(pgm_read_byte(start + index));
#else
    return start[index];
#endif
  }
};

inline uint32_t flash_u32(const uint32_t* at) {
#if defined(__AVR__)
  return pgm_read_dword(at);
#else
  return *at;
#endif
}

inline int32_t flash_i32(const int32_t* at) {
  return static_cast<int32_t>(flash_u32(reinterpret_cast<const uint32_t*>(at)));
}

inline int8_t flash_i8(const int8_t* at) {
#if defined(__AVR__)
  return static_cast<int8_t>(pgm_read_byte(at));
#else
  return *at;
#endif
}

}  // namespace tinyml

#endif

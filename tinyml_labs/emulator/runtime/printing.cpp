// printf and its kind, to the serial port; new and delete; what C++ calls behind one's back.
#include <Arduino.h>
#include <errno.h>
#include <new>
#include <stdarg.h>
#include <stdio.h>

static FILE serial_port; // musl's streams are not linked: only what formats into memory is

extern "C" {
FILE* const stdout = &serial_port;
FILE* const stderr = &serial_port;

int vprintf(const char* format, va_list values) {
  char few[128];
  va_list again;
  va_copy(again, values);
  const int size = vsnprintf(few, sizeof few, format, values);
  char* text = few;
  if (size >= static_cast<int>(sizeof few)) {
    text = static_cast<char*>(malloc(static_cast<size_t>(size) + 1));
    if (text) vsnprintf(text, static_cast<size_t>(size) + 1, format, again);
  }
  va_end(again);
  if (size < 0 || !text) return -1;
  Serial.write(reinterpret_cast<const uint8_t*>(text), static_cast<size_t>(size));
  if (text != few) free(text);
  return size;
}
int printf(const char* format, ...) {
  va_list values;
  va_start(values, format);
  const int size = vprintf(format, values);
  va_end(values);
  return size;
}
int fprintf(FILE*, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const int size = vprintf(format, values);
  va_end(values);
  return size;
}
int puts(const char* text) { return static_cast<int>(Serial.write(text) + Serial.write("\n")); }
int putchar(int letter) {
  Serial.write(static_cast<uint8_t>(letter));
  return static_cast<uint8_t>(letter);
}
int fflush(FILE*) { return 0; }

[[noreturn]] void __cxa_pure_virtual() { abort(); }
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
int __aeabi_atexit(void*, void (*)(void*), void*) { return 0; }
}

void* operator new(size_t bytes) {
  void* got = malloc(bytes);
  if (!got) abort();
  return got;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* given) noexcept { free(given); }
void operator delete[](void* given) noexcept { free(given); }
void operator delete(void* given, size_t) noexcept { free(given); }
void operator delete[](void* given, size_t) noexcept { free(given); }

// Numbers as text, as Arduino's Print writes them.
#include "Arduino.h"

size_t Print::print(long value, int base) {
  if (base == DEC && value < 0) return print('-') + print(0UL - static_cast<unsigned long>(value), base);
  return print(static_cast<unsigned long>(value), base);
}

size_t Print::print(unsigned long value, int base) {
  char text[8 * sizeof value + 1];
  char* at = text + sizeof text - 1;
  *at = 0;
  do {
    const unsigned digit = static_cast<unsigned>(value % static_cast<unsigned>(base));
    *--at = static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10);
    value /= static_cast<unsigned>(base);
  } while (value);
  return write(at);
}

size_t Print::print(double value, int digits) {
  if (isnan(value)) return print("nan");
  if (isinf(value)) return print(value < 0 ? "-inf" : "inf");
  size_t size = 0;
  if (value < 0) {
    size += print('-');
    value = -value;
  }
  double rounding = 0.5;
  for (int k = 0; k < digits; k++) rounding /= 10;
  value += rounding;
  unsigned long whole = static_cast<unsigned long>(value);
  size += print(whole);
  if (digits > 0) size += print('.');
  for (double rest = value - static_cast<double>(whole); digits > 0; digits--) {
    rest *= 10;
    const int digit = static_cast<int>(rest);
    size += print(digit);
    rest -= digit;
  }
  return size;
}

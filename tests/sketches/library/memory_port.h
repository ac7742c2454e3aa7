// A port in memory for the tests: what is put in is read, what is written is kept.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <deque>
#include <string>
#include <vector>

class MemoryPort {
 public:
  int available() { return static_cast<int>(incoming.size()); }
  int read() {
    if (incoming.empty()) return -1;
    const uint8_t byte = incoming.front();
    incoming.pop_front();
    return byte;
  }
  size_t write(const uint8_t* data, size_t size) {
    ++writes;
    if (largest_write > 0 && size > largest_write) size = largest_write;
    written.insert(written.end(), data, data + size);
    return size;
  }
  int availableForWrite() { return room; }

  void put(const std::vector<uint8_t>& bytes) { incoming.insert(incoming.end(), bytes.begin(), bytes.end()); }

  std::deque<uint8_t> incoming;
  std::vector<uint8_t> written;
  int room = 0;              // as a port that does not tell
  size_t largest_write = 0;  // 0: takes all
  size_t writes = 0;
};

inline std::vector<uint8_t> from_hex(const std::string& text) {
  std::vector<uint8_t> bytes;
  if (text == "-") return bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline void print_hex(const uint8_t* data, size_t size) {
  if (size == 0) putchar('-');
  for (size_t i = 0; i < size; ++i) printf("%02x", data[i]);
}

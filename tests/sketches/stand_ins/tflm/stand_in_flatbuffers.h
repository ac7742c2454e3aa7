// Stand-in for flatbuffers, as far as the sketches use it: tables and vectors of a buffer, read in place, and a verifier.
#ifndef STAND_INS_FLATBUFFERS_H
#define STAND_INS_FLATBUFFERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace flatbuffers {

template <class T>
T read(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

inline const uint8_t* follow(const uint8_t* at) { return at + read<uint32_t>(at); }

template <class T>
struct Offset {};

template <class T>
struct Element {
  typedef T Type;
  static const size_t kBytes = sizeof(T);
  static T get(const uint8_t* at) { return read<T>(at); }
};
template <class T>
struct Element<Offset<T>> {
  typedef const T* Type;
  static const size_t kBytes = 4;
  static const T* get(const uint8_t* at) { return reinterpret_cast<const T*>(follow(at)); }
};

template <class T>
class Vector {
 public:
  uint32_t size() const { return read<uint32_t>(place()); }
  typename Element<T>::Type Get(uint32_t index) const {
    return Element<T>::get(place() + 4 + index * Element<T>::kBytes);
  }
  const uint8_t* data() const { return place() + 4; }

 private:
  const uint8_t* place() const { return reinterpret_cast<const uint8_t*>(this); }
};

class String : public Vector<char> {
 public:
  const char* c_str() const { return reinterpret_cast<const char*>(data()); }
};

class Table {
 protected:
  const uint8_t* field(uint16_t number) const {
    const uint8_t* const own = reinterpret_cast<const uint8_t*>(this);
    const uint8_t* const list = own - read<int32_t>(own);
    const uint16_t place = static_cast<uint16_t>(4 + 2 * number);
    const uint16_t at = place < read<uint16_t>(list) ? read<uint16_t>(list + place) : 0;
    return at ? own + at : nullptr;
  }
  template <class T>
  T value(uint16_t number) const {
    return field(number) ? read<T>(field(number)) : T();
  }
  template <class T>
  const T* pointer(uint16_t number) const {
    return field(number) ? reinterpret_cast<const T*>(follow(field(number))) : nullptr;
  }
};

// Of places in a buffer; 0 is none.
class Verifier {
 public:
  Verifier(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool identifier(const char* text) const { return size_ >= 8 && memcmp(data_ + 4, text, 4) == 0; }
  uint32_t root() const { return target(0); }

  bool table(uint32_t at) const {
    if (!inside(at, 4) || at % 4) return false;
    const int64_t list = int64_t(at) - read<int32_t>(data_ + at);
    if (list < 0 || list % 2 || !inside(static_cast<uint64_t>(list), 4)) return false;
    const uint16_t bytes = read<uint16_t>(data_ + list);
    if (bytes < 4 || bytes % 2 || !inside(static_cast<uint64_t>(list), bytes)) return false;
    return inside(at, read<uint16_t>(data_ + list + 2));
  }
  // The place of a field of so many bytes; *good is false if it is not inside.
  uint32_t field(uint32_t at, uint16_t number, uint32_t bytes, bool* good) const {
    const uint32_t list = at - static_cast<uint32_t>(read<int32_t>(data_ + at));
    const uint16_t place = static_cast<uint16_t>(4 + 2 * number);
    const uint16_t found = place < read<uint16_t>(data_ + list) ? read<uint16_t>(data_ + list + place) : 0;
    if (!found) return 0;
    if (!inside(uint64_t(at) + found, bytes)) *good = false;
    return *good ? at + found : 0;
  }
  // The place of a vector's first element.
  uint32_t vector(uint32_t at, uint16_t number, uint32_t element, uint32_t* count, bool* good) const {
    *count = 0;
    const uint32_t from = field(at, number, 4, good);
    if (!from) return 0;
    const uint32_t to = target(from);
    if (!to || to % 4 || !inside(to, 4)) return *good = false, 0;
    *count = read<uint32_t>(data_ + to);
    if (!inside(uint64_t(to) + 4, uint64_t(*count) * element)) return *good = false, *count = 0, 0;
    return to + 4;
  }
  uint32_t target(uint32_t at) const {
    if (!inside(at, 4)) return 0;
    const uint64_t to = uint64_t(at) + read<uint32_t>(data_ + at);
    return to < size_ ? static_cast<uint32_t>(to) : 0;
  }

 private:
  bool inside(uint64_t at, uint64_t bytes) const { return at <= size_ && bytes <= size_ - at; }

  const uint8_t* data_;
  size_t size_;
};

}  // namespace flatbuffers

#endif

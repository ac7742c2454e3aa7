// What the library needs of a port: Arduino's Stream has it, and so has any class with these methods.
//
//   int available();                        bytes that can be read
//   int read();                             the next of them
//   size_t write(const uint8_t*, size_t);   the bytes that it took
//   int availableForWrite();                bytes that it takes without waiting; may be missing, or always 0
#ifndef TINYML_PORT_H
#define TINYML_PORT_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

// -1 if the port has no such method.
template <class StreamType>
auto room_to_write(StreamType& port, int) -> decltype(static_cast<int>(port.availableForWrite())) {
  return static_cast<int>(port.availableForWrite());
}
template <class StreamType>
int room_to_write(StreamType&, long) {
  return -1;
}

// Writes all; gives how many bytes were lost. A port may take a part; one that takes nothing has nobody at its other end.
template <class StreamType>
size_t write_all(StreamType& port, const uint8_t* data, size_t size) {
  while (size > 0) {
    const size_t sent = port.write(data, size);
    if (sent == 0 || sent > size) return size;
    data += sent;
    size -= sent;
  }
  return 0;
}

}  // namespace tinyml

#endif

// decode: bytes in, a line for every frame, the counts at the end. encode: lines "type micros payload" in, frames out.
#include <TinyMLLabs.h>
#include <string.h>

#include <iostream>

#include "memory_port.h"

using namespace tinyml;

template <size_t MaxPayload>
void decode() {
  FrameDecoder<MaxPayload> decoder;
  for (int byte; (byte = getchar()) != EOF;) {
    const Found found = decoder.feed(static_cast<uint8_t>(byte));
    if (found == Found::nothing) continue;
    const FrameHeader header = decoder.header();
    printf("%s %u %u %lu ", found == Found::frame ? "frame" : "too_long", header.type, header.sequence,
           static_cast<unsigned long>(header.micros));
    if (found == Found::frame) {
      print_hex(decoder.payload(), decoder.payload_size());
    } else {
      printf("%u", static_cast<unsigned>(decoder.payload_size()));
    }
    putchar('\n');
  }
  const DecoderCounts& counts = decoder.counts();
  printf("counts %u %u %u %u %u %u %u %u\n", counts.bytes, counts.frames, counts.crc_errors, counts.malformed,
         counts.oversized, counts.other_version, counts.text_bytes, decoder.other_version());
}

// A port may take less than it is given.
void encode(size_t largest_write) {
  MemoryPort port;
  port.largest_write = largest_write;
  FrameWriter<MemoryPort> writer(port);
  unsigned type;
  uint32_t micros;
  std::string payload;
  while (std::cin >> type >> micros >> payload) {
    const std::vector<uint8_t> bytes = from_hex(payload);
    writer.begin(static_cast<uint8_t>(type), micros);
    writer.bytes(bytes.data(), bytes.size());
    writer.end();
    fwrite(port.written.data(), 1, port.written.size(), stdout);
    port.written.clear();
  }
}

int main(int, char** arguments) {
  if (strcmp(arguments[1], "encode") == 0) encode(static_cast<size_t>(atoi(arguments[2])));
  if (strcmp(arguments[1], "decode") == 0) decode<4096>();
  if (strcmp(arguments[1], "decode64") == 0) decode<64>();
}

// CRC-32/ISO-HDLC, the CRC of zlib, with a table of 16 entries: half a byte at a time.
#ifndef TINYML_CRC32_H
#define TINYML_CRC32_H

#include "flash.h"

namespace tinyml {

static const uint32_t kCrcTable[16] TINYML_FLASH = {
    0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
    0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};

// Begin with kCrcStart, update with every byte; the CRC is the complement of what you have then.
const uint32_t kCrcStart = 0xffffffffu;
// What you have (without the complement) after data and its own CRC, little endian: a check without looking back.
const uint32_t kCrcResidue = 0xdebb20e3u;

inline uint32_t crc32_update(uint32_t crc, uint8_t byte) {
  crc = flash_u32(&kCrcTable[(crc ^ byte) & 15u]) ^ (crc >> 4);
  return flash_u32(&kCrcTable[(crc ^ static_cast<uint8_t>(byte >> 4)) & 15u]) ^ (crc >> 4);
}

inline uint32_t crc32(const void* data, size_t size) {
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  uint32_t crc = kCrcStart;
  for (size_t i = 0; i < size; ++i) crc = crc32_update(crc, bytes[i]);
  return ~crc;
}

}  // namespace tinyml

#endif

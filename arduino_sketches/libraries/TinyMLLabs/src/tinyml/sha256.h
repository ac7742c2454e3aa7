// SHA-256 (FIPS 180-4): by it host and board know a model.
#ifndef TINYML_SHA256_H
#define TINYML_SHA256_H

#include <string.h>

#include "flash.h"

namespace tinyml {

static const uint32_t kSha256Table[64] TINYML_FLASH = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u};

inline uint32_t rotate_right(uint32_t value, uint8_t bits) { return (value >> bits) | (value << (32 - bits)); }

inline void sha256_block(uint32_t (&state)[8], const uint8_t* block) {
  uint32_t words[16];
  for (uint8_t i = 0; i < 16; ++i) {
    words[i] = static_cast<uint32_t>(block[4 * i]) << 24 | static_cast<uint32_t>(block[4 * i + 1]) << 16 |
               static_cast<uint32_t>(block[4 * i + 2]) << 8 | block[4 * i + 3];
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (uint8_t i = 0; i < 64; ++i) {
    uint32_t& word = words[i & 15];
    if (i >= 16) {  // the schedule, sixteen words of it at a time
      const uint32_t early = words[(i + 1) & 15], late = words[(i + 14) & 15];
      word += (rotate_right(early, 7) ^ rotate_right(early, 18) ^ (early >> 3)) + words[(i + 9) & 15] +
              (rotate_right(late, 17) ^ rotate_right(late, 19) ^ (late >> 10));
    }
    const uint32_t first = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                           ((e & f) ^ (~e & g)) + flash_u32(&kSha256Table[i]) + word;
    const uint32_t second =
        (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  const uint32_t made[8] = {a, b, c, d, e, f, g, h};
  for (uint8_t i = 0; i < 8; ++i) state[i] += made[i];
}

inline void sha256(const uint8_t* data, uint32_t size, uint8_t (&digest)[32]) {
  uint32_t state[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                       0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  uint32_t at = 0;
  for (; size - at >= 64; at += 64) sha256_block(state, data + at);
  const uint8_t rest = static_cast<uint8_t>(size - at);
  uint8_t tail[128] = {};  // the rest, a one, zeros, and the length in bits
  if (rest > 0) memcpy(tail, data + at, rest);
  tail[rest] = 0x80;
  const uint8_t end = rest < 56 ? 64 : 128;
  for (uint8_t i = 0; i < 4; ++i) tail[end - 1 - i] = static_cast<uint8_t>((size << 3) >> (8 * i));
  tail[end - 5] = static_cast<uint8_t>(size >> 29);
  sha256_block(state, tail);
  if (end == 128) sha256_block(state, tail + 64);
  for (uint8_t i = 0; i < 32; ++i) digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
}

}  // namespace tinyml

#endif

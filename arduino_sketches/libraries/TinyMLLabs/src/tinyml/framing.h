// Frames: 00 | COBS(version u8, type u8, sequence u16, micros u32, payload, CRC-32 u32) | 00, little endian.
//
// COBS (Cheshire and Baker, 1999) takes every zero out of a frame, so that a zero always ends one, and the decoder finds
// the next good frame after any damage. tinyml_labs/link/framing.py is the specification; tests/golden/frames are
// decoded by both sides.
#ifndef TINYML_FRAMING_H
#define TINYML_FRAMING_H

#include <string.h>

#include "crc32.h"
#include "port.h"

namespace tinyml {

const uint8_t kProtocolVersion = 1;
const size_t kMaxPayload = 4096;
const size_t kHeaderBytes = 8;
const size_t kCrcBytes = 4;
const size_t kMaxEncoded = kMaxPayload + kHeaderBytes + kCrcBytes + (kMaxPayload + kHeaderBytes + kCrcBytes) / 254 + 1;

inline uint16_t read_u16(const uint8_t* at) { return static_cast<uint16_t>(at[0] | (at[1] << 8)); }

inline uint32_t read_u32(const uint8_t* at) {
  return read_u16(at) | (static_cast<uint32_t>(read_u16(at + 2)) << 16);
}

// The bytes on the wire of a frame with so long a payload, at most.
inline size_t encoded_size(size_t payload) {
  const size_t body = payload + kHeaderBytes + kCrcBytes;
  return body + body / 254 + 3;
}

struct FrameHeader {
  uint8_t version;
  uint8_t type;
  uint16_t sequence;
  uint32_t micros;
};

// Writes frames field by field: a payload of any length passes through 256 bytes of memory.
//
// A frame of up to 256 encoded bytes leaves in a single write.
template <class StreamType>
class FrameWriter {
 public:
  explicit FrameWriter(StreamType& port)
      : port_(port), crc_(0), lost_bytes_(0), sequence_(0), used_(0), code_at_(0), full_(false) {}

  void begin(uint8_t type, uint32_t micros) {
    used_ = 0;
    append(0);  // ends whatever a sketch has printed before
    open_block();
    crc_ = kCrcStart;
    u8(kProtocolVersion);
    u8(type);
    u16(sequence_++);
    u32(micros);
  }

  void u8(uint8_t value) {
    crc_ = crc32_update(crc_, value);
    stuff(value);
  }

  void u16(uint16_t value) {
    u8(static_cast<uint8_t>(value));
    u8(static_cast<uint8_t>(value >> 8));
  }

  void u32(uint32_t value) {
    u16(static_cast<uint16_t>(value));
    u16(static_cast<uint16_t>(value >> 16));
  }

  void f32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    u32(bits);
  }

  void bytes(const void* data, size_t size) {
    const uint8_t* at = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < size; ++i) u8(at[i]);
  }

  void characters(const char* text) {
    for (; *text; ++text) u8(static_cast<uint8_t>(*text));
  }

  void characters(FlashText text) {
    for (size_t i = 0; text[i]; ++i) u8(static_cast<uint8_t>(text[i]));
  }

  void decimal(uint32_t value) {
    if (value >= 10) decimal(value / 10);
    u8(static_cast<uint8_t>('0' + value % 10));
  }

  // A text with its length in front, cut at 255 bytes; none is an empty one.
  void text(const char* value) {
    const size_t length = value ? strlen(value) : 0;
    const uint8_t size = static_cast<uint8_t>(length < 255 ? length : 255);
    u8(size);
    bytes(value, size);
  }

  void end() {
    u32(~crc_);
    if (!full_) close_block();
    code_at_ = used_;
    append(0);
    send(out_, used_);
  }

  uint16_t sequence() const { return sequence_; }      // of the next frame
  uint32_t lost_bytes() const { return lost_bytes_; }  // that the port did not take

 private:
  void stuff(uint8_t value) {
    if (full_) open_block();
    if (value == 0) {
      close_block();
      open_block();
      return;
    }
    append(value);
    if (used_ - code_at_ == 255) {
      close_block();
      full_ = true;  // 254 bytes without a zero: the next block, if there is one, begins without a zero between
    }
  }

  void open_block() {
    full_ = false;
    code_at_ = used_;
    append(0);  // its length comes here
  }

  void close_block() { out_[code_at_] = static_cast<uint8_t>(used_ - code_at_); }

  void append(uint8_t value) {
    if (used_ == sizeof out_) {  // the closed blocks leave, the open one stays
      send(out_, code_at_);
      used_ = static_cast<uint16_t>(used_ - code_at_);
      memmove(out_, out_ + code_at_, used_);
      code_at_ = 0;
    }
    out_[used_++] = value;
  }

  void send(const uint8_t* data, size_t size) {
    lost_bytes_ += static_cast<uint32_t>(write_all(port_, data, size));
  }

  StreamType& port_;
  uint32_t crc_;
  uint32_t lost_bytes_;
  uint16_t sequence_;
  uint16_t used_;     // bytes in out_
  uint16_t code_at_;  // where the open block's length belongs
  bool full_;         // the last block was closed because it was full, and none is open
  uint8_t out_[256];
};

struct DecoderCounts {
  uint32_t bytes;
  uint32_t frames;         // good ones
  uint32_t crc_errors;     // pieces with a frame's form and the wrong CRC
  uint32_t malformed;      // broken byte stuffing, or too short
  uint32_t oversized;      // longer than a frame can be, or than this decoder's memory
  uint32_t other_version;  // good frames of another version of the protocol
  uint32_t text_bytes;     // printable text between frames

  uint32_t damaged() const { return crc_errors + malformed + oversized; }
};

enum class Found : uint8_t {
  nothing,   // the frame is not whole yet, or what ended was none
  frame,     // header() and payload() are valid until the next byte
  too_long,  // a good frame whose payload is larger than this decoder's memory: header() and payload_size() are valid
};

// Finds the frames in a stream of bytes, however damaged; memory is MaxPayload and some 60 bytes.
template <size_t MaxPayload>
class FrameDecoder {
 public:
  FrameDecoder() : counts_(), other_version_(0) { start_piece(); }

  Found feed(uint8_t byte) {
    ++counts_.bytes;
    if (byte == 0) {
      const Found found = raw_ > 0 ? finish() : Found::nothing;
      start_piece();
      return found;
    }
    if (raw_ < kMaxEncoded && !is_printable(byte)) text_ = false;
    ++raw_;
    if (raw_ > kMaxEncoded) return Found::nothing;
    if (left_ > 0) {
      take(byte);
      --left_;
      return Found::nothing;
    }
    if (between_) take(0);
    left_ = static_cast<uint8_t>(byte - 1);
    between_ = byte != 255;  // a full block has no zero behind it
    return Found::nothing;
  }

  FrameHeader header() const {
    FrameHeader header;
    header.version = body_[0];
    header.type = body_[1];
    header.sequence = read_u16(body_ + 2);
    header.micros = read_u32(body_ + 4);
    return header;
  }

  const uint8_t* payload() const { return body_ + kHeaderBytes; }
  size_t payload_size() const { return payload_size_; }
  const DecoderCounts& counts() const { return counts_; }
  uint8_t other_version() const { return other_version_; }  // of the last good frame that was not ours; 0: none

 private:
  static bool is_printable(uint8_t byte) {
    return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\r' || byte == '\n' || byte == 0x1b;
  }

  void start_piece() {
    raw_ = 0;
    size_ = 0;
    crc_ = kCrcStart;
    left_ = 0;
    between_ = false;
    text_ = true;
  }

  void take(uint8_t byte) {
    if (size_ < sizeof body_) body_[size_] = byte;
    ++size_;
    crc_ = crc32_update(crc_, byte);
  }

  Found finish() {
    if (raw_ > kMaxEncoded) return reject(&counts_.oversized);
    if (left_ > 0 || size_ < kHeaderBytes + kCrcBytes) return reject(&counts_.malformed);
    if (crc_ != kCrcResidue) return reject(&counts_.crc_errors);
    if (body_[0] != kProtocolVersion) {
      ++counts_.other_version;
      other_version_ = body_[0];
      return Found::nothing;
    }
    payload_size_ = size_ - (kHeaderBytes + kCrcBytes);
    if (payload_size_ > MaxPayload) {
      ++counts_.oversized;
      return Found::too_long;
    }
    ++counts_.frames;
    return Found::frame;
  }

  Found reject(uint32_t* fault) {
    if (text_) {
      counts_.text_bytes += raw_;
    } else {
      ++*fault;
    }
    return Found::nothing;
  }

  DecoderCounts counts_;
  uint32_t raw_;   // bytes since the last zero
  uint32_t crc_;   // over all that was unstuffed, the CRC too
  uint16_t size_;  // bytes unstuffed; those beyond body_ are only counted
  uint8_t left_;   // bytes left in the block
  bool between_;   // a zero stands before the next block
  bool text_;      // all printable so far
  uint8_t other_version_;
  size_t payload_size_ = 0;
  uint8_t body_[MaxPayload + kHeaderBytes + kCrcBytes];
};

}  // namespace tinyml

#endif

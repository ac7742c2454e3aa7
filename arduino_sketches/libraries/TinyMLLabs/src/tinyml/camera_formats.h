// A camera's bytes to grey pixels: what decode_camera() and to_grey() in Python do, the same to the byte.
#ifndef TINYML_CAMERA_FORMATS_H
#define TINYML_CAMERA_FORMATS_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

// What readFrame() of Arduino_OV767X stores, in the order in which bytes come from an OV7675 or OV7670. As an array of
// uint16_t, a pixel of rgb565 or rgb444 has its bytes swapped.
enum class CameraFormat : uint8_t {
  grayscale,  // a byte a pixel (though the library's bytesPerPixel() says 2)
  yuv422,     // Y U Y V: the even bytes are grey
  rgb565,     // RRRRRGGG GGGBBBBB
  rgb444,     // xxxxRRRR GGGGBBBB
};

inline uint8_t bytes_per_pixel(CameraFormat format) { return format == CameraFormat::grayscale ? 1 : 2; }

// Of eight bits each: as an eye weighs them, in 256ths.
inline uint8_t to_grey(uint8_t red, uint8_t green, uint8_t blue) {
  return static_cast<uint8_t>((77ul * red + 150ul * green + 29ul * blue + 128) >> 8);
}

// Five or six bits become eight by repeating the high ones, so that the largest value becomes 255.
inline uint8_t grey_of_rgb565(uint8_t first, uint8_t second) {
  const uint8_t red = first >> 3;
  const uint8_t green = static_cast<uint8_t>((first & 7u) << 3 | second >> 5);
  const uint8_t blue = second & 31u;
  return to_grey(static_cast<uint8_t>(red << 3 | red >> 2), static_cast<uint8_t>(green << 2 | green >> 4),
                 static_cast<uint8_t>(blue << 3 | blue >> 2));
}

inline uint8_t grey_of_rgb444(uint8_t first, uint8_t second) {
  return to_grey(static_cast<uint8_t>((first & 15u) * 17u), static_cast<uint8_t>((second >> 4) * 17u),
                 static_cast<uint8_t>((second & 15u) * 17u));
}

// A row, or a whole picture, of so many pixels. `grey` may be `raw` itself: what is written has been read.
inline void decode_camera(CameraFormat format, const uint8_t* raw, size_t pixels, uint8_t* grey) {
  const uint8_t* const end = grey + pixels;
  switch (format) {
    case CameraFormat::grayscale:
      while (grey < end) *grey++ = *raw++;
      break;
    case CameraFormat::yuv422:
      for (; grey < end; raw += 2) *grey++ = raw[0];
      break;
    case CameraFormat::rgb565:
      for (; grey < end; raw += 2) *grey++ = grey_of_rgb565(raw[0], raw[1]);
      break;
    case CameraFormat::rgb444:
      for (; grey < end; raw += 2) *grey++ = grey_of_rgb444(raw[0], raw[1]);
      break;
  }
}

// As a model's int8 input of scale 1 and zero point -128: minus 128. `input` may be `grey` itself.
inline void grey_to_int8(const uint8_t* grey, size_t pixels, int8_t* input) {
  for (size_t i = 0; i < pixels; ++i) input[i] = static_cast<int8_t>(static_cast<int16_t>(grey[i]) - 128);
}

}  // namespace tinyml

#endif

// What is done as arguments; pictures in, pictures out, a byte a value.
//
// resize <width> <height> <model's width> <model's height> <square or whole>: grey in and out; row by row without a reset
// in between, and once more each, whole, where the picture is.
// decode <format> <pixels>: a camera's bytes in, grey out; once more each, where the bytes are.
// int8: grey in, int8 out.
#include <TinyMLLabs.h>

#include <stdio.h>
#include <stdlib.h>

#include <string>
#include <vector>

using namespace tinyml;

static bool read(std::vector<uint8_t>& values) { return fread(values.data(), 1, values.size(), stdin) == values.size(); }

static void write(const uint8_t* values, size_t count) { fwrite(values, 1, count, stdout); }

template <class Resizer, uint16_t InWidth, uint16_t InHeight, uint16_t OutWidth, uint16_t OutHeight>
int resize() {
  Resizer resizer, again;
  std::vector<uint8_t> picture(static_cast<size_t>(InWidth) * InHeight);
  const bool in_place = OutWidth <= Resizer::kWidth && OutHeight <= Resizer::kHeight;
  std::vector<uint8_t> apart(in_place ? 0 : static_cast<size_t>(OutWidth) * OutHeight);
  resizer.push(std::vector<uint8_t>(InWidth, 255).data());  // of a picture that breaks off
  resizer.reset();
  while (read(picture)) {
    std::vector<uint8_t> found;
    for (size_t y = 0; y < InHeight; ++y) {
      const std::vector<uint8_t> row(picture.begin() + y * InWidth, picture.begin() + (y + 1) * InWidth);
      resizer.push(row.data());  // as large as it has to be: a sanitizer sees what is read beyond it
      std::vector<uint8_t> out(OutWidth);
      while (resizer.pop(out.data())) found.insert(found.end(), out.begin(), out.end());
      if (resizer.pop(out.data())) abort();
    }
    if (found.size() != static_cast<size_t>(OutWidth) * OutHeight) abort();
    uint8_t* const place = in_place ? picture.data() : apart.data();
    again.resize(picture.data(), place);
    if (memcmp(place, found.data(), found.size()) != 0) abort();
    write(found.data(), found.size());
  }
  if (sizeof resizer > 8u * OutWidth + 8) abort();
  return 0;
}

static int decode(const std::string& name, size_t pixels) {
  CameraFormat format = CameraFormat::grayscale;
  if (name == "YUV422") format = CameraFormat::yuv422;
  if (name == "RGB565") format = CameraFormat::rgb565;
  if (name == "RGB444") format = CameraFormat::rgb444;
  std::vector<uint8_t> raw(pixels * bytes_per_pixel(format)), grey(pixels);
  while (read(raw)) {
    decode_camera(format, raw.data(), pixels, grey.data());
    decode_camera(format, raw.data(), pixels, raw.data());
    if (memcmp(raw.data(), grey.data(), pixels) != 0) abort();
    write(grey.data(), pixels);
  }
  return 0;
}

static int to_int8() {
  std::vector<uint8_t> grey(256);
  while (read(grey)) {
    grey_to_int8(grey.data(), grey.size(), reinterpret_cast<int8_t*>(grey.data()));
    write(grey.data(), grey.size());
  }
  return 0;
}

#define RESIZE(w, h, to_w, to_h)                                                                       \
  if (sizes == #w " " #h " " #to_w " " #to_h) {                                                        \
    if (square) return resize<ImageResizer<w, h, to_w, to_h>, w, h, to_w, to_h>();                     \
    return resize<ImageResizer<w, h, to_w, to_h, ImageCrop::whole>, w, h, to_w, to_h>();               \
  }

int main(int, char** arguments) {
  const std::string what = arguments[1];
  if (what == "int8") return to_int8();
  if (what == "decode") return decode(arguments[2], static_cast<size_t>(atol(arguments[3])));
  const std::string sizes = std::string(arguments[2]) + " " + arguments[3] + " " + arguments[4] + " " + arguments[5];
  const bool square = std::string(arguments[6]) == "square";
  RESIZE(640, 480, 96, 96)
  RESIZE(352, 240, 96, 96)
  RESIZE(320, 240, 96, 96)
  RESIZE(176, 144, 96, 96)
  RESIZE(160, 120, 96, 96)
  RESIZE(96, 96, 96, 96)
  RESIZE(97, 131, 96, 96)
  RESIZE(131, 97, 64, 48)
  RESIZE(40, 30, 96, 96)
  RESIZE(200, 50, 100, 75)
  RESIZE(13, 7, 5, 9)
  RESIZE(5, 9, 13, 7)
  RESIZE(1, 1, 3, 2)
  RESIZE(3, 2, 1, 1)
  RESIZE(1, 600, 2, 7)
  RESIZE(4096, 3, 96, 2)
  RESIZE(2, 3, 4096, 1)
  return 1;
}

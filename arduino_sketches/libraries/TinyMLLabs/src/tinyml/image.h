// Grey rows of a camera's picture to the rows of a model's: the middle cut out and resized, in integers; the same to
// the byte as crop_middle() and resize() of tinyml_labs.features in Python.
#ifndef TINYML_IMAGE_H
#define TINYML_IMAGE_H

#include <stddef.h>
#include <stdint.h>

namespace tinyml {

// What of the camera's picture becomes the model's: the largest square in its middle, or all of it.
enum class ImageCrop : uint8_t { square, whole };

// Each pixel that comes out is the mean over its rectangle of the picture, rounded half up. A pixel that is partly in the
// rectangle counts with that part: along a row of the picture, pixel i covers i * OutWidth to (i + 1) * OutWidth, and
// pixel j of the model's j * width to (j + 1) * width; likewise in a column. Weights are what both share. A sum is then
// 255 * width * height at most, which a uint32_t holds up to 16.8 million pixels (640 x 480: 78 million of 4,295).
//
// An object has 8 * OutWidth + 8 bytes, of whatever size the camera's picture is: 776 for 96 columns. Rows come from
// above; after the last one the next picture begins by itself.
template <uint16_t InWidth, uint16_t InHeight, uint16_t OutWidth, uint16_t OutHeight,
          ImageCrop Crop = ImageCrop::square>
class ImageResizer {
  static_assert(InWidth >= 1 && InHeight >= 1 && OutWidth >= 1 && OutHeight >= 1, "a picture has one pixel at least");
  static_assert(InWidth <= 4096 && InHeight <= 4096 && OutWidth <= 4096 && OutHeight <= 4096,
                "a picture has 4096 rows and columns at most");

 public:
  // What is averaged: the part that is cut out, and the rows above it and the columns to its left.
  static const uint16_t kShorter = InWidth < InHeight ? InWidth : InHeight;
  static const uint16_t kWidth = Crop == ImageCrop::square ? kShorter : InWidth;
  static const uint16_t kHeight = Crop == ImageCrop::square ? kShorter : InHeight;
  static const uint16_t kTop = (InHeight - kHeight) / 2;
  static const uint16_t kLeft = (InWidth - kWidth) / 2;

  ImageResizer() { reset(); }

  // After a picture that broke off: the next row is the first of another.
  void reset() {
    row_ = 0;
    begin_picture();
  }

  // Takes the next row, InWidth pixels, of the camera's picture. Before the next one, take what there is with pop().
  void push(const uint8_t* row) {
    if (row_ == 0) begin_picture();
    if (static_cast<uint16_t>(row_ - kTop) < kHeight) {  // a row above it becomes a large number
      average_across(row + kLeft);
      of_row_ = OutHeight;
    }
    row_ = row_ + 1u < InHeight ? static_cast<uint16_t>(row_ + 1) : uint16_t(0);
  }

  // Gives the model's next row, OutWidth pixels, or false if more of the camera's are needed. It may be written where
  // the camera's picture is, over what has been pushed.
  bool pop(uint8_t* row) {
    while (of_row_ > 0) {
      const uint16_t shared = of_row_ < missing_ ? of_row_ : missing_;
      for (uint16_t i = 0; i < OutWidth; ++i) sums_[i] += across_[i] * shared;
      of_row_ = static_cast<uint16_t>(of_row_ - shared);
      missing_ = static_cast<uint16_t>(missing_ - shared);
      if (missing_ > 0) continue;
      for (uint16_t i = 0; i < OutWidth; ++i) {
        row[i] = static_cast<uint8_t>((sums_[i] + kPixels / 2) / kPixels);
        sums_[i] = 0;
      }
      missing_ = kHeight;
      return true;
    }
    return false;
  }

  // A whole picture at once, OutHeight rows of OutWidth pixels. `out` may be `picture` itself if the model's picture is
  // neither wider nor higher than what is cut out.
  void resize(const uint8_t* picture, uint8_t* out) {
    reset();
    for (uint16_t i = 0; i < InHeight; ++i, picture += InWidth) {
      push(picture);
      while (pop(out)) out += OutWidth;
    }
  }

 private:
  static const uint32_t kPixels = uint32_t(kWidth) * kHeight;
  static_assert(kPixels <= (0xFFFFFFFFul - kPixels / 2) / 255, "a sum over so many pixels does not fit in a uint32_t");

  void begin_picture() {
    of_row_ = 0;
    missing_ = kHeight;
    for (uint16_t i = 0; i < OutWidth; ++i) sums_[i] = 0;
  }

  // One row's sums over the columns of each pixel: the part of a first pixel, whole ones, and the part of a last one.
  void average_across(const uint8_t* pixel) {
    unsigned left = OutWidth;  // of this pixel
    for (unsigned i = 0; i < OutWidth; ++i) {
      unsigned missing = kWidth;
      uint32_t sum = 0;
      if (missing >= left) {
        sum = uint32_t(*pixel++) * left;
        missing -= left;
        left = OutWidth;
        uint32_t whole = 0;
        for (; missing >= OutWidth; missing -= OutWidth) whole += *pixel++;
        sum += whole * OutWidth;
      }
      if (missing > 0) {
        sum += uint32_t(*pixel) * missing;
        left -= missing;
      }
      across_[i] = sum;
    }
  }

  uint16_t row_;      // of the camera's picture, that comes next
  uint16_t of_row_;   // what is left of the row that came last: OutHeight for a whole one
  uint16_t missing_;  // to the model's next row, of kHeight
  uint32_t across_[OutWidth];
  uint32_t sums_[OutWidth];
};

}  // namespace tinyml

#endif

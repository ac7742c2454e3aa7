// What is under the kernel at one place of the output: the numbers of a patch, one after another.
#ifndef TINYML_KERNELS_PATCHES_H
#define TINYML_KERNELS_PATCHES_H

#include "arm_dsp.h"
#include "convolution.h"

static inline int8_t *tinyml_copy_bytes(int8_t *to, const int8_t *from, size_t count) {
  for (; count > 0; --count) *to++ = *from++;
  return to;
}

// Copy whole words: up to three bytes behind `from` are read, and behind `to` written, too.
static inline int8_t *tinyml_copy_words(int8_t *to, const int8_t *from, size_t count) {
#if defined(TINYML_FAST_KERNELS)
  int8_t *const end = to + count;
  for (; to < end; to += 4, from += 4) __builtin_memcpy(to, from, 4);
  return end;
#else
  return tinyml_copy_bytes(to, from, count);
#endif
}

static inline int8_t *tinyml_fill_bytes(int8_t *to, int8_t value, size_t count) {
  for (; count > 0; --count) *to++ = value;
  return to;
}

// Is a patch the input's own numbers, at place after place?
static inline int tinyml_patches_are_input(const tinyml_convolution *layer) {
  return layer->kernel_height == 1 && layer->kernel_width == 1 && layer->stride_height == 1 &&
         layer->stride_width == 1 && layer->output_height == layer->input_height && layer->output_width == layer->input_width;
}

// Copy a patch; what is outside is the input's zero point. Up to three bytes behind it are written, too.
static inline void tinyml_gather_patch(const tinyml_convolution *layer, const int8_t *input, uint16_t row,
                                       uint16_t column, int8_t *to) {
  const int8_t outside = (int8_t)layer->input_zero_point;
  const uint16_t channels = layer->input_channels;
  const int32_t width = layer->input_width;
  const int32_t left = (int32_t)column * layer->stride_width - layer->pad_left;
  const size_t row_bytes = (size_t)layer->kernel_width * channels;
  const int in_one_piece = layer->dilation_width == 1 && left >= 0 && left + layer->kernel_width <= width;
  int32_t y = (int32_t)row * layer->stride_height - layer->pad_top;
  for (uint8_t tap_y = layer->kernel_height; tap_y > 0; --tap_y, y += layer->dilation_height) {
    int32_t from = (y * width + left) * (int32_t)channels;
    if (y < 0 || y >= layer->input_height) {
      to = tinyml_fill_bytes(to, outside, row_bytes);
    } else if (in_one_piece && y + 1 < layer->input_height) { // so that there is something behind the row
      to = tinyml_copy_words(to, input + from, row_bytes);
    } else if (in_one_piece) {
      to = tinyml_copy_bytes(to, input + from, row_bytes);
    } else {
      int32_t x = left;
      for (uint8_t tap_x = layer->kernel_width; tap_x > 0; --tap_x) {
        const int inside = x >= 0 && x < width;
        to = inside ? tinyml_copy_bytes(to, input + from, channels) : tinyml_fill_bytes(to, outside, channels);
        x += layer->dilation_width;
        from += (int32_t)layer->dilation_width * channels;
      }
    }
  }
}

#endif

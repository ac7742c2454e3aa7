// Makes inputs of a model of the pictures that it carries, and says how long it takes. A byte tells it to begin.
//
// The recording is five grey pictures of 176 x 144, and then pictures of 320 x 240 in RGB565. For each one 96 x 96 int8
// follow; then, float32, the microseconds that one of the first kind took, and one of the second.
#include <TinyMLLabs.h>

using namespace tinyml;

extern "C" {
extern const uint8_t recording_start[], recording_end[];
}

const size_t kSide = 96;
const size_t kGreyPictures = 5;
static ImageResizer<176, 144, kSide, kSide> of_grey;
static ImageResizer<320, 240, kSide, kSide> of_colours;

// As a sketch does it with a picture of readFrame(): decoded a row at a time, and resized into the model's input.
template <class Resizer>
unsigned long make_input(Resizer& resizer, CameraFormat format, const uint8_t* raw, uint16_t width, uint16_t height) {
  static uint8_t row[320], input[kSide * kSide];
  const unsigned long begin = micros();
  uint8_t* out = input;
  for (uint16_t y = 0; y < height; ++y, raw += width * bytes_per_pixel(format)) {
    decode_camera(format, raw, width, row);
    resizer.push(row);
    while (resizer.pop(out)) out += kSide;
  }
  grey_to_int8(input, sizeof input, reinterpret_cast<int8_t*>(input));
  const unsigned long end = micros();
  Serial.write(input, sizeof input);
  return end - begin;
}

void setup() { Serial.begin(115200); }

void loop() {
  if (!Serial.available()) return;
  Serial.read();
  const uint8_t* picture = recording_start;
  float took[2] = {0.0f, 0.0f}, count = 0.0f;
  for (size_t i = 0; i < kGreyPictures; ++i, picture += 176 * 144) {
    took[0] += static_cast<float>(make_input(of_grey, CameraFormat::grayscale, picture, 176, 144)) / kGreyPictures;
  }
  for (; picture < recording_end; picture += 320 * 240 * 2, ++count) {
    took[1] += static_cast<float>(make_input(of_colours, CameraFormat::rgb565, picture, 320, 240));
  }
  took[1] /= count;
  Serial.write(reinterpret_cast<const uint8_t*>(took), sizeof took);
}

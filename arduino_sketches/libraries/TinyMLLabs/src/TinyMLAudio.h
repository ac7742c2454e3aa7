// Sound to the frames of a spectrogram, the same bits as tinyml_labs.features.AudioFrontEnd in Python.
//
// Not part of TinyMLLabs.h: it needs the library MicroFrontend, which `python -m tinyml_labs.front_end_source` writes
// beside this one, and takes memory from the heap, once, in begin().
#ifndef TINYML_AUDIO_H
#define TINYML_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include <MicroFrontend.h>

namespace tinyml {

class AudioFrontEnd {
 public:
  static const int kRateHz = 16000;
  static const size_t kStep = 160;     // samples, 10 ms
  static const size_t kChannels = 40;  // values of a frame

  // Of the frames, one every 10 ms, each `every`-th is given, from the first on.
  explicit AudioFrontEnd(uint8_t every = 1) : every_(every ? every : 1), skip_(0) {}

  // The settings of the example micro_speech: a window of 30 ms, 40 bands from 125 to 7,500 Hz. False if there are not the
  // 11 KB of memory that it takes.
  bool begin() {
    micro_frontend::FrontendConfig config;
    config.window.size_ms = 30;
    config.window.step_size_ms = 10;
    config.filterbank.num_channels = kChannels;
    config.filterbank.lower_band_limit = 125.0f;
    config.filterbank.upper_band_limit = 7500.0f;
    config.filterbank.output_scale_shift = 7;
    config.noise_reduction.smoothing_bits = 10;
    config.noise_reduction.even_smoothing = 0.025f;
    config.noise_reduction.odd_smoothing = 0.06f;
    config.noise_reduction.min_signal_remaining = 0.05f;
    config.pcan_gain_control.enable_pcan = 1;
    config.pcan_gain_control.strength = 0.95f;
    config.pcan_gain_control.offset = 80.0f;
    config.pcan_gain_control.gain_bits = 21;
    config.log_scale.enable_log = 1;
    config.log_scale.scale_shift = 6;
    if (begun_) micro_frontend::FrontendFreeStateContents(&state_);
    begun_ = micro_frontend::FrontendPopulateState(&config, &state_, kRateHz) != 0;
    skip_ = 0;
    return begun_;
  }

  // Takes kStep samples; gives the frame that they complete, kChannels values, or nullptr. It is there until the next one.
  const uint16_t* push(const int16_t* samples) {
    size_t taken;
    const micro_frontend::FrontendOutput output =
        micro_frontend::FrontendProcessSamples(&state_, samples, kStep, &taken);
    if (output.size == 0) return nullptr;
    if (skip_ > 0) {
      --skip_;
      return nullptr;
    }
    skip_ = static_cast<uint8_t>(every_ - 1);
    return output.values;
  }

  // After a gap in the sound: as fresh as after begin().
  void reset() {
    micro_frontend::FrontendReset(&state_);
    skip_ = 0;
  }

 private:
  micro_frontend::FrontendState state_;
  uint8_t every_;
  bool begun_ = false;
  uint8_t skip_;  // frames until the next one that is given
};

}  // namespace tinyml

#endif

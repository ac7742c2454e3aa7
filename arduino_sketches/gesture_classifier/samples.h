// The sensor: samples as the model knows them, its channels at its rate, whatever rate the IMU has.
//
// Another IMU: write the five names of TinyMLImu.h yourself, in a file of this sketch, and include that instead.
#ifndef SAMPLES_H
#define SAMPLES_H

#include "gesture_settings.h"

#define RATE_HZ gesture::kSettings.rate_hz  // of an ADXL335, which measures when it is asked
#include <TinyMLImu.h>

static_assert(tinyml::kImuChannels >= gesture::kChannels,
              "the model needs rotation too, and this IMU has no gyroscope: export a model with channels=3");

struct ImuSample {
  uint32_t micros;  // when it was read
  uint32_t lost;    // so many are missing before it: nobody has read them in time
  float values[tinyml::kImuChannels];
};

static tinyml::RingBuffer<ImuSample, 16> imu_samples;  // that wait while a window is computed
static tinyml::Resampler<gesture::kChannels> resampler;
#ifdef USE_ADXL335
static tinyml::SampleClock sample_clock;
#else
static tinyml::MissedSamples missed;
#endif

// Gives why there are no samples, or nullptr.
static const char* begin_samples() {
  if (!tinyml::begin_imu()) return tinyml::kNoImu;
  const float from = tinyml::imu_sensor.rate_hz, to = gesture::kSettings.rate_hz;
  if (from < to / 2 || from > to * 2) return "the IMU's rate is not within half and twice that of the model.";
  const bool as_it_is = from > 0.98f * to && from < 1.02f * to;
  resampler.begin(tinyml::to_millihertz(as_it_is ? to : from), tinyml::to_millihertz(to));
#ifdef USE_ADXL335
  sample_clock.begin(tinyml::to_millihertz(from), micros());
#else
  missed.begin(from);
#endif
  return nullptr;
}

static bool read_sample(uint32_t now, ImuSample* sample) {
  sample->micros = now;
#ifdef USE_ADXL335
  const uint32_t ticks = sample_clock.take(now);
  sample->lost = ticks - 1;
  return ticks > 0 && tinyml::read_imu(sample->values);
#else
  const bool ready = tinyml::read_imu(sample->values);
  const int32_t lost = missed.poll(ready, now);
  sample->lost = static_cast<uint32_t>(lost);
  return ready && lost != tinyml::MissedSamples::kUnsure;
#endif
}

// Reads the IMU, if it has something new.
static void read_ahead() {
  ImuSample* place = imu_samples.back();
  if (place && read_sample(micros(), place)) imu_samples.commit();
}

// The same, but no sooner than 2 ms after the last time: for the midst of a computation. To ask the IMU takes about 1 ms.
static void read_ahead_sometimes() {
  static uint32_t last = 0;
  if (micros() - last < 2000) return;
  read_ahead();
  last = micros();
}

// False right after a sample that was late: then wait for the next one, and do nothing long.
static bool in_step() {
#ifdef USE_ADXL335
  return true;
#else
  return missed.in_step(micros());
#endif
}

// Gives the next sample for the model; false if there is none yet.
static bool next_sample(ImuSample* sample) {
  sample->lost = 0;
  if (resampler.pop(sample->values)) return true;
  if (!imu_samples.pop(sample)) return false;
  if (sample->lost > 0) {
    const float ratio = gesture::kSettings.rate_hz / tinyml::imu_sensor.rate_hz;
    sample->lost = static_cast<uint32_t>(static_cast<float>(sample->lost) * ratio + 0.5f);
    resampler.reset();
  }
  resampler.push(sample->values);
  return resampler.pop(sample->values);
}

#endif

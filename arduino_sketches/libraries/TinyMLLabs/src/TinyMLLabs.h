// The TinyML lab kit on a board: frames, sample streams, windows, scores and model requests.
//
// Portable C++11 without Arduino.h, heap or globals; everything is in namespace tinyml. Time comes in as microseconds
// that wrap after 71.6 minutes, as Arduino's micros() does, and the port is any class with available(), read() and
// write(const uint8_t*, size_t), as Arduino's Stream is. The host's side is tinyml_labs.link in Python.
#ifndef TINYML_LABS_H
#define TINYML_LABS_H

#include "tinyml/board_server.h"
#include "tinyml/camera_formats.h"
#include "tinyml/crc32.h"
#include "tinyml/csv_writer.h"
#include "tinyml/descriptions.h"
#include "tinyml/framing.h"
#include "tinyml/image.h"
#include "tinyml/keyword_classifier.h"
#include "tinyml/messages.h"
#include "tinyml/mlperf.h"
#include "tinyml/missed_samples.h"
#include "tinyml/model.h"
#include "tinyml/model_upload.h"
#include "tinyml/motion_classifier.h"
#include "tinyml/motion_features.h"
#include "tinyml/normalisation.h"
#include "tinyml/person_detector.h"
#include "tinyml/presence.h"
#include "tinyml/quantization.h"
#include "tinyml/resampler.h"
#include "tinyml/ring_buffer.h"
#include "tinyml/sample_clock.h"
#include "tinyml/score_smoother.h"
#include "tinyml/sha256.h"
#include "tinyml/short_text.h"
#include "tinyml/this_board.h"
#include "tinyml/windower.h"

#endif

// The command set of MLPerf Tiny, so that its runner can measure a board (Banbury et al., "MLPerf Tiny Benchmark",
// NeurIPS Datasets and Benchmarks 2021). Lines and their order are those of the public firmware, mlcommons/tiny,
// benchmark/api/internally_implemented.cpp, in performance mode.
//
// A command ends with '%' and has at most 80 characters; line ends between commands are ignored. Every reply ends with
// the line "m-ready".
#ifndef TINYML_MLPERF_H
#define TINYML_MLPERF_H

#include <stdlib.h>
#include <string.h>

#include "csv_writer.h"
#include "mlperf_texts.h"
#include "model.h"

namespace tinyml {

struct MlperfSettings {
  const char* device;      // the board's name: "Nano 33 BLE Sense"
  const char* model_name;  // "kws01", "vww01", "ad01", "ic01"; any other for models outside the benchmark
  uint8_t* buffer;         // where the runner's input waits
  size_t buffer_bytes;     // at least those of the model's input
  bool images;             // the runner sends uint8 (vww01, ic01) and the model takes int8: 128 less
};

template <class StreamType>
class MlperfServer {
 public:
  // Model and settings have to stay; clock is micros.
  MlperfServer(StreamType& port, const Model& model, Clock clock, const MlperfSettings& settings)
      : port_(port), text_(port), model_(model), clock_(clock), settings_(settings), length_(0), size_(0), filled_(0) {}

  void begin() {
    line(texts::kModePerformance);
    timestamp();
    line(texts::kInitDone);
    line(texts::kReady);
  }

  void poll() {
    for (uint16_t budget = 256; budget > 0 && port_.available() > 0; --budget) {
      const char byte = static_cast<char>(port_.read());
      if (byte == '%') {
        command_[length_] = 0;
        length_ = 0;
        answer(command_);
      } else if (byte != '\r' && byte != '\n' && length_ < kMaxCommand) {
        command_[length_++] = byte;
      }
    }
  }

 private:
  static const uint8_t kMaxCommand = 80;

  // The next word of a command, ended by a zero; nullptr if there is none.
  static char* next_word(char** at) {
    char* word = *at;
    while (*word == ' ') ++word;
    if (!*word) return nullptr;
    char* end = word;
    while (*end && *end != ' ') ++end;
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
  }

  static bool same(const char* word, const char* other) { return strcmp(word, other) == 0; }

  void answer(char* rest) {
    const char* word = next_word(&rest);
    if (!word) word = "";
    if (same(word, "name")) {
      line(texts::kNameDut, settings_.device, texts::kClose);
    } else if (same(word, "timestamp")) {
      timestamp();
    } else if (same(word, "profile")) {
      line(texts::kProfile);
      line(texts::kModelName, settings_.model_name, texts::kClose);
    } else if (same(word, "help")) {
      line(texts::kHelp);
    } else if (same(word, "db")) {
      answer_buffer(rest);
    } else if (same(word, "infer")) {
      answer_infer(rest);
    } else if (same(word, "results")) {
      results();
    } else {
      line(texts::kUnknownCommand, word, texts::kClose);
    }
    line(texts::kReady);
  }

  void answer_buffer(char* rest) {
    const char* word = next_word(&rest);
    if (!word) {
      line(texts::kNeedsSubcommand);
    } else if (same(word, "load")) {
      const char* size = next_word(&rest);
      if (size) {
        load(atol(size));
      } else {
        line(texts::kNeedsSize);
      }
    } else if (same(word, "print")) {
      print_buffer();
    } else {
      store(word);
    }
  }

  void load(long size) {
    if (size <= 0) return line(texts::kNeedsBytes);
    filled_ = 0;
    size_ = static_cast<unsigned long>(size) <= settings_.buffer_bytes ? static_cast<size_t>(size) : 0;
    say(size_ > 0 ? texts::kExpecting : texts::kSupplied);
    text_.decimal(static_cast<uint32_t>(size));
    if (size_ > 0) return line(texts::kBytesEnd);
    say(texts::kMaximum);
    text_.decimal(static_cast<uint32_t>(settings_.buffer_bytes));
    text_.character('\n');
    text_.flush();
  }

  void print_buffer() {
    for (size_t i = 0; i < size_; ++i) {
      if (i % 8 == 0) say(texts::kBuffer);
      text_.hex_byte(settings_.buffer[i]);
      if (i % 8 == 7 || i + 1 == size_) {
        text_.end_line();
      } else {
        text_.character('-');
      }
    }
    if (size_ % 8 != 0) text_.end_line();  // the public firmware ends a short last line twice
  }

  void store(const char* digits) {
    const size_t count = strlen(digits);
    if (count % 2 != 0) return line(texts::kOddDigits);
    for (size_t i = 0; i < count; i += 2) {
      const int8_t high = hex_value(digits[i]);
      const int8_t low = hex_value(digits[i + 1]);
      if (high < 0 || low < 0) {
        const char pair[] = {digits[i], digits[i + 1], 0};
        return line(texts::kNoDigit, pair, texts::kNoDigitEnd);
      }
      if (filled_ == settings_.buffer_bytes) return;
      settings_.buffer[filled_++] = static_cast<uint8_t>(high * 16 + low);
      if (filled_ == size_) return line(texts::kLoadDone);  // what follows is disregarded
    }
  }

  static int8_t hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return static_cast<int8_t>(digit - '0');
    if (digit >= 'a' && digit <= 'f') return static_cast<int8_t>(digit - 'a' + 10);
    if (digit >= 'A' && digit <= 'F') return static_cast<int8_t>(digit - 'A' + 10);
    return -1;
  }

  void answer_infer(char* rest) {
    long iterations = 1;
    long warmup = 10;
    if (const char* word = next_word(&rest)) {
      iterations = atol(word);
      if (iterations <= 0) return line(texts::kNeedsIterations);
      if (const char* second = next_word(&rest)) {
        warmup = atol(second);
        if (warmup < 0) return line(texts::kNeedsWarmup);
      }
    }
    infer(static_cast<uint32_t>(iterations), static_cast<uint32_t>(warmup));
  }

  void infer(uint32_t iterations, uint32_t warmup) {
    check_tensor();
    line_number(texts::kWarmupStart, warmup);
    if (!repeat(warmup)) return;
    line(texts::kWarmupDone);
    line_number(texts::kInferStart, iterations);
    timestamp();
    if (!repeat(iterations)) return;
    timestamp();
    line(texts::kInferDone);
    results();
  }

  void check_tensor() {
    const size_t wanted = model_.input_bytes;
    if (filled_ >= wanted) return;
    say(texts::kInputHas);
    text_.decimal(static_cast<uint32_t>(filled_));
    line_number(texts::kExpected, static_cast<uint32_t>(wanted));
  }

  // Before each invocation, which may use the input's place for something else. Without a whole input, what is there stays.
  void load_tensor() {
    if (filled_ < model_.input_bytes) return;
    const uint8_t change = settings_.images ? 0x80 : 0;  // 128 less is the highest bit the other way
    for (size_t i = 0; i < model_.input_bytes; ++i) model_.input[i] = settings_.buffer[i] ^ change;
  }

  bool repeat(uint32_t times) {
    for (; times > 0; --times) {
      load_tensor();
      if (const char* fault = model_.invoke(model_.context)) {
        line(texts::kInferFailed, fault, texts::kClose);
        return false;
      }
    }
    return true;
  }

  // The outputs as real numbers: (quantized - zero_point) * scale.
  void results() {
    say(texts::kResults);
    const uint8_t* at = model_.output;
    for (uint8_t tensor = 0; tensor < model_.output_count; ++tensor) {
      const TensorLayout& layout = model_.outputs[tensor];
      uint32_t count = 1;
      for (uint8_t i = 0; i < layout.rank; ++i) count *= layout.shape[i];
      for (; count > 0; --count, at += size_of(layout.dtype)) {
        if (at != model_.output) text_.character(',');
        text_.real(real_value(layout, at), 3);
      }
    }
    text_.character(']');
    text_.end_line();
  }

  static float real_value(const TensorLayout& layout, const uint8_t* at) {
    float real = 0.0f;
    int16_t wide = 0;
    int32_t quantized = *at;
    if (layout.dtype == DType::float32) {
      memcpy(&real, at, sizeof real);
      return real;
    }
    if (layout.dtype == DType::int8) {
      quantized = static_cast<int8_t>(*at);
    } else if (layout.dtype == DType::int16) {
      memcpy(&wide, at, sizeof wide);
      quantized = wide;
    } else if (layout.dtype == DType::int32) {
      memcpy(&quantized, at, sizeof quantized);
    }
    return static_cast<float>(quantized - layout.zero_point) * layout.scale;
  }

  void timestamp() { line_number(texts::kLap, static_cast<uint32_t>(clock_())); }

  void say(const char* flash_words) { text_.characters(FlashText{flash_words}); }

  // These take words that are in flash; the text in the middle is in RAM.
  void line(const char* flash_words) {
    say(flash_words);
    text_.end_line();
  }

  void line(const char* flash_words, const char* text, const char* flash_end) {
    say(flash_words);
    text_.characters(text);
    line(flash_end);
  }

  void line_number(const char* flash_words, uint32_t number) {
    say(flash_words);
    text_.decimal(number);
    text_.end_line();
  }

  StreamType& port_;
  TextWriter<StreamType> text_;
  const Model& model_;
  Clock clock_;
  const MlperfSettings& settings_;
  uint8_t length_;
  size_t size_;    // bytes that "db load" has announced
  size_t filled_;  // of them, those that have come
  char command_[kMaxCommand + 1];
};

}  // namespace tinyml

#endif

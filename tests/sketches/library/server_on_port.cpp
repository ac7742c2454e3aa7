// A BoardServer on an open file descriptor: the host at the other end is the real one.
//
// server_on_port DESCRIPTOR [BYTES_A_SECOND]: with a rate, the port says that it has room for so many bytes only.
#include <TinyMLLabs.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

using namespace tinyml;

// The board's time goes on by 100 us a turn of its loop, however busy this computer is: so no sample is ever late.
static unsigned long time_us = 4294000000u;  // wraps within the first second
static unsigned long now_us() { return time_us; }

class FilePort {
 public:
  FilePort(int descriptor, double rate) : descriptor_(descriptor), rate_(rate), sent_(0), began_(now_us()) {}

  int available() {
    if (at_ == size_) {
      pollfd readable = {descriptor_, POLLIN, 0};
      if (::poll(&readable, 1, 0) <= 0 || !(readable.revents & POLLIN)) return 0;
      const ssize_t size = ::read(descriptor_, buffer_, sizeof buffer_);
      at_ = 0;
      size_ = size > 0 ? size : 0;
    }
    return static_cast<int>(size_ - at_);
  }
  int read() { return available() ? buffer_[at_++] : -1; }
  size_t write(const uint8_t* data, size_t size) {
    const ssize_t sent = ::write(descriptor_, data, size);
    if (sent > 0) sent_ += static_cast<double>(sent);
    return sent > 0 ? static_cast<size_t>(sent) : 0;
  }
  int availableForWrite() {
    if (rate_ == 0) return 0;
    const double room = 512 + rate_ * 1e-6 * static_cast<double>(now_us() - began_) - sent_;
    return room > 512 ? 512 : room > 0 ? static_cast<int>(room) : 0;
  }

 private:
  int descriptor_;
  double rate_, sent_;
  unsigned long began_;
  uint8_t buffer_[512];
  ssize_t at_ = 0, size_ = 0;
};

static uint8_t input[300];
static uint8_t output[5000];
static const char* scramble(void*) {
  for (size_t i = 0; i < sizeof output; ++i) output[i] = static_cast<uint8_t>(input[i % sizeof input] ^ (i * 7));
  return nullptr;
}

static const Sensor kSensors[] = {
    {0, "analog", "counts", 1, DType::uint16, 1000.0f, 0.0f, 65535.0f, SensorKind::signal, 0, ""},
    {1, "imu", "g,g,g,deg/s,deg/s,deg/s", 6, DType::float32, 119.0f, -2000.0f, 2000.0f, SensorKind::signal, 0,
     "accX,accY,accZ,gyrX,gyrY,gyrZ"},
    {2, "microphone", "counts", 1, DType::int16, 16000.0f, -32768.0f, 32767.0f, SensorKind::audio, 0, ""},
};
static const BoardDescription kBoard = {"host", "server_on_port", "0.1.0", "00ff", kSensors, 3, 256};
static const uint8_t kHash[32] = {1, 2, 3};
static const uint32_t kShapes[] = {1, 300, 1, 5000};
static const TensorLayout kInput = {DType::int8, 0.5f, -3, 2, kShapes};
static const TensorLayout kOutput = {DType::uint8, 0.25f, 4, 2, kShapes + 2};
static const Model kModel = {kHash, 0, &kInput, 1, &kOutput, 1, input, sizeof input, output, sizeof output, scramble, nullptr, nullptr};

int main(int count, char** arguments) {
  FilePort port(atoi(arguments[1]), count > 2 ? atof(arguments[2]) : 0);
  static BoardServer<FilePort, 240, 8> server(port, kBoard);
  server.set_model(kModel, now_us);
  server.begin(static_cast<uint32_t>(now_us()));
  server.log("ready", static_cast<uint32_t>(now_us()));
  const pid_t parent = getppid();
  uint32_t number = 0, blocks = 0;
  SampleClock block_clock;
  bool listening = false;
  while (getppid() == parent) {  // ends with the test that started it
    server.poll(static_cast<uint32_t>(now_us()));
    const uint32_t now = static_cast<uint32_t>(now_us());
    if (!server.streaming()) {
      number = 0;
      listening = false;
    } else if (server.streaming(2)) {
      if (!listening) block_clock.begin(100000, now), block_clock.take(now);
      listening = true;
      for (blocks = block_clock.take(now); blocks > 0; --blocks) {
        int16_t block[160];
        for (int16_t& value : block) value = static_cast<int16_t>(number++);
        server.push(block, 160, server.block_start(now, 160));
      }
    } else if (server.sample_due(now)) {
      number = server.samples_taken();
      const uint16_t value = static_cast<uint16_t>(number);
      const float values[6] = {number * 0.5f, 1.0f, -2.5f, number * -1.0f, 0.0f, 1e-6f};
      server.push(server.streaming(0) ? static_cast<const void*>(&value) : values, now);
    }
    time_us += 100;
    usleep(20);
  }
}

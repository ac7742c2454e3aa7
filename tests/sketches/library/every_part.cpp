// Uses every part of the library once, so that every template is compiled: by each compiler, with all its warnings.
#include <TinyMLLabs.h>

using namespace tinyml;

struct Port {
  int available() { return waiting; }
  int read() { return --waiting; }
  size_t write(const uint8_t*, size_t size) { return size; }
  int availableForWrite() { return 63; }
  int waiting;
};

struct SilentPort {  // does not say its room
  int available() { return 0; }
  int read() { return -1; }
  size_t write(const uint8_t*, size_t size) { return size; }
};

unsigned long now_us() { return 0; }
const char* do_nothing(void*) { return nullptr; }

const Sensor kSensors[] = {
    {0, "analog", "counts", 1, DType::uint16, 100.0f, 0.0f, 1023.0f, SensorKind::signal, 0, "A0"}};
const BoardDescription kBoard = {this_board_name(), "every_part", "0.1.0", "", kSensors, 1, 64};
const uint8_t kHash[32] = {1};
const uint32_t kShape[] = {1, 1};
const TensorLayout kTensor = {DType::int8, 1.0f, 0, 2, kShape};
uint8_t value;
const Model kModel = {kHash, 0, &kTensor, 1, &kTensor, 1, &value, 1, &value, 1, do_nothing, nullptr};
const MlperfSettings kMlperf = {"board", "kws01", &value, 1, false};
const SmootherSettings kSmoothing = {10, 5, 3, -1};

Port serial;
SilentPort silent;
BoardServer<Port, 36, 4> server(serial, kBoard);

int use_streams() {
  static Windower<float, 5, 2> windower(2);
  static ScoreSmoother<3, 4> smoother(kSmoothing);
  static RingBuffer<uint8_t, 30> ring;
  const float sample[2] = {1.0f, 2.0f};
  float window[10];
  const int8_t scores[3] = {0};
  uint8_t popped = 0;
  if (windower.push(sample)) windower.copy(window);
  ring.push(7);
  ring.pop(&popped);
  windower.reset();
  smoother.reset();
  return smoother.update(scores) + static_cast<int>(ring.size() + ring.dropped()) + popped;
}

int use_server() {
  char id[17];
  server.set_model(kModel, now_us);
  server.set_csv(true, 3, true);
  server.set_sensor_fault(this_board_id(id));
  server.set_flush_ms(20);
  server.begin(0);
  server.poll(1);
  server.log("hello", 2);
  if (server.sample_due(3) && server.can_push()) server.push(&value, 4);
  server.push(&value, 1, server.block_start(4, 1));
  server.skip(1);
  return static_cast<int>(server.samples_taken() + server.overruns() + server.counts().damaged() + server.lost_bytes());
}

int use_others() {
  static BoardServer<SilentPort, 36, 2> second(silent, kBoard);
  static MlperfServer<Port> mlperf(serial, kModel, now_us, kMlperf);
  second.begin(0);
  second.poll(0);
  mlperf.begin();
  mlperf.poll();
  return static_cast<int>(crc32(&value, 1));
}

int main() { return use_streams() + use_server() + use_others(); }

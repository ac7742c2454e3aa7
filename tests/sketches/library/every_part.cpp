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
const Model kModel = {kHash, 0, &kTensor, 1, &kTensor, 1, &value, 1, &value, 1, do_nothing, nullptr, nullptr};
const MlperfSettings kMlperf = {"board", "kws01", &value, 1, false};
const SmootherSettings kSmoothing = {10, 5, 3, 0x2};

bool check_nothing(void*, const uint8_t*, uint32_t, ShortText&) { return true; }
void forget_nothing(void*) {}
Prepared prepare_nothing(void*, const uint8_t*, uint32_t, uint8_t*, uint32_t, Model* model, ShortText& why) {
  *model = kModel;
  why << "not ready: " << 1u;
  return Prepared::failed;
}
const ModelEngine kEngine = {check_nothing, forget_nothing, prepare_nothing, nullptr};

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

int use_features() {
  static const float kBands[] = {0.5f, 2.0f, 5.0f, 10.0f, 20.0f};
  static const float kMean[29 + 4] = {1.0f}, kInverseScale[29 + 4] = {2.0f};
  static Windower<float, 64, 3> windower(32);
  static MotionFeatures<64, 3, 4> motion(50.0f, kBands);
  static float features[MotionFeatures<64, 3, 4>::kSize];
  const Normalisation normalisation = {kMean, kInverseScale, 4.0f, sizeof features / sizeof *features};
  const float sample[3] = {0.0f, 0.0f, 1.0f};
  if (motion.valid() && windower.push(sample)) motion.compute(windower, features);
  normalisation.apply(features);
  return quantize(features[0], 0.5f, 3);
}

int use_classifier() {
  static const float kBands[] = {0.5f, 2.0f, 5.0f, 10.0f, 20.0f};
  static const float kMean[29 + 4] = {1.0f}, kInverseScale[29 + 4] = {2.0f};
  static const MotionSettings settings = {50.0f, 32, kBands, {kMean, kInverseScale, 4.0f, 29 + 4}, kSmoothing};
  static MotionClassifier<64, 3, 4, 3, 2> classifier(settings, kModel);
  static Resampler<3> resampler;
  static MissedSamples missed;
  float sample[3] = {0.0f, 0.0f, 1.0f};
  missed.begin(50.0f);
  resampler.begin(to_millihertz(40.0f), to_millihertz(50.0f));
  if (missed.poll(true, 1) == MissedSamples::kUnsure || !missed.in_step(2)) classifier.reset();
  resampler.reset();
  resampler.push(sample);
  while (resampler.pop(sample)) {
    if (classifier.valid() && classifier.push(sample) && classifier.event() >= 0) {
      return static_cast<int>(classifier.features()[0] + classifier.average(1) + classifier.probability(2));
    }
  }
  return classifier.scores()[0];
}

int use_spotter() {
  static const KeywordSettings settings = {5, kSmoothing};
  static KeywordClassifier<9, 8, 3, 2> spotter(settings, kModel);
  uint16_t frame[8] = {1};
  if (spotter.valid() && spotter.push(frame) && spotter.event() >= 0) {
    return static_cast<int>(spotter.average(1) + spotter.probability(2));
  }
  if (spotter.fault()) spotter.reset();
  return spotter.scores()[0];
}

int use_detector() {
  static const PersonSettings settings = {1, kSmoothing};
  static PersonDetector<16, 2, 3> detector(settings, kModel);
  uint8_t picture[16] = {1};
  if (detector.valid() && detector.push(picture) && detector.changed() && detector.present()) {
    return static_cast<int>(detector.average() + detector.probability(1));
  }
  if (detector.fault()) detector.reset();
  return detector.scores()[0];
}

int use_pictures() {
  static ImageResizer<12, 8, 4, 4> of_middle;
  static ImageResizer<12, 8, 24, 16, ImageCrop::whole> of_whole;
  static uint8_t picture[12 * 8 * 2], larger[24 * 16];
  static int8_t input[4 * 4];
  decode_camera(CameraFormat::rgb565, picture, 12 * 8, picture);
  of_whole.resize(picture, larger);
  of_middle.reset();
  of_middle.push(picture);
  if (of_middle.pop(picture)) grey_to_int8(picture, 4, input);
  return input[0] + larger[0] + bytes_per_pixel(CameraFormat::yuv422) + grey_of_rgb444(1, 2);
}

int use_server() {
  char id[17];
  server.set_model(kModel, now_us);
#ifndef __AVR__  // its RAM is too small for any engine
  static uint8_t memory[64];
  static ModelUpload upload(memory, sizeof memory, 16, kEngine);
  server.set_upload(upload);
#endif
  if (!server.model()) return 0;
  server.set_csv(true, 3, true);
  server.set_sensor_fault(this_board_id(id));
  server.set_flush_ms(20);
  server.begin(0);
  server.poll(1);
  server.log("hello", 2);
  if (server.input_received() > 0) server.forget_input();
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

int main() {
  return use_streams() + use_features() + use_classifier() + use_spotter() + use_detector() + use_pictures() + use_server() + use_others();
}

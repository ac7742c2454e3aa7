// A board that answers the host: who it is, its sensors' samples, its model. One object in a sketch does it all.
#ifndef TINYML_BOARD_SERVER_H
#define TINYML_BOARD_SERVER_H

#include "csv_writer.h"
#include "model_requests.h"
#include "port.h"
#include "sample_blocks.h"

namespace tinyml {

namespace texts {

static const char kUnknownRequest[] TINYML_FLASH = "I know no request of type ";
static const char kStartShort[] TINYML_FLASH = "STREAM_START is cut short: ";
static const char kNoSensor[] TINYML_FLASH = "this board has no sensor number ";
static const char kBusy[] TINYML_FLASH = "a stream is running; stop it first.";
static const char kTooLarge[] TINYML_FLASH = "this board takes ";
static const char kPayloadHas[] TINYML_FLASH = " bytes a payload, and this one has ";
static const char kSampleTooLarge[] TINYML_FLASH = "a sample of this sensor does not fit the sketch's frame: raise DataBytes.";

}  // namespace texts

// DataBytes: bytes of samples in a SAMPLES frame. Blocks: so many such frames may wait. PayloadBytes: of the largest
// request. On an Uno, 36 data bytes make frames of 60 bytes, which its port takes without waiting.
//
// push, skip, can_push, streaming and sample_due are for the one that takes the samples: loop(), or an interrupt, but
// not both. Everything else belongs to loop(). Nothing waits longer than a write to the port does.
template <class StreamType, size_t DataBytes = 240, uint8_t Blocks = 8, size_t PayloadBytes = 64>
class BoardServer {
  static_assert(DataBytes >= 1 && DataBytes <= kMaxPayload - kSamplesOverhead, "DataBytes is 1 to 4087");
  static_assert(PayloadBytes >= 64 && PayloadBytes <= kMaxPayload, "PayloadBytes is 64 to 4096");

 public:
  // The server keeps both: the description has to stay as long as the server is used.
  BoardServer(StreamType& port, const BoardDescription& description)
      : port_(port), description_(description), writer_(port), requests_(writer_), csv_(port) {}

  // When the port is open. After it, what the board measures is numbered from 0 by each stream.
  void begin(uint32_t now) {
    capacity_ = room_to_write(port_, 0);
    if (!csv_on_ || description_.sensor_count == 0) return;
    if (csv_header_) csv_.header(description_.sensors[0]);
    start(description_.sensors[0], 0, now);
  }

  // Before begin(): until a host sends its first frame, the first sensor's samples go out as lines of text, for the
  // Arduino Serial Plotter. Such lines do not say what was lost.
  void set_csv(bool on, uint8_t decimals = 4, bool header = false) {
    csv_on_ = on;
    csv_header_ = header;
    csv_.set_decimals(decimals);
  }

  // Answer MODEL_INFO and INFER with this model, which has to stay; clock is micros.
  void set_model(const Model& model, Clock clock) { requests_.set(&model, clock); }

  // Take models from the host, into RAM that is the sketch's. Behind set_model, whose model runs until then.
  void set_upload(ModelUpload& upload) { requests_.set_upload(upload); }

  // The model that runs: the sketch's, or one that the host has sent; nullptr while one is on its way that left no room.
  const Model* model() const { return requests_.model(); }

  // Bytes of an input that the host is sending in pieces; 0 between two inputs. A sketch that writes to the model's input
  // itself waits meanwhile, or forgets what has come: the host is then told that its next piece does not fit.
  uint32_t input_received() const { return requests_.received(); }
  void forget_input() { requests_.forget(); }

  // Why no stream can start, such as "no IMU found"; nullptr if one can.
  void set_sensor_fault(const char* text) { sensor_fault_ = text; }

  // A frame leaves at the latest so long after its first sample, if the next sample would come later.
  void set_flush_ms(uint16_t milliseconds) { blocks_.set_flush_us(milliseconds * 1000ul); }

  void log(const char* text, uint32_t now) { write_log(writer_, now, text); }

  // Read requests, answer them, send what is ready.
  void poll(uint32_t now) {
    for (uint16_t budget = 256; budget > 0 && port_.available() > 0; --budget) {
      const Found found = decoder_.feed(static_cast<uint8_t>(port_.read()));
      if (found == Found::nothing) continue;
      if (csv_on_) stop();
      csv_on_ = false;
      answer(found, now);
    }
    send_blocks();
    if (blocks_.state() == State::complete && !blocks_.front()) {
      write_stream_end(writer_, now, sensor_->id, blocks_.taken(), blocks_.overruns());
      stop();
    }
  }

  // Whether a stream runs that wants samples.
  bool streaming() const { return blocks_.state() == State::running; }
  bool streaming(uint8_t sensor) const { return streaming() && sensor_->id == sensor; }

  // For a sensor that is read when it is time: true if a sample is due now. Whole periods missed are lost samples.
  bool sample_due(uint32_t now) {
    if (!streaming()) return false;
    const uint32_t ticks = clock_.take(now);
    if (ticks > 1) blocks_.skip(ticks - 1);
    return ticks > 0 && streaming();
  }

  // One sample, all its channels in the sensor's dtype, taken at `now`.
  void push(const void* sample, uint32_t now) { blocks_.push(sample, 1, now); }

  // Samples that follow each other at the sensor's rate, the first taken at first_micros.
  void push(const void* samples, size_t count, uint32_t first_micros) { blocks_.push(samples, count, first_micros); }

  // When the first of so many samples was taken, if the last has just ended.
  uint32_t block_start(uint32_t now, size_t count) const { return now - blocks_.microseconds_of(count); }

  // Samples that a sensor has lost.
  void skip(uint32_t count) { blocks_.skip(count); }

  // Whether so many samples find room: for a source that can wait, such as the rows of an image.
  bool can_push(size_t count = 1) { return streaming() && blocks_.has_room(count); }

  uint32_t samples_taken() const { return blocks_.taken(); }  // in this stream, lost ones counted
  uint32_t overruns() const { return blocks_.overruns(); }
  const DecoderCounts& counts() const { return decoder_.counts(); }
  uint32_t lost_bytes() const { return writer_.lost_bytes(); }  // that the port did not take

 private:
  typedef FrameWriter<StreamType> Writer;
  typedef SampleBlocks<DataBytes, Blocks> SensorBlocks;
  typedef typename SensorBlocks::State State;

  void answer(Found found, uint32_t now) {
    const FrameHeader header = decoder_.header();
    const size_t size = decoder_.payload_size();
    if (found == Found::too_long) return refuse_too_large(header, static_cast<uint32_t>(size), now);
    switch (static_cast<Type>(header.type)) {
      case Type::hello:
        return write_board(writer_, now, header.sequence, description_, PayloadBytes, requests_.sha256());
      case Type::stream_start:
        return answer_start(header, decoder_.payload(), size, now);
      case Type::stream_stop:
        stop();
        return write_done(writer_, now, header.sequence);
      default:
        if (requests_.answer(header, decoder_.payload(), size, now)) return;
        refuse_number(header, now, ErrorCode::unknown_request, texts::kUnknownRequest, header.type);
    }
  }

  void answer_start(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now) {
    StreamStart request;
    if (!StreamStart::unpack(payload, size, &request)) {
      return refuse_number(header, now, ErrorCode::bad_request, texts::kStartShort, static_cast<uint32_t>(size));
    }
    const Sensor* sensor = find(request.sensor);
    if (!sensor) return refuse_number(header, now, ErrorCode::no_sensor, texts::kNoSensor, request.sensor);
    if (sensor_fault_) return write_refusal(writer_, now, header.sequence, ErrorCode::no_sensor, sensor_fault_);
    if (blocks_.state() != State::idle) return refuse(header, now, ErrorCode::busy, texts::kBusy);
    if (sensor->sample_bytes() > DataBytes) return refuse(header, now, ErrorCode::out_of_memory, texts::kSampleTooLarge);
    write_done(writer_, now, header.sequence);
    start(*sensor, request.samples, now);
  }

  const Sensor* find(uint8_t id) const {
    for (uint8_t i = 0; i < description_.sensor_count; ++i) {
      if (description_.sensors[i].id == id) return &description_.sensors[i];
    }
    return nullptr;
  }

  void start(const Sensor& sensor, uint32_t samples, uint32_t now) {
    if (sensor.sample_bytes() == 0 || sensor.sample_bytes() > DataBytes) return;
    const uint32_t rate = to_millihertz(sensor.rate_hz);
    sensor_ = &sensor;
    line_at_ = 0;
    clock_.begin(rate, now);
    blocks_.start(sensor.sample_bytes(), rate, samples);
  }

  void stop() { blocks_.stop(); }

  void send_blocks() {
    if (blocks_.state() == State::idle) return;
    for (uint8_t budget = Blocks; budget > 0; --budget) {
      const typename SensorBlocks::Block* block = blocks_.front();
      if (!block) return;
      if (csv_on_) {
        if (!has_room(64)) return;
        csv_.line(*sensor_, block->data + line_at_);
        line_at_ = static_cast<uint16_t>(line_at_ + sensor_->sample_bytes());
        if (line_at_ < block->bytes) continue;
        line_at_ = 0;
      } else {
        if (!has_room(encoded_size(kSamplesOverhead + block->bytes))) return;
        write_samples(writer_, block->micros, sensor_->id, block->first, block->overruns, block->data, block->bytes);
      }
      blocks_.drop_front();
    }
  }

  // Whether the port takes so many bytes without waiting. One that never says how many it takes is just written to,
  // and so is one that never had room for so many.
  bool has_room(size_t bytes) {
    const int room = room_to_write(port_, 0);
    if (room > capacity_) capacity_ = room;
    return capacity_ <= 0 || bytes > static_cast<size_t>(capacity_) || room >= static_cast<int>(bytes);
  }

  void refuse(const FrameHeader& header, uint32_t now, ErrorCode code, const char* flash_text) {
    write_refusal(writer_, now, header.sequence, code, FlashText{flash_text});
  }

  void refuse_number(const FrameHeader& header, uint32_t now, ErrorCode code, const char* flash_text,
                     uint32_t number) {
    begin_refusal(writer_, now, header.sequence, code);
    writer_.characters(FlashText{flash_text});
    writer_.decimal(number);
    writer_.characters(".");
    writer_.end();
  }

  void refuse_too_large(const FrameHeader& header, uint32_t size, uint32_t now) {
    begin_refusal(writer_, now, header.sequence, ErrorCode::bad_request);
    writer_.characters(FlashText{texts::kTooLarge});
    writer_.decimal(PayloadBytes);
    writer_.characters(FlashText{texts::kPayloadHas});
    writer_.decimal(size);
    writer_.characters(".");
    writer_.end();
  }

  StreamType& port_;
  const BoardDescription& description_;
  Writer writer_;
  FrameDecoder<PayloadBytes> decoder_;
  ModelRequests<Writer> requests_;
  CsvWriter<StreamType> csv_;
  SensorBlocks blocks_;
  SampleClock clock_;
  const Sensor* sensor_ = nullptr;
  const char* sensor_fault_ = nullptr;
  int capacity_ = 0;      // the most room that the port has said it has; 0: it does not tell
  uint16_t line_at_ = 0;  // CSV: the next sample in the front block
  bool csv_on_ = false;
  bool csv_header_ = false;
};

}  // namespace tinyml

#endif

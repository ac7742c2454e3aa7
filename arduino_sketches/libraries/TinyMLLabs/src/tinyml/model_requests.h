// Answers the host's requests about the model: MODEL_INFO, INFER in pieces, TRACE, LOAD_*.
//
// How a model is loaded: model_upload.h.
#ifndef TINYML_MODEL_REQUESTS_H
#define TINYML_MODEL_REQUESTS_H

#include "messages.h"
#include "model_upload.h"

namespace tinyml {

namespace texts {

static const char kNoModel[] TINYML_FLASH = "there is no model on this board.";
static const char kCompiledIn[] TINYML_FLASH =
    "this firmware's model is compiled in. Upload the sketch that was exported with the other model.";
static const char kOnItsWay[] TINYML_FLASH = "no model is loaded: of the one on its way I have ";
static const char kLoadBeginShort[] TINYML_FLASH = "LOAD_BEGIN is cut short: ";
static const char kLoadDataShort[] TINYML_FLASH = "LOAD_DATA is cut short: ";
static const char kNoTaps[] TINYML_FLASH = "this firmware does not show its layers. Deploy it with taps.";
static const char kTraceShort[] TINYML_FLASH = "TRACE is cut short: ";
static const char kLayers[] TINYML_FLASH = " is no layer: the model has ";
static const char kInferShort[] TINYML_FLASH = "INFER is cut short: ";
static const char kTakes[] TINYML_FLASH = "the model takes ";
static const char kAndHave[] TINYML_FLASH = " bytes, and I have ";
static const char kBeginsAt[] TINYML_FLASH = "; this piece begins at ";
static const char kOf[] TINYML_FLASH = " of ";
static const char kBytes[] TINYML_FLASH = " bytes.";

}  // namespace texts

template <class Writer>
class ModelRequests {
 public:
  explicit ModelRequests(Writer& writer)
      : writer_(writer), model_(nullptr), clock_(nullptr), upload_(nullptr), load_(nullptr), received_(0), traced_() {}

  // Model and what it points to have to stay. The clock times the invocations; nullptr: they take 0 microseconds.
  void set(const Model* model, Clock clock) {
    clock_ = clock;
    change(model);
    if (upload_) upload_->set_own(model);
  }

  // Take models from the host. A sketch that does not call this has nothing of it in its flash.
  void set_upload(ModelUpload& upload) {
    upload_ = &upload;
    load_ = &ModelRequests::load;
    upload.set_own(model_);
  }

  const Model* model() const { return model_; }  // the one that runs now
  const uint8_t* sha256() const { return model_ ? model_->sha256 : nullptr; }

  uint32_t received() const { return received_; }  // bytes of an input that is not whole yet
  void forget() { received_ = 0; }

  // False if the request is none of these.
  bool answer(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now) {
    switch (static_cast<Type>(header.type)) {
      case Type::model_info:
        if (model_) {
          write_model(writer_, now, header.sequence, *model_);
        } else {
          refuse_without_model(header, now);
        }
        return true;
      case Type::infer:
        infer(header, payload, size, now);
        return true;
      case Type::trace:
        trace(header, payload, size, now);
        return true;
      case Type::load_begin:
      case Type::load_data:
        if (load_) {
          (this->*load_)(header, payload, size, now);
        } else {
          refuse(header, now, ErrorCode::unknown_request, texts::kCompiledIn);
        }
        return true;
      default:
        return false;
    }
  }

 private:
  void refuse(const FrameHeader& header, uint32_t now, ErrorCode code, const char* flash_text) {
    write_refusal(writer_, now, header.sequence, code, FlashText{flash_text});
  }

  void refuse_number(const FrameHeader& header, uint32_t now, const char* flash_before, uint32_t number,
                     const char* flash_after) {
    begin_refusal(writer_, now, header.sequence, ErrorCode::bad_request);
    writer_.characters(FlashText{flash_before});
    writer_.decimal(number);
    writer_.characters(FlashText{flash_after});
    writer_.end();
  }

  void refuse_without_model(const FrameHeader& header, uint32_t now) {
    if (!upload_ || !upload_->coming()) return refuse(header, now, ErrorCode::no_model, texts::kNoModel);
    begin_refusal(writer_, now, header.sequence, ErrorCode::no_model);
    writer_.characters(FlashText{texts::kOnItsWay});
    writer_.decimal(upload_->received());
    writer_.characters(FlashText{texts::kOf});
    writer_.decimal(upload_->expected());
    writer_.characters(FlashText{texts::kBytes});
    writer_.end();
  }

  void change(const Model* model) {
    model_ = model;
    received_ = 0;
    traced_ = Trace();
  }

  void load(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now) {
    const bool begins = static_cast<Type>(header.type) == Type::load_begin;
    LoadBegin request;
    Piece piece;
    if (begins ? !LoadBegin::unpack(payload, size, &request) : !Piece::unpack_load(payload, size, &piece)) {
      const char* const text = begins ? texts::kLoadBeginShort : texts::kLoadDataShort;
      return refuse_number(header, now, text, static_cast<uint32_t>(size), texts::kBytes);
    }
    ModelUpload::Took took = ModelUpload::Took::more;
    if (!begins) {
      took = upload_->add(piece);
    } else if (!upload_->begin(request)) {
      took = ModelUpload::Took::refused;
    }
    // Another model may lie at the same place: what has come of an input is then of no use.
    if (model_ != upload_->model() || took == ModelUpload::Took::whole) change(upload_->model());
    if (took == ModelUpload::Took::refused) {
      write_refusal(writer_, now, header.sequence, upload_->code(), upload_->why());
    } else if (took == ModelUpload::Took::whole) {
      write_model(writer_, now, header.sequence, *model_);
    } else {
      write_done(writer_, now, header.sequence);
    }
  }

  void trace(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now) {
    Trace wanted;
    if (!Trace::unpack(payload, size, &wanted)) {
      return refuse_number(header, now, texts::kTraceShort, static_cast<uint32_t>(size), texts::kBytes);
    }
    if (!model_) return refuse_without_model(header, now);
    if (!model_->taps) return refuse(header, now, ErrorCode::unknown_request, texts::kNoTaps);
    if (wanted.first >= model_->taps->layers) {
      begin_refusal(writer_, now, header.sequence, ErrorCode::bad_request);
      writer_.decimal(wanted.first);
      writer_.characters(FlashText{texts::kLayers});
      writer_.decimal(model_->taps->layers);
      writer_.characters(".");
      writer_.end();
      return;
    }
    traced_ = wanted;
    write_done(writer_, now, header.sequence);
  }

  void infer(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now) {
    Piece piece;
    if (!Piece::unpack_infer(payload, size, &piece)) {
      return refuse_number(header, now, texts::kInferShort, static_cast<uint32_t>(size), texts::kBytes);
    }
    if (!model_) return refuse_without_model(header, now);
    const uint32_t expected = static_cast<uint32_t>(model_->input_bytes);
    if (piece.offset == 0) received_ = 0;
    if (piece.total != expected || piece.offset != received_ || piece.size > expected - received_) {
      return refuse_piece(header, now, piece);
    }
    memcpy(model_->input + piece.offset, piece.data, piece.size);
    received_ += static_cast<uint32_t>(piece.size);
    if (received_ < expected) return write_done(writer_, now, header.sequence);
    received_ = 0;
    run(header, now);
  }

  void refuse_piece(const FrameHeader& header, uint32_t now, const Piece& piece) {
    begin_refusal(writer_, now, header.sequence, ErrorCode::bad_request);
    writer_.characters(FlashText{texts::kTakes});
    writer_.decimal(static_cast<uint32_t>(model_->input_bytes));
    writer_.characters(FlashText{texts::kAndHave});
    writer_.decimal(received_);
    writer_.characters(FlashText{texts::kBeginsAt});
    writer_.decimal(piece.offset);
    writer_.characters(FlashText{texts::kOf});
    writer_.decimal(piece.total);
    writer_.characters(".");
    writer_.end();
  }

  void run(const FrameHeader& header, uint32_t now) {
    const uint32_t before = time();
    const char* fault = nullptr;
    if (traced_.count > 0) {
      Shown shown = {this, header.sequence, now};
      model_->taps->invoke(show, &shown);  // the time is then that of the sending too
    } else {
      fault = model_->invoke(model_->context);
    }
    const uint32_t microseconds = time() - before;
    now += microseconds;
    if (fault) return write_refusal(writer_, now, header.sequence, ErrorCode::model_failed, fault);
    const uint32_t total = static_cast<uint32_t>(model_->output_bytes);
    const uint32_t step = kMaxPayload - kResultOverhead;
    uint32_t at = 0;
    do {
      const uint32_t size = total - at < step ? total - at : step;
      write_result(writer_, now, header.sequence, microseconds, at, total, model_->output + at, size);
      at += size;
    } while (at < total);
  }

  struct Shown {
    ModelRequests* requests;
    uint16_t request;
    uint32_t micros;
  };

  static void show(void* context, uint16_t layer, const void* values, uint32_t bytes) {
    const Shown& shown = *static_cast<const Shown*>(context);
    const Trace& traced = shown.requests->traced_;
    if (layer < traced.first || layer - traced.first >= traced.count) return;
    const uint8_t* const data = static_cast<const uint8_t*>(values);
    const uint32_t step = kMaxPayload - kLayerOverhead;
    uint32_t at = 0;
    do {
      const uint32_t size = bytes - at < step ? bytes - at : step;
      write_layer(shown.requests->writer_, shown.micros, shown.request, layer, at, bytes, data + at, size);
      at += size;
    } while (at < bytes);
  }

  uint32_t time() const { return clock_ ? static_cast<uint32_t>(clock_()) : 0; }

  Writer& writer_;
  const Model* model_;
  Clock clock_;
  ModelUpload* upload_;
  void (ModelRequests::*load_)(const FrameHeader& header, const uint8_t* payload, size_t size, uint32_t now);
  uint32_t received_;  // bytes of the next input
  Trace traced_;       // layers that an inference shows
};

}  // namespace tinyml

#endif

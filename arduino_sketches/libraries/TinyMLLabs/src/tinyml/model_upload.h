// A model that the host sends into the board's RAM, piece by piece, and the memory that it lies and works in.
//
// What runs stays until the new one has arrived whole and the engine takes it, if both find room; else the board has no
// model meanwhile, and says so. If the new one cannot run, the sketch's own model does.
//
// Not for an AVR: what it says would lie in its RAM, and no engine would fit beside it.
//
//   memory: | the model that runs | one on its way |  ...  | arena of the model that runs |
#ifndef TINYML_MODEL_UPLOAD_H
#define TINYML_MODEL_UPLOAD_H

#include <string.h>

#include "messages.h"
#include "sha256.h"
#include "short_text.h"

namespace tinyml {

enum class Prepared : uint8_t { ready, too_small, failed };

// Who runs a file that is not known when the sketch is compiled, such as TensorFlow Lite Micro (TinyMLTflm.h).
struct ModelEngine {
  // Whether it is a model, and one that the engine has all layers for; false: `why` says what is wrong. Changes nothing.
  bool (*check)(void* context, const uint8_t* data, uint32_t size, ShortText& why);
  // Forget the model before: its memory is going to be another's. It is made ready anew if it is asked again.
  void (*forget)(void* context);
  // Forget the model before, and make this one ready, whose bytes stay where they are, in this arena. Fills in all of
  // `model` but sha256; arena_bytes are those in use, or, if it is too small, what it needs at least: 0 if that is not
  // known. The figures are then put behind what `why` says; else `why` is to say what is wrong.
  Prepared (*prepare)(void* context, const uint8_t* data, uint32_t size, uint8_t* arena, uint32_t arena_bytes,
                      Model* model, ShortText& why);
  void* context;
};

class ModelUpload {
 public:
  enum class Took : uint8_t { refused, more, whole };

  // `memory` is aligned to 16 bytes; its last `own_bytes` are what the sketch's own model works in.
  ModelUpload(uint8_t* memory, uint32_t bytes, uint32_t own_bytes, const ModelEngine& engine)
      : memory_(memory), bytes_(bytes & ~15u), own_bytes_(own_bytes), engine_(engine), own_(nullptr), model_(nullptr) {}

  void set_own(const Model* own) {
    own_ = model_ = own;
    coming_ = false;
  }

  const Model* model() const { return model_; }  // nullptr: none that could run
  bool coming() const { return coming_; }
  uint32_t received() const { return received_; }
  uint32_t expected() const { return expected_; }
  ErrorCode code() const { return code_; }  // of the last refusal
  const char* why() const { return why_.text(); }

  // False: refused, and what ran runs. One that is on its way is given up in any case.
  bool begin(const LoadBegin& request) {
    coming_ = false;
    why_.clear();
    if (request.size == 0) {
      why_ << "the model has 0 bytes.";
      return refuse(ErrorCode::bad_request);
    }
    if (request.size > bytes_ || bytes_ - request.size < kLeastArena) {
      why_ << "the model has " << request.size << " bytes, and this board " << bytes_
           << " bytes of RAM for model and arena.";
      return refuse_and_go_on(ErrorCode::out_of_memory);
    }
    at_ = 0;
    if (model_ == &loaded_) at_ = aligned(loaded_bytes_);
    const uint32_t end = model_ == &loaded_ ? arena_at_ : model_ ? bytes_ - own_bytes_ : bytes_;
    if (at_ > end || request.size > end - at_) {
      leave();
      at_ = 0;
    }
    expected_ = request.size;
    crc32_ = request.crc32;
    memcpy(coming_sha256_, request.sha256, kHashBytes);
    received_ = 0;
    coming_ = true;
    return true;
  }

  Took add(const Piece& piece) {
    why_.clear();
    if (!coming_) {
      if (is_last_of_loaded(piece)) return Took::whole;  // asked again, because the answer was lost
      why_ << "no load has begun.";
      return refused(ErrorCode::bad_request);
    }
    if (piece.size == 0 || piece.offset > expected_ || piece.size > expected_ - piece.offset) {
      why_ << "this piece has " << static_cast<uint32_t>(piece.size) << " bytes from " << piece.offset
           << " on, and the model " << expected_ << " bytes.";
      return refused(ErrorCode::bad_request);
    }
    uint8_t* const place = memory_ + at_ + piece.offset;
    const uint32_t end = piece.offset + static_cast<uint32_t>(piece.size);
    if (end <= received_ && memcmp(place, piece.data, piece.size) == 0) return Took::more;  // sent twice
    if (piece.offset != received_) {
      why_ << "this piece begins at " << piece.offset << ", and I have " << received_ << " of " << expected_ << " bytes.";
      return refused(ErrorCode::bad_request);
    }
    memcpy(place, piece.data, piece.size);
    received_ = end;
    return end < expected_ ? Took::more : finish();
  }

 private:
  static const uint32_t kLeastArena = 1024;  // with less, an engine could not even say that it is too little
  static const uint32_t kSpare = 512;        // beyond what an arena needs, for what is only there while it is set up

  static uint32_t aligned(uint32_t bytes) { return (bytes + 15u) & ~15u; }

  bool refuse(ErrorCode code) {
    code_ = code;
    return false;
  }

  Took refused(ErrorCode code) {
    code_ = code;
    return Took::refused;
  }

  // What runs has to make room.
  void leave() {
    model_ = nullptr;
    engine_.forget(engine_.context);
  }

  // Say what runs now: what did, or, if that had to make room, the sketch's own model.
  bool refuse_and_go_on(ErrorCode code) {
    const bool stayed = model_ != nullptr;
    if (!stayed) model_ = own_;
    why_ << (stayed ? " The model before it still runs."
             : own_ ? " The sketch's own model runs again."
                    : " No model is loaded now.");
    return refuse(code);
  }

  Took refused_and_go_on(ErrorCode code) {
    refuse_and_go_on(code);
    return Took::refused;
  }

  bool is_last_of_loaded(const Piece& piece) const {
    return model_ == &loaded_ && piece.size > 0 && piece.size <= loaded_bytes_ &&
           piece.offset == loaded_bytes_ - piece.size && memcmp(memory_ + piece.offset, piece.data, piece.size) == 0;
  }

  Took finish() {
    coming_ = false;
    const uint8_t* const data = memory_ + at_;
    if (crc32(data, expected_) != crc32_) {
      why_ << "the model's CRC-32 is wrong: it arrived damaged.";
      return refused_and_go_on(ErrorCode::model_damaged);
    }
    uint8_t digest[kHashBytes];
    sha256(data, expected_, digest);
    if (memcmp(digest, coming_sha256_, kHashBytes) != 0) {
      why_ << "the model's SHA-256 is not the one that was announced: another model arrived.";
      return refused_and_go_on(ErrorCode::model_damaged);
    }
    if (!engine_.check(engine_.context, data, expected_, why_)) return refused_and_go_on(ErrorCode::model_failed);
    leave();
    memmove(memory_, data, expected_);
    loaded_bytes_ = expected_;
    const Prepared prepared = prepare();
    if (prepared != Prepared::ready) {
      engine_.forget(engine_.context);
      return refused_and_go_on(prepared == Prepared::too_small ? say_how_much() : ErrorCode::model_failed);
    }
    memcpy(sha256_, digest, kHashBytes);
    loaded_.sha256 = sha256_;
    model_ = &loaded_;
    return Took::whole;
  }

  // With all the memory behind the model; and, if much is left, with no more than it needs, at the end: so that the next
  // model finds room between the two.
  Prepared prepare() {
    const uint32_t behind = aligned(loaded_bytes_);
    const Prepared prepared = prepare_from(behind);
    const uint32_t needed = aligned(loaded_.arena_bytes + kSpare);
    if (prepared != Prepared::ready || needed < kLeastArena || needed >= bytes_ - behind) return prepared;
    return prepare_from(bytes_ - needed) == Prepared::ready ? Prepared::ready : prepare_from(behind);
  }

  Prepared prepare_from(uint32_t at) {
    why_.clear();
    arena_at_ = at;
    loaded_ = Model();
    return engine_.prepare(engine_.context, memory_, loaded_bytes_, memory_ + at, bytes_ - at, &loaded_, why_);
  }

  ErrorCode say_how_much() {
    why_ << "the arena is too small: the model's " << loaded_bytes_ << " bytes leave it " << bytes_ - aligned(loaded_bytes_)
         << " of " << bytes_ << " bytes.";
    if (loaded_.arena_bytes > 0) why_ << " It needs at least " << loaded_.arena_bytes << ".";
    return ErrorCode::out_of_memory;
  }

  uint8_t* const memory_;
  const uint32_t bytes_;
  const uint32_t own_bytes_;
  const ModelEngine engine_;
  const Model* own_;
  const Model* model_;  // own_, &loaded_, or nullptr
  Model loaded_ = Model();
  uint8_t sha256_[kHashBytes] = {};
  uint32_t loaded_bytes_ = 0;  // it lies at the beginning
  uint32_t arena_at_ = 0;      // its arena lies from here to the end
  bool coming_ = false;
  uint32_t at_ = 0;  // where the one on its way lies
  uint32_t expected_ = 0;
  uint32_t received_ = 0;
  uint32_t crc32_ = 0;
  uint8_t coming_sha256_[kHashBytes] = {};
  ErrorCode code_ = ErrorCode::bad_request;
  ShortText why_;
};

}  // namespace tinyml

#endif

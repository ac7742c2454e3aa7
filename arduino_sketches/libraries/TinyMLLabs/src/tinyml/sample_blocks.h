// Packs samples into blocks, each the data of one SAMPLES frame, between a producer (an interrupt or loop()) and the
// server that sends them.
#ifndef TINYML_SAMPLE_BLOCKS_H
#define TINYML_SAMPLE_BLOCKS_H

#include <string.h>

#include "descriptions.h"
#include "ring_buffer.h"
#include "sample_clock.h"

namespace tinyml {

template <size_t DataBytes>
struct SampleBlock {
  uint32_t first;     // number of its first sample since the stream began, lost ones counted
  uint32_t micros;    // when that was taken
  uint32_t overruns;  // samples lost before it
  uint16_t bytes;
  uint8_t data[DataBytes];
};

// A block never has a gap inside: what is lost ends it, and the next one begins behind the loss.
template <size_t DataBytes, uint8_t Blocks>
class SampleBlocks {
 public:
  typedef SampleBlock<DataBytes> Block;
  enum class State : uint8_t { idle, running, complete };  // complete: all samples asked for were taken

  SampleBlocks() : state_(static_cast<uint8_t>(State::idle)), flush_us_(50000) { set_up(1, 1000, 0); }

  // Before a stream, in loop(). samples = 0: until stopped.
  void start(size_t sample_bytes, uint32_t rate_millihertz, uint32_t samples) {
    set_up(sample_bytes, rate_millihertz, samples);
    set_state(State::running);
  }
  void stop() { set_state(State::idle); }
  void set_flush_us(uint32_t flush_us) { flush_us_ = flush_us; }
  State state() const { return static_cast<State>(load_acquire(&state_)); }

  // The producer's side.

  // Samples that follow each other at the sensor's rate; first_micros is when the first was taken.
  void push(const void* samples, size_t count, uint32_t first_micros) {
    const uint8_t* at = static_cast<const uint8_t*>(samples);
    for (size_t i = 0; i < count && state() == State::running; ++i, at += sample_bytes_) {
      if (!open_ && !open_block(first_micros + microseconds_of(i))) {
        lose(1);
        finish_if_complete();
        continue;
      }
      memcpy(open_->data + open_->bytes, at, sample_bytes_);
      open_->bytes = static_cast<uint16_t>(open_->bytes + sample_bytes_);
      count_taken(1);
      const uint32_t age = first_micros + microseconds_of(i + 1) - open_->micros;  // when the next sample comes
      if (open_->bytes + sample_bytes_ > DataBytes || age >= flush_us_) close_block();
      finish_if_complete();
    }
  }

  // Samples that are lost: they are counted, and the next sample's number is so much higher.
  void skip(uint32_t count) {
    if (state() != State::running || count == 0) return;
    if (open_) close_block();
    lose(count);
    finish_if_complete();
  }

  bool has_room(size_t count) {
    const size_t in_block = DataBytes / sample_bytes_;
    size_t room = (Blocks - queue_.size()) * in_block;
    if (open_) room -= open_->bytes / sample_bytes_;
    return room >= count;
  }

  // How long so many samples take.
  uint32_t microseconds_of(size_t count) const {
    if (count <= 1) return count ? period_us_ : 0;
    return static_cast<uint32_t>(static_cast<uint64_t>(count) * 1000000000u / rate_millihertz_);
  }

  uint32_t taken() const { return load_acquire(&taken_); }
  uint32_t overruns() const { return load_acquire(&overruns_); }

  // The server's side.

  const Block* front() const { return queue_.front(); }
  void drop_front() { queue_.drop_front(); }

 private:
  void set_up(size_t sample_bytes, uint32_t rate_millihertz, uint32_t samples) {
    queue_.clear();
    open_ = nullptr;
    sample_bytes_ = sample_bytes;
    rate_millihertz_ = rate_millihertz;
    period_us_ = 1000000000u / rate_millihertz;
    wanted_ = samples;
    taken_ = 0;
    overruns_ = 0;
  }

  bool open_block(uint32_t micros) {
    open_ = queue_.back();
    if (!open_) return false;
    open_->first = taken_;
    open_->micros = micros;
    open_->overruns = overruns_;
    open_->bytes = 0;
    return true;
  }

  void set_state(State state) { store_release(&state_, static_cast<uint8_t>(state)); }

  void close_block() {
    queue_.commit();
    open_ = nullptr;
  }

  void count_taken(uint32_t count) { store_release(&taken_, static_cast<uint32_t>(taken_ + count)); }

  void lose(uint32_t count) {
    if (wanted_ && count > wanted_ - taken_) count = wanted_ - taken_;
    count_taken(count);
    store_release(&overruns_, static_cast<uint32_t>(overruns_ + count));
  }

  void finish_if_complete() {
    if (wanted_ == 0 || taken_ < wanted_) return;
    if (open_) close_block();
    set_state(State::complete);
  }

  RingBuffer<Block, Blocks> queue_;
  volatile uint8_t state_;  // a State: Clang's atomics take numbers only
  Block* open_;  // the block that is being filled; not committed yet
  size_t sample_bytes_;
  uint32_t rate_millihertz_;
  uint32_t period_us_;
  uint32_t flush_us_;
  uint32_t wanted_;
  volatile uint32_t taken_;  // lost ones counted
  volatile uint32_t overruns_;
};

}  // namespace tinyml

#endif

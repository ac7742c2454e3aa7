// A queue of fixed size between one producer and one consumer, of which one may be an interrupt.
#ifndef TINYML_RING_BUFFER_H
#define TINYML_RING_BUFFER_H

#include <stddef.h>

#include "atomic.h"

namespace tinyml {

// Two positions run from 0 to 2 * Size - 1, so that full and empty differ and no element is wasted. Each is
// written by one side alone.
template <class T, size_t Size>
class RingBuffer {
  static_assert(Size >= 1 && Size <= 32767, "a RingBuffer has 1 to 32767 elements");

 public:
  RingBuffer() : tail_(0), head_(0), dropped_(0) {}

  // The producer's side.

  // False, and counted in dropped(), if there is no room.
  bool push(const T& value) {
    T* place = back();
    if (!place) {
      store_release(&dropped_, static_cast<uint32_t>(dropped_ + 1));
      return false;
    }
    *place = value;
    commit();
    return true;
  }

  // Where the next element belongs, to be filled in place and then committed; nullptr if there is no room.
  T* back() { return count(load_acquire(&head_), tail_) < Size ? &elements_[tail_ % Size] : nullptr; }
  void commit() { store_release(&tail_, next(tail_)); }

  // The consumer's side.

  bool pop(T* value) {
    const T* first = front();
    if (!first) return false;
    *value = *first;
    drop_front();
    return true;
  }

  const T* front() const { return head_ != load_acquire(&tail_) ? &elements_[head_ % Size] : nullptr; }
  void drop_front() { store_release(&head_, next(head_)); }

  // Either side.

  size_t size() const {
    const uint16_t head = load_acquire(&head_);
    return count(head, load_acquire(&tail_));
  }
  uint32_t dropped() const { return load_acquire(&dropped_); }

  // Only while nobody pushes or pops.
  void clear() {
    head_ = 0;
    tail_ = 0;
    dropped_ = 0;
  }

 private:
  static uint16_t next(uint16_t position) {
    return position + 1u < 2 * Size ? static_cast<uint16_t>(position + 1u) : 0;
  }
  static size_t count(uint16_t head, uint16_t tail) {
    return static_cast<size_t>(tail) + (tail < head ? 2 * Size : 0) - head;
  }

  volatile uint16_t tail_;  // the producer's
  volatile uint16_t head_;  // the consumer's
  volatile uint32_t dropped_;
  T elements_[Size];
};

}  // namespace tinyml

#endif

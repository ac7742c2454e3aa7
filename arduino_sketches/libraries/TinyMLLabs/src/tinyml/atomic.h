// Reading and writing a number that an interrupt (or another thread) writes or reads.
//
// On an AVR a number of several bytes takes several instructions, and an interrupt may come between: there interrupts
// wait. Other cores do it in one instruction; the order of memory accesses is kept everywhere.
#ifndef TINYML_ATOMIC_H
#define TINYML_ATOMIC_H

#include <stdint.h>

#if defined(__AVR__)
#include <avr/interrupt.h>
#include <avr/io.h>
#endif

namespace tinyml {

template <class T>
inline T load_acquire(const volatile T* at) {
#if defined(__AVR__)
  const uint8_t status = SREG;
  cli();
  const T value = *at;
  __asm__ __volatile__("" ::: "memory");
  SREG = status;
  return value;
#else
  return __atomic_load_n(at, __ATOMIC_ACQUIRE);
#endif
}

template <class T>
inline void store_release(volatile T* at, T value) {
#if defined(__AVR__)
  const uint8_t status = SREG;
  cli();
  __asm__ __volatile__("" ::: "memory");
  *at = value;
  SREG = status;
#else
  __atomic_store_n(at, value, __ATOMIC_RELEASE);
#endif
}

}  // namespace tinyml

#endif

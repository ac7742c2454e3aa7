// The registers of QEMU's mps2-an386 that the shim uses (ARM DAI 0386, "Cortex-M4 on the MPS2").
#ifndef SHIM_MPS2_H
#define SHIM_MPS2_H

#include <stdint.h>

namespace mps2 {

constexpr uint32_t kTicksPerMicrosecond = 25;

struct Uart {
  volatile uint32_t data, state, control, interrupt, baud_divider;
};
constexpr uint32_t kTxFull = 1, kRxFull = 2;                      // state
constexpr uint32_t kTxEnable = 1, kRxEnable = 2, kRxInterrupt = 8; // control

struct Timer {
  volatile uint32_t control, value, reload, interrupt;
};
constexpr uint32_t kTimerEnable = 1, kTimerInterrupt = 8;

inline Uart& uart0() { return *reinterpret_cast<Uart*>(0x40004000); }
inline Timer& clock_timer() { return *reinterpret_cast<Timer*>(0x40000000); } // counts down, for ever
inline Timer& alarm_timer() { return *reinterpret_cast<Timer*>(0x40001000); } // interrupts for stand-ins

constexpr unsigned kUartRxIrq = 0, kAlarmIrq = 9;
inline void enable_irq(unsigned irq) { *reinterpret_cast<volatile uint32_t*>(0xE000E100) = 1u << irq; }

/// Let SysTick interrupt every so many microseconds.
inline void start_ticks(uint32_t microseconds) {
  volatile uint32_t* sys_tick = reinterpret_cast<volatile uint32_t*>(0xE000E010); // control, reload, value
  sys_tick[1] = microseconds * kTicksPerMicrosecond - 1;
  sys_tick[2] = 0;
  sys_tick[0] = 7; // on, with an interrupt, by the processor's clock
}

/// Call `handler` from an interrupt every so many microseconds.
void every(uint32_t microseconds, void (*handler)());

} // namespace mps2

#endif

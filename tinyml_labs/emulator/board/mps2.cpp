// Start-up, clock and serial port on QEMU's mps2-an386.
//
// Time is QEMU's virtual time: run it with -icount shift=6,sleep=off, and it depends on the instructions alone.
// loop() runs once a tick of 200 microseconds, and the processor sleeps in between, which QEMU skips: seconds
// pass in less.
//
// While the far end of the serial port does not read, time stands still: a recording is then played no further,
// and a busy computer cannot make a board drop samples. With -DSHIM_PACED_UART=9600 the port is as slow as that
// baud rate, and a board may.
#include "mps2.h"

#include "Arduino.h"

extern "C" {
extern uint32_t shim_stack_top[], shim_data_load[], shim_data_start[], shim_data_end[], shim_bss_start[],
    shim_bss_end[];
void __libc_init_array();
void _init() {}
void* __dso_handle = nullptr; // nothing is ever destroyed
}

namespace {

constexpr uint16_t kReceiveBytes = 256;
uint8_t received[kReceiveBytes];
volatile uint16_t received_head = 0, received_tail = 0; // written by the interrupt; by read()
uint64_t stopped_ticks = 0;
void (*alarm_handler)() = nullptr;

uint64_t ticks() {
  static uint32_t last = 0;
  static uint64_t wraps = 0;
  const uint32_t now = ~mps2::clock_timer().value; // counts up
  if (now < last) wraps += uint64_t(1) << 32;
  last = now;
  return wraps + now;
}

class InterruptsOff {
 public:
  InterruptsOff() { __asm volatile("mrs %0, primask\n cpsid i" : "=r"(before_)::"memory"); }
  ~InterruptsOff() { __asm volatile("msr primask, %0" ::"r"(before_) : "memory"); }

 private:
  uint32_t before_;
};

uint64_t running_ticks() {
  InterruptsOff guard;
  return ticks() - stopped_ticks;
}

void on_uart_received() {
  mps2::Uart& uart = mps2::uart0();
  uart.interrupt = 2; // first, or a byte that comes while we read is never told
  while (uart.state & mps2::kRxFull) {
    const uint16_t next = (received_head + 1) % kReceiveBytes;
    if (next == received_tail) { // full: the far end has to wait
      uart.control = mps2::kTxEnable | mps2::kRxEnable;
      break;
    }
    received[received_head] = static_cast<uint8_t>(uart.data);
    received_head = next;
  }
}

void on_tick() {} // it wakes the processor, and that is all

void wait_for_tick() { __asm volatile("wfi" ::: "memory"); }

void on_alarm() {
  mps2::alarm_timer().interrupt = 1;
  if (alarm_handler) alarm_handler();
}

void on_fault() {
  for (const char* text = "\n*** the processor stopped at a fault ***\n"; *text; text++) {
    mps2::uart0().data = static_cast<uint8_t>(*text);
  }
  for (;;) {
  }
}

void on_reset() {
  *reinterpret_cast<volatile uint32_t*>(0xE000ED88) |= 0xFu << 20; // the floating-point unit
  __asm volatile("dsb\n isb");
  memcpy(shim_data_start, shim_data_load, (shim_data_end - shim_data_start) * sizeof(uint32_t));
  memset(shim_bss_start, 0, (shim_bss_end - shim_bss_start) * sizeof(uint32_t));
  mps2::clock_timer().reload = 0xFFFFFFFF;
  mps2::clock_timer().value = 0xFFFFFFFF;
  mps2::clock_timer().control = mps2::kTimerEnable;
  mps2::start_ticks(200);
  __libc_init_array();
  setup();
  for (;;) {
    loop();
    wait_for_tick();
  }
}

using Handler = void (*)();
__attribute__((section(".vectors"), used)) const Handler kVectors[16 + 32] = {
    reinterpret_cast<Handler>(shim_stack_top),
    on_reset,
    on_fault, // non-maskable
    on_fault, // hard
    on_fault, // memory
    on_fault, // bus
    on_fault, // usage
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
    on_tick,          // SysTick
    on_uart_received, // 0
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
    on_alarm, // 9
};

} // namespace

void mps2::every(uint32_t microseconds, void (*handler)()) {
  alarm_handler = handler;
  Timer& timer = alarm_timer();
  timer.control = 0;
  timer.reload = timer.value = microseconds * kTicksPerMicrosecond - 1;
  timer.control = kTimerEnable | kTimerInterrupt;
  enable_irq(kAlarmIrq);
}

unsigned long micros() { return static_cast<unsigned long>(running_ticks() / mps2::kTicksPerMicrosecond); }
unsigned long millis() { return static_cast<unsigned long>(running_ticks() / (1000 * mps2::kTicksPerMicrosecond)); }

void delayMicroseconds(unsigned int microseconds) {
  const unsigned long begin = micros();
  while (micros() - begin < microseconds) wait_for_tick();
}

void delay(unsigned long milliseconds) {
  for (; milliseconds > 0; milliseconds--) delayMicroseconds(1000);
}

void noInterrupts() { __asm volatile("cpsid i" ::: "memory"); }
void interrupts() { __asm volatile("cpsie i" ::: "memory"); }

HardwareSerial Serial;

void HardwareSerial::begin(unsigned long) {
  mps2::uart0().baud_divider = 16;
  mps2::uart0().control = mps2::kTxEnable | mps2::kRxEnable | mps2::kRxInterrupt;
  mps2::enable_irq(mps2::kUartRxIrq);
}

int HardwareSerial::available() { return (received_head + kReceiveBytes - received_tail) % kReceiveBytes; }

int HardwareSerial::peek() { return available() ? received[received_tail] : -1; }

int HardwareSerial::read() {
  const int value = peek();
  if (value >= 0) {
    received_tail = (received_tail + 1) % kReceiveBytes;
    mps2::uart0().control = mps2::kTxEnable | mps2::kRxEnable | mps2::kRxInterrupt;
    InterruptsOff guard;
    if (mps2::uart0().state & mps2::kRxFull) on_uart_received(); // it came when there was no room, and is not told again
  }
  return value;
}

size_t HardwareSerial::write(uint8_t value) {
  mps2::Uart& uart = mps2::uart0();
  if (uart.state & mps2::kTxFull) {
    InterruptsOff guard;
    const uint32_t alarm = mps2::alarm_timer().control;
    mps2::alarm_timer().control = 0;
    const uint64_t begin = ticks();
    while (uart.state & mps2::kTxFull) ticks();
    stopped_ticks += ticks() - begin;
    mps2::alarm_timer().control = alarm;
  }
#ifdef SHIM_PACED_UART
  const uint64_t ticks_per_byte = 10ull * 1000000 * mps2::kTicksPerMicrosecond / SHIM_PACED_UART;
  static uint64_t line_free_at = 0;
  while (running_ticks() < line_free_at) wait_for_tick();
  const uint64_t now = running_ticks();
  line_free_at = (now > line_free_at + ticks_per_byte ? now : line_free_at) + ticks_per_byte;
#endif
  uart.data = value;
  return 1;
}

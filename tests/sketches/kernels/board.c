// Start-up of QEMU's mps2-an386, its output and end by semihosting, and a clock that counts instructions.
#include <stdint.h>
#include <string.h>

void stack_top(void); // an address of the linker script
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);

static int semihost(int operation, const void *argument) {
  register int r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void say(const char *text) { semihost(0x04, text); }

// Ticks of 40 nanoseconds: with -icount shift=6 an instruction takes 1.6 of them.
uint32_t ticks(void) { return ~*(volatile uint32_t *)0x40000004; }

static void on_fault(void) {
  say("*** the processor stopped at a fault ***\n");
  semihost(0x18, (const void *)0x20023);
}

void on_reset(void);
void on_reset(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; // the floating-point unit
  __asm volatile("dsb\n isb");
  memcpy(data_start, data_load, (size_t)(data_end - data_start) * 4);
  memset(bss_start, 0, (size_t)(bss_end - bss_start) * 4);
  *(volatile uint32_t *)0x40000008 = 0xFFFFFFFF; // reload
  *(volatile uint32_t *)0x40000004 = 0xFFFFFFFF; // value
  *(volatile uint32_t *)0x40000000 = 1;          // run
  main();
  semihost(0x18, (const void *)0x20026);
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler kVectors[16] = {
    stack_top, on_reset, on_fault, on_fault, on_fault, on_fault, on_fault};

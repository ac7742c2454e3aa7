/* An MPU-6050 for simavr, register by register (InvenSense RM-MPU-6000A-00). It measures by its own clock, at the rate
 * that SMPLRT_DIV asks for, and a sample that nobody has read is replaced by the next one. */
#include "mpu6050.h"

#include <string.h>

#include "avr_twi.h"

enum { kAddress = 0x68, kSampleBytes = 14 };
enum { kDivider = 0x19, kConfig = 0x1A, kStatus = 0x3A, kData = 0x3B, kPower = 0x6B, kWhoAmI = 0x75 };

static struct {
  avr_t* avr;
  avr_irq_t* irq;
  const uint8_t* samples;
  size_t count;
  uint8_t registers[128];
  uint8_t selected, writes, number;
  avr_cycle_count_t awake_since;
  uint32_t newest, seen; /* numbers of samples, from 1; `newest` stays as it is during a transfer */
} chip;

static void wake_or_reset(uint8_t value) {
  if (value & 0x80) {
    memset(chip.registers, 0, sizeof chip.registers);
    chip.registers[kPower] = 0x40;
    chip.registers[kWhoAmI] = 0x68;
    return;
  }
  if (chip.registers[kPower] & 0x40) chip.awake_since = chip.avr->cycle;
  chip.registers[kPower] = value;
}

static uint32_t newest(void) {
  if (chip.registers[kPower] & 0x40) return 0;
  const uint32_t base_hz = chip.registers[kConfig] & 7 ? 1000 : 8000;
  const avr_cycle_count_t period = (avr_cycle_count_t)chip.avr->frequency * (1 + chip.registers[kDivider]) / base_hz;
  return (uint32_t)((chip.avr->cycle - chip.awake_since) / period);
}

static uint8_t read_register(uint8_t number) {
  if (number == kStatus) {
    const uint8_t ready = chip.newest > chip.seen;
    chip.seen = chip.newest;
    return ready;
  }
  if (number >= kData && number < kData + kSampleBytes && chip.newest > 0) {
    return chip.samples[(chip.newest - 1) % chip.count * kSampleBytes + (number - kData)];
  }
  return chip.registers[number & 127];
}

static void answer(uint8_t what, uint8_t value) {
  avr_raise_irq(chip.irq + TWI_IRQ_INPUT, avr_twi_irq_msg(what, chip.selected, value));
}

static void on_bus(struct avr_irq_t* irq, uint32_t value, void* context) {
  avr_twi_msg_irq_t message = {.u.v = value};
  (void)irq;
  (void)context;
  if (message.u.twi.msg & TWI_COND_STOP) chip.selected = 0;
  if (message.u.twi.msg & TWI_COND_START) {
    chip.selected = message.u.twi.addr >> 1 == kAddress ? message.u.twi.addr : 0;
    chip.writes = 0;
    chip.newest = newest();
    if (chip.selected) answer(TWI_COND_ACK, 1);
  }
  if (!chip.selected) return;
  if (message.u.twi.msg & TWI_COND_WRITE) {
    answer(TWI_COND_ACK, 1);
    if (chip.writes++ == 0) {
      chip.number = message.u.twi.data;
    } else {
      if (chip.number == kPower) wake_or_reset(message.u.twi.data);
      else chip.registers[chip.number & 127] = message.u.twi.data;
      chip.number++;
    }
  }
  if (message.u.twi.msg & TWI_COND_READ) answer(TWI_COND_READ, read_register(chip.number++));
}

void attach_mpu6050(avr_t* avr, const char* path) {
  static const char* names[TWI_IRQ_COUNT] = {
      [TWI_IRQ_INPUT] = "8>mpu6050.out", [TWI_IRQ_OUTPUT] = "32<mpu6050.in", [TWI_IRQ_STATUS] = "8>mpu6050.status"};
  size_t bytes;
  chip.avr = avr;
  chip.samples = read_file(path, &bytes);
  chip.count = bytes / kSampleBytes;
  wake_or_reset(0x80);
  chip.irq = avr_alloc_irq(&avr->irq_pool, 0, TWI_IRQ_COUNT, names);
  avr_irq_register_notify(chip.irq + TWI_IRQ_OUTPUT, on_bus, NULL);
  avr_connect_irq(chip.irq + TWI_IRQ_INPUT, avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_INPUT));
  avr_connect_irq(avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_OUTPUT), chip.irq + TWI_IRQ_OUTPUT);
}

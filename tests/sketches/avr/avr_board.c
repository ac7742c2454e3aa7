/* An Arduino Uno in simavr: `avr_board FIRMWARE.elf CHANNELS ANALOG.bin [MOTION.bin]`. It prints its port's name.
 *
 * UART 0 is on a pty, at the speed that the firmware has set. The converter's channel k plays column k of ANALOG.bin
 * (uint16 counts, CHANNELS a sample), one value a conversion. With MOTION.bin an MPU-6050 is on the I2C bus: mpu6050.c.
 * Simulated time stands still while nobody reads from the port: a busy computer cannot make the board drop samples.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "avr_adc.h"
#include "avr_uart.h"
#include "mpu6050.h"
#include "sim_avr.h"
#include "sim_elf.h"

enum { kFrequency = 16000000, kBaud = 115200, kMillivolts = 5000, kChannels = 8 };

typedef struct {
  avr_t* avr;
  int line; /* the pty's other end */
  int receive_full;
  avr_irq_t* uart_input;
  avr_irq_t* adc;
  uint16_t* counts;
  size_t samples, channels, next[kChannels];
} board_t;

static void fail(const char* what) {
  fprintf(stderr, "avr_board: %s: %s\n", what, strerror(errno));
  exit(1);
}

uint8_t* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path);
  *size = (size_t)ftell(file);
  rewind(file);
  uint8_t* data = malloc(*size ? *size : 1);
  if (!data || fread(data, 1, *size, file) != *size) fail(path);
  fclose(file);
  return data;
}

static void on_sent(struct avr_irq_t* irq, uint32_t value, void* context) {
  board_t* board = context;
  const uint8_t byte = (uint8_t)value;
  (void)irq;
  while (write(board->line, &byte, 1) != 1) {
    struct pollfd writable = {.fd = board->line, .events = POLLOUT};
    if (errno != EAGAIN && errno != EINTR) fail("the pty");
    poll(&writable, 1, 1000);
  }
}

static void on_full(struct avr_irq_t* irq, uint32_t value, void* context) {
  (void)irq;
  ((board_t*)context)->receive_full = value != 0;
}

/* Once in the time of a byte on the line: 1 start bit, 8 data bits, 1 stop bit. */
static avr_cycle_count_t receive(avr_t* avr, avr_cycle_count_t when, void* context) {
  board_t* board = context;
  uint8_t byte;
  (void)avr;
  if (!board->receive_full && read(board->line, &byte, 1) == 1) avr_raise_irq(board->uart_input, byte);
  return when + 10 * kFrequency / kBaud;
}

/* A conversion begins: give the channel the voltage that simavr turns into the count to play. */
static void on_conversion(struct avr_irq_t* irq, uint32_t value, void* context) {
  board_t* board = context;
  union {
    avr_adc_mux_t mux;
    uint32_t value;
  } what = {.value = value};
  const size_t channel = what.mux.src;
  (void)irq;
  if (what.mux.kind != ADC_MUX_SINGLE || channel >= board->channels) return;
  const uint32_t count = board->counts[(board->next[channel]++ % board->samples) * board->channels + channel];
  avr_raise_irq(board->adc + ADC_IRQ_ADC0 + channel, (count * kMillivolts + 1022) / 1023);
}

static int open_pty(FILE* answers) {
  int line, device;
  char name[256];
  struct termios settings;
  if (openpty(&line, &device, name, NULL, NULL) != 0 || tcgetattr(device, &settings) != 0) fail("openpty");
  cfmakeraw(&settings); /* the device stays open: so the line outlives a host that lets go of it */
  if (tcsetattr(device, TCSANOW, &settings) != 0 || fcntl(line, F_SETFL, O_NONBLOCK) != 0) fail(name);
  fprintf(answers, "%s\n", name);
  fflush(answers);
  return line;
}

static void no_sleep(avr_t* avr, avr_cycle_count_t cycles) {
  (void)avr;
  (void)cycles;
}

int main(int count, char** arguments) {
  static board_t board;
  static elf_firmware_t firmware;
  size_t bytes;
  if (count < 4 || atoi(arguments[2]) < 1 || atoi(arguments[2]) > kChannels) {
    fprintf(stderr, "usage: avr_board FIRMWARE.elf CHANNELS ANALOG.bin [MOTION.bin]\n");
    return 2;
  }
  FILE* answers = fdopen(dup(STDOUT_FILENO), "w");
  if (!answers || !freopen("/dev/null", "w", stdout)) fail("stdout"); /* simavr chats there */
  if (elf_read_firmware(arguments[1], &firmware) != 0) fail(arguments[1]);
  board.channels = (size_t)atoi(arguments[2]);
  board.counts = (uint16_t*)read_file(arguments[3], &bytes);
  board.samples = bytes / sizeof(uint16_t) / board.channels;

  avr_t* avr = board.avr = avr_make_mcu_by_name("atmega328p");
  if (!avr || board.samples == 0) fail("the ATmega328P, or an empty recording");
  avr_init(avr);
  avr->log = LOG_ERROR;
  avr->frequency = kFrequency;
  avr->vcc = avr->avcc = avr->aref = kMillivolts;
  avr->sleep = no_sleep; /* as fast as this computer can */
  avr_load_firmware(avr, &firmware);
  avr->frequency = kFrequency;
  avr->vcc = avr->avcc = avr->aref = kMillivolts;

  uint32_t flags = 0; /* no echo on stdout, no naps */
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
  board.uart_input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, &board);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), on_full, &board);
  board.adc = avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, 0);
  avr_irq_register_notify(board.adc + ADC_IRQ_OUT_TRIGGER, on_conversion, &board);
  if (count > 4) attach_mpu6050(avr, arguments[4]);

  board.line = open_pty(answers);
  avr_cycle_timer_register(avr, 10 * kFrequency / kBaud, receive, &board);
  for (;;) {
    const int state = avr_run(avr);
    if (state == cpu_Done || state == cpu_Crashed) {
      fprintf(stderr, "avr_board: the processor %s\n", state == cpu_Crashed ? "crashed" : "stopped");
      return 3;
    }
  }
}

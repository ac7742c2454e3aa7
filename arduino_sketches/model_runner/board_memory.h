// What the sketch takes of the board's RAM for what comes over the link. `tinyml-labs deploy` writes it anew for a board.
#ifndef BOARD_MEMORY_H
#define BOARD_MEMORY_H

// The largest request: Python cuts inputs and models into pieces of it. A port with a chip of its own between board and
// computer goes on receiving while a model runs, and so takes no more than its buffer; USB of the board's own waits.
#ifndef REQUEST_BYTES
#if defined(__AVR__)
#define REQUEST_BYTES 64
#elif defined(ARDUINO_ARCH_MBED) || defined(ARDUINO_ARDUINO_NANO33BLE) || defined(ARDUINO_ARCH_RP2040) || \
    defined(TINYML_EMULATED)
#define REQUEST_BYTES 4096
#else
#define REQUEST_BYTES 240
#endif
#endif

// What the port holds of requests that are not read yet.
#ifndef RECEIVE_BUFFER_BYTES
#if defined(__AVR__)
#define RECEIVE_BUFFER_BYTES 64
#else
#define RECEIVE_BUFFER_BYTES 256
#endif
#endif

// For models that Python loads, and their arena: only with TensorFlow Lite Micro. A compiled model is code, and stays.
#ifndef LOADABLE_BYTES
#define LOADABLE_BYTES 0
#endif

#endif

// Which board this is: from the macros that every Arduino core sets, and from the chip's own number.
#ifndef TINYML_THIS_BOARD_H
#define TINYML_THIS_BOARD_H

#include <stdint.h>

namespace tinyml {

// Define BOARD_NAME to give another name.
inline const char* this_board_name() {
#if defined(BOARD_NAME)
  return BOARD_NAME;
#elif defined(ARDUINO_ARDUINO_NANO33BLE)
  return "Arduino Nano 33 BLE";
#elif defined(ARDUINO_NANO_RP2040_CONNECT)
  return "Arduino Nano RP2040 Connect";
#elif defined(ARDUINO_SAMD_NANO_33_IOT)
  return "Arduino Nano 33 IoT";
#elif defined(ARDUINO_NICLA_VISION)
  return "Arduino Nicla Vision";
#elif defined(ARDUINO_PORTENTA_H7_M7)
  return "Arduino Portenta H7";
#elif defined(ARDUINO_UNOR4_WIFI)
  return "Arduino Uno R4 WiFi";
#elif defined(ARDUINO_UNOR4_MINIMA)
  return "Arduino Uno R4 Minima";
#elif defined(ARDUINO_AVR_UNO)
  return "Arduino Uno";
#elif defined(ARDUINO_AVR_NANO)
  return "Arduino Nano";
#elif defined(ARDUINO_AVR_MEGA2560)
  return "Arduino Mega 2560";
#elif defined(ARDUINO_ARCH_ESP32)
  return "ESP32";
#elif defined(ARDUINO_ARCH_RP2040)
  return "RP2040";
#else
  return "Arduino";
#endif
}

// Writes the chip's number in hexadecimal, or an empty text if it has none that is known here; gives `text` again.
// Define BOARD_ID (a text of at most 16 characters) to give another one.
inline const char* this_board_id(char (&text)[17]) {
#if defined(BOARD_ID)
  const char* id = BOARD_ID;
  uint8_t size = 0;
  for (; size < 16 && id[size]; ++size) text[size] = id[size];
  text[size] = 0;
#elif defined(NRF52840_XXAA) || defined(ARDUINO_ARDUINO_NANO33BLE)
  // FICR.DEVICEID, two words, the lower one first (nRF52840 product specification, section FICR).
  const volatile uint32_t* words = reinterpret_cast<const volatile uint32_t*>(0x10000060);
  for (uint8_t word = 0; word < 2; ++word) {
    const uint32_t value = words[1 - word];
    for (uint8_t k = 0; k < 8; ++k) text[8 * word + k] = "0123456789abcdef"[(value >> (28 - 4 * k)) & 15];
  }
  text[16] = 0;
#else
  text[0] = 0;
#endif
  return text;
}

}  // namespace tinyml

#endif

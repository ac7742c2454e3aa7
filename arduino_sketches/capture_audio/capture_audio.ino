// Captures the microphone: 16-bit samples at 16 kHz. For boards with a PDM microphone and USB of their own: Nano
// 33 BLE Sense, Nano RP2040 Connect.
//
// The library PDM comes with the board's core. Needs the library TinyMLLabs: ../README.md says how.
#include <PDM.h>
#include <TinyMLLabs.h>

// #define CSV_MODE  // lines of text for the Arduino Serial Plotter, until Python asks for frames

#ifndef GAIN
#define GAIN 20  // 0 to 80 on the Nano 33 BLE Sense, in steps of half a decibel
#endif

using namespace tinyml;

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "microphone", "counts", 1, DType::int16, 16000, -32768, 32767, SensorKind::audio, 0, "microphone"}};
static const BoardDescription kBoard = {this_board_name(), "capture_audio", "0.1.0", board_id, kSensors, 1, 256};
static BoardServer<Stream, 480, 16> server(Serial, kBoard);  // a quarter of a second may wait for the host

// From the library's interrupt, every 16 ms. It has two buffers, and the full one has to be fetched at once.
static void on_samples() {
  static int16_t samples[256];
  const uint32_t now = micros();
  while (const int bytes = PDM.read(samples, sizeof samples)) {
    const size_t count = static_cast<size_t>(bytes) / sizeof samples[0];
    server.push(samples, count, server.block_start(now, count));
  }
}

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.begin(micros());
  PDM.onReceive(on_samples);
  PDM.setBufferSize(512);
  PDM.setGain(GAIN);
  if (!PDM.begin(1, 16000)) server.set_sensor_fault("the microphone does not start: PDM.begin(1, 16000) says no");
}

void loop() { server.poll(micros()); }

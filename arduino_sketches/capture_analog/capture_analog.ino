// Captures the voltage at pin A0, in counts of a 10-bit converter: 0 is 0 V, 1023 the board's reference. Any board.
//
// Wire a potentiometer, a light sensor or a thermistor to A0. Needs the library TinyMLLabs: ../README.md says how.
#include <TinyMLLabs.h>

// #define CSV_MODE  // lines of text for the Arduino Serial Plotter, until Python asks for frames

#ifndef RATE_HZ
#define RATE_HZ 200  // samples a second; an Uno manages 1000
#endif

using namespace tinyml;

static char board_id[17];
static const Sensor kSensors[] = {
    {0, "analog", "counts", 1, DType::uint16, RATE_HZ, 0, 1023, SensorKind::signal, 0, "A0"}};
static const BoardDescription kBoard = {this_board_name(), "capture_analog", "0.1.0", board_id, kSensors, 1, 64};

#ifdef __AVR__
static BoardServer<Stream, 36, 6> server(Serial, kBoard);  // frames that fit the Uno's transmit buffer
#else
static BoardServer<Stream> server(Serial, kBoard);
#endif

void setup() {
  Serial.begin(115200);
  this_board_id(board_id);
#ifndef __AVR__
  analogReadResolution(10);  // as the Uno has; an AVR knows nothing else
#endif
#ifdef CSV_MODE
  server.set_csv(true);
#endif
  server.begin(micros());
}

void loop() {
  server.poll(micros());
  if (!server.sample_due(micros())) return;
  const uint32_t now = micros();
  const uint16_t counts = static_cast<uint16_t>(analogRead(A0));
  server.push(&counts, now);
}

// The smallest board that Python can talk to: it says who it is and streams the voltage on pin A0, 100 samples a second.
//
// In Python:
//   from tinyml_labs.link import Board
//   with Board("/dev/ttyACM0") as board:      # or COM5
//       print(board.info)
//       print(board.stream("analog", samples=200))
//
// In the Arduino IDE: Tools > Serial Plotter shows the same samples, until Python asks for frames.
#include <TinyMLLabs.h>

using namespace tinyml;

// id, name, unit, channels, type, rate in Hz, lowest, highest, kind, rows (of a camera), names of the channels
const Sensor kSensors[] = {
    {0, "analog", "counts", 1, DType::uint16, 100.0f, 0.0f, 1023.0f, SensorKind::signal, 0, "A0"},
};
// board, sketch, its version, the chip's number, sensors, how many, bytes that the port holds while the sketch is busy
const BoardDescription kBoard = {this_board_name(), "HelloBoard", "0.1.0", "", kSensors, 1, 64};

// Frames of 36 bytes of samples, of which 6 may wait: small enough for an Uno.
BoardServer<Stream, 36, 6> server(Serial, kBoard);

void setup() {
  Serial.begin(115200);
  server.set_csv(true);
  server.begin(micros());
}

void loop() {
  server.poll(micros());
  if (server.sample_due(micros())) {
    const uint32_t now = micros();
    const uint16_t value = analogRead(A0);
    server.push(&value, now);
  }
}

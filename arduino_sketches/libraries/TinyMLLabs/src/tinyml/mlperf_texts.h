// The words of MLPerf Tiny's text protocol, kept in flash. Spelled as the public firmware spells them.
#ifndef TINYML_MLPERF_TEXTS_H
#define TINYML_MLPERF_TEXTS_H

#include "flash.h"

namespace tinyml {
namespace texts {

static const char kModePerformance[] TINYML_FLASH = "m-timestamp-mode-performance";
static const char kInitDone[] TINYML_FLASH = "m-init-done";
static const char kClose[] TINYML_FLASH = "]";
static const char kReady[] TINYML_FLASH = "m-ready";
static const char kLap[] TINYML_FLASH = "m-lap-us-";
static const char kNameDut[] TINYML_FLASH = "m-name-dut-[";
static const char kProfile[] TINYML_FLASH = "m-profile-[ULPMark for tinyML Firmware V0.0.1]";
static const char kModelName[] TINYML_FLASH = "m-model-[";
static const char kExpecting[] TINYML_FLASH = "m-[Expecting ";
static const char kBytesEnd[] TINYML_FLASH = " bytes]";
static const char kLoadDone[] TINYML_FLASH = "m-load-done";
static const char kBuffer[] TINYML_FLASH = "m-buffer-";
static const char kWarmupStart[] TINYML_FLASH = "m-warmup-start-";
static const char kWarmupDone[] TINYML_FLASH = "m-warmup-done";
static const char kInferStart[] TINYML_FLASH = "m-infer-start-";
static const char kInferDone[] TINYML_FLASH = "m-infer-done";
static const char kResults[] TINYML_FLASH = "m-results-[";

static const char kUnknownCommand[] TINYML_FLASH = "e-[Unknown command: ";
static const char kNeedsSubcommand[] TINYML_FLASH = "e-[Command 'db' requires a subcommand]";
static const char kNeedsSize[] TINYML_FLASH = "e-[Command 'db load' requires the # of bytes]";
static const char kNeedsBytes[] TINYML_FLASH = "e-[Command 'db load' must be >0 bytes]";
static const char kOddDigits[] TINYML_FLASH = "e-[Insufficent number of hex digits]";
static const char kNoDigit[] TINYML_FLASH = "e-[Invalid hex digit '";
static const char kNoDigitEnd[] TINYML_FLASH = "']";
static const char kNeedsIterations[] TINYML_FLASH = "e-[Inference iterations must be >0]";
static const char kNeedsWarmup[] TINYML_FLASH = "e-[Inference warmup must be >=0]";
static const char kInferFailed[] TINYML_FLASH = "e-[Inference failed: ";
static const char kSupplied[] TINYML_FLASH = "Supplied buffer size ";
static const char kMaximum[] TINYML_FLASH = " exceeds maximum of ";
static const char kInputHas[] TINYML_FLASH = "Input db has ";
static const char kExpected[] TINYML_FLASH = " bytes, expected ";

static const char kHelp[] TINYML_FLASH =
    "ULPMark for tinyML Firmware V0.0.1\r\n"
    "\r\n"
    "help         : Print this information\r\n"
    "name         : Print the name of the device\r\n"
    "timestamp    : Generate a timestamp\r\n"
    "db SUBCMD    : Manipulate a generic byte buffer\r\n"
    "  load N     : Allocate N bytes and set load counter\r\n"
    "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes\r\n"
    "  print      : Print the buffer as hex\r\n"
    "infer N [W=10]: Load input, execute N inferences after W warmup loops\r\n"
    "results      : Return the result fp32 vector";

}  // namespace texts
}  // namespace tinyml

#endif

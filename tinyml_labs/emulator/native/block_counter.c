// What the emulator does before each basic block: count its instructions and cycles, and stop where it has been told.
// It is compiled for the computer that emulates, and needs no library.
#include <stdint.h>

enum { UNKNOWN = 0, DIRECT = 1, INDIRECT = 2 }; // how a block is left

typedef struct {
  uint64_t runs, refill_cycles;
  uint32_t cycles; // of one run, without what a jump at its end costs
  uint16_t instructions, bytes;
  uint8_t leaves, begins_across, watched, unused[5]; // begins_across: with an instruction across two words of flash
} Block;

typedef struct {
  uint64_t instructions, cycles;                // so far
  uint64_t stop_at_instructions, stop_at_cycles; // the block that begins then, or later, is not run
  Block* blocks;                 // one a halfword of code
  uint32_t code_start, code_bytes;
  uint32_t follows; // where the block before ends; a block that begins elsewhere was jumped to
  uint32_t wait_cycles;
  Block* before;
  int (*stop)(void* machine);
  void (*meet)(uint32_t address, uint32_t bytes); // fills in a block that runs for the first time
  int (*visit)(uint32_t address);                 // of a watched block; 1: stop before it
} Counter;

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
int _DllMainCRTStartup(void* module, uint32_t reason, void* reserved) {
  (void)module, (void)reason, (void)reserved;
  return 1;
}
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

EXPORTED void count_block(void* machine, uint64_t address, uint32_t bytes, void* user_data) {
  Counter* counter = (Counter*)user_data;
  const uint32_t at = (uint32_t)address - counter->code_start;
  if (counter->cycles >= counter->stop_at_cycles || counter->instructions >= counter->stop_at_instructions) {
    counter->stop(machine);
    return;
  }
  if (at >= counter->code_bytes) return;
  Block* block = counter->blocks + (at >> 1);
  if (!block->instructions) counter->meet((uint32_t)address, bytes);
  if (block->watched && counter->visit((uint32_t)address)) {
    counter->stop(machine);
    return;
  }
  if (counter->before && counter->follows != (uint32_t)address) {
    const uint32_t refill = counter->before->leaves + block->begins_across + counter->wait_cycles;
    counter->before->refill_cycles += refill;
    counter->cycles += refill;
  }
  block->runs++;
  counter->instructions += block->instructions;
  counter->cycles += block->cycles;
  counter->follows = (uint32_t)address + block->bytes;
  counter->before = block;
}

// Files, each whole in memory of its own size, for TinyMLTflm.h with the stand-in for TensorFlow Lite Micro.
//
// Reads: size of the arena u32, size of the file u32, the file; as often as they come. Writes a line for each: what is
// wrong with it, or "ready" and the bytes of its inputs and outputs. Whatever the file, nothing else is touched.
#include <Chirale_TensorFlowLite.h>
#include <TinyMLLabs.h>
#include <TinyMLTflm.h>
#include <stdio.h>
#include <stdlib.h>

#include <vector>

using namespace tinyml;

static bool read_u32(uint32_t* value) { return fread(value, sizeof *value, 1, stdin) == 1; }

// Memory of exactly so many bytes, so that a sanitizer sees what is beyond.
static uint8_t* aligned_memory(size_t bytes) {
  void* memory = nullptr;
  return posix_memalign(&memory, 16, bytes ? bytes : 1) == 0 ? static_cast<uint8_t*>(memory) : nullptr;
}

int main() {
  static tflite::MicroMutableOpResolver<3> resolver;
  resolver.AddFullyConnected();
  resolver.AddSoftmax();
  resolver.AddReshape();
  static TflmRunner runner(resolver);
  const ModelEngine engine = runner.engine();
  uint32_t arena_bytes = 0, size = 0;
  while (read_u32(&arena_bytes) && read_u32(&size)) {
    uint8_t* const file = aligned_memory(size);
    uint8_t* const arena = aligned_memory(arena_bytes);
    if (fread(file, 1, size, stdin) != size) return 1;
    ShortText why;
    Model model = Model();
    if (!engine.check(engine.context, file, size, why)) {
      printf("refused %s\n", why.text());
    } else {
      const Prepared prepared = engine.prepare(engine.context, file, size, arena, arena_bytes, &model, why);
      if (prepared == Prepared::too_small) printf("too small %u %s\n", static_cast<unsigned>(model.arena_bytes), why.text());
      if (prepared == Prepared::failed) printf("failed %s\n", why.text());
      if (prepared == Prepared::ready) {
        memset(model.input, 3, model.input_bytes);
        const char* const fault = model.invoke(model.context);
        uint32_t sum = 0;
        for (size_t i = 0; !fault && i < model.output_bytes; ++i) sum += model.output[i];
        printf("ready %u %u %s\n", static_cast<unsigned>(model.input_bytes), static_cast<unsigned>(model.output_bytes),
               fault ? fault : sum == 3 * model.output_bytes ? "" : "and the answer is wrong");
      }
    }
    engine.forget(engine.context);
    free(file);
    free(arena);
  }
}

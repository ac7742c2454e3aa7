// A BoardServer on a port in memory that takes models, driven line by line; what it writes comes out as "at <line> <hex>".
//
// memory BYTES OWN_BYTES | rx HEX | poll | calls (what the engine was asked) | sha256 HEX
//
// A model of its engine is "M", the ops that it wants (letters; the engine has a to y), "|", and then its weights. It takes
// one byte, gives one, and needs an arena of as many bytes as the last two of the file say, little endian. It gives the
// sum of its bytes, of the input, and of its place in the arena, where it has put the number 7: so what others write over
// it is seen.
#include <TinyMLLabs.h>

#include <iostream>
#include <sstream>

#include "memory_port.h"

using namespace tinyml;

struct Engine {
  const uint8_t* data;  // nullptr: none is ready
  uint32_t size;
  uint8_t* arena;
  std::string calls;
  TensorLayout layout;
};

static Engine engine;
static uint8_t own_input[1], own_output[1];
static uint8_t* own_arena;
static const uint32_t kShape[] = {1, 1};

static uint32_t need_of(const uint8_t* data, uint32_t size) { return data[size - 2] + 256u * data[size - 1]; }

static bool check(void*, const uint8_t* data, uint32_t size, ShortText& why) {
  engine.calls += "check ";
  if (size < 5 || data[0] != 'M') {
    why << "this is no model.";
    return false;
  }
  for (uint32_t i = 1; i < size && data[i] != '|'; ++i) {
    if (data[i] != 'z') continue;
    why << "there is no kernel for Z.";
    return false;
  }
  return true;
}

static void forget(void*) {
  engine.calls += "forget ";
  engine.data = nullptr;
}

static const char* invoke(void*) {
  if (!engine.data) return "nothing is ready";
  uint8_t sum = 0;
  for (uint32_t i = 0; i < engine.size; ++i) sum = static_cast<uint8_t>(sum + engine.data[i]);
  engine.arena[1] = static_cast<uint8_t>(sum + engine.arena[0] + engine.arena[2]);
  return nullptr;
}

static Prepared prepare(void*, const uint8_t* data, uint32_t size, uint8_t* arena, uint32_t arena_bytes, Model* model,
                        ShortText& why) {
  std::ostringstream call;
  call << "prepare(" << arena_bytes << ") ";
  engine.calls += call.str();
  engine.data = nullptr;
  if (data[1] == 'y') {
    why << "Y fails when it is made ready.";
    return Prepared::failed;
  }
  const uint32_t need = need_of(data, size);
  model->arena_bytes = need > 5000 ? need : 0;
  if (need > arena_bytes) return Prepared::too_small;
  engine.data = data;
  engine.size = size;
  engine.arena = arena;
  arena[0] = arena[arena_bytes - 1] = 0;
  arena[2] = 7;
  engine.layout = {DType::uint8, 0.5f, static_cast<int32_t>(size), 2, kShape};
  model->arena_bytes = need;
  model->inputs = model->outputs = &engine.layout;
  model->input_count = model->output_count = 1;
  model->input = arena;
  model->output = arena + 1;
  model->input_bytes = model->output_bytes = 1;
  model->invoke = invoke;
  return Prepared::ready;
}

// The sketch's own: it works at the end of the memory, once it has been made ready, until it is forgotten.
static const char* invoke_own(void*) {
  if (engine.data != own_input) {
    engine.calls += "own ";
    engine.data = own_input;
    own_arena[0] = 7;
  }
  own_output[0] = static_cast<uint8_t>(own_input[0] + own_arena[0]);
  return nullptr;
}

static unsigned long no_time() { return 0; }

int main() {
  static const BoardDescription kBoard = {"host", "upload_memory", "1", "", nullptr, 0, 64};
  static const uint8_t kHash[32] = {9};
  static const TensorLayout kLayout = {DType::uint8, 1.0f, 0, 2, kShape};
  static const Model kOwn = {kHash, 1, &kLayout, 1, &kLayout, 1, own_input, 1, own_output, 1, invoke_own, nullptr, nullptr};
  static const ModelEngine kEngine = {check, forget, prepare, nullptr};

  MemoryPort port;
  BoardServer<MemoryPort, 36, 3, 256> server(port, kBoard);
  server.set_model(kOwn, no_time);
  server.begin(0);
  std::vector<uint8_t> memory;
  alignas(ModelUpload) static uint8_t place[sizeof(ModelUpload)];
  std::string line;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    std::istringstream in(line);
    std::string word, text;
    uint32_t a = 0, b = 0;
    in >> word;
    if (word == "memory") {
      in >> a >> b;
      memory.assign(a, 0xee);  // exactly as many: a sanitizer sees what goes beyond
      own_arena = memory.data() + a - (b ? b : 1);
      server.set_upload(*new (place) ModelUpload(memory.data(), a, b, kEngine));
    }
    if (word == "rx") {
      in >> text;
      port.put(from_hex(text));
    }
    if (word == "poll") server.poll(1);
    if (word == "sha256") {
      in >> text;
      const std::vector<uint8_t> data = from_hex(text);
      uint8_t digest[32];
      sha256(data.data(), static_cast<uint32_t>(data.size()), digest);
      printf("sha256 ");
      print_hex(digest, sizeof digest);
      printf("\n");
    }
    if (word == "calls") {
      printf("calls %s\n", engine.calls.c_str());
      engine.calls.clear();
    }
    if (port.written.empty()) continue;
    printf("at %d ", number);
    print_hex(port.written.data(), port.written.size());
    printf("\n");
    port.written.clear();
  }
}

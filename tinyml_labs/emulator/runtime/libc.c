// What musl and Zig's C library need beneath them on a board: memory, a place for errno, and the end of the program.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef void (*Constructor)(void);
extern Constructor __init_array_start[], __init_array_end[];
void __libc_init_array(void) {
  for (Constructor* each = __init_array_start; each != __init_array_end; each++) (*each)();
}

int* __errno_location(void) {
  static int value;
  return &value;
}
int* ___errno_location(void) { return __errno_location(); } // musl's own name for it
int __lockfile(void* file) { return (void)file, 0; }        // there is one thread
void __unlockfile(void* file) { (void)file; }
const char* __lctrans(const char* text, const void* locale) { return (void)locale, text; }
const char* __lctrans_cur(const char* text) { return text; }

_Noreturn void abort(void) {
  for (;;) __asm volatile("udf #0"); // the emulator says where
}
_Noreturn void _Exit(int code) {
  (void)code;
  abort();
}
_Noreturn void exit(int code) { _Exit(code); }
_Noreturn void __assert_fail(const char* what, const char* file, int line, const char* function) {
  (void)what, (void)file, (void)line, (void)function;
  abort();
}
int atexit(void (*at_end)(void)) { return (void)at_end, 0; } // there is no end

// First fit, blocks in the order of their addresses, neighbours joined when one is freed. The heap grows from the end
// of the variables up to 1 KB below the stack.
typedef struct Free {
  size_t bytes; // with this header
  struct Free* next;
} Free;
enum { kHeader = 8, kStackGap = 1024 };
extern char end[];
static char* heap_end;
static Free* free_blocks;

static void* grow(size_t bytes) {
  if (!heap_end) heap_end = (char*)(((uintptr_t)end + 7) & ~(uintptr_t)7);
  const char* stack = (const char*)__builtin_frame_address(0);
  if (stack < heap_end + kStackGap || bytes > (size_t)(stack - heap_end - kStackGap)) return NULL;
  char* block = heap_end;
  heap_end += bytes;
  *(size_t*)block = bytes;
  return block + kHeader;
}

void* malloc(size_t wanted) {
  if (wanted > (SIZE_MAX >> 1)) return errno = ENOMEM, NULL;
  const size_t bytes = (wanted + kHeader + 7 < 16 ? 16 : wanted + kHeader + 7) & ~(size_t)7;
  for (Free** link = &free_blocks; *link; link = &(*link)->next) {
    Free* block = *link;
    if (block->bytes < bytes) continue;
    if (block->bytes - bytes >= 16) {
      Free* rest = (Free*)((char*)block + bytes);
      rest->bytes = block->bytes - bytes;
      rest->next = block->next;
      *link = rest;
      block->bytes = bytes;
    } else {
      *link = block->next;
    }
    return (char*)block + kHeader;
  }
  void* got = grow(bytes);
  if (!got) errno = ENOMEM;
  return got;
}

void free(void* given) {
  if (!given) return;
  Free* block = (Free*)((char*)given - kHeader);
  Free* before = NULL;
  Free* behind = free_blocks;
  for (; behind && behind < block; behind = behind->next) before = behind;
  block->next = behind;
  if (behind && (char*)block + block->bytes == (char*)behind) {
    block->bytes += behind->bytes;
    block->next = behind->next;
  }
  if (before && (char*)before + before->bytes == (char*)block) {
    before->bytes += block->bytes;
    before->next = block->next;
  } else if (before) {
    before->next = block;
  } else {
    free_blocks = block;
  }
}

void* calloc(size_t count, size_t bytes) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) return errno = ENOMEM, NULL;
  void* got = malloc(all);
  return got ? memset(got, 0, all) : NULL;
}

void* realloc(void* given, size_t wanted) {
  if (!given) return malloc(wanted);
  const size_t had = *(size_t*)((char*)given - kHeader) - kHeader;
  if (wanted <= had) return given;
  void* got = malloc(wanted);
  if (!got) return NULL;
  memcpy(got, given, had);
  free(given);
  return got;
}

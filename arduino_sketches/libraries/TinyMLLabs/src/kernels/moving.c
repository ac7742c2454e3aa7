#include "moving.h"

#include <string.h>

static void move_row(const tinyml_move *layer, const uint8_t *from, uint8_t *to) {
  for (uint32_t l = 0; l < layer->counts[3]; ++l, from += layer->from_steps[3], to += layer->to_steps[3]) {
    if (layer->run_bytes == 1) {
      *to = *from;
    } else {
      memcpy(to, from, layer->run_bytes);
    }
  }
}

void tinyml_move_block(const tinyml_move *layer, const void *from, void *to) {
  const int32_t *steps1 = layer->from_steps, *steps2 = layer->to_steps;
  for (uint32_t i = 0; i < layer->counts[0]; ++i) {
    for (uint32_t j = 0; j < layer->counts[1]; ++j) {
      for (uint32_t k = 0; k < layer->counts[2]; ++k) {
        const int32_t offset1 = (int32_t)i * steps1[0] + (int32_t)j * steps1[1] + (int32_t)k * steps1[2];
        const int32_t offset2 = (int32_t)i * steps2[0] + (int32_t)j * steps2[1] + (int32_t)k * steps2[2];
        move_row(layer, (const uint8_t *)from + offset1, (uint8_t *)to + offset2);
      }
    }
  }
}

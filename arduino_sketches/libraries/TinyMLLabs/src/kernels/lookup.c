#include "lookup.h"

void tinyml_lookup_s8(const tinyml_lookup *layer, const int8_t *input, int8_t *output) {
  const TINYML_FLASH int8_t *table = layer->table;
  for (uint32_t k = 0; k < layer->count; ++k) output[k] = table[(int16_t)input[k] + 128];
}

// The model that makes the light breathe: a number in, a number out. sine_model_board.cpp has it.
#ifndef SINE_H
#define SINE_H

#include <TinyMLLabs.h>

extern const tinyml::Model kSineModel;

#endif

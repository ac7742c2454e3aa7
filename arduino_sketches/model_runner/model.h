// The model that the sketch runs. runner_model_board.cpp has it; another one with the same name takes its place.
#ifndef MODEL_H
#define MODEL_H

#include <TinyMLLabs.h>

extern const tinyml::Model kModel;

// Where Python loads another one: only if TensorFlow Lite Micro runs them, and board_memory.h has memory for it.
extern tinyml::ModelUpload model_upload;

#endif

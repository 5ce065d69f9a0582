// What a launch costs, counted exactly: memory traffic, bank conflicts, and the instructions that matter.
#pragma once

#include "../watch/watch.h"

namespace wwsim::count {

enum class Kind { tensor, special, barrier, atomic, collective, copy };

// The running thread's instruction, called by its twin: once for each lane, or with `lanes` once for all that take part.
void instruction(Kind kind, const char *name, unsigned lanes = 1);

} // namespace wwsim::count

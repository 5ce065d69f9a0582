// The OS threads that blocks run on. They are made when first needed and wait for the next launch, so that a launch starts in
// microseconds.
#pragma once

#include <functional>

namespace wwsim {

// Calls job(0) on this thread and job(1) … job(count - 1) on others, all at the same time; returns when all have returned.
// False, and nothing was called, where the system refuses so many threads.
bool run_together(unsigned count, const std::function<void(unsigned)> &job);

} // namespace wwsim

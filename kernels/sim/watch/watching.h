// A watched launch.
#pragma once

#include "../count/counters.h"
#include "place.h"

namespace wwsim {

class Watching {
  public:
    explicit Watching(Watch watch) : watch(watch) { __atomic_fetch_add(&watched_launches, 1, __ATOMIC_RELAXED); }
    ~Watching() { __atomic_fetch_sub(&watched_launches, 1, __ATOMIC_RELAXED); }
    Watching(const Watching &) = delete;

    const Watch watch;
    Places places;
    count::LaunchCounters counters; // of a launch that is counted
};

} // namespace wwsim

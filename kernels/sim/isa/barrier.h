// Twins of common/ptx/barrier.cuh; exec/barrier.cpp checks the id and the number of threads.
#pragma once

#include "check.h"

namespace wwsim::isa {

__forceinline__ void bar_sync(unsigned id, unsigned threads) {
    forget_memory();
    barrier("bar.sync", id, threads);
    forget_memory();
}

__forceinline__ void bar_arrive(unsigned id, unsigned threads) {
    forget_memory();
    barrier_arrive("bar.arrive", id, threads);
    forget_memory();
}

__forceinline__ int bar_red(Reduction reduction, unsigned id, unsigned threads, bool predicate) {
    forget_memory();
    const int result = barrier("bar.red", id, threads, reduction, predicate);
    forget_memory();
    return result;
}

} // namespace wwsim::isa

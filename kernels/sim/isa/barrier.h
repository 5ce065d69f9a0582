// Twins of common/ptx/barrier.cuh.
#pragma once

#include "check.h"

namespace wwsim::isa {

inline void check_barrier(const char *instruction, unsigned id, unsigned threads) {
    if (id >= 16) fault(Fault::illegal_instruction, "%s: there are barriers 0 to 15, not %u", instruction, id);
    if (threads == 0 || threads % warp_size != 0)
        fault(Fault::illegal_instruction, "%s: barrier %u for %u threads, which is not a multiple of 32", instruction, id, threads);
}

inline void bar_sync(unsigned id, unsigned threads) {
    check_barrier("bar.sync", id, threads);
    forget_memory();
    barrier("bar.sync", id, threads);
    forget_memory();
}

inline void bar_arrive(unsigned id, unsigned threads) {
    check_barrier("bar.arrive", id, threads);
    forget_memory();
    barrier_arrive("bar.arrive", id, threads);
    forget_memory();
}

inline int bar_red(Reduction reduction, unsigned id, unsigned threads, bool predicate) {
    check_barrier("bar.red", id, threads);
    forget_memory();
    const int result = barrier("bar.red", id, threads, reduction, predicate);
    forget_memory();
    return result;
}

} // namespace wwsim::isa

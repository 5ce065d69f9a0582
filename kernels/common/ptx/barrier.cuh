// Named barriers of a block: 0 to 15, of which __syncthreads uses 0.
// PTX ISA, Parallel Synchronization and Communication Instructions: bar, barrier.
//
// `threads` is a multiple of 32 and the same in all calls that meet; a warp's 32 threads count together. What a thread wrote
// before a barrier is seen by those that wait at it.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/barrier.h"
#endif

namespace WW_NAMESPACE {

// bar.sync id, threads: waits until so many threads have come, this one included.
__device__ __forceinline__ void barrier_sync(unsigned id, unsigned threads) {
#ifdef WW_SIM
    wwsim::isa::bar_sync(id, threads);
#else
    asm volatile("bar.sync %0, %1;" : : "r"(id), "r"(threads) : "memory");
#endif
}

// bar.arrive id, threads: counts as having come, and goes on.
__device__ __forceinline__ void barrier_arrive(unsigned id, unsigned threads) {
#ifdef WW_SIM
    wwsim::isa::bar_arrive(id, threads);
#else
    asm volatile("bar.arrive %0, %1;" : : "r"(id), "r"(threads) : "memory");
#endif
}

// bar.red.popc.u32 id, threads: barrier_sync, then in how many of the threads the predicate held.
__device__ __forceinline__ unsigned barrier_count(unsigned id, unsigned threads, bool predicate) {
#ifdef WW_SIM
    return wwsim::isa::bar_red(wwsim::Reduction::count, id, threads, predicate);
#else
    unsigned count;
    asm volatile("{ .reg .pred p; setp.ne.u32 p, %3, 0; bar.red.popc.u32 %0, %1, %2, p; }"
                 : "=r"(count)
                 : "r"(id), "r"(threads), "r"(static_cast<unsigned>(predicate))
                 : "memory");
    return count;
#endif
}

// bar.red.and.pred id, threads: barrier_sync, then whether the predicate held in all of the threads.
__device__ __forceinline__ bool barrier_all(unsigned id, unsigned threads, bool predicate) {
#ifdef WW_SIM
    return wwsim::isa::bar_red(wwsim::Reduction::all, id, threads, predicate);
#else
    unsigned all;
    asm volatile("{ .reg .pred p, q; setp.ne.u32 p, %3, 0; bar.red.and.pred q, %1, %2, p; selp.u32 %0, 1, 0, q; }"
                 : "=r"(all)
                 : "r"(id), "r"(threads), "r"(static_cast<unsigned>(predicate))
                 : "memory");
    return all;
#endif
}

// bar.red.or.pred id, threads: barrier_sync, then whether the predicate held in any of the threads.
__device__ __forceinline__ bool barrier_any(unsigned id, unsigned threads, bool predicate) {
#ifdef WW_SIM
    return wwsim::isa::bar_red(wwsim::Reduction::any, id, threads, predicate);
#else
    unsigned any;
    asm volatile("{ .reg .pred p, q; setp.ne.u32 p, %3, 0; bar.red.or.pred q, %1, %2, p; selp.u32 %0, 1, 0, q; }"
                 : "=r"(any)
                 : "r"(id), "r"(threads), "r"(static_cast<unsigned>(predicate))
                 : "memory");
    return any;
#endif
}

} // namespace WW_NAMESPACE

// Copies from global to shared memory that a thread starts and does not wait for.
// PTX ISA, Data Movement and Conversion Instructions: Asynchronous copy, non-bulk: cp.async, cp.async.commit_group,
// cp.async.wait_group, cp.async.wait_all.
//
// A copy is visible to its own thread after a wait, and to the others of the block after a barrier that follows the wait. Both
// addresses are multiples of the size. With `source_bytes`, only so many bytes are read and the rest of the destination is
// filled with zeros; with 0, nothing is read.
#pragma once

#include "shared.cuh"

#ifdef WW_SIM
#include "../../sim/isa/async_copy.h"
#endif

namespace WW_NAMESPACE {

// cp.async.ca.shared.global, of 4, 8 or 16 bytes: through L1 and L2.
template <int bytes>
__device__ __forceinline__ void async_copy_ca(void *shared, const void *global, uint32_t source_bytes = bytes) {
    static_assert(bytes == 4 || bytes == 8 || bytes == 16, "cp.async.ca copies 4, 8 or 16 bytes");
#ifdef WW_SIM
    wwsim::isa::cp_async("cp.async.ca", shared, global, bytes, source_bytes);
#else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                 :
                 : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "n"(bytes), "r"(source_bytes)
                 : "memory");
#endif
}

// cp.async.cg.shared.global, of 16 bytes: through L2 alone.
__device__ __forceinline__ void async_copy_cg(void *shared, const void *global, uint32_t source_bytes = 16) {
#ifdef WW_SIM
    wwsim::isa::cp_async("cp.async.cg", shared, global, 16, source_bytes);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(source_bytes)
                 : "memory");
#endif
}

// cp.async.commit_group: makes a group of the copies that this thread started since the last one. A group may be empty.
__device__ __forceinline__ void async_commit() {
#ifdef WW_SIM
    wwsim::isa::cp_async_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// cp.async.wait_group: waits until at most the `groups_in_flight` newest groups of this thread are not done.
template <int groups_in_flight> __device__ __forceinline__ void async_wait() {
    static_assert(groups_in_flight >= 0);
#ifdef WW_SIM
    wwsim::isa::cp_async_wait(groups_in_flight);
#else
    asm volatile("cp.async.wait_group %0;" : : "n"(groups_in_flight) : "memory");
#endif
}

// cp.async.wait_all: commits, then waits for all groups of this thread.
__device__ __forceinline__ void async_wait_all() {
#ifdef WW_SIM
    wwsim::isa::cp_async_commit();
    wwsim::isa::cp_async_wait(0);
#else
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

} // namespace WW_NAMESPACE

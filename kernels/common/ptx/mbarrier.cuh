// Barriers that lie in shared memory: a phase of one is complete when so many threads have arrived, and so many bytes of asynchronous
// copies have come, as were expected. sm_90 and later; below, all of these trap.
// PTX ISA, Parallel Synchronization and Communication Instructions: mbarrier; cp.async.mbarrier.arrive.
//
// An mbarrier is a `uint64_t` in shared memory. mbarrier_init says how many arrivals complete each of its phases; the first phase has
// number 0. What a thread did before it arrived is seen by those that saw the phase complete. A wait is by the state that an arrival
// returned, or by the parity of the phase's number: it is true when that phase is complete, and the one after it isn't.
#pragma once

#include "shared.cuh"

#ifdef WW_SIM
#include "../../sim/isa/mbarrier.h"
#endif

namespace WW_NAMESPACE {

// mbarrier.init. The other threads of the block may use it after a barrier, and other blocks of the cluster and asynchronous copies
// after a fence, too: fence_mbarrier_init.
__device__ __forceinline__ void mbarrier_init(uint64_t *bar, unsigned count) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_init(bar, count);
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(shared_address(bar)), "r"(count) : "memory");
#else
    __trap();
#endif
}

// mbarrier.inval: before its memory is used for something else, or for another mbarrier.
__device__ __forceinline__ void mbarrier_inval(uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_inval(bar);
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.inval.shared::cta.b64 [%0];" : : "r"(shared_address(bar)) : "memory");
#else
    __trap();
#endif
}

// mbarrier.arrive.release.cta: the state is that of the phase which it counts for.
__device__ __forceinline__ uint64_t mbarrier_arrive(uint64_t *bar) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_arrive("mbarrier.arrive", bar, {});
#elif __CUDA_ARCH__ >= 900
    uint64_t state;
    asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 %0, [%1];" : "=l"(state) : "r"(shared_address(bar)) : "memory");
    return state;
#else
    __trap();
    return 0;
#endif
}

// The same for `count` arrivals.
__device__ __forceinline__ uint64_t mbarrier_arrive(uint64_t *bar, unsigned count) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_arrive("mbarrier.arrive", bar, {count});
#elif __CUDA_ARCH__ >= 900
    uint64_t state;
    asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 %0, [%1], %2;"
                 : "=l"(state)
                 : "r"(shared_address(bar)), "r"(count)
                 : "memory");
    return state;
#else
    __trap();
    return 0;
#endif
}

// mbarrier.arrive.noComplete: `count` arrivals that must not complete the phase.
__device__ __forceinline__ uint64_t mbarrier_arrive_no_complete(uint64_t *bar, unsigned count) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_arrive("mbarrier.arrive.noComplete", bar, {count, 0, false, false});
#elif __CUDA_ARCH__ >= 900
    uint64_t state;
    asm volatile("mbarrier.arrive.noComplete.shared.b64 %0, [%1], %2;"
                 : "=l"(state)
                 : "r"(shared_address(bar)), "r"(count)
                 : "memory");
    return state;
#else
    __trap();
    return 0;
#endif
}

// mbarrier.arrive_drop.release.cta: arrives, and from the next phase on one arrival fewer is waited for.
__device__ __forceinline__ uint64_t mbarrier_arrive_drop(uint64_t *bar) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_arrive("mbarrier.arrive_drop", bar, {1, 0, true});
#elif __CUDA_ARCH__ >= 900
    uint64_t state;
    asm volatile("mbarrier.arrive_drop.release.cta.shared::cta.b64 %0, [%1];" : "=l"(state) : "r"(shared_address(bar)) : "memory");
    return state;
#else
    __trap();
    return 0;
#endif
}

// mbarrier.arrive.expect_tx.release.cta: the phase waits for so many bytes more; then arrives.
__device__ __forceinline__ uint64_t mbarrier_arrive_expect_tx(uint64_t *bar, unsigned bytes) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_arrive("mbarrier.arrive.expect_tx", bar, {1, bytes});
#elif __CUDA_ARCH__ >= 900
    uint64_t state;
    asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 %0, [%1], %2;"
                 : "=l"(state)
                 : "r"(shared_address(bar)), "r"(bytes)
                 : "memory");
    return state;
#else
    __trap();
    return 0;
#endif
}

// mbarrier.expect_tx.relaxed.cta: the phase waits for so many bytes more.
__device__ __forceinline__ void mbarrier_expect_tx(uint64_t *bar, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_expect_tx(bar, bytes);
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;"
                 :
                 : "r"(shared_address(bar)), "r"(bytes)
                 : "memory");
#else
    __trap();
#endif
}

// mbarrier.complete_tx.relaxed.cta: so many bytes have come, as an asynchronous copy would say.
__device__ __forceinline__ void mbarrier_complete_tx(uint64_t *bar, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_complete_tx(bar, bytes);
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%0], %1;"
                 :
                 : "r"(shared_address(bar)), "r"(bytes)
                 : "memory");
#else
    __trap();
#endif
}

#if !defined(WW_SIM) && __CUDA_ARCH__ >= 900
// mapa: what `pointer`, into this block's shared memory, is in that of block `rank`, as an address in the cluster's shared window.
__device__ __forceinline__ uint32_t cluster_shared_address(const void *pointer, unsigned rank) {
    uint32_t address;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(shared_address(pointer)), "r"(rank));
    return address;
}
#endif

// mbarrier.arrive.release.cluster at the mbarrier that lies in block `rank` of the cluster where `bar` does in this one. That block
// must not exit before.
__device__ __forceinline__ void mbarrier_arrive_cluster(uint64_t *bar, unsigned rank) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_arrive_cluster("mbarrier.arrive.shared::cluster", bar, rank, {});
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];"
                 :
                 : "r"(cluster_shared_address(bar, rank))
                 : "memory");
#else
    __trap();
#endif
}

// The same for `count` arrivals.
__device__ __forceinline__ void mbarrier_arrive_cluster(uint64_t *bar, unsigned rank, unsigned count) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_arrive_cluster("mbarrier.arrive.shared::cluster", bar, rank, {count});
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0], %1;"
                 :
                 : "r"(cluster_shared_address(bar, rank)), "r"(count)
                 : "memory");
#else
    __trap();
#endif
}

// mbarrier.arrive.expect_tx.release.cluster there.
__device__ __forceinline__ void mbarrier_arrive_expect_tx_cluster(uint64_t *bar, unsigned rank, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::mbarrier_arrive_cluster("mbarrier.arrive.expect_tx.shared::cluster", bar, rank, {1, bytes});
#elif __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%0], %1;"
                 :
                 : "r"(cluster_shared_address(bar, rank)), "r"(bytes)
                 : "memory");
#else
    __trap();
#endif
}

// cp.async.mbarrier.arrive: arrives when all cp.async of this thread up to now are done. The phase waits for that beside the arrivals
// that mbarrier_init counted.
__device__ __forceinline__ void async_mbarrier_arrive(uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::async_mbarrier_arrive("cp.async.mbarrier.arrive", bar, true);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.mbarrier.arrive.shared::cta.b64 [%0];" : : "r"(shared_address(bar)) : "memory");
#else
    __trap();
#endif
}

// cp.async.mbarrier.arrive.noinc: the same as one of the arrivals that mbarrier_init counted.
__device__ __forceinline__ void async_mbarrier_arrive_noinc(uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::async_mbarrier_arrive("cp.async.mbarrier.arrive.noinc", bar, false);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" : : "r"(shared_address(bar)) : "memory");
#else
    __trap();
#endif
}

#if !defined(WW_SIM) && __CUDA_ARCH__ >= 900
#define WW_MBARRIER_WAIT(instruction, constraint, phase)                                                                         \
    unsigned complete;                                                                                                           \
    asm volatile("{ .reg .pred p; " instruction ".shared::cta.b64 p, [%1], %2; selp.b32 %0, 1, 0, p; }"                          \
                 : "=r"(complete)                                                                                                \
                 : "r"(shared_address(bar)), constraint(phase)                                                                   \
                 : "memory");                                                                                                    \
    return complete
#endif

// mbarrier.test_wait.acquire.cta: whether the phase that `state` is of is complete. It must be the current phase or the one before.
__device__ __forceinline__ bool mbarrier_test_wait(uint64_t *bar, uint64_t state) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_wait("mbarrier.test_wait", bar, state, false);
#elif __CUDA_ARCH__ >= 900
    WW_MBARRIER_WAIT("mbarrier.test_wait.acquire.cta", "l", state);
#else
    __trap();
    return true;
#endif
}

// mbarrier.test_wait.parity.acquire.cta: whether the current phase's parity is not `parity`, so that the one before is complete.
__device__ __forceinline__ bool mbarrier_test_wait_parity(uint64_t *bar, unsigned parity) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_wait_parity("mbarrier.test_wait.parity", bar, parity, false);
#elif __CUDA_ARCH__ >= 900
    WW_MBARRIER_WAIT("mbarrier.test_wait.parity.acquire.cta", "r", parity);
#else
    __trap();
    return true;
#endif
}

// mbarrier.try_wait.acquire.cta: the same, but first waits for some time. It may be false all the same.
__device__ __forceinline__ bool mbarrier_try_wait(uint64_t *bar, uint64_t state) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_wait("mbarrier.try_wait", bar, state, true);
#elif __CUDA_ARCH__ >= 900
    WW_MBARRIER_WAIT("mbarrier.try_wait.acquire.cta", "l", state);
#else
    __trap();
    return true;
#endif
}

// mbarrier.try_wait.parity.acquire.cta
__device__ __forceinline__ bool mbarrier_try_wait_parity(uint64_t *bar, unsigned parity) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_wait_parity("mbarrier.try_wait.parity", bar, parity, true);
#elif __CUDA_ARCH__ >= 900
    WW_MBARRIER_WAIT("mbarrier.try_wait.parity.acquire.cta", "r", parity);
#else
    __trap();
    return true;
#endif
}

// mbarrier.try_wait.parity.acquire.cluster: sees what threads of other blocks did before they arrived.
__device__ __forceinline__ bool mbarrier_try_wait_parity_cluster(uint64_t *bar, unsigned parity) {
#ifdef WW_SIM
    return wwsim::isa::mbarrier_wait_parity("mbarrier.try_wait.parity", bar, parity, true);
#elif __CUDA_ARCH__ >= 900
    WW_MBARRIER_WAIT("mbarrier.try_wait.parity.acquire.cluster", "r", parity);
#else
    __trap();
    return true;
#endif
}

#undef WW_MBARRIER_WAIT

// Waits until the phase is complete.
__device__ __forceinline__ void mbarrier_wait(uint64_t *bar, uint64_t state) {
    while (!mbarrier_try_wait(bar, state)) {
    }
}
__device__ __forceinline__ void mbarrier_wait_parity(uint64_t *bar, unsigned parity) {
    while (!mbarrier_try_wait_parity(bar, parity)) {
    }
}
__device__ __forceinline__ void mbarrier_wait_parity_cluster(uint64_t *bar, unsigned parity) {
    while (!mbarrier_try_wait_parity_cluster(bar, parity)) {
    }
}

} // namespace WW_NAMESPACE

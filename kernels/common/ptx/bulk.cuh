// Bulk copies: one thread moves many bytes that lie together, and doesn't wait for them. sm_90 and later; below, all of these trap.
// PTX ISA, Data Movement and Conversion Instructions: cp.async.bulk, cp.reduce.async.bulk, cp.async.bulk.prefetch,
// cp.async.bulk.commit_group, cp.async.bulk.wait_group.
//
// Addresses and sizes are multiples of 16 bytes. Copies into shared memory tell an mbarrier of the bytes that have come, which must
// have been told to expect them: mbarrier_arrive_expect_tx. Copies into global memory belong to the bulk group that their thread
// commits next, and waits for. Before a copy reads what threads wrote, or writes where they did, comes a fence_proxy_async.
#pragma once

#include "mbarrier.cuh"

#ifdef WW_SIM
#include "../../sim/isa/bulk.h"
#endif

namespace WW_NAMESPACE {

// How long the second-level cache shall keep what is copied. Policies as createpolicy makes them.
enum class CacheHint : uint64_t {
    none = 0,
    evict_normal = 0x1000000000000000,
    evict_first = 0x12F0000000000000, // what is read once
    evict_last = 0x14F0000000000000,  // what other blocks read, too
};

// cp.async.bulk.shared::cluster.global: into this block's shared memory.
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_load(void *shared, const void *global, unsigned bytes, uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_load>("cp.async.bulk", shared, global, bytes, bar, wwsim::isa::own_block);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar))
                     : "memory");
    else
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// The same into the shared memory of each block of the cluster whose bit is set, at the offset that `shared` has in this one's; each
// one's mbarrier, at the offset of `bar`, gets to know of the bytes.
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_load_multicast(void *shared, const void *global, unsigned bytes, uint64_t *bar, uint16_t block_mask) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_load>("cp.async.bulk.multicast::cluster", shared, global, bytes, bar, int{block_mask});
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "h"(block_mask)
                     : "memory");
    else
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint"
                     " [%0], [%1], %2, [%3], %4, %5;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "h"(block_mask), "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.global.shared::cta
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_store(void *global, const void *shared, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_store>("cp.async.bulk.global", wwsim::isa::ReduceOp::none, wwsim::isa::ElementType::u8, global,
                                              shared, bytes);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;"
                     :
                     : "l"(__cvta_generic_to_global(global)), "r"(shared_address(shared)), "r"(bytes)
                     : "memory");
    else
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint [%0], [%1], %2, %3;"
                     :
                     : "l"(__cvta_generic_to_global(global)), "r"(shared_address(shared)), "r"(bytes), "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.shared::cluster.shared::cta: into shared memory of a block of the cluster. `there` and `bar` are that block's:
// map_shared gives them.
__device__ __forceinline__ void bulk_copy_cluster(void *there, const void *shared, unsigned bytes, uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_copy_cluster>("cp.async.bulk.shared::cluster", wwsim::isa::ReduceOp::none,
                                                     wwsim::isa::ElementType::u8, there, shared, bytes, bar);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 :
                 : "r"(shared_address(there)), "r"(shared_address(shared)), "r"(bytes), "r"(shared_address(bar))
                 : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.prefetch.L2.global: a hint.
__device__ __forceinline__ void bulk_prefetch(const void *global, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_prefetch>("cp.async.bulk.prefetch", global, bytes);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" : : "l"(__cvta_generic_to_global(global)), "r"(bytes) : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.commit_group: makes a group of the copies into global memory that this thread started since the last one.
__device__ __forceinline__ void bulk_commit() {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_commit_group>();
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.wait_group: waits until at most the `groups_in_flight` newest bulk groups of this thread are not done.
template <int groups_in_flight> __device__ __forceinline__ void bulk_wait() {
    static_assert(groups_in_flight >= 0);
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_wait_group>(unsigned{groups_in_flight}, false);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group %0;" : : "n"(groups_in_flight) : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.wait_group.read: waits until the others have read shared memory, which may then be overwritten, and given up at the end of
// the block.
template <int groups_in_flight> __device__ __forceinline__ void bulk_wait_read() {
    static_assert(groups_in_flight >= 0);
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_wait_group>(unsigned{groups_in_flight}, true);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group.read %0;" : : "n"(groups_in_flight) : "memory");
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE

// Clusters: blocks that run at the same time and see each other's shared memory. sm_90 and later; below, all of these trap.
// PTX ISA, Special Registers: %cluster_ctarank, %cluster_nctarank; Parallel Synchronization and Communication Instructions:
// barrier.cluster; Data Movement and Conversion Instructions: mapa.
//
// A block launched without a cluster is one of size 1.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/cluster.h"
#endif

namespace WW_NAMESPACE {

// %cluster_ctarank: which block of its cluster this is, x first, then y, then z.
__device__ __forceinline__ unsigned cluster_rank() {
#ifdef WW_SIM
    return wwsim::isa::cluster_rank();
#elif __CUDA_ARCH__ >= 900
    unsigned rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
#else
    __trap();
    return 0;
#endif
}

// %cluster_nctarank: how many blocks the cluster has.
__device__ __forceinline__ unsigned cluster_size() {
#ifdef WW_SIM
    return wwsim::isa::cluster_size();
#elif __CUDA_ARCH__ >= 900
    unsigned size;
    asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
    return size;
#else
    __trap();
    return 0;
#endif
}

// barrier.cluster.arrive.release.aligned: counts at the cluster's barrier, and makes what this thread wrote before it visible to
// the cluster's threads after their wait.
__device__ __forceinline__ void cluster_arrive() {
#ifdef WW_SIM
    wwsim::isa::barrier_cluster_arrive();
#elif __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#else
    __trap();
#endif
}

// barrier.cluster.arrive.relaxed.aligned: counts without making anything visible, but what a fence before it did. Enough to know that
// the cluster's blocks have started.
__device__ __forceinline__ void cluster_arrive_relaxed() {
#ifdef WW_SIM
    wwsim::isa::barrier_cluster_arrive_relaxed();
#elif __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.relaxed.aligned;");
#else
    __trap();
#endif
}

// barrier.cluster.wait.acquire.aligned: waits until all threads of the cluster have arrived. Each arrive is followed by a wait.
__device__ __forceinline__ void cluster_wait() {
#ifdef WW_SIM
    wwsim::isa::barrier_cluster_wait();
#elif __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
    __trap();
#endif
}

__device__ __forceinline__ void cluster_sync() {
    cluster_arrive();
    cluster_wait();
}

// mapa.u64: where `pointer`, into this block's shared memory, points in that of block `rank`. Ordinary loads, stores and atomics
// work on the result, until that block exits: end with cluster_sync.
template <typename T> __device__ __forceinline__ T *map_shared(T *pointer, unsigned rank) {
#ifdef WW_SIM
    return static_cast<T *>(wwsim::map_shared(const_cast<const std::remove_cv_t<T> *>(pointer), rank));
#elif __CUDA_ARCH__ >= 900
    T *mapped;
    asm("mapa.u64 %0, %1, %2;" : "=l"(mapped) : "l"(pointer), "r"(rank));
    return mapped;
#else
    __trap();
    return nullptr;
#endif
}

} // namespace WW_NAMESPACE

// Fences between ordinary accesses and those of the asynchronous proxy: tensor tiles, bulk copies and wgmma. sm_90 and later; below,
// all of these trap.
// PTX ISA, Parallel Synchronization and Communication Instructions: membar, fence.
//
// What a thread wrote to memory is read by an asynchronous operation only after a fence of that thread; where another thread starts
// the operation, the two synchronize after the fence. The end of an asynchronous copy needs none: whoever waited for it sees it.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/proxy.h"
#endif

namespace WW_NAMESPACE {

// fence.proxy.async, for shared and global memory.
__device__ __forceinline__ void fence_proxy_async() {
#ifdef WW_SIM
    wwsim::isa::fence_proxy_async("fence.proxy.async");
#elif __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async;" ::: "memory");
#else
    __trap();
#endif
}

// fence.proxy.async.shared::cta, for the block's shared memory.
__device__ __forceinline__ void fence_proxy_async_shared() {
#ifdef WW_SIM
    wwsim::isa::fence_proxy_async("fence.proxy.async.shared::cta", true, false);
#elif __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#else
    __trap();
#endif
}

// fence.proxy.async.global
__device__ __forceinline__ void fence_proxy_async_global() {
#ifdef WW_SIM
    wwsim::isa::fence_proxy_async("fence.proxy.async.global", false, true);
#elif __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async.global;" ::: "memory");
#else
    __trap();
#endif
}

// fence.mbarrier_init.release.cluster: what this thread has initialized are mbarriers for the cluster's other blocks and for
// asynchronous copies, too, once they synchronize with it.
__device__ __forceinline__ void fence_mbarrier_init() {
#ifdef WW_SIM
    wwsim::isa::fence_mbarrier_init();
#elif __CUDA_ARCH__ >= 900
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE

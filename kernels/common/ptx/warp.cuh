// Reductions over the lanes of a warp in one instruction, and the choice of one of them.
// PTX ISA, Parallel Synchronization and Communication Instructions: redux.sync, elect.sync.
//
// Every lane of `mask` calls with the same mask, and all of them get the result.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/elect.h"
#include "../../sim/isa/redux.h"
#endif

namespace WW_NAMESPACE {

#ifdef WW_SIM
#define WW_REDUX(function, T, operation, suffix)                                                                                 \
    __device__ __forceinline__ T function(unsigned mask, T value) {                                                              \
        return wwsim::isa::redux_##operation("redux.sync." #operation "." suffix, mask, value);                                  \
    }
#else
#define WW_REDUX(function, T, operation, suffix)                                                                                 \
    __device__ __forceinline__ T function(unsigned mask, T value) {                                                              \
        T result;                                                                                                                \
        asm volatile("redux.sync." #operation "." suffix " %0, %1, %2;" : "=r"(result) : "r"(value), "r"(mask));                 \
        return result;                                                                                                           \
    }
#endif

// redux.sync.add.{s32,u32}: modulo 2^32
WW_REDUX(warp_add, int32_t, add, "s32")
WW_REDUX(warp_add, uint32_t, add, "u32")
// redux.sync.min.{s32,u32}
WW_REDUX(warp_min, int32_t, min, "s32")
WW_REDUX(warp_min, uint32_t, min, "u32")
// redux.sync.max.{s32,u32}
WW_REDUX(warp_max, int32_t, max, "s32")
WW_REDUX(warp_max, uint32_t, max, "u32")
// redux.sync.{and,or,xor}.b32
WW_REDUX(warp_and, uint32_t, and, "b32")
WW_REDUX(warp_or, uint32_t, or, "b32")
WW_REDUX(warp_xor, uint32_t, xor, "b32")

#undef WW_REDUX

// elect.sync: true in one lane of `mask`, always the same for the same mask; which one, the PTX ISA leaves open. sm_90 and later;
// below, it traps.
__device__ __forceinline__ bool elect_one(unsigned mask = 0xffffffffu) {
#ifdef WW_SIM
    return wwsim::isa::elect(mask);
#elif __CUDA_ARCH__ >= 900
    unsigned elected;
    asm volatile("{ .reg .pred p; elect.sync _|p, %1; selp.b32 %0, 1, 0, p; }" : "=r"(elected) : "r"(mask));
    return elected != 0;
#else
    __trap();
    return false;
#endif
}

} // namespace WW_NAMESPACE

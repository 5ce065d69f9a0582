// Registers: what the compiler may keep in them, and how many a warp has.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/registers.h"
#endif

namespace WW_NAMESPACE {

// ---- No instruction comes of these.

// The compiler forgets what it knows of `x`: what was computed from it before is computed anew where it is needed again, instead
// of being kept. For values that unpack into more registers than they take themselves.
template <typename T> __device__ __forceinline__ void forget_derived(T &x) {
    static_assert(std::is_integral_v<T> && sizeof(T) == 4, "one 32-bit register");
#ifdef WW_SIM
    (void)x;
#else
    asm volatile("" : "+r"(x));
#endif
}

// The compiler forgets how `pointer` was computed: what is added to it is added to it, not to the parts that it was made of.
template <typename T> __device__ __forceinline__ void forget_parts(T *&pointer) {
#ifdef WW_SIM
    (void)pointer;
#else
    asm volatile("" : "+l"(pointer));
#endif
}

// ---- PTX ISA, Miscellaneous Instructions: setmaxnreg. sm_90a; elsewhere these trap.
//
// A block's warps begin with what the compiler was told to make do with (`__launch_bounds__`: as many as there are, 65536 over the block's
// threads). A warpgroup that needs few gives the others to the block; one that needs many waits until so many are there. All warps of
// the warpgroup execute it, and synchronize before the next.

// setmaxnreg.dec.sync.aligned.u32: from here on n registers a thread, at most as many as before.
template <int n> __device__ __forceinline__ void set_max_registers_decrease() {
    static_assert(n >= 24 && n <= 256 && n % 8 == 0, "setmaxnreg takes 24, 32, ... 256");
#ifdef WW_SIM
    wwsim::isa::setmaxnreg_dec(n);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(n));
#else
    __trap();
#endif
}

// setmaxnreg.inc.sync.aligned.u32: n registers a thread, at least as many as before, as soon as the block has them to give.
template <int n> __device__ __forceinline__ void set_max_registers_increase() {
    static_assert(n >= 24 && n <= 256 && n % 8 == 0, "setmaxnreg takes 24, 32, ... 256");
#ifdef WW_SIM
    wwsim::isa::setmaxnreg_inc(n);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(n));
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE

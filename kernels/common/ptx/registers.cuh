// What the compiler may keep in registers. No instruction comes of it.
#pragma once

#include "../config.cuh"

namespace WW_NAMESPACE {

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

} // namespace WW_NAMESPACE

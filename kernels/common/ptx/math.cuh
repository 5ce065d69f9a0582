// The special function unit's approximations in f32, and conversions of pairs to 16 bits.
// PTX ISA, Floating Point Instructions: ex2, lg2, rcp, rsqrt, tanh; Data Movement and Conversion Instructions: cvt.
//
// The error bounds are those of PTX ISA 9.1. The simulator returns the correctly rounded value. With .ftz, subnormal inputs and results
// are zeros of the same sign. A NaN result is 0x7fffffff.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/approximate.h"
#endif

namespace WW_NAMESPACE {

// ex2.approx.ftz.f32: 2^x, at most 2 ulp from the correctly rounded value. -inf gives 0.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef WW_SIM
    return wwsim::isa::ex2(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// lg2.approx.ftz.f32: log2(x). Absolute error at most 2^-22 for x in (0.5, 2), relative error at most 2^-22 elsewhere. 0 gives -inf,
// what is negative NaN.
__device__ __forceinline__ float log2_approx(float x) {
#ifdef WW_SIM
    return wwsim::isa::lg2(x);
#else
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// rcp.approx.ftz.f32: 1 / x, at most 1 ulp from the correctly rounded value. Above 2^126 it is 0.
__device__ __forceinline__ float rcp_approx(float x) {
#ifdef WW_SIM
    return wwsim::isa::rcp(x);
#else
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// rsqrt.approx.ftz.f32: 1 / sqrt(x). Relative error at most 2^-22.9. +0 gives +inf, -0 gives -inf, what is negative NaN.
__device__ __forceinline__ float rsqrt_approx(float x) {
#ifdef WW_SIM
    return wwsim::isa::rsqrt(x);
#else
    float y;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// tanh.approx.f32: relative error at most 2^-11. Subnormal values are kept.
__device__ __forceinline__ float tanh_approx(float x) {
#ifdef WW_SIM
    return wwsim::isa::tanh(x);
#else
    float y;
    asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// cvt.rn.bf16x2.f32: both rounded to nearest even, `low` in the lower half.
__device__ __forceinline__ uint32_t pack_bf16x2(float low, float high) {
#ifdef WW_SIM
    return wwsim::isa::cvt_bf16x2(low, high);
#else
    uint32_t packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
#endif
}

// cvt.rn.f16x2.f32: both rounded to nearest even, `low` in the lower half. What is too large becomes infinite.
__device__ __forceinline__ uint32_t pack_f16x2(float low, float high) {
#ifdef WW_SIM
    return wwsim::isa::cvt_f16x2(low, high);
#else
    uint32_t packed;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
#endif
}

// cvt.rna.tf32.f32: rounded to 10 bits of mantissa, halves away from zero; what mma takes as tf32.
__device__ __forceinline__ uint32_t round_tf32(float x) {
#ifdef WW_SIM
    return wwsim::isa::cvt_tf32(x);
#else
    uint32_t rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
    return rounded;
#endif
}

} // namespace WW_NAMESPACE
